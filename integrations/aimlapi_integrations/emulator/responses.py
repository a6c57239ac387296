"""`/v1/responses`: a request becomes an `Ask`, an answer becomes output items."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from . import catalogue, responses_stream
from .ask import JSON, Ask, Tool, Turn, new_id
from .brain import answer
from .errors import GatewayError
from .hosted import Plan, plan
from .responses_items import output_items, turns_of
from .sse import Event
from .store import Memory, Stored
from .usage import Usage, measure, meta
from .wire import problem, read, refused
from .wire_responses import ResponsesRequest


def create(memory: Memory, _http: Request, body: JSON) -> JSON | list[Event]:
    """Answers a request, plainly, as events, or (with `background`) with the promise of an answer."""
    catalogue.check_served(str(body.get("model")), "responses")
    request = read(ResponsesRequest, body)
    earlier = _previous(memory, request)
    turns = (*(earlier.turns if earlier else ()), *_input_turns(memory, body))
    _check(body, turns)
    reply = _reply(memory, request, body, turns)
    said = tuple(turn for item in reply["output"] for turn in turns_of(item))
    stored = Stored(reply, (*turns, *said), ["in_progress"] if request.background else [])
    if request.store or request.background:
        memory.responses.put(stored)
    if request.stream:
        return list(responses_stream.events(reply))
    return _pending(reply, "queued") if request.background else reply


def retrieve(memory: Memory, http: Request, _body: JSON) -> JSON:
    """A stored response. One in the background is not done at the first look, and is at the second."""
    stored = _stored(memory, http.path_params["id"])
    return _pending(stored.body, stored.waits.pop(0)) if stored.waits else stored.body


def cancel(memory: Memory, http: Request, _body: JSON) -> JSON:
    """Ends a response that runs in the background; one that is done stays as it is."""
    stored = _stored(memory, http.path_params["id"])
    if stored.waits:
        stored.waits.clear()
        stored.body |= {"status": "cancelled", "output": [], "output_text": ""}
    return stored.body


def _stored(memory: Memory, response_id: str) -> Stored:
    stored = memory.responses.get(response_id)
    if stored is None:
        raise GatewayError(404, f"Response with id '{response_id}' not found.")
    return stored


def _pending(reply: JSON, status: str) -> JSON:
    kept = {key: value for key, value in reply.items() if key not in ("usage", "meta", "output_text")}
    return kept | {"status": status, "output": []}


# --- request -> ask -------------------------------------------------------------------------------------


def _previous(memory: Memory, request: ResponsesRequest) -> Stored | None:
    if request.previous_response_id is None:
        return None
    stored = memory.responses.get(request.previous_response_id)
    if stored is None:
        reason = f"Previous response with id '{request.previous_response_id}' not found. Only `store: true` keeps one."
        raise refused([problem("previous_response_id", reason, "previous_response_not_found")])
    return stored


def _input_turns(memory: Memory, body: JSON) -> tuple[Turn, ...]:
    first = [Turn("system", body["instructions"])] if body.get("instructions") else []
    if isinstance(body["input"], str):
        return (*first, Turn("user", body["input"]))
    for index, item in enumerate(body["input"]):
        refers = item.get("type") in (None, "item_reference") and "role" not in item
        if refers and not memory.responses.has_item(item["id"]):
            raise refused([problem(f"input.{index}.id", f"Item with id '{item['id']}' not found.")])
    return (*first, *(turn for item in body["input"] for turn in turns_of(item)))


def _check(body: JSON, turns: tuple[Turn, ...]) -> None:
    problems = [*_pairing(turns), *_tools(body), *_model_rules(body)]
    if not any(turn.role != "system" for turn in turns):
        problems.append(problem("input", "Array must contain at least 1 element(s)", "too_small"))
    if problems:
        raise refused(problems)


def _pairing(turns: tuple[Turn, ...]) -> Iterator[JSON]:
    """Every output answers a call, and every call has its output."""
    called = [call.id for turn in turns for call in turn.calls]
    answered = [turn.call_id for turn in turns if turn.role == "tool"]
    for call_id in answered:
        if call_id not in called:
            yield problem("input", f"No tool call found for function call output with call_id {call_id}.")
    for call_id in called:
        if call_id not in answered:
            yield problem("input", f"No tool output found for function call {call_id}.")


def _tools(body: JSON) -> Iterator[JSON]:
    choice, tools = body.get("tool_choice", "auto"), body.get("tools", [])
    if choice == "required" and not tools:
        yield problem("tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")
    if isinstance(choice, dict):
        key = "name" if choice["type"] == "function" else "type"
        if choice[key] not in [tool.get(key) for tool in tools]:
            yield problem("tool_choice", f"Tool choice '{choice[key]}' not found in 'tools' parameter.")


def _model_rules(body: JSON) -> Iterator[JSON]:
    """What the model refuses, by type: an item, a part of one, or a tool."""
    refusals = catalogue.responses_refusals(body["model"])
    listed = body["input"] if isinstance(body["input"], list) else []
    for index, item in enumerate(listed):
        parts = item["content"] if isinstance(item.get("content"), list) else []
        kinds = [item.get("type"), *(part["type"] for part in parts)]
        if refusals & set(kinds):
            yield problem(f"input.{index}", "Invalid input", "invalid_union")
    for index, tool in enumerate(body.get("tools", [])):
        if tool["type"] in refusals:
            yield problem(f"tools.{index}", "Invalid input", "invalid_union")


def _ask(request: ResponsesRequest, body: JSON, turns: tuple[Turn, ...]) -> Ask:
    wanted = body.get("text", {}).get("format", {})
    reasoning = request.reasoning
    ask = Ask(
        model=request.model,
        turns=turns,
        tools=tuple(
            Tool(tool["name"], tool.get("description", ""), tool["parameters"])
            for tool in body.get("tools", [])
            if tool["type"] == "function"
        ),
        parallel=request.parallel_tool_calls is not False,
        schema=wanted.get("schema") if wanted.get("type") == "json_schema" else None,
        json_mode=wanted.get("type") == "json_object",
        limit=request.max_output_tokens if "max_output_tokens" in request.model_fields_set else None,
        thinks=reasoning is not None and reasoning.effort not in (None, "none"),
    )
    match body.get("tool_choice", "auto"):
        case "none" | "auto" | "required" as choice:
            return replace(ask, choice=choice)
        case {"type": "function", "name": name}:
            return replace(ask, forced=name)
        case _:
            return replace(ask, choice="none")


# --- answer -> reply ------------------------------------------------------------------------------------


def _reply(memory: Memory, request: ResponsesRequest, body: JSON, turns: tuple[Turn, ...]) -> JSON:
    ask = _ask(request, body, turns)
    hosted = plan(body, ask)
    said = answer(ask) if hosted is None else hosted.answer(answer(replace(ask, tools=())))
    items = output_items(said, hosted or Plan(), body)
    status = "incomplete" if said.cut else "completed"
    return _frame(request, body) | {
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if said.cut else None,
        "output": items,
        "output_text": said.text,
        **_paid(request.model, measure(ask, [said], memory.cache)),
    }


def _frame(request: ResponsesRequest, body: JSON) -> JSON:
    """What a response repeats of its request."""
    reasoning = body.get("reasoning") or {}
    limit = request.max_output_tokens if "max_output_tokens" in request.model_fields_set else None
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "background": request.background,
        "error": None,
        "instructions": request.instructions,
        "max_output_tokens": limit,
        "model": request.model,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": bool(request.store),
        "temperature": _or(request.temperature, 1.0),
        "text": {"format": body.get("text", {}).get("format", {"type": "text"})},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": _or(request.top_p, 1.0),
        "truncation": request.truncation,
        "metadata": {},
        "system_fingerprint": "aimlapi-emulator",
    }


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _paid(model: str, usage: Usage) -> JSON:
    counts = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
    return {"usage": counts, "meta": meta(model, usage)}
