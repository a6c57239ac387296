"""What a responses stream has emitted of each part, and what an event adds to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ...types import Citation, Json, Part, Reasoning, Refusal, Text, ToolCall

# The field of each kind of part that is sent in pieces, and its fields that are sent once, with their empty values.
_GROWING_FIELD: Mapping[type, str] = {Text: "text", Refusal: "text", Reasoning: "text", ToolCall: "arguments"}
_ONCE_FIELDS: Mapping[type, Mapping[str, Any]] = {
    Text: {"id": None},
    Refusal: {},
    Reasoning: {"id": None, "encrypted": None},
    ToolCall: {"id": "", "name": "", "item_id": None},
}

Comparable: TypeAlias = tuple[str, ...]


def comparable(part: Part) -> Comparable | None:
    """Return the content of a part in a normalized form, to compare streamed and final parts; None without content."""
    match part:
        case Text(text=text) | Refusal(text=text) if text.strip():
            return type(part).__name__, text.strip()
        case ToolCall(kind="custom"):
            return part.id, part.name, part.arguments
        case ToolCall():
            arguments = {} if part.arguments in ("", "null") else part.parsed()
            normalized = part.arguments if arguments is None else json.dumps(arguments, sort_keys=True)
            return part.id, part.name, normalized
    return None


@dataclass(slots=True)
class PartState:
    """What has been emitted of the part at `position` of the message."""

    position: int
    kind: type
    pieces: list[str] = field(default_factory=list)
    once_fields: dict[str, Any] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)
    call_kind: Literal["function", "custom"] = "function"
    is_emitted_whole: bool = False

    def diff(self, part: Part, is_whole: bool) -> Part | None:
        """Record `part`, and return what it adds; None if that is nothing. A whole part repeats the earlier pieces."""
        if type(part) not in _GROWING_FIELD:
            is_new, self.is_emitted_whole = not self.is_emitted_whole, True
            return part if is_new else None
        growing, once = _GROWING_FIELD[type(part)], _ONCE_FIELDS[type(part)]
        piece = self._get_rest(getattr(part, growing)) if is_whole else getattr(part, growing)
        self.is_emitted_whole |= is_whole and bool(getattr(part, growing))
        new_fields = {name for name in once if getattr(part, name) and name not in self.once_fields}
        new_citations = self._get_new_citations(part)
        if not (piece or new_fields or new_citations):
            return None
        self.pieces.append(piece)
        self.once_fields |= {name: getattr(part, name) for name in new_fields}
        self.citations += new_citations
        changes: dict[str, Any] = {name: empty for name, empty in once.items() if name not in new_fields}
        changes[growing] = piece
        if isinstance(part, Text):
            changes["citations"] = tuple(new_citations)
        if isinstance(part, ToolCall):
            self.call_kind = part.kind
        return replace(part, **changes)

    def lacks_name(self) -> bool:
        """Return whether this is a call whose name has not arrived."""
        return self.kind is ToolCall and "name" not in self.once_fields

    def join_text(self) -> str:
        return "".join(self.pieces)

    def to_comparable(self) -> Comparable | None:
        """Return the emitted content as `comparable` does."""
        if self.kind not in _GROWING_FIELD:
            return None
        fields = {name: self.once_fields.get(name, empty) for name, empty in _ONCE_FIELDS[self.kind].items()}
        if self.kind is ToolCall:
            fields["kind"] = self.call_kind
        return comparable(self.kind(**{_GROWING_FIELD[self.kind]: self.join_text()}, **fields))

    def to_body(self, item_field: str) -> Json:
        """Return the emitted content as an entry of the list in `item_field` of a plain reply's item."""
        if self.kind is Text:
            annotations = [dict(citation.raw) for citation in self.citations]
            return {"type": "output_text", "text": self.join_text(), "annotations": annotations}
        if self.kind is Refusal:
            return {"type": "refusal", "refusal": self.join_text()}
        return {"type": "summary_text" if item_field == "summary" else "reasoning_text", "text": self.join_text()}

    def _get_rest(self, whole: str) -> str:
        text = self.join_text()
        return whole[len(text) :] if whole.startswith(text) else ""

    def _get_new_citations(self, part: Part) -> list[Citation]:
        return [each for each in part.citations if each not in self.citations] if isinstance(part, Text) else []


def has_other_content(states: Iterable[PartState], parts: Iterable[Part]) -> bool:
    """Return whether what was emitted differs from the `parts` of a whole reply. The order may differ."""
    return _sort(map(PartState.to_comparable, states)) != _sort(map(comparable, parts))


def _sort(contents: Iterable[Comparable | None]) -> list[Comparable]:
    return sorted(filter(None, contents))
