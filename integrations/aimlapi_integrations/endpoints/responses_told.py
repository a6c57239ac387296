"""What a stream has told of one part of a message: pieces, and the fields that are given once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..conversation import Citation, Json, Part, Reasoning, Refusal, Text, ToolCall

# The field of a part that grows piece by piece, and those that are given once, with what stands for them elsewhere.
_GROWING: Mapping[type, str] = {Text: "text", Refusal: "text", Reasoning: "text", ToolCall: "arguments"}
_ONCE: Mapping[type, Mapping[str, Any]] = {
    Text: {"id": None},
    Refusal: {},
    Reasoning: {"id": None, "encrypted": None},
    ToolCall: {"id": "", "name": "", "item_id": None},
}


Answer: TypeAlias = tuple[str, ...]


def answer(part: Part) -> Answer | None:
    """What a part says to the user, in one form however it was written; None where that is nothing."""
    match part:
        case Text(text=text) | Refusal(text=text) if text.strip():
            return type(part).__name__, text.strip()
        case ToolCall(kind="custom"):
            return part.id, part.name, part.arguments
        case ToolCall():
            args = {} if part.arguments in ("", "null") else part.parsed()
            return part.id, part.name, part.arguments if args is None else json.dumps(args, sort_keys=True)
    return None


@dataclass(slots=True)
class Told:
    """One part, at `position` in the message, as far as it was told."""

    position: int
    kind: type
    pieces: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)

    def more(self, part: Part, whole: bool) -> Part | None:
        """What `part` adds to what was told; None where that is nothing. A `whole` part repeats its pieces."""
        if type(part) not in _GROWING:
            return self._all_at_once(part)
        growing, once = _GROWING[type(part)], _ONCE[type(part)]
        piece = self._rest(getattr(part, growing)) if whole else getattr(part, growing)
        fresh = {name for name in once if getattr(part, name) and name not in self.given}
        cited = self._uncited(part)
        if not (piece or fresh or cited):
            return None
        self.pieces.append(piece)
        self.given |= {name: getattr(part, name) for name in fresh}
        self.citations += cited
        changes: dict[str, Any] = {name: none for name, none in once.items() if name not in fresh}
        changes[growing] = piece
        if isinstance(part, Text):
            changes["citations"] = tuple(cited)
        return replace(part, **changes)

    def text(self) -> str:
        return "".join(self.pieces)

    def answer(self) -> Answer | None:
        """As `answer`, of what was told."""
        given = {name: self.given.get(name, none) for name, none in _ONCE.get(self.kind, {}).items()}
        return answer(self.kind(**{_GROWING[self.kind]: self.text()}, **given)) if self.kind in _GROWING else None

    def body(self, place: str) -> Json:
        """What was told, as an entry of the list that a plain reply has at `place` of its item."""
        if self.kind is Text:
            return {
                "type": "output_text",
                "text": self.text(),
                "annotations": [dict(one.raw) for one in self.citations],
            }
        if self.kind is Refusal:
            return {"type": "refusal", "refusal": self.text()}
        return {"type": "summary_text" if place == "summary" else "reasoning_text", "text": self.text()}

    def _all_at_once(self, part: Part) -> Part | None:
        if "all" in self.given:
            return None
        self.given["all"] = True
        return part

    def _rest(self, whole: str) -> str:
        said = self.text()
        return whole[len(said) :] if whole.startswith(said) else ""

    def _uncited(self, part: Part) -> list[Citation]:
        return [one for one in part.citations if one not in self.citations] if isinstance(part, Text) else []
