"""The app on the page about web servers, on a real server: streams, errors, and clients that disconnect."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn

from aimlapi_integrations.emulator import Emulator

pytest.importorskip("fastapi")
pytestmark = pytest.mark.filterwarnings("ignore:::fastapi")

PAGE = Path(__file__).parents[2] / "docs" / "pages" / "web_servers.md"
EVENT = b'data: {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}\n\n'


@contextmanager
def serve_app(base_url: str, monkeypatch: pytest.MonkeyPatch, model: str) -> Iterator[str]:
    """Serve the app from the page, with `model` instead of its model. Yield its URL."""
    monkeypatch.setenv("AIMLAPI_BASE_URL", base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "any")
    [code] = re.findall(r"^```python\n(# app\.py.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "app"}
    exec(compile(code, str(PAGE), "exec"), names)
    names["llm"].model_name, names["llm"].max_retries = model, 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(names["app"], loop="asyncio", ws="none", log_level="error", log_config=None)
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield "http://{}:{}".format(*listener.getsockname())
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def serve_endless_stream(disconnected: asyncio.Event) -> AsyncIterator[str]:
    """Answer with one event of a stream that doesn't end. Set `disconnected` when the client closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + EVENT)
        while await reader.read(1024):
            pass
        disconnected.set()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield "http://{}:{}/v1".format(*server.sockets[0].getsockname())


async def test_client_disconnect_closes_the_connection_to_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    disconnected = asyncio.Event()
    async with serve_endless_stream(disconnected) as base_url:
        with serve_app(base_url, monkeypatch, "m") as url:
            async with httpx.AsyncClient() as client:
                async with client.stream("POST", f"{url}/stream", json={"text": "Hi"}) as response:
                    assert await anext(response.aiter_text()) == "Hello"
                    assert not disconnected.is_set()
                await asyncio.wait_for(disconnected.wait(), 10)


@pytest.mark.parametrize(
    ("model", "status", "text"),
    [
        ("emulator/status-503", 503, '{"error":"InternalServerError"}'),
        ("emulator/status-400", 502, '{"error":"BadRequestError"}'),
        ("emulator/cut-mid-text", 200, "[StreamError]"),
        ("openai/gpt-5-mini-2025-08-07", 200, "[emulated] You said: Hi"),
    ],
)
def test_stream_ends_with_text_or_reports_the_error(
    model: str, status: int, text: str, gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_app(gateway.base_url, monkeypatch, model) as url:
        response = httpx.post(f"{url}/stream", json={"text": "Hi"}, timeout=10)
    assert response.status_code == status
    assert response.text.endswith(text)
