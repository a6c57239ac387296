"""An Anthropic message -> `Reply`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...errors import error_from
from ...types import (
    Choice,
    Citation,
    FinishReason,
    HostedItem,
    Json,
    Message,
    Part,
    Reasoning,
    Reply,
    Text,
    ToolCall,
    Usage,
)
from ..shared import parsing
from ..shared.call_ids import CallIds
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import synthetic_id

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "pause_turn",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def decode(
    body: Json,
    headers: Mapping[str, str],
    taken: Collection[str] = (),
    *,
    requested: str = "",  # noqa: ARG001  # of use to chat completions alone
) -> Reply:
    """The reply that a 2xx body holds; APIResponseError, or the error it reports, where it holds none.

    `taken`: ids that its calls must not have.
    """
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    held = isinstance(body.get("content"), list)
    if body.get("error") or body.get("type") == "error" or (not held and parsing.has_error_fields(body)):
        raise error_from(200, headers, body)
    if not held:
        found = parsing.json_type(body.get("content"))
        raise parsing.unreadable_error(f"content: expected array, received {found}", body, headers)
    blocks = parsing.require_typed(body["content"], "content", body, headers)
    native = as_str(body.get("stop_reason"))
    reason = FINISH_REASONS.get(native or "")
    cut = reason == "length" or bool(native and not reason)
    model = parsing.parse_model(body, headers) or None
    message = Message("assistant", CallIds(taken).claim_all(_parts(blocks, body, cut)), author=model)
    return Reply(
        model=model or "",
        choices=(Choice(message, reason, native),),
        id=as_str(body.get("id")),
        usage=_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        trail=parsing.parse_call_metadata(body, headers),
        service_tier=as_str(as_dict(body.get("usage")).get("service_tier")),
        raw=body,
    )


def _parts(blocks: list[Json], body: Json, cut: bool) -> Iterator[Part]:
    for index, block in enumerate(blocks, 1):
        yield decode_block(block, cut and index == len(blocks), synthetic_id(as_str(body.get("id")), index - 1))


def _usage(raw: Any) -> Usage | None:
    """Tokens read from and written to the cache are counted beside `input_tokens` here, not in it."""
    if not isinstance(raw, dict):
        return None
    cached = {
        "cache_read": parsing.as_count(raw.get("cache_read_input_tokens")),
        "cache_creation": parsing.as_count(raw.get("cache_creation_input_tokens")),
    }
    asked = parsing.as_count(raw.get("input_tokens")) + sum(cached.values())
    answered = parsing.as_count(raw.get("output_tokens"))
    return Usage(asked, answered, asked + answered, cached, raw=raw)


def decode_block(block: Json, cut: bool, spare_id: str) -> Part:
    """What a block says. Empty arguments mean none, unless they were `cut` off before they could come."""
    match block.get("type"):
        case "text":
            return Text(
                as_str(block.get("text")) or "", tuple(map(decode_citation, dict_items(block.get("citations"))))
            )
        case "thinking":
            return Reasoning(as_str(block.get("thinking")) or "", signature=as_str(block.get("signature")))
        case "redacted_thinking":
            return Reasoning(encrypted=as_str(block.get("data")))
        case "tool_use":
            written = parsing.parse_arguments(block.get("input"))
            if written in ("", "{}", "null"):
                written = "" if cut else "{}"
            return ToolCall(as_str(block.get("id")) or spare_id, as_str(block.get("name")) or "", written)
        case _:
            return HostedItem(block)  # a tool that the gateway ran, and its result


def is_server_tool_block(block: Json) -> bool:
    """Whether a block belongs to a tool that the gateway runs."""
    return block.get("type") not in ("text", "thinking", "redacted_thinking", "tool_use")


def decode_citation(raw: Json) -> Citation:
    """A source, in whichever of the forms that name one."""
    return Citation(
        url=as_str(raw.get("url")),
        title=as_str(raw.get("title")) or as_str(raw.get("document_title")),
        quote=as_str(raw.get("cited_text")),
        raw=raw,
    )
