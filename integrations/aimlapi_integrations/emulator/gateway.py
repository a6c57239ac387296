"""The gateway as an ASGI application: routes, authentication, headers, errors."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .endpoints import chat_completions, embeddings, messages, models, responses
from .faults import FAULT_HEADER, RequestedFault, parse_fault, pop_fault_spec
from .faults.connections import NO_RESPONSE, StreamResponse, drop_connection, encode_stream
from .faults.table import FaultDefinition, apply_stream_fault, find_fault
from .model.usage import cost_headers
from .store import GatewayState, Record
from .wire import ERROR_MESSAGES, JSON, Event, GatewayError, dump_json, error_response

Reply = JSON | list[Event]
Handler = Callable[[GatewayState, Request, JSON], Reply]
Endpoint = Callable[[Request], Awaitable[Response]]
EMPTY_KEY = "You provided an empty string instead of valid API key. Please make sure that the key is set."


@dataclass(frozen=True)
class ActiveFault:
    """The fault that applies to a request, and what it does."""

    fault: RequestedFault
    definition: FaultDefinition


def create_app(state: GatewayState | None = None) -> Starlette:
    """Create the emulated gateway as an ASGI application, for any ASGI server."""
    app = Starlette(routes=_routes())
    app.state.gateway = state or GatewayState()
    return app


def _routes() -> list[Route]:
    posts: dict[str, tuple[str, Handler]] = {
        "/chat/completions": ("chat", chat_completions.create_chat_completion),
        "/responses": ("responses", responses.create_response),
        "/responses/{id}/cancel": ("responses", responses.cancel_response),
        "/embeddings": ("embeddings", embeddings.create_embeddings),
        "/messages": ("messages", messages.create_message),
    }
    gets: dict[str, tuple[str, Handler]] = {"/responses/{id}": ("responses", responses.retrieve_response)}
    return [
        *_with_and_without_version("/models", _endpoint("models", _list_models, public=True), "GET"),
        *_with_and_without_version("/model/{id:path}", _endpoint("models", _retrieve_model, public=True), "GET"),
        *_routes_of(posts, "POST"),
        *_routes_of(gets, "GET"),
        Route("/{path:path}", _not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


def _routes_of(handlers: dict[str, tuple[str, Handler]], method: str) -> list[Route]:
    return [
        route
        for path, (name, handler) in handlers.items()
        for route in _with_and_without_version(path, _endpoint(name, handler), method)
    ]


def _with_and_without_version(path: str, endpoint: Endpoint, method: str) -> list[Route]:
    """Serve a path both with /v1 and without."""
    return [Route(prefix + path, endpoint, methods=[method]) for prefix in ("/v1", "")]


def _list_models(_state: GatewayState, request: Request, _body: JSON) -> Reply:
    return models.list_models(request.query_params)


def _retrieve_model(_state: GatewayState, request: Request, _body: JSON) -> Reply:
    return models.retrieve_model(request.path_params["id"])


async def _not_found(request: Request) -> Response:
    await _read_body(request)
    return error_response(GatewayError(404, f"Cannot {request.method} {request.url.path}"), request.url.path)


def _endpoint(name: str, handler: Handler, *, public: bool = False) -> Endpoint:
    """Build an endpoint: read the request, apply faults, check the API key, answer."""

    async def serve(request: Request) -> Response:
        state: GatewayState = request.app.state.gateway
        try:
            body = await _read_body(request)
            active = _active_fault(state, request, body, name)
            if active and (response := await _fault_response(request, active)):
                return _with_request_ids(request, response)
            if not public:
                _check_api_key(request)
            return _with_request_ids(request, _build_response(request, handler(state, request, body), active))
        except GatewayError as error:
            return _with_request_ids(request, error_response(error, request.url.path))

    return serve


async def _read_body(request: Request) -> JSON:
    """Parse the body as JSON, and record the request."""
    content = await request.body()
    try:
        body: Any = json.loads(content) if content else None
    except ValueError:
        body = None
    state: GatewayState = request.app.state.gateway
    recorded_body = json.loads(content) if isinstance(body, dict) else None  # a copy: faults edit the model id
    state.record(Record(request.method, request.url.path, dict(request.headers), recorded_body))
    if request.method == "POST" and content and not isinstance(body, dict):
        raise GatewayError(400, "Bad Request — the body is not a JSON object")
    return body or {}


def _active_fault(state: GatewayState, request: Request, body: JSON, endpoint: str) -> ActiveFault | None:
    spec = pop_fault_spec(request.headers, body)
    fault = replace(parse_fault(spec), endpoint=endpoint, path=request.url.path)
    definition = find_fault(fault)
    if definition is None and FAULT_HEADER in request.headers:
        raise GatewayError(400, f"The emulator knows no fault {fault.name!r}; `--faults` lists them")
    client_request_id = request.headers.get("x-client-request-id", "")
    if definition is None or not state.fault_counter.count_and_check(fault, spec, client_request_id):
        return None
    return ActiveFault(fault, definition)


async def _fault_response(request: Request, active: ActiveFault) -> Response | None:
    """Wait if the fault says so, and return the response that replaces the reply, if any."""
    fault, definition = active.fault, active.definition
    if fault.name == "latency" or "latency" in fault.options:
        await asyncio.sleep(fault.number("latency", fault.number("seconds", 1)))
    if fault.name == "drop":
        await drop_connection(request)
        return NO_RESPONSE
    return definition.replace_response(fault) if definition.replace_response else None


def _check_api_key(request: Request) -> None:
    header = request.headers.get("authorization") or f"Bearer {request.headers.get('x-api-key', '')}"
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        is_empty_key = "authorization" in request.headers and scheme.lower() == "bearer"
        raise GatewayError(401, EMPTY_KEY if is_empty_key else ERROR_MESSAGES[401])


def _build_response(request: Request, reply: Reply, active: ActiveFault | None) -> Response:
    if isinstance(reply, list):
        return _stream_response(reply, active)
    if active and active.definition.edit_reply:
        return active.definition.edit_reply(reply, active.fault)
    if request.method == "GET" and reply.get("object") in ("list", "model"):
        return _cacheable_response(request, reply)
    return Response(dump_json(reply), media_type="application/json", headers=cost_headers(reply))


def _stream_response(events: list[Event], active: ActiveFault | None) -> Response:
    if active is None:
        return StreamResponse(encode_stream(events))
    return StreamResponse(apply_stream_fault(events, active.fault, active.definition))


def _cacheable_response(request: Request, body: JSON) -> Response:
    headers = {"etag": models.entity_tag(body), "cache-control": "public, max-age=60"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def _with_request_ids(request: Request, response: Response) -> Response:
    """Add the ids that every response carries. An invalid `x-client-request-id` is dropped silently."""
    response.headers.setdefault("x-request-id", str(uuid.uuid4()))
    response.headers["x-inference-id"] = str(uuid.uuid4())
    client_request_id = request.headers.get("x-client-request-id", "")
    if re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", client_request_id):
        response.headers["x-client-request-id"] = client_request_id
    return response
