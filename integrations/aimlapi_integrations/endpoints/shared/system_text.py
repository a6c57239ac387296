"""The text of system turns where a model takes it outside the conversation."""

from __future__ import annotations

from collections.abc import Iterable

from ...types import Message, Text


def system_text(turns: Iterable[Message]) -> str:
    """All texts of these turns, a blank line apart.

    >>> system_text([Message("system", (Text("Be brief."), Text("Be kind.")))])
    'Be brief.\\n\\nBe kind.'
    """
    parts = (part for turn in turns for part in turn.parts)
    return "\n\n".join(part.text for part in parts if isinstance(part, Text) and part.text.strip())
