"""The default format of an AI message: `content` is the text, `additional_kwargs` holds everything else.

`split_message` writes what `join_parts` reads. If the parts are not in the usual order (reasoning, hosted tools, text,
refusal, media, tool calls), or the text has several parts, `additional_kwargs["layout"]` records their order.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from ..._utils.json import drop_none
from ...types import Audio, Citation, HostedItem, Image, Json, Message, Part, Reasoning, Refusal, Text, ToolCall
from .content_in import parse_citation, parse_model_blocks, parse_reasoning_item
from .content_out import call_extras, to_content_blocks

_ORDER = {
    "reasoning": Reasoning,
    "hosted": HostedItem,
    "text": Text,
    "refusal": Refusal,
    "image": Image,
    "audio": Audio,
    "tool_call": ToolCall,
}
_NAMES = {part_type: name for name, part_type in _ORDER.items()}
_RANKS = {part_type: rank for rank, part_type in enumerate(_ORDER.values())}

T = TypeVar("T", bound=Part)


def split_message(message: Message) -> tuple[str, Json]:
    """Return the text of a message, and the `additional_kwargs` with everything else.

    >>> split_message(Message("assistant", (Reasoning("Hm."), Text("Paris"))))
    ('Paris', {'reasoning_content': 'Hm.'})
    """
    types = {type(part) for part in message.parts}
    kwargs = {
        name: value for name, (part_type, write) in _WRITERS.items() if part_type in types and (value := write(message))
    }
    if layout := _layout(message):
        kwargs["layout"] = layout
    return message.text, kwargs


def _parts_of_type(message: Message, part_type: type[T]) -> list[T]:
    return [part for part in message.parts if isinstance(part, part_type)]


def _reasoning_items(message: Message) -> list[Json]:
    """Return items in the form of Responses, unless one text is all there is: `reasoning_content` holds that."""
    parts = _parts_of_type(message, Reasoning)
    if len(parts) == 1:
        proofs = _proofs(parts[0])
        return [{"type": "reasoning", **proofs}] if proofs else []
    groups = [list(group) for _, group in groupby(enumerate(parts), key=lambda pair: pair[1].id or pair[0])]
    return [_reasoning_item([part for _, part in group]) for group in groups]


def _proofs(part: Reasoning) -> Json:
    fields = {"id": part.id, "signature": part.signature, "encrypted_content": part.encrypted}
    kind = {"kind": "summary"} if part.kind == "summary" else {}
    return {**{name: value for name, value in fields.items() if value}, **kind}


def _reasoning_item(parts: Sequence[Reasoning]) -> Json:
    proofs = {name: value for part in parts for name, value in _proofs(part).items() if name != "kind"}
    item: Json = {"type": "reasoning", **proofs}
    for part in parts:
        if part.text:
            field, kind = ("summary", "summary_text") if part.kind == "summary" else ("content", "reasoning_text")
            item.setdefault(field, []).append({"type": kind, "text": part.text})
    return item


def _reasoning_details(message: Message) -> list[Json]:
    return [dict(detail) for part in _parts_of_type(message, Reasoning) for detail in part.details]


def _annotations(message: Message) -> list[Json]:
    """Return citations in OpenAI's form, with offsets into the whole text."""
    annotations, start = [], 0
    for part in _parts_of_type(message, Text):
        annotations += [_annotation(citation, start) for citation in part.citations]
        start += len(part.text)
    return annotations


def _annotation(citation: Citation, start: int) -> Json:
    if citation.url is None:
        return dict(citation.raw)
    fields = drop_none(
        url=citation.url,
        title=citation.title,
        start_index=None if citation.start is None else citation.start + start,
        end_index=None if citation.end is None else citation.end + start,
        content=citation.quote,
        encrypted_index=citation.raw.get("encrypted_index"),
    )
    return {"type": "url_citation", "url_citation": fields}


def _audio(message: Message) -> Json:
    return next((_audio_fields(part) for part in _parts_of_type(message, Audio)), {})


def _audio_fields(part: Audio) -> Json:
    return drop_none(id=part.id, data=part.data, format=part.format, transcript=part.transcript, url=part.url)


def _layout(message: Message) -> list[Json]:
    ranks = [_RANKS.get(type(part), len(_RANKS)) for part in message.parts]
    if ranks == sorted(ranks) and sum(isinstance(part, Text) for part in message.parts) < 2:
        return []
    return [_layout_entry(part) for part in message.parts]


def _layout_entry(part: Part) -> Json:
    if isinstance(part, Text):
        item_id = {"id": part.id} if part.id else {}
        return {"type": "text", "length": len(part.text), "citations": len(part.citations), **item_id}
    return {"type": _NAMES.get(type(part), "")}


def _hosted_items(message: Message) -> list[Json]:
    return [dict(part.item) for part in _parts_of_type(message, HostedItem)]


def _tool_call_extras(message: Message) -> Json:
    return {call.id: extras for call in message.tool_calls if (extras := call_extras(call))}


# Each key of `additional_kwargs`, with the type of part that it is written for.
_WRITERS: dict[str, tuple[type[Part], Callable[[Message], Any]]] = {
    "reasoning_content": (Reasoning, attrgetter("reasoning")),
    "reasoning": (Reasoning, _reasoning_items),
    "reasoning_details": (Reasoning, _reasoning_details),
    "annotations": (Text, _annotations),
    "refusal": (Refusal, attrgetter("refusal")),
    "images": (Image, lambda message: to_content_blocks(_parts_of_type(message, Image))),
    "audio": (Audio, _audio),
    "tool_outputs": (HostedItem, _hosted_items),
    "tool_call_extras": (ToolCall, _tool_call_extras),
}


# --- additional_kwargs -> parts -----------------------------------------------------------------------------------


def join_parts(text: str, kwargs: Mapping[str, Any], calls: Iterable[ToolCall]) -> list[Part]:
    """Return the parts of a message in the default format, in their original order. ChatOpenAI's messages work too."""
    citations = [parse_citation(raw) for raw in kwargs.get("annotations") or () if isinstance(raw, dict)]
    layout = kwargs.get("layout") or ()
    texts = _split_text(text, citations, [entry for entry in layout if entry["type"] == "text"])
    return _apply_layout([*restore_parts(kwargs), *texts, *calls], layout)


def restore_parts(kwargs: Mapping[str, Any]) -> list[Part]:
    """Return the parts in `additional_kwargs`, without citations and tool calls."""
    refusal, audio = kwargs.get("refusal"), kwargs.get("audio")
    return [
        *_reasoning_parts(kwargs),
        *(HostedItem(item) for item in kwargs.get("tool_outputs") or ()),
        *([Refusal(refusal)] if refusal else []),
        *parse_model_blocks(list(kwargs.get("images") or ()), None),
        *([Audio(**{name: audio.get(name) for name in _AUDIO_FIELDS})] if isinstance(audio, dict) else []),
    ]


_AUDIO_FIELDS = ("data", "format", "id", "url", "transcript")


def _reasoning_parts(kwargs: Mapping[str, Any]) -> list[Part]:
    text, items = kwargs.get("reasoning_content") or "", kwargs.get("reasoning")
    details = tuple(kwargs.get("reasoning_details") or ())
    if isinstance(items, str):  # OpenRouter's name for the text
        text, items = text or items, None
    items = [item for item in ([items] if isinstance(items, dict) else items or ()) if isinstance(item, dict)]
    parts = [part for item in items for part in parse_reasoning_item(item)]
    if len(parts) == 1 and isinstance(parts[0], Reasoning) and not parts[0].text:
        return [_with_text(parts[0], text, items[0], details)]
    return [Reasoning(text, details=details)] if not parts and (text or details) else parts


def _with_text(part: Reasoning, text: str, item: Json, details: tuple[Json, ...]) -> Reasoning:
    """Return the only reasoning part with its text, which `reasoning_content` holds."""
    kind = "summary" if item.get("kind") == "summary" or "summary" in item else "text"
    return Reasoning(text, kind, part.id, part.signature, part.encrypted, details)  # type: ignore[arg-type]  # of two


def _split_text(text: str, citations: list[Citation], layout: list[Json]) -> list[Part]:
    """Split the text into its original parts, unless it was edited since."""
    if sum(entry["length"] for entry in layout) != len(text) or len(layout) < 2:
        return [Text(text, tuple(citations))] if text or citations else []
    parts: list[Part] = []
    start = 0
    pending = deque(citations)
    for entry in layout:
        own = [_shift(pending.popleft(), -start) for _ in range(min(entry["citations"], len(pending)))]
        parts.append(Text(text[start : start + entry["length"]], tuple(own), id=entry.get("id")))
        start += entry["length"]
    return parts


def _shift(citation: Citation, offset: int) -> Citation:
    start, end = (None if index is None else index + offset for index in (citation.start, citation.end))
    return replace(citation, start=start, end=end)


def _apply_layout(parts: list[Part], layout: Sequence[Json]) -> list[Part]:
    """Sort parts by the layout, with those that it doesn't mention at the end; without one, in the usual order."""
    if not layout:
        return sorted(parts, key=lambda part: _RANKS.get(type(part), len(_RANKS)))
    queues: defaultdict[str, deque[Part]] = defaultdict(deque)
    for part in parts:
        queues[_NAMES.get(type(part), "")].append(part)
    ordered = [queues[entry["type"]].popleft() for entry in layout if queues[entry["type"]]]
    return ordered + [part for queue in queues.values() for part in queue]


def in_usual_order(extra_parts: Iterable[Part], content_parts: list[Part]) -> list[Part]:
    """Combine the parts of `additional_kwargs` and content: reasoning and hosted items come first, others last."""
    first = [part for part in extra_parts if isinstance(part, Reasoning | HostedItem)]
    return [*first, *content_parts, *(part for part in extra_parts if part not in first)]
