"""The table of faults for documents, recordings and images: in each framework, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from langchain_core.documents.base import Blob

from aimlapi_integrations import (
    AIMLAPIError,
    APIResponseError,
    APITimeoutError,
    AsyncClient,
    Client,
    RateLimitError,
    ResponseFailedError,
    RetryPolicy,
)
from aimlapi_integrations.langchain import AIMLAPIImageTool, AIMLAPIOCRParser, AIMLAPISpeechParser
from aimlapi_integrations.llama_index import AIMLAPIMediaToolSpec, AIMLAPIOCRReader, AIMLAPISpeechReader
from tests.faults import faults_before as before
from tests.faults import faults_plain as plain
from tests.faults.faults_before import Fault
from tests.faults.secret_scan import exposed_texts
from tests.faults.test_fault_table import check_error
from tests.support.combinations import combine
from tests.support.fault_server import KEY, Act, FaultServer, Stall, head, reply

TEXT = "Hello there."
URL = "https://example.com/file"
OCR = {"pages": [{"index": 0, "markdown": TEXT, "images": [], "dimensions": None}], "model": "mistral-ocr"}
IMAGES = {"data": [{"url": URL}], "created": 1}
SUBMITTED = {"generation_id": "job-1"}
DONE = {"id": "job-1", "status": "completed", "result": {"text": TEXT}}


class Way(NamedTuple):
    """One way to call. `submit` and `poll` are the two requests of a transcription."""

    client: str
    asynchronous: bool
    request: str

    def __str__(self) -> str:
        return f"{self.client}-{'async' if self.asynchronous else 'sync'}-{self.request}"


CLIENTS = ("bare", "langchain", "llama_index")
REQUESTS = ("ocr", "submit", "poll", "images")

# A tool of LangChain lets the model read errors: see below, and `tests/parity/test_media_tools.py`.
WAYS = [
    Way(client, asynchronous, request)
    for client in CLIENTS
    for asynchronous in (False, True)
    for request in REQUESTS
    if (client, request) != ("langchain", "images")
]
BARE = [Way("bare", False, request) for request in REQUESTS]
GOOD: dict[str, list[Act]] = {
    "ocr": [[reply(OCR)]],
    "submit": [[reply(SUBMITTED)], [reply(DONE)]],
    "poll": [[reply(DONE)]],
    "images": [[reply(IMAGES)]],
}


def spread_faults(faults: Sequence[Fault], ways: Sequence[Way] = WAYS) -> pytest.MarkDecorator:
    """Parametrize by the faults, each in a quarter of the ways: each client, sync and async."""
    return pytest.mark.parametrize(("fault", "way"), combine(faults, ways, part_of=_part_of), ids=str)


def _part_of(way: Way) -> int:
    return REQUESTS.index(way.request) + 2 * way.asynchronous + CLIENTS.index(way.client)


on_every_way = pytest.mark.parametrize("way", WAYS, ids=str)


def call(way: Way, base_url: str, retries: int = 2, **settings: Any) -> str:
    """Make a call, and return the text or URL of its result."""
    base = "api_base" if way.client == "llama_index" else "base_url"
    component = _COMPONENTS[way.client, way.request](api_key=KEY, max_retries=retries, **{base: base_url}, **settings)
    name, arguments, text = _CALLS[way.client, way.request]
    result = getattr(component, name[way.asynchronous])(*arguments)
    return str(text(asyncio.run(_resolve(component, result)) if way.asynchronous else result))


async def _resolve(component: Any, coroutine: Any) -> Any:
    try:
        return await coroutine
    finally:
        await component.aclose()


def _client(**settings: Any) -> Any:
    return _Either(Client(**settings), AsyncClient(**settings))


class _Either:
    """Both clients, under one name each."""

    def __init__(self, client: Client, async_client: AsyncClient) -> None:
        self.ocr, self.aocr = client.ocr, async_client.ocr
        self.transcribe, self.atranscribe = client.transcribe, async_client.transcribe
        self.generate_image, self.agenerate_image = client.generate_image, async_client.generate_image
        self.aclose = async_client.aclose


_READ: Any = (("load_data", "aload_data"), (URL,), lambda documents: documents[0].text)
_PARSE: Any = (("parse", "aparse"), (Blob(path=URL),), lambda documents: documents[0].page_content)
_COMPONENTS: dict[tuple[str, str], Any] = {
    **{("bare", request): _client for request in GOOD},
    ("langchain", "ocr"): AIMLAPIOCRParser,
    ("langchain", "submit"): AIMLAPISpeechParser,
    ("langchain", "poll"): AIMLAPISpeechParser,
    ("llama_index", "ocr"): AIMLAPIOCRReader,
    ("llama_index", "submit"): AIMLAPISpeechReader,
    ("llama_index", "poll"): AIMLAPISpeechReader,
    ("llama_index", "images"): AIMLAPIMediaToolSpec,
}
_CALLS: dict[tuple[str, str], Any] = {
    ("bare", "ocr"): (("ocr", "aocr"), (URL,), lambda result: result.text),
    ("bare", "submit"): (("transcribe", "atranscribe"), (URL,), lambda result: result.text),
    ("bare", "poll"): (("transcribe", "atranscribe"), (URL,), lambda result: result.text),
    ("bare", "images"): (("generate_image", "agenerate_image"), ("x",), lambda result: result.images[0].url),
    **{("langchain", request): _PARSE for request in ("ocr", "submit", "poll")},
    **{("llama_index", request): _READ for request in ("ocr", "submit", "poll")},
    ("llama_index", "images"): (("create_image", "acreate_image"), ("x",), lambda result: result.result.images[0].url),
}


def acts_of(way: Way, *acts: Act | None) -> list[Act]:
    """Return what the server does: a poll comes after a good submission; None is the rest of a good call."""
    first: list[Act] = [[reply(SUBMITTED)]] if way.request == "poll" else []
    return [*first, *(step for act in acts for step in (GOOD[way.request] if act is None else [act]))]


def failed(way: Way, base_url: str, **settings: Any) -> AIMLAPIError:
    """Return the error of a call, in which the key is nowhere."""
    with pytest.raises(AIMLAPIError) as caught:
        call(way, base_url, **settings)
    assert [text for text in exposed_texts(caught.value) if KEY in text] == []
    return caught.value


def is_retried(way: Way, fault: Fault) -> bool:
    """A submission is sent again only if it was refused by the rate limit."""
    refused = "429" in fault.name and not fault.name.startswith("hang-up")
    return way.request != "submit" or fault.error is RateLimitError or refused


def expected_requests(way: Way, fault: Fault) -> int:
    if way.request == "submit":
        return (fault.requests if is_retried(way, fault) else 1) + (fault.error is None and is_retried(way, fault))
    return fault.requests + (way.request == "poll")


def check(server: FaultServer, fault: Fault, way: Way) -> None:
    case = server.case(*acts_of(way, *fault.responses_by_request))
    if fault.error is None and is_retried(way, fault):
        assert call(way, case.base_url) == (URL if way.request == "images" else TEXT)
    else:
        error = failed(way, case.base_url)
        if fault.error is not None:
            lasting = tuple(fact for fact in fault.attributes if fact[0] != "retryable" or is_retried(way, fault))
            check_error(error, Fault(fault.name, (), fault.error, 1, fault.in_message, lasting), way)  # type: ignore[arg-type]
        assert way.request != "poll" or "job-1" in str(error)
    assert len(case.requests) == expected_requests(way, fault)


@spread_faults([*before.CONNECTIONS, *before.UNREADABLE, *before.SPECIAL[:6]])
def test_call_without_a_response_raises(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@spread_faults([*before.STATUSES, *before.SHAPES])
def test_error_status_in_every_shape_raises_its_class(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@pytest.mark.parametrize("way", BARE, ids=str)
@pytest.mark.parametrize("fault", before.RETRIES, ids=str)
def test_retry_after_is_respected_where_a_request_is_retried(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@spread_faults(plain.EVERYWHERE)
def test_body_that_is_no_json_object_raises(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@on_every_way
@pytest.mark.parametrize("begin", [b"", head(200, content_length="900") + b'{"pages": [', head(503)], ids=len)
def test_response_that_stops_raises_timeout_and_closes(server: FaultServer, way: Way, begin: bytes) -> None:
    case = server.case(*acts_of(way, [begin, Stall()]))
    error = failed(way, case.base_url, retries=0, timeout=(5.0, 0.08))
    assert isinstance(error, APITimeoutError) or error.status == 503  # type: ignore[attr-defined]
    assert case.wait_for_disconnect()


BODIES: dict[str, list[Any]] = {
    "ocr": [{}, {"pages": None}, {"pages": "x"}, {"pages": [None]}, {"pages": [{"markdown": 5}]}, {"error": "No."}],
    "submit": [{}, {"generation_id": None}, {"generation_id": 5}, {"generation_id": ""}, {"error": {"message": "No."}}],
    "poll": [{}, {"status": "completed"}, {"status": "completed", "result": None}, {"status": "ready", "result": "x"}],
    "images": [
        {},
        {"data": None},
        {"data": []},
        {"data": [None]},
        {"data": [{}]},
        {"data": [{"url": 5}]},
        {"data": "x"},
    ],
}


@pytest.mark.parametrize(
    ("way", "body"), [(way, body) for way in WAYS for body in BODIES[way.request]], ids=lambda value: str(value)[:60]
)
def test_body_without_a_result_raises_response_error(server: FaultServer, way: Way, body: Any) -> None:
    case = server.case(*acts_of(way, [reply(body)]))
    error = failed(way, case.base_url)
    assert isinstance(error, APIResponseError)
    assert error.request_id == "req-1"
    assert len(case.requests) == (2 if way.request == "poll" else 1)


@pytest.mark.parametrize("way", [way for way in WAYS if way.request == "poll"], ids=str)
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"status": "error", "error": {"name": "UpstreamError", "message": "can't decode"}}, "can't decode"),
        ({"status": "failed", "error": "too long"}, "too long"),
        ({"status": "failed"}, "no reason"),
        ({"status": "canceled"}, "no reason"),
        ({"status": "completed", "result": {"status": "error", "error": "no speech"}}, "no speech"),
    ],
)
def test_job_that_fails_raises_its_reason(server: FaultServer, way: Way, body: Any, reason: str) -> None:
    case = server.case(*acts_of(way, [reply({"id": "job-1", **body})]))
    error = failed(way, case.base_url)
    assert isinstance(error, ResponseFailedError)
    assert reason in str(error)
    assert error.response_id == "job-1"


@pytest.mark.parametrize("way", [way for way in WAYS if way.request == "submit"], ids=str)
def test_submission_is_not_repeated_by_any_policy(server: FaultServer, way: Way) -> None:
    class Stubborn(RetryPolicy):
        def delay(self, error: Any, attempt: int, elapsed: float) -> float | None:
            return 0.0

    case = server.case([reply(b"", 500)], *GOOD["submit"])
    error = failed(way, case.base_url, retry=Stubborn())
    assert "may have accepted" in str(error)
    assert len(case.requests) == 1


@pytest.mark.parametrize("way", [Way("langchain", False, "images"), Way("langchain", True, "images")], ids=str)
@pytest.mark.parametrize("status", [400, 422, 401, 429, 503])
def test_langchain_tool_returns_errors_of_arguments_and_raises_others(
    server: FaultServer, way: Way, status: int
) -> None:
    case = server.case([reply(before.problem(status), status)])
    tool = AIMLAPIImageTool(api_key=KEY, base_url=case.base_url, max_retries=0)
    request: Any = {"name": tool.name, "args": {"prompt": "x"}, "id": "call-1", "type": "tool_call"}

    def run() -> Any:
        return asyncio.run(_resolve(tool, tool.ainvoke(request))) if way.asynchronous else tool.invoke(request)

    if status in (400, 422):
        message = run()
        assert (message.status, "It was refused." in message.content) == ("error", True)
        assert KEY not in message.content
    else:
        with pytest.raises(before.CLASSES[status], match="It was refused"):
            run()
