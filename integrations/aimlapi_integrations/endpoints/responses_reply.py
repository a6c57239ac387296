"""A responses body -> `Reply`: its output items become the parts of one message, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from ..conversation import (
    Choice,
    FinishReason,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from ..errors import ResponseFailedError, error_from
from . import reading
from .call_ids import CallIds
from .reading import obj, objects, string
from .tool_call_fold import made_up_id

Place: TypeAlias = tuple[str, int]
"""Where in an item a part is: a field of the item, and the position in it."""

_UNFINISHED = ("queued", "in_progress")
_FAILED = ("failed", "cancelled")

_INCOMPLETE: Mapping[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def decode(
    body: Json,
    headers: Mapping[str, str],
    taken: Collection[str] = (),
    *,
    requested: str = "",  # noqa: ARG001  # of use to chat completions alone
) -> Reply:
    """The reply that a 2xx body holds; one that is still in the making has a `status` and no finish reason.

    `taken`: ids that its calls must not have.

    Raises:
        ResponseFailedError: the response failed or was cancelled.
        APIResponseError: the body holds no response.
    """
    if isinstance(body, dict) and _has_failed(body):
        raise failed(obj(body.get("error")), body, headers)
    return decode_status(body, headers, taken)


def decode_status(body: Json, headers: Mapping[str, str], taken: Collection[str] = ()) -> Reply:
    """As `decode`, but a response that failed or was cancelled is a reply too: its `status` says so."""
    _check(body, headers)
    status = status_of(body)
    items = output_items(body)
    parts = _sourced([part for _, _, part in _all_parts(items, body)], body)
    reason = _finish_reason(status, body, parts)
    return Reply(
        model=string(body.get("model")) or "",
        choices=(
            Choice(
                message=Message("assistant", CallIds(taken).claim_all(parts), author=string(body.get("model"))),
                finish_reason=reason,
                native_finish_reason=string(obj(body.get("incomplete_details")).get("reason")) or status,
                logprobs=_logprobs(items),
            ),
        ),
        id=string(body.get("id")),
        created=reading.integer(body.get("created_at")) or None,
        status=status,
        usage=reading.usage(body.get("usage")),
        cost=reading.cost(body, headers),
        trail=reading.trail(body, headers),
        service_tier=string(body.get("service_tier")),
        raw=body,
    )


def _has_failed(body: Json) -> bool:
    return body.get("status") in _FAILED or bool(
        body.get("error") and ("output" in body or body.get("object") == "response")
    )


def failed(error: Json, body: Any, headers: Mapping[str, str]) -> ResponseFailedError:
    """The error for a response that failed; `error` says why, `body` is the response or the event that told."""
    response_id, status = string(obj(body).get("id")), string(obj(body).get("status")) or "failed"
    code = string(error.get("code")) or string(error.get("type"))
    why = string(error.get("message")) or code or "no reason was given"
    named = f"The response {response_id}" if response_id else "The response"
    what = "was cancelled" if status == "cancelled" else "failed"
    raised = ResponseFailedError(f"{named} {what}: {why}", status=200, code=code, body=body, headers=headers)
    raised.response_id = response_id
    return raised


def _check(body: Any, headers: Mapping[str, str]) -> None:
    if not isinstance(body, dict):
        raise reading.unreadable(f"expected an object, received {reading.json_type(body)}", body, headers)
    held = body.get("output") is not None or body.get("output_text") is not None or string(body.get("status"))
    if not held and reading.complains(body):
        raise error_from(200, headers, body)
    if not held:
        raise reading.unreadable("output: expected array, received none", body, headers)
    if not isinstance(body.get("output", []), list | None):
        found = reading.json_type(body["output"])
        raise reading.unreadable(f"output: expected array, received {found}", body, headers)


def status_of(body: Json) -> str:
    """What the body says of itself; where it says nothing it is whole, or was cut off for a reason that it gives."""
    cut = bool(obj(body.get("incomplete_details")).get("reason"))
    return string(body.get("status")) or ("incomplete" if cut else "completed")


def _finish_reason(status: str, body: Json, parts: list[Part]) -> FinishReason | None:
    if status in (*_UNFINISHED, *_FAILED):
        return None
    if status == "incomplete":
        return _INCOMPLETE.get(string(obj(body.get("incomplete_details")).get("reason")) or "", "length")
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


def _logprobs(items: list[Json]) -> tuple[Mapping[str, Any], ...] | None:
    contents = [part for item in items for part in objects(item.get("content"))]
    return tuple(entry for part in contents for entry in objects(part.get("logprobs"))) or None


# --- items and their parts ----------------------------------------------------------------------------------------


def output_items(body: Json) -> list[Json]:
    """The output of a body; its `output_text` stands in for messages that are missing."""
    items = objects(body.get("output"))
    text = string(body.get("output_text"))
    if text and not any(item.get("type") == "message" for item in items):
        items.append({"type": "message", "content": [{"type": "output_text", "text": text}]})
    return items


def _all_parts(items: list[Json], body: Json) -> Iterator[tuple[int, Place, Part]]:
    cut = status_of(body) == "incomplete"
    for index, item in enumerate(items):
        for place, part in item_parts(item, made_up_id(string(body.get("id")), index), cut):
            yield index, place, part


def item_parts(item: Json, spare_id: str, cut: bool = False) -> Iterator[tuple[Place, Part]]:
    """The parts of an output item and where in it they are.

    Args:
        item: of any type; what is not known is a `HostedItem`.
        spare_id: for a call that has no id of its own.
        cut: whether the response was cut off, so that an empty text of arguments may be a lost one.
    """
    match item.get("type"):
        case "message":
            return _message(item)
        case "reasoning":
            return _reasoning(item)
        case "function_call" | "custom_tool_call":
            return _call(item, spare_id, cut)
        case "image_generation_call" if string(item.get("result")):
            return iter([(("item", 0), _image(item))])
    return iter([(("item", 0), HostedItem(item))])


def _message(item: Json) -> Iterator[tuple[Place, Part]]:
    content = item.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    for index, raw in enumerate(objects(content)):
        if part := _content_part(raw, string(item.get("id"))):
            yield ("content", index), part


def _content_part(raw: Json, item_id: str | None) -> Part | None:
    if refusal := string(raw.get("refusal")):
        return Refusal(refusal)
    citations = tuple(map(reading.annotation, objects(raw.get("annotations"))))
    text = string(raw.get("text")) or ""
    return Text(text, citations, item_id) if text or citations else None


def _reasoning(item: Json) -> Iterator[tuple[Place, Part]]:
    """A part for each piece of summary or thinking; the first, which may be empty, has the encrypted content."""
    item_id, encrypted = string(item.get("id")), string(item.get("encrypted_content"))
    count = 0
    for field, kind in REASONING_FIELDS.items():
        for index, raw in enumerate(objects(item.get(field))):
            if text := string(raw.get("text")):
                yield (field, index), kind(text, item_id, encrypted if not count else None)
                count += 1
    if not count and (item_id or encrypted):
        yield ("summary", 0), summary_part("", item_id, encrypted)


def summary_part(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    return Reasoning(text, "summary", item_id, encrypted=encrypted)


def thinking_part(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    return Reasoning(text, "text", item_id, encrypted=encrypted)


REASONING_FIELDS: Mapping[str, Callable[[str, str | None, str | None], Reasoning]] = {
    "summary": summary_part,
    "content": thinking_part,
}


def _call(item: Json, spare_id: str, cut: bool) -> Iterator[tuple[Place, Part]]:
    """A call of the caller's tool. Empty arguments mean none, unless the call was cut off before they could come."""
    custom = item.get("type") == "custom_tool_call"
    field = "input" if custom else "arguments"
    written = reading.arguments(item.get(field))
    status = item.get("status")
    lost = status == "incomplete" or (cut and status != "completed")
    if written in ("", "null") and not custom and not lost:
        written = "{}"
    call = ToolCall(
        id=string(item.get("call_id")) or string(item.get("id")) or spare_id,
        name=string(item.get("name")) or "",
        arguments=written,
        kind="custom" if custom else "function",
        item_id=string(item.get("id")),
        cut=custom and lost,
    )
    yield (field, 0), call


def _image(item: Json) -> Image:
    mime = f"image/{string(item.get('output_format')) or 'png'}"
    return Image(data=string(item.get("result")), mime=mime, id=string(item.get("id")))


def _sourced(parts: list[Part], body: Json) -> list[Part]:
    """With the sources that the body names beside its output on the last text, where no text has its own."""
    found = reading.sources(body)
    texts = [index for index, part in enumerate(parts) if isinstance(part, Text)]
    if not found or not texts or any(part.citations for part in parts if isinstance(part, Text)):
        return parts
    last = texts[-1]
    return [
        Text(part.text, found, part.id) if at == last and isinstance(part, Text) else part
        for at, part in enumerate(parts)
    ]
