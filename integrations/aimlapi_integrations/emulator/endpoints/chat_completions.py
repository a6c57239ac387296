"""`/v1/chat/completions`: read a request, answer it, plainly or as a stream.

The messages endpoint has the same tools, tool choices and content parts, and reads them with the functions here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from starlette.requests import Request

from ..model import JSON, ModelCall, ModelInput, ModelOutput, ModelTool, Turn, new_id
from ..model.catalogue import (
    Family,
    PromptCache,
    TokenUsage,
    cost_meta,
    count_usage,
    model_family,
    thought_signature,
    tokenize,
    with_signed_id,
)
from ..model.generate import generate
from ..model.tools import PAGES
from ..store import GatewayState
from ..wire import Event, check_model_served, parse_request
from ..wire.chat_completions import ChatRequest
from ..wire.chat_completions_rules import check_chat_request

FINGERPRINT = "aimlapi-emulator"
Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True)
class Completion:
    """An answered request, from which both the plain reply and the stream are built."""

    request: ChatRequest
    outputs: tuple[ModelOutput, ...]
    usage: TokenUsage
    family: Family
    id: str
    created: int

    @property
    def head(self) -> JSON:
        return {"id": self.id, "created": self.created, "model": self.request.model}


def create_chat_completion(state: GatewayState, _http_request: Request, body: JSON) -> JSON | list[Event]:
    check_model_served(str(body.get("model")), "chat", any_model=state.options.any_model)
    completion = _complete(body, state.prompt_cache)
    return list(_stream(completion)) if completion.request.stream else _reply(completion)


def _complete(body: JSON, prompt_cache: PromptCache) -> Completion:
    """Validate and answer a request. Raise GatewayError for what the gateway refuses."""
    request = parse_request(ChatRequest, body)
    check_chat_request(request, body)
    model_input = _build_model_input(request, body)
    outputs = [generate(model_input) for _ in range(request.n or 1)]
    family = model_family(request.model)
    if family.name == "gemini":
        outputs = [replace(output, calls=tuple(map(with_signed_id, output.calls))) for output in outputs]
    usage = count_usage(model_input, outputs, prompt_cache)
    prefix = "msg_" if family.name == "claude" else "chatcmpl-"
    return Completion(request, tuple(outputs), usage, family, new_id(prefix), int(time.time()))


# --- request -> model input ---------------------------------------------------------------------------------------


def _build_model_input(request: ChatRequest, body: JSON) -> ModelInput:
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    model_input = ModelInput(
        model=request.model,
        turns=tuple(turn for message in body["messages"] for turn in parse_turns(message)),
        tools=parse_tools(body),
        parallel_calls=request.parallel_tool_calls,
        json_mode=request.response_format.type == "json_object",
        schema=_response_schema(body),
        stop=(*stop, *request.stop_sequences),
        max_tokens=_token_limit(request),
        reasons=_reasoning_enabled(request),
    )
    return with_tool_choice(model_input, body.get("tool_choice", "auto"))


def _reasoning_enabled(request: ChatRequest) -> bool:
    fields_set = request.model_fields_set
    effort = "reasoning_effort" in fields_set and request.reasoning_effort != "none"
    return effort or "reasoning" in fields_set or request.thinking.type != "disabled" or request.enable_thinking


def _response_schema(body: JSON) -> JSON | None:
    response_format = body.get("response_format", {})
    if response_format.get("type") != "json_schema":
        return None
    schema: JSON = response_format["json_schema"].get("schema", {"type": "object"})
    return schema


def _token_limit(request: ChatRequest) -> int | None:
    names = {"max_tokens", "max_completion_tokens"} & request.model_fields_set
    limits = [getattr(request, name) for name in names]
    return min((int(limit) for limit in limits if math.isfinite(limit)), default=None)


def parse_tools(body: JSON) -> tuple[ModelTool, ...]:
    """The caller's functions. Tools that the model's vendor runs are left out."""
    definitions = [tool.get("function", tool) for tool in body.get("tools", [])]
    return tuple(_parse_tool(definition) for definition in definitions if _is_client_tool(definition))


def _is_client_tool(definition: JSON) -> bool:
    return "name" in definition


def _parse_tool(definition: JSON) -> ModelTool:
    parameters = definition.get("parameters") or definition.get("input_schema") or {}
    return ModelTool(definition["name"], definition.get("description", ""), parameters)


def with_tool_choice(model_input: ModelInput, choice: Any) -> ModelInput:
    """Apply a tool choice in OpenAI's or Anthropic's form."""
    match choice:
        case "none" | "auto" | "required":
            return replace(model_input, tool_choice=choice)
        case {"type": "function", "function": {"name": name}} | {"type": "tool", "name": name}:
            return replace(model_input, forced_tool=name)
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}:
            names = {tool.get("function", tool).get("name") for tool in allowed}
            tools = tuple(tool for tool in model_input.tools if tool.name in names)
            return replace(model_input, tool_choice=mode, tools=tools)
        case {"type": "any"}:
            return replace(model_input, tool_choice="required")
        case {"type": "none"}:
            return replace(model_input, tool_choice="none")
        case _:
            return model_input


_ATTACHMENTS = {
    "image_url": "an image",
    "image": "an image",
    "file": "a file",
    "document": "a file",
    "input_audio": "audio",
    "video_url": "a video",
}


def parse_turns(message: JSON) -> list[Turn]:
    """A message as turns: one, except that each tool result in an Anthropic user message is a turn of its own."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    role: Role = "system" if message["role"] == "developer" else message["role"]
    results = [_parse_tool_result(part) for part in parts if part["type"] == "tool_result"]
    other_parts = [part for part in parts if part["type"] != "tool_result"]
    if results and not other_parts:
        return results
    calls = [_parse_call(call) for call in message.get("tool_calls") or []]
    calls += [ModelCall(part["name"], str(part["input"]), part["id"]) for part in parts if part["type"] == "tool_use"]
    text = "\n".join(_part_text(part) for part in other_parts if part["type"] in ("text", "search_result"))
    attachments = tuple(_ATTACHMENTS[part["type"]] for part in other_parts if part["type"] in _ATTACHMENTS)
    return [*results, Turn(role, text, tuple(calls), message.get("tool_call_id", ""), attachments)]


def _parse_tool_result(part: JSON) -> Turn:
    content = part.get("content", "")
    text = content if isinstance(content, str) else "\n".join(map(_part_text, content))
    return Turn("tool", text, call_id=part["tool_use_id"])


def _part_text(part: JSON) -> str:
    """The text of a part; of a search result, that of its passages."""
    if part["type"] == "search_result":
        return "\n".join(passage["text"] for passage in part["content"])
    return str(part.get("text", ""))


def _parse_call(call: JSON) -> ModelCall:
    function = call.get("function") or {"name": call["custom"]["name"], "arguments": call["custom"]["input"]}
    return ModelCall(function["name"], function["arguments"], call["id"])


# --- plain reply --------------------------------------------------------------------------------------------------


def _reply(completion: Completion) -> JSON:
    body = completion.head | {
        "object": "chat.completion",
        "choices": [_choice(completion, index, output) for index, output in enumerate(completion.outputs)],
        "usage": _usage_body(completion.usage),
        **_cost(completion),
    }
    return body | _extra_fields(completion)


def _cost(completion: Completion) -> JSON:
    return {} if completion.family.minimal else {"meta": cost_meta(completion.request.model, completion.usage)}


def _extra_fields(completion: Completion) -> JSON:
    """The fingerprint, and for Perplexity's models the pages that the answer is based on."""
    if completion.family.minimal:
        return {}
    if completion.family.name != "perplexity":
        return {"system_fingerprint": FINGERPRINT}
    results = [
        {"title": page.title, "url": page.url, "date": page.date, "last_updated": page.date} for page in PAGES[:2]
    ]
    citations = [result["url"] for result in results]
    return {"citations": citations, "search_results": results, "system_fingerprint": FINGERPRINT}


def _choice(completion: Completion, index: int, output: ModelOutput) -> JSON:
    content = _content(completion, output)
    message: JSON = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    message |= _reasoning_fields(completion, output.reasoning)
    if output.calls:
        message["tool_calls"] = [_call_body(completion, call) for call in output.calls]
    finish_reason: str = output.finish_reason
    if completion.family.name == "claude" and finish_reason == "stop":
        finish_reason = "end_turn"
    logprobs = _logprobs(completion, tokenize(output.text))
    return {"index": index, "message": message, "finish_reason": finish_reason, "logprobs": logprobs}


def _content(completion: Completion, output: ModelOutput) -> str:
    if completion.family.reasoning_form == "inline" and output.reasoning:
        return f"<think>\n{output.reasoning}\n</think>\n\n{output.text}"
    return output.text


def _reasoning_fields(completion: Completion, reasoning: str) -> JSON:
    """The fields that hold reasoning (in a stream: a piece of it) in replies of the model's family."""
    if not reasoning or completion.request.reasoning.exclude:
        return {}
    match completion.family.reasoning_form:
        case "field":
            return {"reasoning_content": reasoning}
        case "details":
            detail = {"type": "reasoning.text", "text": reasoning, "format": "unknown", "index": 0}
            return {"reasoning": reasoning, "reasoning_details": [detail]}
        case "empty":
            return {"reasoning_content": ""}
        case _:
            return {}


def _call_body(completion: Completion, call: ModelCall) -> JSON:
    body: JSON = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    return body | {"extra_content": thought_signature(call.id)} if completion.family.name == "gemini" else body


def _logprobs(completion: Completion, tokens: list[str]) -> JSON | None:
    """A log probability for each token, if requested. It is always the same, since nothing was sampled."""
    if not completion.request.logprobs:
        return None
    count = int(completion.request.top_logprobs or 0)
    return {
        "content": [_token_body(token) | {"top_logprobs": _top_logprobs(token, count)} for token in tokens],
        "refusal": [],
    }


def _token_body(token: str, logprob: float = -0.01) -> JSON:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _top_logprobs(token: str, count: int) -> list[JSON]:
    candidates = [token, *(f"~{index}" for index in range(1, count))]
    return [_token_body(candidate, -0.01 - 5 * index) for index, candidate in enumerate(candidates[:count])]


def _usage_body(usage: TokenUsage) -> JSON:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


# --- stream -------------------------------------------------------------------------------------------------------
# Two details of documented streams contradict the documented schema of a chunk. They are kept because clients meet
# them: `finish_reason` is null until the last chunk (the schema has no null), and Claude's chunks have none until then.
# Otherwise the schema is followed to the letter: every delta has a role and content, and every fragment of a tool call
# has an id, type and name, which are empty strings after the first.


def _stream(completion: Completion) -> Iterator[Event]:
    return _stream_claude(completion) if completion.family.name == "claude" else _stream_default(completion)


def _stream_default(completion: Completion) -> Iterator[Event]:
    for index, output in enumerate(completion.outputs):
        for event in _choice_deltas(completion, output):
            yield _chunk(completion, index, event.data, event.kind)
        yield _chunk(completion, index, {"delta": _delta(), "finish_reason": output.finish_reason}, "finish")
    if completion.request.stream_options.include_usage:
        tail = {"choices": [], "usage": _usage_body(completion.usage)} | _cost(completion)
        yield Event(_chunk_head(completion) | tail, "usage")
    yield Event("[DONE]", "done")


def _stream_claude(completion: Completion) -> Iterator[Event]:
    """Claude's chunks: the id only on the first; two with a finish reason; usage on the first of these; no [DONE]."""
    output = completion.outputs[0]
    for number, event in enumerate(_choice_deltas(completion, output)):
        choice = {"index": 0, "delta": event.data["delta"] | {"refusal": None}}
        chunk = {"id": "" if number else completion.id, "choices": [choice]}
        yield Event(_chunk_head(completion) | chunk, event.kind)
    usage = _usage_body(completion.usage)
    totals = {key: usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
    last_choice = {"index": 0, "finish_reason": output.finish_reason}
    tail = _chunk_head(completion) | {"id": ""}
    cost = _cost(completion)  # without stream_options, which Claude's schema doesn't list
    yield Event(tail | cost | {"choices": [last_choice | {"delta": _delta(refusal=None)}], "usage": totals}, "finish")
    yield Event(tail | {"choices": [last_choice], "usage": None}, "finish")


def _chunk_head(completion: Completion) -> JSON:
    return completion.head | {"object": "chat.completion.chunk"} | _extra_fields(completion)


def _chunk(completion: Completion, index: int, choice: JSON, kind: str) -> Event:
    choices = [{"index": index, "finish_reason": None, "logprobs": None} | choice]
    return Event(_chunk_head(completion) | {"choices": choices}, kind)


def _delta(content: str = "", **fields: object) -> JSON:
    return {"role": "assistant", "content": content, **fields}


def _choice_deltas(completion: Completion, output: ModelOutput) -> Iterator[Event]:
    """The deltas of a choice in order: the role, the reasoning, the text, the calls."""
    yield Event({"delta": _delta()}, "start")
    if completion.family.reasoning_form in ("field", "details"):
        for token in tokenize(output.reasoning):
            yield Event({"delta": _delta(**_reasoning_fields(completion, token))}, "reasoning")
    for token in tokenize(_content(completion, output)):
        yield Event({"delta": _delta(token), "logprobs": _logprobs(completion, [token])}, "text")
    for index, call in enumerate(output.calls):
        yield from _call_deltas(_call_body(completion, call), index)


def _call_deltas(call: JSON, index: int) -> Iterator[Event]:
    name, arguments = call["function"]["name"], call["function"]["arguments"]
    first = call | {"index": index, "function": {"name": name, "arguments": ""}}
    yield Event({"delta": _delta(tool_calls=[first])}, "tool")
    for token in tokenize(arguments):
        fragment = {"index": index, "id": "", "type": "function", "function": {"name": "", "arguments": token}}
        yield Event({"delta": _delta(tool_calls=[fragment])}, "tool")
