"""`/v1/responses`: read a request, answer it with output items, store it if told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Literal

from starlette.requests import Request

from ..model import JSON, ModelCall, ModelInput, ModelOutput, ModelTool, Turn, new_id
from ..model.catalogue import TokenUsage, cost_meta, count_usage, model_family, sign, tokenize
from ..model.generate import generate
from ..model.tools import HostedToolResult, run_hosted_tool
from ..store import GatewayState, StoredResponse
from ..wire import Event, GatewayError, check_model_served, invalid_request, parse_request, problem
from ..wire.responses import ResponsesRequest, check_responses_request

Role = Literal["system", "user", "assistant"]


def create_response(state: GatewayState, _http_request: Request, body: JSON) -> JSON | list[Event]:
    """Answer a request plainly, as events, or (with `background`) with a queued response."""
    check_model_served(str(body.get("model")), "responses", any_model=state.options.any_model)
    request = parse_request(ResponsesRequest, body)
    previous = _previous_response(state, request)
    turns = (*(previous.turns if previous else ()), *_input_turns(state, body))
    check_responses_request(body, turns)
    reply = _reply(state, request, body, turns)
    output_turns = tuple(turn for item in reply["output"] for turn in _item_turns(item))
    stored = StoredResponse(reply, (*turns, *output_turns), ["in_progress"] if request.background else [])
    if request.store or request.background:
        state.responses.put(stored)
    if request.stream:
        return list(stream_response(reply))
    return _pending_body(reply, "queued") if request.background else reply


def retrieve_response(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    """Return a stored response. A background response is in progress the first time and complete the second."""
    stored = _find_stored(state, http_request.path_params["id"])
    if not stored.pending_statuses:
        return stored.body
    return _pending_body(stored.body, stored.pending_statuses.pop(0))


def cancel_response(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    """Cancel a background response. A complete one stays as it is."""
    stored = _find_stored(state, http_request.path_params["id"])
    if stored.pending_statuses:
        stored.pending_statuses.clear()
        stored.body |= {"status": "cancelled", "output": [], "output_text": ""}
    return stored.body


def _find_stored(state: GatewayState, response_id: str) -> StoredResponse:
    stored = state.responses.get(response_id)
    if stored is None:
        raise GatewayError(404, f"Response with id '{response_id}' not found.")
    return stored


def _pending_body(reply: JSON, status: str) -> JSON:
    body = {key: value for key, value in reply.items() if key not in ("usage", "meta", "output_text")}
    return body | {"status": status, "output": []}


# --- request -> model input ---------------------------------------------------------------------------------------


def _previous_response(state: GatewayState, request: ResponsesRequest) -> StoredResponse | None:
    if request.previous_response_id is None:
        return None
    stored = state.responses.get(request.previous_response_id)
    if stored is None:
        reason = f"Previous response with id '{request.previous_response_id}' not found. Only `store: true` keeps one."
        raise invalid_request([problem("previous_response_id", reason, "previous_response_not_found")])
    return stored


def _input_turns(state: GatewayState, body: JSON) -> tuple[Turn, ...]:
    instructions = [Turn("system", body["instructions"])] if body.get("instructions") else []
    if isinstance(body["input"], str):
        return (*instructions, Turn("user", body["input"]))
    stored_ids = state.responses.item_ids()
    for index, item in enumerate(body["input"]):
        is_reference = item.get("type") in (None, "item_reference") and "role" not in item
        if is_reference and item["id"] not in stored_ids:
            raise invalid_request([problem(f"input.{index}.id", f"Item with id '{item['id']}' not found.")])
    return (*instructions, *(turn for item in body["input"] for turn in _item_turns(item)))


_ATTACHMENTS = {"input_image": "an image", "input_file": "a file"}


def _item_turns(item: JSON) -> list[Turn]:
    """An item as turns. Reasoning, references and calls of hosted tools add nothing to the conversation here."""
    match item.get("type", "message"):
        case "message":
            return [_message_turn(item)] if "role" in item else []
        case "function_call":
            return [Turn("assistant", "", (ModelCall(item["name"], item["arguments"], item["call_id"]),))]
        case "function_call_output":
            return [Turn("tool", item["output"], call_id=item["call_id"])]
        case _:
            return []


def _message_turn(item: JSON) -> Turn:
    content: Any = item["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    role: Role = "system" if item["role"] == "developer" else item["role"]
    texts = [part.get("text") or part.get("refusal", "") for part in parts if part["type"] not in _ATTACHMENTS]
    attachments = tuple(_ATTACHMENTS[part["type"]] for part in parts if part["type"] in _ATTACHMENTS)
    return Turn(role, "\n".join(texts), attachments=attachments)


def _build_model_input(request: ResponsesRequest, body: JSON, turns: tuple[Turn, ...]) -> ModelInput:
    text_format = body.get("text", {}).get("format", {})
    reasoning = request.reasoning
    functions = [tool for tool in body.get("tools", []) if tool["type"] == "function"]
    model_input = ModelInput(
        model=request.model,
        turns=turns,
        tools=tuple(ModelTool(tool["name"], tool.get("description", ""), tool["parameters"]) for tool in functions),
        parallel_calls=request.parallel_tool_calls is not False,
        schema=text_format.get("schema") if text_format.get("type") == "json_schema" else None,
        json_mode=text_format.get("type") == "json_object",
        max_tokens=_token_limit(request),
        reasons=reasoning is not None and reasoning.effort not in (None, "none"),
    )
    match body.get("tool_choice", "auto"):
        case "none" | "auto" | "required" as choice:
            return replace(model_input, tool_choice=choice)
        case {"type": "function", "name": name}:
            return replace(model_input, forced_tool=name)
        case _:
            return replace(model_input, tool_choice="none")


def _token_limit(request: ResponsesRequest) -> int | None:
    return request.max_output_tokens if "max_output_tokens" in request.model_fields_set else None


# --- plain reply --------------------------------------------------------------------------------------------------


def _reply(state: GatewayState, request: ResponsesRequest, body: JSON, turns: tuple[Turn, ...]) -> JSON:
    model_input = _build_model_input(request, body, turns)
    hosted = run_hosted_tool(body, model_input)
    output = generate(replace(model_input, tools=()) if hosted else model_input)
    output = hosted.apply_to(output) if hosted else output
    return _echoed_fields(request, body) | {
        "status": "incomplete" if output.truncated else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if output.truncated else None,
        "output": _output_items(output, hosted or HostedToolResult(), body),
        "output_text": output.text,
        **_usage_fields(request.model, count_usage(model_input, [output], state.prompt_cache)),
    }


def _echoed_fields(request: ResponsesRequest, body: JSON) -> JSON:
    """The fields of a response that repeat its request."""
    reasoning = body.get("reasoning") or {}
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "background": request.background,
        "error": None,
        "instructions": request.instructions,
        "max_output_tokens": _token_limit(request),
        "model": request.model,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": bool(request.store),
        "temperature": _value_or(request.temperature, 1.0),
        "text": {"format": body.get("text", {}).get("format", {"type": "text"})},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": _value_or(request.top_p, 1.0),
        "truncation": request.truncation,
        "metadata": {},
        "system_fingerprint": "aimlapi-emulator",
    }


def _value_or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _usage_fields(model: str, usage: TokenUsage) -> JSON:
    counts = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
    return {"usage": counts, "meta": cost_meta(model, usage)}


def _output_items(output: ModelOutput, hosted: HostedToolResult, body: JSON) -> list[JSON]:
    """The output in order: reasoning, what hosted tools did, the message, the calls."""
    items = [*_reasoning_items(output, body), *hosted.items]
    if output.text or not (output.calls or hosted.items):
        items.append(_message_item(output, hosted))
    return items + [_call_item(call, output, is_last=call is output.calls[-1]) for call in output.calls]


def _reasoning_items(output: ModelOutput, body: JSON) -> Iterator[JSON]:
    if not (output.reasoning or model_family(body["model"]).reasons):
        return
    item: JSON = {"id": new_id("rs_"), "type": "reasoning", "summary": []}
    if (body.get("reasoning") or {}).get("summary") and output.reasoning:
        item["summary"] = [{"type": "summary_text", "text": output.reasoning}]
    if "reasoning.encrypted_content" in (body.get("include") or []):
        item["encrypted_content"] = sign(item["id"])
    yield item


def _message_item(output: ModelOutput, hosted: HostedToolResult) -> JSON:
    annotations = [note for note in hosted.annotations if note["end_index"] <= len(output.text)]
    part = {"type": "output_text", "text": output.text, "annotations": annotations, "logprobs": []}
    status = "incomplete" if output.truncated else "completed"
    return {"id": new_id("msg_"), "type": "message", "status": status, "role": "assistant", "content": [part]}


def _call_item(call: ModelCall, output: ModelOutput, *, is_last: bool) -> JSON:
    return {
        "id": new_id("fc_"),
        "type": "function_call",
        "status": "incomplete" if output.truncated and is_last else "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


# --- stream: the events that build a response, numbered, in the documented order ----------------------------------

_FINAL_EVENTS = {"completed": "response.completed", "incomplete": "response.incomplete"}


def stream_response(reply: JSON) -> Iterator[Event]:
    sequence = count()
    for event in _response_events(reply):
        data = {"type": event.name, "sequence_number": next(sequence)} | event.data
        yield Event(data, event.kind, event.name)


def _event(name: str, kind: str = "", **data: object) -> Event:
    return Event(data, kind, f"response.{name}")


def _response_events(reply: JSON) -> Iterator[Event]:
    final_only = ("usage", "meta", "output_text", "incomplete_details")
    initial = {key: value for key, value in reply.items() if key not in final_only}
    initial |= {"status": "in_progress", "output": []}
    yield _event("created", "created", response=initial)
    yield _event("in_progress", response=initial)
    for index, item in enumerate(reply["output"]):
        yield _event("output_item.added", output_index=index, item=item | _EMPTY_ITEMS.get(item["type"], {}))
        for event in _item_events(item):
            yield Event({"output_index": index, "item_id": item["id"]} | event.data, event.kind, event.name)
        yield _event("output_item.done", output_index=index, item=item)
    yield Event({"response": reply}, "finish", _FINAL_EVENTS[reply["status"]])


# What an item lacks when it is added, because later events fill it.
_EMPTY_ITEMS: dict[str, JSON] = {
    "message": {"content": [], "status": "in_progress"},
    "function_call": {"arguments": "", "status": "in_progress"},
    "reasoning": {"summary": []},
    "web_search_call": {"status": "in_progress"},
    "code_interpreter_call": {"status": "in_progress", "code": "", "outputs": None},
    "mcp_call": {"arguments": "", "output": None},
    "mcp_list_tools": {"tools": []},
}


def _item_events(item: JSON) -> Iterator[Event]:
    match item["type"]:
        case "message":
            return _message_events(item)
        case "reasoning":
            return _summary_events(item)
        case "function_call":
            return _argument_events("function_call_arguments", item)
        case "web_search_call":
            return iter([_event(f"web_search_call.{step}") for step in ("in_progress", "searching", "completed")])
        case "code_interpreter_call":
            return _code_events(item)
        case "mcp_call":
            return _mcp_call_events(item)
        case "mcp_list_tools":
            return iter([_event(f"mcp_list_tools.{step}") for step in ("in_progress", "completed")])
        case _:
            return iter(())


def _message_events(item: JSON) -> Iterator[Event]:
    for index, part in enumerate(item["content"]):
        yield from _refusal_events(index, part) if part["type"] == "refusal" else _text_events(index, part)


def _refusal_events(index: int, part: JSON) -> Iterator[Event]:
    yield _event("content_part.added", content_index=index, part=part | {"refusal": ""})
    for token in tokenize(part["refusal"]):
        yield _event("refusal.delta", "text", content_index=index, delta=token)
    yield _event("refusal.done", content_index=index, refusal=part["refusal"])
    yield _event("content_part.done", content_index=index, part=part)


def _text_events(index: int, part: JSON) -> Iterator[Event]:
    yield _event("content_part.added", content_index=index, part=part | {"text": "", "annotations": []})
    for token in tokenize(part["text"]):
        yield _event("output_text.delta", "text", content_index=index, delta=token, logprobs=[])
    for number, note in enumerate(part["annotations"]):
        yield _event("output_text.annotation.added", content_index=index, annotation_index=number, annotation=note)
    yield _event("output_text.done", content_index=index, text=part["text"], logprobs=[])
    yield _event("content_part.done", content_index=index, part=part)


def _summary_events(item: JSON) -> Iterator[Event]:
    for index, part in enumerate(item["summary"]):
        yield _event("reasoning_summary_part.added", summary_index=index, part=part | {"text": ""})
        for token in tokenize(part["text"]):
            yield _event("reasoning_summary_text.delta", "reasoning", summary_index=index, delta=token)
        yield _event("reasoning_summary_text.done", summary_index=index, text=part["text"])
        yield _event("reasoning_summary_part.done", summary_index=index, part=part)


def _argument_events(name: str, item: JSON) -> Iterator[Event]:
    for token in tokenize(item["arguments"]):
        yield _event(f"{name}.delta", "tool", delta=token)
    yield _event(f"{name}.done", arguments=item["arguments"])


def _code_events(item: JSON) -> Iterator[Event]:
    yield _event("code_interpreter_call.in_progress")
    for token in tokenize(item["code"]):
        yield _event("code_interpreter_call_code.delta", delta=token)
    yield _event("code_interpreter_call_code.done", code=item["code"])
    yield _event("code_interpreter_call.interpreting")
    yield _event("code_interpreter_call.completed")


def _mcp_call_events(item: JSON) -> Iterator[Event]:
    yield _event("mcp_call.in_progress")
    yield from _argument_events("mcp_call_arguments", item)
    yield _event("mcp_call.completed")
