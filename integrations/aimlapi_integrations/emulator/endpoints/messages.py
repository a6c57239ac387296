"""`/v1/messages`: Anthropic's endpoint, for Claude models only; and `/v1/batches`, which takes many messages at once.

A batch goes on by being asked about: it is pending for a number of requests for its results, one unless a fault says
otherwise, and has ended then. Replies in it name no price, as in the vendor's documentation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from ..faults import FAULT_HEADER, RequestedFault, parse_fault
from ..model import JSON, ModelInput, ModelOutput, Turn, UnprocessableInputError, new_id
from ..model.catalogue import TokenUsage, cost_meta, count_usage, sign, tokenize
from ..model.generate import generate
from ..model.tools import run_server_tool
from ..store import GatewayState, StoredBatch
from ..wire import Event, GatewayError, Open, Rows, check_model_served, invalid_request, parse_request, problem
from ..wire.messages import MessagesRequest, check_messages_request
from .chat_completions import parse_tools, parse_turns, with_tool_choice

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_UNANSWERED = {"batch-errored", "batch-expired", "batch-canceled"}


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


# --- what batches accept; the params of a request are checked when it is processed, as at the vendor --------------


class BatchParams(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[JSON], Field(min_length=1)]
    max_tokens: Annotated[float, Field(ge=1)] = 1024


class BatchedRequest(Open):
    custom_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    params: BatchParams


class BatchRequest(Open):
    requests: Annotated[list[BatchedRequest], Field(min_length=1, max_length=100_000)]


def check_batch_request(request: BatchRequest) -> None:
    """Raise the 400 for a custom id that occurs twice."""
    counts = Counter(each.custom_id for each in request.requests)
    repeated = next((custom_id for custom_id, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise invalid_request([problem("requests", f"Duplicate custom_id: {repeated}", "duplicate_custom_id")])


# --- batches ------------------------------------------------------------------------------------------------------


def create_batch(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    """Accept a batch, and answer its requests at once; the results are shown once it has ended."""
    check_batch_request(parse_request(BatchRequest, body))
    fault = parse_fault(http_request.headers.get(FAULT_HEADER, ""))
    affected = int(fault.number("rows", 1)) if fault.name in _UNANSWERED else 0
    rows = [_row(state, request, fault if place < affected else None) for place, request in enumerate(body["requests"])]
    stored = StoredBatch(
        body=_batch_body(len(rows)),
        rows=rows,
        polls=float("inf") if fault.name == "batch-stuck" else fault.number("polls", 1),
        as_lines=fault.name == "batch-lines" or "lines" in fault.options,
    )
    state.batches.put(stored)
    return stored.body


def retrieve_batch(state: GatewayState, http_request: Request, _body: JSON) -> JSON | Rows:
    """Return the status of a batch, or its results once it has ended."""
    batch_id = http_request.query_params.get("batch_id")
    if not batch_id:
        raise invalid_request([problem("batch_id", "Required", "invalid_type")])
    stored = _find_stored(state, batch_id)
    if stored.canceled:
        return Rows([{**stored.body, "status": "cancelled"}])
    if stored.polls > 0:
        stored.polls -= 1
        return Rows([{"id": batch_id, "status": "generating"}])
    return Rows(stored.rows, stored.as_lines)


def cancel_batch(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    """Cancel a batch that has not ended."""
    stored = _find_stored(state, http_request.path_params["id"])
    if stored.polls <= 0 and not stored.canceled:
        raise GatewayError(400, _already_ended(stored.body["id"]))
    stored.canceled = True
    stored.body |= {"processing_status": "canceling", "cancel_initiated_at": _timestamp()}
    return stored.body


def _find_stored(state: GatewayState, batch_id: str) -> StoredBatch:
    stored = state.batches.get(batch_id)
    if stored is None:
        raise GatewayError(404, f"Batch with id '{batch_id}' not found.")
    return stored


def _already_ended(batch_id: str) -> str:
    """The provider's error as the gateway passes it on: as text."""
    message = f"Batch {batch_id} cannot be canceled because it has already finished processing."
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return f"400 {json.dumps(error)}"


def _batch_body(count: int) -> JSON:
    return {
        "id": new_id("msgbatch_"),
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": {"processing": count, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "ended_at": None,
        "created_at": _timestamp(),
        "expires_at": _timestamp(days=1),
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }


def _timestamp(days: int = 0) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).isoformat()


# --- results ------------------------------------------------------------------------------------------------------


def _row(state: GatewayState, request: JSON, fault: RequestedFault | None) -> JSON:
    """The result of a request. The id of its model can ask for a fault, too."""
    model, _, spec = request["params"]["model"].partition("#fault=")
    fault = fault or parse_fault(spec)
    params = {**request["params"], "model": model, "stream": False}
    return {"custom_id": request["custom_id"], "result": _result(state, params, fault)}


def _result(state: GatewayState, params: JSON, fault: RequestedFault) -> JSON:
    match fault.name:
        case "batch-errored":
            return _errored("api_error", "emulated: the provider failed")
        case "batch-expired" | "batch-canceled":
            return {"type": fault.name.removeprefix("batch-")}
    try:
        return {"type": "succeeded", "message": _message(state, params)}
    except GatewayError as error:
        reasons = "; ".join(f"{detail['path']}: {detail['reason']}" for detail in error.details or ())
        return _errored("invalid_request_error", reasons or error.message)
    except (RecursionError, UnprocessableInputError) as error:
        return _errored("invalid_request_error", str(error))


def _message(state: GatewayState, params: JSON) -> JSON:
    """The reply as `/v1/messages` gives it, without a price."""
    message = create_message(state, None, params)
    if not isinstance(message, dict):
        raise TypeError("a stream in a batch")
    message.pop("meta")
    message["usage"]["service_tier"] = "batch"
    return message


def _errored(kind: str, message: str) -> JSON:
    return {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": message}}}
