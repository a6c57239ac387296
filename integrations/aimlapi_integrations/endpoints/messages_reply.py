"""An Anthropic message -> `Reply`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ..conversation import (
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
from ..errors import error_from
from . import reading
from .call_ids import CallIds
from .reading import obj, objects, string
from .tool_call_fold import made_up_id

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
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
        raise reading.unreadable(f"expected an object, received {reading.json_type(body)}", body, headers)
    held = isinstance(body.get("content"), list)
    if body.get("error") or body.get("type") == "error" or (not held and reading.complains(body)):
        raise error_from(200, headers, body)
    if not held:
        found = reading.json_type(body.get("content"))
        raise reading.unreadable(f"content: expected array, received {found}", body, headers)
    blocks = reading.typed(body["content"], "content", body, headers)
    native = string(body.get("stop_reason"))
    reason = FINISH_REASONS.get(native or "")
    cut = reason == "length" or bool(native and not reason)
    model = string(body.get("model"))
    message = Message("assistant", CallIds(taken).claim_all(_parts(blocks, body, cut)), author=model)
    return Reply(
        model=model or "",
        choices=(Choice(message, reason, native),),
        id=string(body.get("id")),
        usage=_usage(body.get("usage")),
        cost=reading.cost(body, headers),
        trail=reading.trail(body, headers),
        service_tier=string(obj(body.get("usage")).get("service_tier")),
        raw=body,
    )


def _parts(blocks: list[Json], body: Json, cut: bool) -> Iterator[Part]:
    for index, block in enumerate(blocks, 1):
        yield block_part(block, cut and index == len(blocks), made_up_id(string(body.get("id")), index - 1))


def _usage(raw: Any) -> Usage | None:
    """Tokens read from and written to the cache are counted beside `input_tokens` here, not in it."""
    if not isinstance(raw, dict):
        return None
    cached = {
        "cache_read": reading.integer(raw.get("cache_read_input_tokens")),
        "cache_creation": reading.integer(raw.get("cache_creation_input_tokens")),
    }
    asked = reading.integer(raw.get("input_tokens")) + sum(cached.values())
    answered = reading.integer(raw.get("output_tokens"))
    return Usage(asked, answered, asked + answered, cached, raw=raw)


def block_part(block: Json, cut: bool, spare_id: str) -> Part:
    """What a block says. Empty arguments mean none, unless they were `cut` off before they could come."""
    match block.get("type"):
        case "text":
            return Text(string(block.get("text")) or "", tuple(map(citation, objects(block.get("citations")))))
        case "thinking":
            return Reasoning(string(block.get("thinking")) or "", signature=string(block.get("signature")))
        case "redacted_thinking":
            return Reasoning(encrypted=string(block.get("data")))
        case "tool_use":
            written = reading.arguments(block.get("input"))
            if written in ("", "{}", "null"):
                written = "" if cut else "{}"
            return ToolCall(string(block.get("id")) or spare_id, string(block.get("name")) or "", written)
        case _:
            return HostedItem(block)  # a tool that the gateway ran, and its result


def is_hosted(block: Json) -> bool:
    """Whether a block belongs to a tool that the gateway runs."""
    return block.get("type") not in ("text", "thinking", "redacted_thinking", "tool_use")


def citation(raw: Json) -> Citation:
    """A source, in whichever of the forms that name one."""
    return Citation(
        url=string(raw.get("url")),
        title=string(raw.get("title")) or string(raw.get("document_title")),
        quote=string(raw.get("cited_text")),
        raw=raw,
    )
