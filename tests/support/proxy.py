"""A proxy on loopback that records exchanges, and can refuse requests or change responses.

A client uses `proxy.base_url`; the proxy forwards to another server, streams included. No recorded exchange has the
request's headers, so none has a key.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aimlapi_integrations.emulator.server import bind_socket, url_of

Json = dict[str, Any]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_NOT_FORWARDED = {"host", "connection", "content-length", "accept-encoding", "transfer-encoding"}
_NOT_RETURNED = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive"}
_SERVER: dict[str, Any] = {
    "loop": "asyncio",  # uvicorn below 0.36 would make uvloop the event loop of the whole process
    "ws": "none",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "date_header": False,  # it returns the other server's
    "timeout_graceful_shutdown": 1,
}


@dataclass(frozen=True)
class Exchange:
    """A request and its response. `path` includes the query, `request` is the JSON body, headers are in lower case."""

    method: str
    path: str
    request: Json | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    refused: bool = False

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def json(self) -> Any:
        """The body as JSON; None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Proxy:
    """Forward requests to `upstream` for as long as the `with` block lasts.

    Args:
        upstream: the base URL of the server, which ends in `/v1`.
        refuse: called before a request is forwarded; a response that it returns is sent instead.
        record: called with each exchange once it has ended.
        edit: returns the exchange to respond with. With it, responses are not streamed but sent at once.
    """

    def __init__(
        self,
        upstream: str,
        *,
        refuse: Callable[[Exchange], JSONResponse | None] = lambda _: None,
        record: Callable[[Exchange], None] = lambda _: None,
        edit: Callable[[Exchange], Exchange] | None = None,
    ) -> None:
        self.exchanges: list[Exchange] = []
        self._upstream = upstream.removesuffix("/v1")
        self._refuse, self._record, self._edit = refuse, record, edit

    @property
    def base_url(self) -> str:
        return url_of(self._socket)

    def __enter__(self) -> Proxy:
        self._socket = bind_socket("127.0.0.1", 0)
        app = Starlette(routes=[Route("/{path:path}", self._forward, methods=METHODS)], lifespan=self._connect)
        self._server = uvicorn.Server(uvicorn.Config(app, **_SERVER))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.001)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    @asynccontextmanager
    async def _connect(self, _app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=httpx.Timeout(600, connect=10)) as self._http:
            yield

    async def _forward(self, request: Request) -> Response:
        content = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        exchange = Exchange(request.method, path, _parse(content))
        if (refusal := self._refuse(exchange)) is not None:
            body = bytes(refusal.body)
            self.exchanges.append(replace(exchange, status=refusal.status_code, body=body, refused=True))
            return refusal
        headers = [item for item in request.headers.items() if item[0].lower() not in _NOT_FORWARDED]
        sent = self._http.build_request(request.method, self._upstream + path, headers=headers, content=content)
        try:
            response = await self._http.send(sent, stream=True)
        except httpx.HTTPError as error:
            return self._failed(exchange, error)
        returned = {name: value for name, value in response.headers.items() if name not in _NOT_RETURNED}
        exchange = replace(exchange, status=response.status_code, headers=returned)
        if self._edit is None and exchange.streamed:
            return StreamingResponse(self._stream(exchange, response), exchange.status, returned)
        return await self._whole(exchange, response)

    def _failed(self, exchange: Exchange, error: httpx.HTTPError) -> Response:
        refusal = JSONResponse({"message": f"No response from the gateway: {error}"}, 502)
        self._finish(replace(exchange, status=502, body=bytes(refusal.body)))
        return refusal

    async def _stream(self, exchange: Exchange, response: httpx.Response) -> AsyncIterator[bytes]:
        pieces: list[bytes] = []
        try:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                yield piece
        finally:
            await response.aclose()
            self._finish(replace(exchange, body=b"".join(pieces)))

    async def _whole(self, exchange: Exchange, response: httpx.Response) -> Response:
        try:
            exchange = replace(exchange, body=await response.aread())
        except httpx.HTTPError as error:
            return self._failed(exchange, error)
        finally:
            await response.aclose()
        exchange = self._edit(exchange) if self._edit else exchange
        self._finish(exchange)
        return Response(exchange.body, exchange.status, exchange.headers)

    def _finish(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self._record(exchange)


def _parse(content: bytes) -> Json | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
