"""Ids in URL paths, checked so that none can address another resource."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_EXAMPLES = {"a model": "openai/gpt-4o", "a response": "resp_68af4030592c81938ec0a5fbab4a3e9f"}


def id_path(value: str, what: str, *, slashes: bool = False) -> str:
    """Quote an id for a URL path.

    Args:
        value: the id.
        what: the kind of resource it identifies, for the error message.
        slashes: whether ids of this kind contain slashes, as those of models do.

    Raises:
        ValueError: it is empty, or one of its segments would address another resource.

    >>> id_path("openai/gpt-4o", "a model", slashes=True)
    'openai/gpt-4o'
    """
    segments = value.split("/") if isinstance(value, str) else []
    unsafe = any(not segment.strip(". ") or _UNSAFE.search(segment) for segment in segments)
    if unsafe or not segments or (len(segments) > 1 and not slashes):
        example = f": expected one like {_EXAMPLES[what]!r}" if what in _EXAMPLES else ""
        raise ValueError(f"{value!r} is not the id of {what}{example}.")
    return quote(value, safe="/@:" if slashes else "")
