"""Ids in the path of a URL: none leads anywhere but to what it names."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def id_path(value: str, what: str, *, slashes: bool = False) -> str:
    """An id as it stands in a path.

    Args:
        value: the id.
        what: what it is the id of, for the error.
        slashes: whether ids of this kind have slashes, as those of models do.

    Raises:
        ValueError: it is empty, or its segments would lead elsewhere.

    >>> id_path("openai/gpt-4o", "a model", slashes=True)
    'openai/gpt-4o'
    """
    segments = value.split("/") if isinstance(value, str) else []
    odd = any(not segment.strip(". ") or _UNSAFE.search(segment) for segment in segments)
    if odd or not segments or (len(segments) > 1 and not slashes):
        raise ValueError(f"{value!r} is not the id of {what}: expected one like {_EXAMPLES[slashes]!r}.")
    return quote(value, safe="/@:" if slashes else "")


_EXAMPLES = {True: "openai/gpt-4o", False: "resp_68af4030592c81938ec0a5fbab4a3e9f"}
