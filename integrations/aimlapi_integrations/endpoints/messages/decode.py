"""Decode an Anthropic message into a `Reply`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ...errors import error_from
from ...models import Model
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
from ..shared.identifiers import CallIds, synthetic_id
from ..shared.parsing import as_dict, as_str, dict_items

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
    model: Model | None = None,  # noqa: ARG001  # only chat completions needs it
) -> Reply:
    """Decode a 2xx body.

    Args:
        body: the JSON body.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model.

    Raises:
        APIError: the body reports an error, or is not a message.
    """
    blocks = _require_blocks(body, headers)
    stop_reason = as_str(body.get("stop_reason"))
    finish_reason = FINISH_REASONS.get(stop_reason or "")
    is_cut = finish_reason == "length" or bool(stop_reason and not finish_reason)
    model_id = parsing.parse_model(body, headers) or None
    message = Message("assistant", CallIds(taken).claim_all(_decode_blocks(blocks, body, is_cut)), author=model_id)
    return Reply(
        model=model_id or "",
        choices=(Choice(message, finish_reason, stop_reason),),
        id=as_str(body.get("id")),
        usage=_parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        service_tier=as_str(as_dict(body.get("usage")).get("service_tier")),
        raw=body,
    )


def _require_blocks(body: Any, headers: Mapping[str, str]) -> list[Json]:
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    has_content = isinstance(body.get("content"), list)
    if body.get("error") or body.get("type") == "error" or (not has_content and parsing.has_error_fields(body)):
        raise error_from(200, headers, body)
    if not has_content:
        received = parsing.json_type(body.get("content"))
        raise parsing.unreadable_error(f"content: expected array, received {received}", body, headers)
    return parsing.require_typed(body["content"], "content", body, headers)


def _parse_usage(raw: Any) -> Usage | None:
    """Parse token counts; `input_tokens` does not include the tokens read from and written to the cache."""
    if not isinstance(raw, dict):
        return None
    cached = {
        "cache_read": parsing.as_count(raw.get("cache_read_input_tokens")),
        "cache_creation": parsing.as_count(raw.get("cache_creation_input_tokens")),
    }
    input_tokens = parsing.as_count(raw.get("input_tokens")) + sum(cached.values())
    output_tokens = parsing.as_count(raw.get("output_tokens"))
    return Usage(input_tokens, output_tokens, input_tokens + output_tokens, cached, raw=raw)


# --- content blocks -----------------------------------------------------------------------------------------------


def _decode_blocks(blocks: list[Json], body: Json, is_cut: bool) -> Iterator[Part]:
    for index, block in enumerate(blocks, 1):
        yield decode_block(block, is_cut and index == len(blocks), synthetic_id(as_str(body.get("id")), index - 1))


def decode_block(block: Json, is_cut: bool, fallback_id: str) -> Part:
    """Decode one block.

    Args:
        block: a block of any type. Unknown ones become a `HostedItem`.
        is_cut: whether the reply was cut off in this block. If so, empty arguments are missing ones, not no arguments.
        fallback_id: for a tool call without an id.
    """
    match block.get("type"):
        case "text":
            citations = tuple(map(decode_citation, dict_items(block.get("citations"))))
            return Text(as_str(block.get("text")) or "", citations)
        case "thinking":
            return Reasoning(as_str(block.get("thinking")) or "", signature=as_str(block.get("signature")))
        case "redacted_thinking":
            return Reasoning(encrypted=as_str(block.get("data")))
        case "tool_use":
            arguments = parsing.parse_arguments(block.get("input"))
            if arguments in ("", "{}", "null"):
                arguments = "" if is_cut else "{}"
            return ToolCall(as_str(block.get("id")) or fallback_id, as_str(block.get("name")) or "", arguments)
        case _:
            return HostedItem(block)  # a server tool's call or result


def is_server_tool_block(block: Json) -> bool:
    """Return whether a block belongs to a tool that the gateway runs."""
    return block.get("type") not in ("text", "thinking", "redacted_thinking", "tool_use")


def decode_citation(raw: Json) -> Citation:
    """Decode a citation of a web page, a document, or a search result."""
    return Citation(
        url=as_str(raw.get("url")),
        title=as_str(raw.get("title")) or as_str(raw.get("document_title")),
        quote=as_str(raw.get("cited_text")),
        raw=raw,
    )
