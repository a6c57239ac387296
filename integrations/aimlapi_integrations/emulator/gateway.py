"""The gateway as an ASGI application: routes, authentication, headers, errors."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .endpoints import chat_completions, media, messages, models, responses, similarity
from .faults import (
    FAULT_HEADER,
    NO_RESPONSE,
    RequestedFault,
    StreamResponse,
    drop_connection,
    encode_stream,
    parse_fault,
    pop_fault_spec,
)
from .faults.table import BODY_FAULTS, FaultDefinition, apply_stream_fault, find_fault
from .model import UnprocessableInputError
from .model.catalogue import cost_headers
from .store import HIDDEN, EmulatorOptions, GatewayState, Record
from .wire import ERROR_MESSAGES, FORM, JSON, Event, GatewayError, Rows, dump_json, error_response, parse_form

Reply = JSON | list[Event] | Rows
Handler = Callable[[GatewayState, Request, JSON], Reply]
Endpoint = Callable[[Request], Awaitable[Response]]
MAX_BODY_BYTES = 50_000_000
LARGE_BODY_BYTES = 20_000
EMPTY_KEY = "You provided an empty string instead of valid API key. Please make sure that the key is set."


@dataclass(frozen=True)
class ActiveFault:
    """The fault that applies to a request, and what it does."""

    fault: RequestedFault
    definition: FaultDefinition


def create_app(
    *, any_model: bool = False, log: bool | Callable[[str], object] = False, hide_keys: bool = False
) -> Starlette:
    """Create the emulated gateway as an ASGI application, for any ASGI server.

    Args:
        any_model: serve unknown model ids, too.
        log: write one line per request, to stderr or by calling a function with it.
        hide_keys: replace API keys in recorded requests by "[hidden]".
    """
    return build_app(GatewayState(EmulatorOptions(any_model, hide_keys, log)))


def build_app(state: GatewayState) -> Starlette:
    write_log = state.options.write_log
    middleware = [Middleware(RequestLog, write=write_log)] if write_log else []
    app = Starlette(routes=_routes(), middleware=middleware)
    app.state.gateway = state
    return app


class RequestLog:
    """Middleware that writes a line for each request: method, path, model, status, milliseconds until it ended."""

    def __init__(self, app: ASGIApp, write: Callable[[str], object]) -> None:
        self.app = app
        self.write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        start, status = time.perf_counter(), "-"

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_and_note_status)
        finally:
            milliseconds = (time.perf_counter() - start) * 1000
            fields = [scope["method"], scope["path"], scope.get(_LOGGED_MODEL) or "-", status]
            self.write(f"{' '.join(map(_printable, fields))} {milliseconds:.0f} ms")


_LOGGED_MODEL = "aimlapi.emulator.model"  # a key of the ASGI scope


def _printable(text: str) -> str:
    """A field of a log line: one word of at most 100 printable ASCII characters."""
    return re.sub(r"[^!-~]", "?", text[:100])


def _routes() -> list[Route]:
    posts: dict[str, tuple[str, Handler]] = {
        "/chat/completions": ("chat", chat_completions.create_chat_completion),
        "/responses": ("responses", responses.create_response),
        "/responses/{id}/cancel": ("responses", responses.cancel_response),
        "/embeddings": ("embeddings", similarity.create_embeddings),
        "/messages": ("messages", messages.create_message),
        "/batches": ("batches", messages.create_batch),
        "/batches/cancel/{id}": ("batches", messages.cancel_batch),
        "/decisions": ("decisions", similarity.create_decisions),
        "/ocr": ("ocr", media.create_ocr),
        "/stt/create": ("stt", media.create_speech_job),
        "/images/generations": ("images", media.create_images),
        "/images/edits": ("images", media.edit_images),
    }
    gets: dict[str, tuple[str, Handler]] = {
        "/responses/{id}": ("responses", responses.retrieve_response),
        "/batches": ("batches", messages.retrieve_batch),
        "/stt/{id}": ("stt", media.retrieve_speech_job),
    }
    return [
        *_with_and_without_version("/models/deprecations", _endpoint("models", _list_deprecations, public=True), "GET"),
        *_with_and_without_version("/models", _endpoint("models", _list_models, public=True), "GET"),
        *_with_and_without_version("/model/{id:path}", _endpoint("models", _retrieve_model, public=True), "GET"),
        Route("/docs-json", _endpoint("models", _describe_request, public=True), methods=["GET"]),
        Route("/v2/billing", _endpoint("billing", _show_balance), methods=["GET"]),
        *_routes_of(posts, "POST"),
        *_routes_of(gets, "GET"),
        Route("/emulated/images/{name}", media.serve_image, methods=["GET"]),
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


def _list_deprecations(_state: GatewayState, _request: Request, _body: JSON) -> Reply:
    return models.list_deprecations()


def _describe_request(_state: GatewayState, request: Request, _body: JSON) -> Reply:
    params = request.query_params
    return models.describe_request(params.get("model", ""), params.get("endpoint", ""))


def _retrieve_model(_state: GatewayState, request: Request, _body: JSON) -> Reply:
    return models.retrieve_model(request.path_params["id"])


def _show_balance(_state: GatewayState, _request: Request, _body: JSON) -> Reply:
    """The account's balance. It never changes: the emulator charges nothing."""
    return {"current_balance": 10.0, "currency": "USD"}


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
            request.state.fault = active.fault.name if active else ""
            if active and (response := await _fault_response(request, active)):
                return _with_request_ids(request, response)
            if not public:
                _check_api_key(request)
            reply = await _run_handler(handler, state, request, body)
            return _with_request_ids(request, _build_response(request, reply, active))
        except GatewayError as error:
            return _with_request_ids(request, error_response(error, request.url.path))
        except (RecursionError, OverflowError, UnicodeError, UnprocessableInputError) as error:
            refusal = GatewayError(400, f"Bad Request — the emulator can't process this request: {error}")
            return _with_request_ids(request, error_response(refusal, request.url.path))

    return serve


async def _run_handler(handler: Handler, state: GatewayState, request: Request, body: JSON) -> Reply:
    """Run a handler; if the request is large, in a thread, so that other clients don't wait for it."""
    if int(request.headers.get("content-length") or 0) > LARGE_BODY_BYTES:
        return await run_in_threadpool(handler, state, request, body)
    return handler(state, request, body)


async def _read_body(request: Request) -> JSON:
    """Parse the body as JSON, or as a form, and record the request."""
    content = await request.body()
    content_type = request.headers.get("content-type", "")
    request.state.is_form = content_type.startswith(FORM)
    body = parse_form(content, content_type) if request.state.is_form else _parse_json(content)
    state: GatewayState = request.app.state.gateway
    recorded_body = (copy.deepcopy(body) if request.state.is_form else _parse_json(content)) if body else None
    record = Record(request.method, request.url.path, dict(request.headers), recorded_body)
    state.record(record.without_keys() if state.options.hide_keys else record)
    if isinstance(body, dict) and isinstance(body.get("model"), str):
        request.scope[_LOGGED_MODEL] = body["model"].replace(_api_key(request) or "\0", HIDDEN)
    if request.method == "POST" and content and not isinstance(body, dict):
        raise GatewayError(400, "Bad Request — the body is not a JSON object")
    return body or {}


def _parse_json(content: bytes) -> Any:
    """Parse a body. None if it isn't JSON that can be sent back: not UTF-8, too deep, lone surrogates, NaN, 1e999."""
    if not content or len(content) > MAX_BODY_BYTES:
        return None
    try:
        parsed = json.loads(content.decode(), parse_constant=_finite_float, parse_float=_finite_float)
        if b"\\ud" in content.lower():
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return parsed


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _active_fault(state: GatewayState, request: Request, body: JSON, endpoint: str) -> ActiveFault | None:
    scheduled = state.next_scheduled_fault(body.get("model"))
    spec = pop_fault_spec(request.headers, body)
    spec = scheduled or spec
    fault = replace(parse_fault(spec), endpoint=endpoint, path=request.url.path)
    definition = find_fault(fault)
    if definition is None and FAULT_HEADER in request.headers:
        raise GatewayError(400, f"The emulator knows no fault {fault.name!r}; `--faults` lists them")
    client_request_id = request.headers.get("x-client-request-id", "")
    if definition is None:
        return None
    if not scheduled and not state.fault_counter.count_and_check(fault, spec, client_request_id):
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
    key = _api_key(request)
    if not key:
        is_empty_key = "authorization" in request.headers and key is not None
        raise GatewayError(401, EMPTY_KEY if is_empty_key else ERROR_MESSAGES[401])


def _api_key(request: Request) -> str | None:
    """The API key of a request. None if the authorization has another scheme."""
    header = request.headers.get("authorization") or f"Bearer {request.headers.get('x-api-key', '')}"
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def _build_response(request: Request, reply: Reply, active: ActiveFault | None) -> Response:
    if isinstance(reply, list):
        return _stream_response(reply, active)
    if isinstance(reply, Rows):
        return _rows_response(reply, active)
    if active and active.definition.edit_reply:
        return active.definition.edit_reply(reply, active.fault)
    if request.method == "GET" and reply.get("object") in ("list", "model"):
        return _cacheable_response(request, reply)
    return Response(dump_json(reply), media_type="application/json", headers=cost_headers(reply))


def _stream_response(events: list[Event], active: ActiveFault | None) -> Response:
    if active is None:
        return StreamResponse(encode_stream(events))
    return StreamResponse(apply_stream_fault(events, active.fault, active.definition))


def _rows_response(rows: Rows, active: ActiveFault | None) -> Response:
    if active and active.definition.edit_reply and active.fault.name in BODY_FAULTS:
        return active.definition.edit_reply(rows.items, active.fault)
    return Response(rows.encode(), media_type="application/json")


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
