"""Decode a responses body into a `Reply`: its output items become the parts of one message, in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...errors import ResponseFailedError, error_from
from ...models import Model
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
from ..shared.identifiers import CallIds, synthetic_id
from ..shared.parsing import as_dict, as_str, dict_items

PartLocation: TypeAlias = tuple[str, int]
"""Where in an item a part is: a field of the item, and the index in it."""

_UNFINISHED = ("queued", "in_progress")
_FAILED = ("failed", "cancelled")

_FINISH_REASONS: Mapping[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def decode(
    body: Json,
    headers: Mapping[str, str],
    taken: Collection[str] = (),
    model: Model | None = None,  # noqa: ARG001  # only chat completions needs it
) -> Reply:
    """Decode a 2xx body. The reply to an unfinished response has a `status` and no finish reason.

    Args:
        body: the JSON body.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model.

    Raises:
        ResponseFailedError: the response failed or was cancelled.
        APIError: the body reports another error, or is not a response.
    """
    if isinstance(body, dict) and _has_failed(body):
        raise failed_response_error(as_dict(body.get("error")), body, headers)
    return decode_status(body, headers, taken)


def decode_status(body: Json, headers: Mapping[str, str], taken: Collection[str] = ()) -> Reply:
    """Decode as `decode` does, but return a failed or cancelled response as a reply with that `status`."""
    _check_body(body, headers)
    status = get_status(body)
    items = get_output_items(body)
    parts = _add_sources([part for _, _, part in _decode_items(items, body)], body)
    finish_reason = _get_finish_reason(status, body, parts)
    return Reply(
        model=as_str(body.get("model")) or "",
        choices=(
            Choice(
                message=Message("assistant", CallIds(taken).claim_all(parts), author=as_str(body.get("model"))),
                finish_reason=finish_reason,
                native_finish_reason=as_str(as_dict(body.get("incomplete_details")).get("reason")) or status,
                logprobs=_parse_logprobs(items),
            ),
        ),
        id=as_str(body.get("id")),
        created=parsing.as_count(body.get("created_at")) or None,
        status=status,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        service_tier=as_str(body.get("service_tier")),
        raw=body,
    )


def _has_failed(body: Json) -> bool:
    return body.get("status") in _FAILED or bool(
        body.get("error") and ("output" in body or body.get("object") == "response")
    )


def failed_response_error(error: Json, body: Any, headers: Mapping[str, str]) -> ResponseFailedError:
    """Build the error for a failed response from its `error` field; `body` is the response or the event with it."""
    response_id, status = as_str(as_dict(body).get("id")), as_str(as_dict(body).get("status")) or "failed"
    code = as_str(error.get("code")) or as_str(error.get("type"))
    reason = as_str(error.get("message")) or code or "no reason was given"
    subject = f"The response {response_id}" if response_id else "The response"
    outcome = "was cancelled" if status == "cancelled" else "failed"
    failure = ResponseFailedError(f"{subject} {outcome}: {reason}", status=200, code=code, body=body, headers=headers)
    failure.response_id = response_id
    return failure


def _check_body(body: Any, headers: Mapping[str, str]) -> None:
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    is_response = body.get("output") is not None or body.get("output_text") is not None or as_str(body.get("status"))
    if not is_response and parsing.has_error_fields(body):
        raise error_from(200, headers, body)
    if not is_response:
        raise parsing.unreadable_error("output: expected array, received none", body, headers)
    if not isinstance(body.get("output", []), list | None):
        received = parsing.json_type(body["output"])
        raise parsing.unreadable_error(f"output: expected array, received {received}", body, headers)


def get_status(body: Json) -> str:
    """Return the status of a response; without one, it is incomplete if it has a reason for that, else completed."""
    has_reason = bool(as_dict(body.get("incomplete_details")).get("reason"))
    return as_str(body.get("status")) or ("incomplete" if has_reason else "completed")


def _get_finish_reason(status: str, body: Json, parts: list[Part]) -> FinishReason | None:
    if status in (*_UNFINISHED, *_FAILED):
        return None
    if status == "incomplete":
        return _FINISH_REASONS.get(as_str(as_dict(body.get("incomplete_details")).get("reason")) or "", "length")
    return "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"


def _parse_logprobs(items: list[Json]) -> tuple[Mapping[str, Any], ...] | None:
    contents = [part for item in items for part in dict_items(item.get("content"))]
    return tuple(entry for part in contents for entry in dict_items(part.get("logprobs"))) or None


# --- items and their parts ----------------------------------------------------------------------------------------


def get_output_items(body: Json) -> list[Json]:
    """Return the output items of a body; if it has no message, `output_text` becomes one."""
    items = dict_items(body.get("output"))
    text = as_str(body.get("output_text"))
    if text and not any(item.get("type") == "message" for item in items):
        items.append({"type": "message", "content": [{"type": "output_text", "text": text}]})
    return items


def _decode_items(items: list[Json], body: Json) -> Iterator[tuple[int, PartLocation, Part]]:
    is_cut = get_status(body) == "incomplete"
    for index, item in enumerate(items):
        for location, part in decode_item(item, synthetic_id(as_str(body.get("id")), index), is_cut):
            yield index, location, part


def decode_item(item: Json, fallback_id: str, is_cut: bool = False) -> Iterator[tuple[PartLocation, Part]]:
    """Yield the parts of an output item and their locations in it.

    Args:
        item: an item of any type. Unknown ones become a `HostedItem`.
        fallback_id: for a tool call without an id.
        is_cut: whether the response was cut off. If so, empty arguments are missing ones, not no arguments.
    """
    match item.get("type"):
        case "message":
            return _decode_message(item)
        case "reasoning":
            return _decode_reasoning(item)
        case "function_call" | "custom_tool_call":
            return _decode_call(item, fallback_id, is_cut)
        case "image_generation_call" if as_str(item.get("result")):
            return iter([(("item", 0), _decode_image(item))])
    return iter([(("item", 0), HostedItem(item))])


def _decode_message(item: Json) -> Iterator[tuple[PartLocation, Part]]:
    content = item.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    for index, raw in enumerate(dict_items(content)):
        if part := _decode_content_part(raw, as_str(item.get("id"))):
            yield ("content", index), part


def _decode_content_part(raw: Json, item_id: str | None) -> Part | None:
    if refusal := as_str(raw.get("refusal")):
        return Refusal(refusal)
    citations = tuple(map(parsing.parse_annotation, dict_items(raw.get("annotations"))))
    text = as_str(raw.get("text")) or ""
    return Text(text, citations, item_id) if text or citations else None


def _decode_reasoning(item: Json) -> Iterator[tuple[PartLocation, Part]]:
    """Yield a part for each summary or text of an item; the first, which may be empty, has the encrypted content."""
    item_id, encrypted = as_str(item.get("id")), as_str(item.get("encrypted_content"))
    count = 0
    for field, make_part in REASONING_FIELDS.items():
        for index, raw in enumerate(dict_items(item.get(field))):
            if text := as_str(raw.get("text")):
                yield (field, index), make_part(text, item_id, encrypted if not count else None)
                count += 1
    if not count and (item_id or encrypted):
        yield ("summary", 0), reasoning_summary("", item_id, encrypted)


def reasoning_summary(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    """Make a part from an entry of `summary`."""
    return Reasoning(text, "summary", item_id, encrypted=encrypted)


def reasoning_text(text: str, item_id: str | None, encrypted: str | None = None) -> Reasoning:
    """Make a part from an entry of `content`."""
    return Reasoning(text, "text", item_id, encrypted=encrypted)


REASONING_FIELDS: Mapping[str, Callable[[str, str | None, str | None], Reasoning]] = {
    "summary": reasoning_summary,
    "content": reasoning_text,
}


def _decode_call(item: Json, fallback_id: str, is_cut: bool) -> Iterator[tuple[PartLocation, Part]]:
    is_custom = item.get("type") == "custom_tool_call"
    field = "input" if is_custom else "arguments"
    arguments = parsing.parse_arguments(item.get(field))
    status = item.get("status")
    is_incomplete = status == "incomplete" or (is_cut and status != "completed")
    if arguments in ("", "null") and not is_custom and not is_incomplete:
        arguments = "{}"
    call = ToolCall(
        id=as_str(item.get("call_id")) or as_str(item.get("id")) or fallback_id,
        name=as_str(item.get("name")) or "",
        arguments=arguments,
        kind="custom" if is_custom else "function",
        item_id=as_str(item.get("id")),
        cut=is_custom and is_incomplete,
    )
    yield (field, 0), call


def _decode_image(item: Json) -> Image:
    mime = f"image/{as_str(item.get('output_format')) or 'png'}"
    return Image(data=as_str(item.get("result")), mime=mime, id=as_str(item.get("id")))


def _add_sources(parts: list[Part], body: Json) -> list[Part]:
    """Add the sources of the whole reply to its last text, unless a text has citations."""
    sources = parsing.parse_sources(body)
    texts = [(index, part) for index, part in enumerate(parts) if isinstance(part, Text)]
    if not sources or not texts or any(text.citations for _, text in texts):
        return parts
    index, text = texts[-1]
    return [*parts[:index], replace(text, citations=sources), *parts[index + 1 :]]
