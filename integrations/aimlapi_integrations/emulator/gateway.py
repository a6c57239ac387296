"""The gateway as an ASGI application: routes, keys, headers, errors."""

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

from . import catalogue, chat, chat_stream, embeddings, messages, responses
from .ask import JSON
from .connections import DROP, drop
from .errors import MESSAGES, GatewayError, error_response
from .fault_table import Entry, entry_of, spoil_stream
from .faults import Fault, asked_for, parse
from .sse import Event, StreamResponse, dumps, stream_of
from .store import Memory, Record
from .usage import cost_headers

Reply = JSON | list[Event]
Handler = Callable[[Memory, Request, JSON], Reply]
EMPTY_KEY = "You provided an empty string instead of valid API key. Please make sure that the key is set."


@dataclass(frozen=True)
class Spoiling:
    """The fault that a request is to meet, and what it does."""

    fault: Fault
    entry: Entry


def create_app(memory: Memory | None = None) -> Starlette:
    """The emulated gateway as an ASGI application, for any ASGI server."""
    app = Starlette(routes=_routes())
    app.state.memory = memory or Memory()
    return app


def _routes() -> list[Route]:
    posts: dict[str, tuple[str, Handler]] = {
        "/chat/completions": ("chat", _chat),
        "/responses": ("responses", responses.create),
        "/responses/{id}/cancel": ("responses", responses.cancel),
        "/embeddings": ("embeddings", embeddings.create),
        "/messages": ("messages", messages.create),
    }
    gets: dict[str, tuple[str, Handler]] = {"/responses/{id}": ("responses", responses.retrieve)}
    return [
        *_both("/models", _endpoint("models", _models, open_to_all=True), "GET"),
        *_both("/model/{id:path}", _endpoint("models", _model, open_to_all=True), "GET"),
        *(route for path, (name, do) in posts.items() for route in _both(path, _endpoint(name, do), "POST")),
        *(route for path, (name, do) in gets.items() for route in _both(path, _endpoint(name, do), "GET")),
        Route("/{path:path}", _nowhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


Endpoint = Callable[[Request], Awaitable[Response]]


def _both(path: str, endpoint: Endpoint, method: str) -> list[Route]:
    """Every path is served with /v1 and without."""
    return [Route(prefix + path, endpoint, methods=[method]) for prefix in ("/v1", "")]


def _chat(memory: Memory, _request: Request, body: JSON) -> Reply:
    catalogue.check_served(str(body.get("model")), "chat")
    done = chat.complete(body, memory.cache)
    return list(chat_stream.events(done)) if done.request.stream else chat.reply(done)


def _models(_memory: Memory, request: Request, _body: JSON) -> Reply:
    return catalogue.listing(request.query_params)


def _model(_memory: Memory, request: Request, _body: JSON) -> Reply:
    return catalogue.find(request.path_params["id"])


async def _nowhere(request: Request) -> Response:
    await _body(request)
    return error_response(GatewayError(404, f"Cannot {request.method} {request.url.path}"), request.url.path)


def _endpoint(name: str, handler: Handler, *, open_to_all: bool = False) -> Endpoint:
    """One endpoint: read, perhaps fail on demand, check the key, answer."""

    async def serve(request: Request) -> Response:
        memory: Memory = request.app.state.memory
        try:
            body = await _body(request)
            spoiling = _spoiling(memory, request, body, name)
            if spoiling and (response := await _instead(request, spoiling)):
                return _traced(request, response)
            if not open_to_all:
                _check_key(request)
            return _traced(request, _response(request, handler(memory, request, body), spoiling))
        except GatewayError as error:
            return _traced(request, error_response(error, request.url.path))

    return serve


async def _body(request: Request) -> JSON:
    """The body as JSON, and the request on record."""
    raw = await request.body()
    try:
        body: Any = json.loads(raw) if raw else None
    except ValueError:
        body = None
    memory: Memory = request.app.state.memory
    known = json.loads(raw) if isinstance(body, dict) else None
    memory.record(Record(request.method, request.url.path, dict(request.headers), known))
    if request.method == "POST" and raw and not isinstance(body, dict):
        raise GatewayError(400, "Bad Request — the body is not a JSON object")
    return body or {}


def _spoiling(memory: Memory, request: Request, body: JSON, endpoint: str) -> Spoiling | None:
    spec = asked_for(request.headers, body)
    fault = replace(parse(spec), endpoint=endpoint, path=request.url.path)
    entry = entry_of(fault)
    if entry is None and "x-emulator-fault" in request.headers:
        raise GatewayError(400, f"The emulator knows no fault {fault.name!r}; `--faults` lists them")
    if entry is None or not memory.faults.due(fault, spec, request.headers.get("x-client-request-id", "")):
        return None
    return Spoiling(fault, entry)


async def _instead(request: Request, spoiling: Spoiling) -> Response | None:
    """The response that a fault gives in place of an answer, after the wait that it asks for."""
    fault, entry = spoiling.fault, spoiling.entry
    if fault.name == "latency" or "latency" in fault.options:
        await asyncio.sleep(fault.number("latency", fault.number("seconds", 1)))
    if fault.name == "drop":
        await drop(request)
        return DROP
    return entry.instead(fault) if entry.instead else None


def _check_key(request: Request) -> None:
    header = request.headers.get("authorization") or f"Bearer {request.headers.get('x-api-key', '')}"
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        given = "authorization" in request.headers and scheme.lower() == "bearer"
        raise GatewayError(401, EMPTY_KEY if given else MESSAGES[401])


def _response(request: Request, reply: Reply, spoiling: Spoiling | None) -> Response:
    if isinstance(reply, list):
        return _streamed(reply, spoiling)
    if spoiling and spoiling.entry.plain:
        return spoiling.entry.plain(reply, spoiling.fault)
    if request.method == "GET" and reply.get("object") in ("list", "model"):
        return _cacheable(request, reply)
    return Response(dumps(reply), media_type="application/json", headers=cost_headers(reply))


def _streamed(events: list[Event], spoiling: Spoiling | None) -> Response:
    return StreamResponse(spoil_stream(events, spoiling.fault, spoiling.entry) if spoiling else stream_of(events))


def _cacheable(request: Request, body: JSON) -> Response:
    headers = {"etag": catalogue.etag(body), "cache-control": "public, max-age=60"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def _traced(request: Request, response: Response) -> Response:
    """The ids that every response carries. An `x-client-request-id` out of bounds is dropped without a word."""
    response.headers.setdefault("x-request-id", str(uuid.uuid4()))
    response.headers["x-inference-id"] = str(uuid.uuid4())
    given = request.headers.get("x-client-request-id", "")
    if re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", given):
        response.headers["x-client-request-id"] = given
    return response
