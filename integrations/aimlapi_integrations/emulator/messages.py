"""`/v1/messages`: Anthropic's own form of a conversation, for Claude models only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request

from . import catalogue
from .ask import JSON, Answer, Ask, Turn, new_id
from .brain import answer
from .chat_request import choose, tool_of, turns_of
from .signatures import mark
from .sse import Event
from .store import Memory
from .usage import Usage, measure, meta, pieces
from .wire import read
from .wire_messages import MessagesRequest
from .wire_messages_rules import check

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def create(memory: Memory, _http: Request, body: JSON) -> JSON | list[Event]:
    catalogue.check_served(str(body.get("model")), "messages")
    request = read(MessagesRequest, body)
    ask = _ask(request, body)
    check(request, body, ask)
    said = answer(ask)
    reply = _reply(request, said, measure(ask, [said], memory.cache))
    return list(_events(reply)) if request.stream else reply


def _ask(request: MessagesRequest, body: JSON) -> Ask:
    system = request.system if isinstance(request.system, str) else "\n".join(part.text for part in request.system)
    first = (Turn("system", system),) if system else ()
    ask = Ask(
        model=request.model,
        turns=(*first, *(turn for message in body["messages"] for turn in turns_of(message))),
        tools=tuple(tool for tool in map(tool_of, body.get("tools", [])) if tool is not None),
        stop=tuple(request.stop_sequences),
        limit=int(request.max_tokens) if "max_tokens" in request.model_fields_set else None,
        thinks=request.thinking.type != "disabled",
    )
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict) and choice.get("disable_parallel_tool_use"):
        ask = replace(ask, parallel=False)
    return choose(ask, choice)


def _reply(request: MessagesRequest, said: Answer, usage: Usage) -> JSON:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": list(_blocks(said)),
        "stop_reason": "stop_sequence" if said.stopped_by else _STOP[said.finish],
        "stop_sequence": said.stopped_by,
        "usage": {
            "input_tokens": usage.input - usage.cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": usage.cached,
            "output_tokens": usage.output,
            "service_tier": "standard",
        },
        "meta": meta(request.model, usage),
    }


def _blocks(said: Answer) -> Iterator[JSON]:
    if said.reasoning:
        yield {"type": "thinking", "thinking": said.reasoning, "signature": mark(said.reasoning)}
    if said.text:
        yield {"type": "text", "text": said.text}
    for call in said.calls:
        yield {
            "type": "tool_use",
            "id": call.id.replace("call_", "toolu_"),
            "name": call.name,
            "input": _input(call.arguments),
        }


def _input(arguments: str) -> JSON:
    """The arguments as an object; empty where they were cut."""
    try:
        made: JSON = json.loads(arguments)
    except ValueError:
        return {}
    return made


def _events(reply: JSON) -> Iterator[Event]:
    begun = reply | {"content": [], "stop_reason": None, "stop_sequence": None}
    begun["usage"] = reply["usage"] | {"output_tokens": 1}
    del begun["meta"]
    yield _event("message_start", "created", message=begun)
    for index, block in enumerate(reply["content"]):
        yield _event("content_block_start", index=index, content_block=block | _EMPTY[block["type"]])
        for delta, kind in _deltas(block):
            yield _event("content_block_delta", kind, index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    stopped = {key: reply[key] for key in ("stop_reason", "stop_sequence")}
    yield _event("message_delta", "finish", delta=stopped, usage=reply["usage"], meta=reply["meta"])
    yield _event("message_stop", "done")


_EMPTY: dict[str, JSON] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}


def _event(name: str, kind: str = "", **data: object) -> Event:
    return Event({"type": name, **data}, kind, name)


def _deltas(block: JSON) -> Iterator[tuple[JSON, str]]:
    match block["type"]:
        case "thinking":
            for piece in pieces(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}, "reasoning"
            yield {"type": "signature_delta", "signature": block["signature"]}, "reasoning"
        case "text":
            for piece in pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}, "text"
        case _:
            for piece in pieces(json.dumps(block["input"], ensure_ascii=False)):
                yield {"type": "input_json_delta", "partial_json": piece}, "tool"
