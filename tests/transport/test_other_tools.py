"""What tools for mocking, recording and tracing see of the package's own connections, as docs/pages/testing.md says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_integrations import APIConnectionError, AsyncClient, Client
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import AuthenticationError, InternalServerError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

KEY = "-".join(("sk", "in", "no", "output"))  # not as a literal: error reports contain source code
UNREACHABLE = "http://127.0.0.1:9/v1"
CHOICE = {"index": 0, "finish_reason": "stop"}
REPLY = {"id": "1", "model": "m", "choices": [{**CHOICE, "message": {"role": "assistant", "content": "mocked"}}]}
CHUNK = {"id": "1", "model": "m", "choices": [{**CHOICE, "delta": {"content": "mocked"}}]}


def respond(request: httpx.Request) -> httpx.Response:
    if not json.loads(request.content).get("stream"):
        return httpx.Response(200, json=REPLY)
    events = f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n"
    return httpx.Response(200, text=events, headers={"content-type": "text/event-stream"})


def _stream(base_url: str) -> str:
    with Client(KEY, base_url, max_retries=0) as client, client.chat_stream("Hello") as deltas:
        return "".join(delta.text for delta in deltas)


def _chat(base_url: str) -> str:
    with Client(KEY, base_url, max_retries=0) as client:
        return client.chat("Hello").text


def _async(base_url: str, stream: bool) -> str:
    async def call() -> str:
        async with AsyncClient(KEY, base_url, max_retries=0) as client:
            if not stream:
                return (await client.chat("Hello")).text
            async with client.chat_stream("Hello") as deltas:
                return "".join([delta.text async for delta in deltas])

    return asyncio.run(call())


def _langchain(base_url: str) -> str:
    with ChatAIMLAPI(api_key=KEY, base_url=base_url, max_retries=0) as model:
        return str(model.invoke("Hello").text)


def _llama_index(base_url: str) -> str:
    with AIMLAPI(api_key=KEY, api_base=base_url, max_retries=0) as llm:
        return llm.complete("Hello").text


CALLS: dict[str, Callable[[str], str]] = {
    "sync": _chat,
    "stream": _stream,
    "async": lambda base_url: _async(base_url, stream=False),
    "async stream": lambda base_url: _async(base_url, stream=True),
    "LangChain": _langchain,
    "LlamaIndex": _llama_index,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
@pytest.mark.parametrize(("using", "mocked"), [("httpcore", True), ("httpx", False)])
def test_respx_mocks_requests_with_its_default_only(call: Callable[[str], str], using: str, mocked: bool) -> None:
    respx = pytest.importorskip("respx")
    with respx.mock(using=using, assert_all_called=False) as router:
        route = router.post(f"{UNREACHABLE}/chat/completions").mock(side_effect=respond)
        if mocked:
            assert call(UNREACHABLE) == "mocked"
        else:
            with pytest.raises(APIConnectionError):
                call(UNREACHABLE)
    assert route.called is mocked


@every_call
def test_pytest_httpx_mocks_requests(call: Callable[[str], str], request: pytest.FixtureRequest) -> None:
    pytest.importorskip("pytest_httpx")
    httpx_mock: Any = request.getfixturevalue("httpx_mock")
    httpx_mock.add_callback(respond)
    assert call(UNREACHABLE) == "mocked"
    assert httpx_mock.get_request().headers["authorization"] == f"Bearer {KEY}"


@every_call
def test_vcr_records_and_replays_requests(call: Callable[[str], str], gateway: Emulator, tmp_path: Path) -> None:
    vcr = pytest.importorskip("vcr")
    cassette = tmp_path / "cassette.yaml"
    with vcr.use_cassette(cassette, filter_headers=["authorization"]):
        recorded = call(gateway.base_url)
    assert len(gateway.requests) == 1
    with vcr.use_cassette(cassette, filter_headers=["authorization"], record_mode="none") as replayed:
        assert call(gateway.base_url) == recorded
    assert (len(gateway.requests), replayed.play_count) == (1, 1)
    assert KEY not in cassette.read_text("utf-8")


@pytest.fixture
def http_spans() -> Iterator[Any]:
    """What OpenTelemetry's httpx instrumentation exports."""
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.httpx")
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = instrumentation.HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()


@every_call
def test_opentelemetry_sees_requests(call: Callable[[str], str], gateway: Emulator, http_spans: Any) -> None:
    call(gateway.base_url)
    [span] = http_spans.get_finished_spans()
    assert f"{gateway.base_url}/chat/completions" in span.attributes.values()
    assert KEY not in span.to_json()
    assert "traceparent" in gateway.requests[0].headers


def test_opentelemetry_sees_every_attempt(gateway: Emulator, http_spans: Any) -> None:
    gateway.fail("status-503; retry-after=0", times=None)
    with Client(KEY, gateway.base_url, max_retries=1) as client, pytest.raises(InternalServerError):
        client.chat("Hello")
    assert len(http_spans.get_finished_spans()) == 2


SENTRY_PROGRAM = """
import json, sys
import httpx, sentry_sdk
from sentry_sdk.transport import Transport
from aimlapi_integrations import AIMLAPIError, Client

items = []

class Recorder(Transport):
    def capture_envelope(self, envelope):
        items.extend(item.payload.json for item in envelope.items if item.payload.json)

sentry_sdk.init(dsn="https://key@localhost/1", transport=Recorder, traces_sample_rate=1.0)
base_url, model, own = sys.argv[1:]
http_client = httpx.Client() if own == "own" else None
with sentry_sdk.start_transaction(name="test"):
    try:
        Client(base_url=base_url, max_retries=0, http_client=http_client).chat("Hello", model=model)
    except AIMLAPIError as error:
        sentry_sdk.capture_exception(error)
sentry_sdk.flush()
print(json.dumps(items, default=str))
"""


def _sentry_items(base_url: str, model: str, own: str) -> tuple[list[Any], str]:
    """Run in a process of its own: Sentry changes modules and can't be turned off."""
    pytest.importorskip("sentry_sdk")
    command = [sys.executable, "-c", SENTRY_PROGRAM, base_url, model, own]
    environment = {**os.environ, "AIMLAPI_API_KEY": KEY}  # not in the program, whose variables are its own
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout), process.stdout


@pytest.mark.parametrize(("own", "operations"), [("-", []), ("own", ["http.client"])])
def test_sentry_sees_requests_of_an_httpx_client_only(gateway: Emulator, own: str, operations: list[str]) -> None:
    items, _ = _sentry_items(gateway.base_url, "gpt-4o", own)
    assert [span["op"] for item in items for span in item.get("spans", [])] == operations


def test_sentry_reports_errors_without_the_key(gateway: Emulator) -> None:
    items, text = _sentry_items(gateway.base_url, "emulator/status-401", "-")
    errors = [error["type"] for item in items for error in item.get("exception", {}).get("values", [])]
    assert AuthenticationError.__name__ in errors
    assert KEY not in text
