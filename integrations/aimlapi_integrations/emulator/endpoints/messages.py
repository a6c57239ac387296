"""`/v1/messages`: Anthropic's endpoint, for Claude models only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request

from ..model import JSON, ModelInput, ModelOutput, Turn, new_id
from ..model.catalogue import TokenUsage, cost_meta, count_usage, sign, tokenize
from ..model.generate import generate
from ..model.tools import run_server_tool
from ..store import GatewayState
from ..wire import Event, check_model_served, parse_request
from ..wire.messages import MessagesRequest, check_messages_request
from .chat_completions import parse_tools, parse_turns, with_tool_choice

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def create_message(state: GatewayState, _http_request: Request | None, body: JSON) -> JSON | list[Event]:
    check_model_served(str(body.get("model")), "messages", any_model=state.options.any_model)
    request = parse_request(MessagesRequest, body)
    model_input = _build_model_input(request, body)
    check_messages_request(request, body, model_input)
    server_blocks = run_server_tool(body, model_input)
    output = generate(replace(model_input, tools=()) if server_blocks else model_input)
    output = replace(output, text="") if server_blocks else output
    reply = _reply(request, output, count_usage(model_input, [output], state.prompt_cache))
    if server_blocks:
        reply["content"] += server_blocks
        searches = sum(block["type"] == "server_tool_use" for block in server_blocks)
        reply["usage"]["server_tool_use"] = {"web_search_requests": searches}
    return list(_stream(reply)) if request.stream else reply


def _build_model_input(request: MessagesRequest, body: JSON) -> ModelInput:
    system = request.system if isinstance(request.system, str) else "\n".join(part.text for part in request.system)
    system_turns = (Turn("system", system),) if system else ()
    model_input = ModelInput(
        model=request.model,
        turns=(*system_turns, *(turn for message in body["messages"] for turn in parse_turns(message))),
        tools=parse_tools(body),
        stop=tuple(request.stop_sequences),
        max_tokens=int(request.max_tokens) if "max_tokens" in request.model_fields_set else None,
        reasons=request.thinking.type != "disabled",
    )
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict) and choice.get("disable_parallel_tool_use"):
        model_input = replace(model_input, parallel_calls=False)
    return with_tool_choice(model_input, choice)


def _reply(request: MessagesRequest, output: ModelOutput, usage: TokenUsage) -> JSON:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": list(_blocks(output)),
        "stop_reason": "stop_sequence" if output.stopped_by else _STOP_REASONS[output.finish_reason],
        "stop_sequence": output.stopped_by,
        "usage": {
            "input_tokens": usage.input - usage.cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": usage.cached,
            "output_tokens": usage.output,
            "service_tier": "standard",
        },
        "meta": cost_meta(request.model, usage),
    }


def _blocks(output: ModelOutput) -> Iterator[JSON]:
    if output.reasoning:
        yield {"type": "thinking", "thinking": output.reasoning, "signature": sign(output.reasoning)}
    if output.text:
        yield {"type": "text", "text": output.text}
    for call in output.calls:
        call_id = call.id.replace("call_", "toolu_")
        yield {"type": "tool_use", "id": call_id, "name": call.name, "input": _parse_arguments(call.arguments)}


def _parse_arguments(arguments: str) -> JSON:
    """The arguments as an object; empty if they were cut."""
    try:
        parsed: JSON = json.loads(arguments)
    except ValueError:
        return {}
    return parsed


# --- stream -------------------------------------------------------------------------------------------------------


def _stream(reply: JSON) -> Iterator[Event]:
    initial = reply | {"content": [], "stop_reason": None, "stop_sequence": None}
    initial["usage"] = reply["usage"] | {"output_tokens": 1}
    del initial["meta"]
    yield _event("message_start", "created", message=initial)
    for index, block in enumerate(reply["content"]):
        initial_block = block | _EMPTY_BLOCKS.get(block["type"], {})
        if "citations" in block:
            initial_block["citations"] = []
        yield _event("content_block_start", index=index, content_block=initial_block)
        for delta, kind in _block_deltas(block):
            yield _event("content_block_delta", kind, index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    delta = {key: reply[key] for key in ("stop_reason", "stop_sequence")}
    yield _event("message_delta", "finish", delta=delta, usage=reply["usage"], meta=reply["meta"])
    yield _event("message_stop", "done")


_EMPTY_BLOCKS: dict[str, JSON] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
}


def _event(name: str, kind: str = "", **data: object) -> Event:
    return Event({"type": name, **data}, kind, name)


def _block_deltas(block: JSON) -> Iterator[tuple[JSON, str]]:
    """The deltas of a block, each with the kind of its event."""
    match block["type"]:
        case "thinking":
            for token in tokenize(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": token}, "reasoning"
            yield {"type": "signature_delta", "signature": block["signature"]}, "reasoning"
        case "text":
            for token in tokenize(block["text"]):
                yield {"type": "text_delta", "text": token}, "text"
            for citation in block.get("citations", []):
                yield {"type": "citations_delta", "citation": citation}, "citation"
        case "web_search_tool_result":
            return
        case _:
            kind = "tool" if block["type"] == "tool_use" else "server_tool"
            for token in tokenize(json.dumps(block["input"], ensure_ascii=False)):
                yield {"type": "input_json_delta", "partial_json": token}, kind
