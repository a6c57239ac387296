"""A responses body -> `Reply`: its output items become the parts of one message, in their order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from ...errors import ResponseFailedError, error_from
from ...types import (
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
from ..shared import parsing
from ..shared.call_ids import CallIds
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import synthetic_id

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
        raise failed_response_error(as_dict(body.get("error")), body, headers)
    return decode_status(body, headers, taken)


def decode_status(body: Json, headers: Mapping[str, str], taken: Collection[str] = ()) -> Reply:
    """As `decode`, but a response that failed or was cancelled is a reply too: its `status` says so."""
    _check(body, headers)
    status = get_status(body)
    items = output_items(body)
    parts = _sourced([part for _, _, part in _all_parts(items, body)], body)
    reason = _finish_reason(status, body, parts)
    return Reply(
        model=as_str(body.get("model")) or "",
        choices=(
            Choice(
                message=Message("assistant", CallIds(taken).claim_all(parts), author=as_str(body.get("model"))),
                finish_reason=reason,
                native_finish_reason=as_str(as_dict(body.get("incomplete_details")).get("reason")) or status,
                logprobs=_logprobs(items),
            ),
        ),
        id=as_str(body.get("id")),
        created=parsing.as_count(body.get("created_at")) or None,
        status=status,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        trail=parsing.parse_call_metadata(body, headers),
        service_tier=as_str(body.get("service_tier")),
        raw=body,
    )


def _has_failed(body: Json) -> bool:
    return body.get("status") in _FAILED or bool(
        body.get("error") and ("output" in body or body.get("object") == "response")
    )


def failed_response_error(error: Json, body: Any, headers: Mapping[str, str]) -> ResponseFailedError:
    """The error for a response that failed; `error` says why, `body` is the response or the event that told."""
    response_id, status = as_str(as_dict(body).get("id")), as_str(as_dict(body).get("status")) or "failed"
    code = as_str(error.get("code")) or as_str(error.get("type"))
    why = as_str(error.get("message")) or code or "no reason was given"
    named = f"The response {response_id}" if response_id else "The response"
    what = "was cancelled" if status == "cancelled" else "failed"
    raised = ResponseFailedError(f"{named} {what}: {why}", status=200, code=code, body=body, headers=headers)
    raised.response_id = response_id
    return raised


def _check(body: Any, headers: Mapping[str, str]) -> None:
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    held = body.get("output") is not None or body.get("output_text") is not None or as_str(body.get("status"))
    if not held and parsing.has_error_fields(body):
        raise error_from(200, headers, body)
    if not held:
        raise parsing.unreadable_error("output: expected array, received none", body, headers)
    if not isinstance(body.get("output", []), list | None):
        found = parsing.json_type(body["output"])
        raise parsing.unreadable_error(f"output: expected array, received {found}", body, headers)


def get_status(body: Json) -> str:
    """What the body says of itself; where it says nothing it is whole, or was cut off for a reason that it gives."""
    cut = bool(as_dict(body.get("incomplete_details")).get("reason"))
    return as_str(body.get("status")) or ("incomplete" if cut else "completed")


def _finish_reason(status: str, body: Json, parts: list[Part]) -> FinishReason | None:
    if status in (*_UNFINISHED, *_FAILED):
        return None
    if status == "incomplete":
        return _INCOMPLETE.get(as_str(as_dict(body.get("incomplete_details")).get("reason")) or "", "length")
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


def _logprobs(items: list[Json]) -> tuple[Mapping[str, Any], ...] | None:
    contents = [part for item in items for part in dict_items(item.get("content"))]
    return tuple(entry for part in contents for entry in dict_items(part.get("logprobs"))) or None


# --- items and their parts ----------------------------------------------------------------------------------------


def output_items(body: Json) -> list[Json]:
    """The output of a body; its `output_text` stands in for messages that are missing."""
    items = dict_items(body.get("output"))
    text = as_str(body.get("output_text"))
    if text and not any(item.get("type") == "message" for item in items):
        items.append({"type": "message", "content": [{"type": "output_text", "text": text}]})
    return items


def _all_parts(items: list[Json], body: Json) -> Iterator[tuple[int, Place, Part]]:
    cut = get_status(body) == "incomplete"
    for index, item in enumerate(items):
        for place, part in decode_item(item, synthetic_id(as_str(body.get("id")), index), cut):
            yield index, place, part


def decode_item(item: Json, spare_id: str, cut: bool = False) -> Iterator[tuple[Place, Part]]:
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
        case "image_generation_call" if as_str(item.get("result")):
            return iter([(("item", 0), _image(item))])
    return iter([(("item", 0), HostedItem(item))])


def _message(item: Json) -> Iterator[tuple[Place, Part]]:
    content = item.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    for index, raw in enumerate(dict_items(content)):
        if part := _content_part(raw, as_str(item.get("id"))):
            yield ("content", index), part


def _content_part(raw: Json, item_id: str | None) -> Part | None:
    if refusal := as_str(raw.get("refusal")):
        return Refusal(refusal)
    citations = tuple(map(parsing.parse_annotation, dict_items(raw.get("annotations"))))
    text = as_str(raw.get("text")) or ""
    return Text(text, citations, item_id) if text or citations else None


def _reasoning(item: Json) -> Iterator[tuple[Place, Part]]:
    """A part for each piece of summary or thinking; the first, which may be empty, has the encrypted content."""
    item_id, encrypted = as_str(item.get("id")), as_str(item.get("encrypted_content"))
    count = 0
    for field, kind in REASONING_FIELDS.items():
        for index, raw in enumerate(dict_items(item.get(field))):
            if text := as_str(raw.get("text")):
                yield (field, index), kind(text, item_id, encrypted if not count else None)
                count += 1
    if not count and (item_id or encrypted):
        yield ("summary", 0), reasoning_summary("", item_id, encrypted)


def reasoning_summary(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    return Reasoning(text, "summary", item_id, encrypted=encrypted)


def reasoning_text(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    return Reasoning(text, "text", item_id, encrypted=encrypted)


REASONING_FIELDS: Mapping[str, Callable[[str, str | None, str | None], Reasoning]] = {
    "summary": reasoning_summary,
    "content": reasoning_text,
}


def _call(item: Json, spare_id: str, cut: bool) -> Iterator[tuple[Place, Part]]:
    """A call of the caller's tool. Empty arguments mean none, unless the call was cut off before they could come."""
    custom = item.get("type") == "custom_tool_call"
    field = "input" if custom else "arguments"
    written = parsing.parse_arguments(item.get(field))
    status = item.get("status")
    lost = status == "incomplete" or (cut and status != "completed")
    if written in ("", "null") and not custom and not lost:
        written = "{}"
    call = ToolCall(
        id=as_str(item.get("call_id")) or as_str(item.get("id")) or spare_id,
        name=as_str(item.get("name")) or "",
        arguments=written,
        kind="custom" if custom else "function",
        item_id=as_str(item.get("id")),
        cut=custom and lost,
    )
    yield (field, 0), call


def _image(item: Json) -> Image:
    mime = f"image/{as_str(item.get('output_format')) or 'png'}"
    return Image(data=as_str(item.get("result")), mime=mime, id=as_str(item.get("id")))


def _sourced(parts: list[Part], body: Json) -> list[Part]:
    """With the sources that the body names beside its output on the last text, where no text has its own."""
    found = parsing.parse_sources(body)
    texts = [index for index, part in enumerate(parts) if isinstance(part, Text)]
    if not found or not texts or any(part.citations for part in parts if isinstance(part, Text)):
        return parts
    last = texts[-1]
    return [
        Text(part.text, found, part.id) if at == last and isinstance(part, Text) else part
        for at, part in enumerate(parts)
    ]
