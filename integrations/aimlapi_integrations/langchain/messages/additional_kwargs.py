"""The default form of an answer: `content` is its text, everything else is in `additional_kwargs`, and back again.

`split_message` writes what `join_parts` reads. If the parts did not come in the usual order (thinking, hosted tools,
text, refusal, media, tool calls), or the text came in several parts, `additional_kwargs["layout"]` records the order.
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
from .content_in import answer_parts, parse_citation, parse_reasoning_item
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
_NAMES = {kind: name for name, kind in _ORDER.items()}
_RANKS = {kind: rank for rank, kind in enumerate(_ORDER.values())}

T = TypeVar("T", bound=Part)


def split_message(message: Message) -> tuple[str, Json]:
    """The text of an answer, and the `additional_kwargs` that hold the rest.

    >>> split_message(Message("assistant", (Reasoning("Hm."), Text("Paris"))))
    ('Paris', {'reasoning_content': 'Hm.'})
    """
    kinds = {type(part) for part in message.parts}
    kwargs = {name: found for name, (kind, write) in _WRITERS.items() if kind in kinds and (found := write(message))}
    if layout := _layout(message):
        kwargs["layout"] = layout
    return message.text, kwargs


def _of(message: Message, kind: type[T]) -> list[T]:
    return [part for part in message.parts if isinstance(part, kind)]


def _reasoning_items(message: Message) -> list[Json]:
    """Items in the form of Responses, where there is more to keep than one text; a lone text is not said twice."""
    found = _of(message, Reasoning)
    if len(found) == 1:
        [only] = found
        proofs = _proofs(only)
        return [{"type": "reasoning", **proofs}] if proofs else []
    runs = [list(run) for _, run in groupby(enumerate(found), key=lambda at: at[1].id or at[0])]
    return [_reasoning_item([part for _, part in run]) for run in runs]


def _proofs(part: Reasoning) -> Json:
    fields = {"id": part.id, "signature": part.signature, "encrypted_content": part.encrypted}
    kind = {"kind": "summary"} if part.kind == "summary" else {}
    given = {name: value for name, value in fields.items() if value}
    return {**given, **kind}


def _reasoning_item(run: Sequence[Reasoning]) -> Json:
    proofs = {name: value for part in run for name, value in _proofs(part).items() if name != "kind"}
    item: Json = {"type": "reasoning", **proofs}
    for part in run:
        if part.text:
            field, kind = ("summary", "summary_text") if part.kind == "summary" else ("content", "reasoning_text")
            item.setdefault(field, []).append({"type": kind, "text": part.text})
    return item


def _details(message: Message) -> list[Json]:
    return [dict(detail) for part in _of(message, Reasoning) for detail in part.details]


def _annotations(message: Message) -> list[Json]:
    """Sources in OpenAI's form; their offsets count in the whole text."""
    found, start = [], 0
    for part in _of(message, Text):
        found += [_annotation(source, start) for source in part.citations]
        start += len(part.text)
    return found


def _annotation(source: Citation, start: int) -> Json:
    if source.url is None:
        return dict(source.raw)
    fields = {
        "url": source.url,
        "title": source.title,
        "start_index": None if source.start is None else source.start + start,
        "end_index": None if source.end is None else source.end + start,
        "content": source.quote,
        "encrypted_index": source.raw.get("encrypted_index"),
    }
    return {
        "type": "url_citation",
        "url_citation": drop_none(fields),
    }


def _audio(message: Message) -> Json:
    return next((_audio_fields(part) for part in _of(message, Audio)), {})


def _audio_fields(part: Audio) -> Json:
    fields = {"id": part.id, "data": part.data, "format": part.format, "transcript": part.transcript, "url": part.url}
    return drop_none(fields)


def _layout(message: Message) -> list[Json]:
    ranks = [_RANKS.get(type(part), len(_RANKS)) for part in message.parts]
    if ranks == sorted(ranks) and sum(isinstance(part, Text) for part in message.parts) < 2:
        return []
    return [_lay(part) for part in message.parts]


def _lay(part: Part) -> Json:
    if isinstance(part, Text):
        further = {"id": part.id} if part.id else {}
        return {"type": "text", "length": len(part.text), "citations": len(part.citations), **further}
    return {"type": _NAMES.get(type(part), "")}


def _hosted(message: Message) -> list[Json]:
    return [dict(part.item) for part in _of(message, HostedItem)]


def _call_extras(message: Message) -> Json:
    return {call.id: found for call in message.tool_calls if (found := call_extras(call))}


# By the kind of part that they write of.
_WRITERS: dict[str, tuple[type[Part], Callable[[Message], Any]]] = {
    "reasoning_content": (Reasoning, attrgetter("reasoning")),
    "reasoning": (Reasoning, _reasoning_items),
    "reasoning_details": (Reasoning, _details),
    "annotations": (Text, _annotations),
    "refusal": (Refusal, attrgetter("refusal")),
    "images": (Image, lambda message: to_content_blocks(_of(message, Image))),
    "audio": (Audio, _audio),
    "tool_outputs": (HostedItem, _hosted),
    "tool_call_extras": (ToolCall, _call_extras),
}


# --- and back -----------------------------------------------------------------------------------------------------


def join_parts(text: str, kwargs: Mapping[str, Any], calls: Iterable[ToolCall]) -> list[Part]:
    """The parts of an answer in its default form, in the order they came; also those of ChatOpenAI and its kin."""
    sources = [parse_citation(raw) for raw in kwargs.get("annotations") or () if isinstance(raw, dict)]
    layout = kwargs.get("layout") or ()
    texts = _texts(text, sources, [lay for lay in layout if lay["type"] == "text"])
    return _laid([*restore_parts(kwargs), *texts, *calls], layout)


def restore_parts(kwargs: Mapping[str, Any]) -> list[Part]:
    """The parts that `additional_kwargs` hold, but for citations and tool calls."""
    refusal, audio = kwargs.get("refusal"), kwargs.get("audio")
    return [
        *_thought(kwargs),
        *(HostedItem(item) for item in kwargs.get("tool_outputs") or ()),
        *([Refusal(refusal)] if refusal else []),
        *answer_parts(list(kwargs.get("images") or ()), None),
        *([Audio(**{name: audio.get(name) for name in _AUDIO})] if isinstance(audio, dict) else []),
    ]


_AUDIO = ("data", "format", "id", "url", "transcript")


def _thought(kwargs: Mapping[str, Any]) -> list[Part]:
    text, items = kwargs.get("reasoning_content") or "", kwargs.get("reasoning")
    details = tuple(kwargs.get("reasoning_details") or ())
    if isinstance(items, str):  # OpenRouter's name for the text
        text, items = text or items, None
    items = [item for item in ([items] if isinstance(items, dict) else items or ()) if isinstance(item, dict)]
    found = [part for item in items for part in parse_reasoning_item(item)]
    if len(found) == 1 and isinstance(found[0], Reasoning) and not found[0].text:
        found = [_spoken(found[0], text, items, details)]
    elif not found and (text or details):
        found = [Reasoning(text, details=details)]
    return found


def _spoken(part: Reasoning, text: str, items: Any, details: tuple[Json, ...]) -> Reasoning:
    """The one reasoning part, with its text, which was not said twice."""
    [item] = items
    kind = "summary" if item.get("kind") == "summary" or "summary" in item else "text"
    return Reasoning(text, kind, part.id, part.signature, part.encrypted, details)  # type: ignore[arg-type]  # of two


def _texts(text: str, sources: list[Citation], layout: list[Json]) -> list[Part]:
    """The text in the parts that it came in; in one where it has been changed since."""
    if sum(lay["length"] for lay in layout) != len(text) or len(layout) < 2:
        return [Text(text, tuple(sources))] if text or sources else []
    found: list[Part] = []
    start = 0
    waiting = deque(sources)
    for lay in layout:
        own = [_moved(waiting.popleft(), -start) for _ in range(min(lay["citations"], len(waiting)))]
        found.append(Text(text[start : start + lay["length"]], tuple(own), id=lay.get("id")))
        start += lay["length"]
    return found


def _moved(source: Citation, by: int) -> Citation:
    start, end = (None if at is None else at + by for at in (source.start, source.end))
    return replace(source, start=start, end=end)


def _laid(found: list[Part], layout: Sequence[Json]) -> list[Part]:
    """`found` in the order of `layout`, and what it does not mention behind; in the usual order without one."""
    if not layout:
        return sorted(found, key=lambda part: _RANKS.get(type(part), len(_RANKS)))
    waiting: defaultdict[str, deque[Part]] = defaultdict(deque)
    for part in found:
        waiting[_NAMES.get(type(part), "")].append(part)
    ordered = [waiting[lay["type"]].popleft() for lay in layout if waiting[lay["type"]]]
    return ordered + [part for queue in waiting.values() for part in queue]


def in_usual_order(beside: Iterable[Part], found: list[Part]) -> list[Part]:
    """Parts that stood beside a content of blocks, put where they usually are: thinking before, the rest behind."""
    before = [part for part in beside if isinstance(part, Reasoning | HostedItem)]
    return [*before, *found, *(part for part in beside if part not in before)]
