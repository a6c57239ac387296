"""A key planted in runs that fail in every way is found in nothing that they leave behind."""

from __future__ import annotations

import asyncio
import io
import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler as LlamaIndexHandler
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AIMLAPIError, APIError, AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import AIMLAPIEmbeddings
from tests.faults import faults_before as before
from tests.faults import faults_events as events
from tests.faults import faults_plain as plain
from tests.faults import faults_stream as streams
from tests.faults.secret_scan import everything_in, variables_of
from tests.faults.test_fault_table import failed
from tests.support.call_matrix import HALF, QUESTION, WAYS, Way, ask, langchain_model, llama_index_model
from tests.support.fault_server import KEY, Act, FaultServer, Hang, Stall, reply, whole_stream
from tests.support.replies import sse

ECHOED = f"Incorrect API key provided: {KEY}. You sent Authorization: Bearer {KEY}"
ACTS: dict[str, Any] = {
    "hang-up": [Hang()],
    "echo-in-401": [reply(before.problem(401, ECHOED), 401, x_echo=f"Bearer {KEY}")],
    "echo-amid-words": [reply(before.problem(403, f"The key x{KEY}x is not known."), 403)],
    "echo-in-details": [reply(before.problem(400, "No", details=[{"path": KEY, "reason": ECHOED}]), 400)],
    "echo-in-a-key": [reply({"error": {KEY: ECHOED, "message": "No"}}, 500)],
    "echo-in-html": [reply(f"<html><title>{ECHOED}</title></html>".encode(), 502, "text/html")],
    "echo-in-text": [reply(ECHOED.encode(), 403, "text/plain")],
    "echo-in-200": [reply({"error": {"message": ECHOED}})],
    "echo-that-is-no-json": [reply(ECHOED.encode(), 200)],
    "echo-in-a-stream": whole_stream(streams.half("chat"), sse([{"error": {"message": ECHOED}}])),
    "echo-in-a-response": whole_stream(sse([{"type": "error", "code": "x", "message": ECHOED}])),
    "echo-in-a-broken-frame": whole_stream(f"data: {ECHOED}\n\n".encode()),
    "redirect": [reply(b"", 302, location=f"https://example.org/?key={KEY}")],
    "choices-missing": [reply({"id": "x", "echo": ECHOED})],
    "silence": [Stall()],
}


_PLAIN = [*plain.EVERYWHERE, *plain.CHAT, *plain.RESPONSES]
_BEFORE = [*before.CONNECTIONS, *before.UNREADABLE, *before.STATUSES, *before.SHAPES, *before.SPECIAL, *before.RETRIES]
_STREAMS = [*streams.CUT, *streams.MALFORMED, *streams.ERRORS, *streams.NO_STREAM, *events.REPORTED, *events.INSTEAD]


def failures(way: Way) -> Iterator[Sequence[Act | None]]:
    """What the server does in every row of the table that ends in an error on this way."""
    for fault in [*_BEFORE, *([] if way.streamed else _PLAIN)]:
        if fault.error is not None:
            yield fault.acts
    for broken in _STREAMS if way.streamed else ():
        if broken.only in (None, way.endpoint):
            yield [broken.act(way.endpoint)]


FAILING = [act for act in ACTS if act != "silence"]


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that anybody logs; httpcore's DEBUG is left out, which shows the answer's headers as they came in."""
    shown = io.StringIO()
    handler, root, wire = logging.StreamHandler(shown), logging.getLogger(), logging.getLogger("httpcore")
    levels = root.level, wire.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    wire.setLevel(logging.INFO)
    yield shown
    root.removeHandler(handler)
    root.setLevel(levels[0])
    wire.setLevel(levels[1])


@pytest.mark.parametrize("way", HALF, ids=str)
@pytest.mark.parametrize("act", ACTS)
def test_no_error_shows_the_key(server: FaultServer, logged: io.StringIO, act: str, way: Way) -> None:
    case = server.case(ACTS[act])
    error = failed(way, case.base_url, retries=1, timeout=0.06 if act == "silence" else 5)
    shown = [*everything_in(error), logged.getvalue()]
    assert case.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert [text for text in shown if KEY in text] == []
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


QUIET = "sk-planted-5b0d2f88bb"
"""A key that no answer repeats: what the answer holds is the caller's to show, and his variables show it."""


@pytest.mark.parametrize("way", HALF, ids=str)
def test_no_failure_of_the_table_shows_the_key_in_its_frames_or_in_anybodys_log(server: FaultServer, way: Way) -> None:
    shown, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(shown), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        rows = 0
        for acts in failures(way):
            case = server.case(*(act or [Hang()] for act in acts))
            with pytest.raises(AIMLAPIError) as caught:
                ask(way, case.base_url, retries=1, key=QUIET)
            found = [*everything_in(caught.value), *variables_of(caught.value)]
            assert [text for text in found if QUIET in text] == []
            assert all(seen.headers["authorization"] == f"Bearer {QUIET}" for seen in case.requests)
            rows += 1
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert rows > 80
    assert "chat/completions" in shown.getvalue() or "responses" in shown.getvalue()
    assert QUIET not in shown.getvalue()


OWN = "my!own~key-of-one-call"
"""It looks like no key."""

UNKNOWN = {"error": {"message": f"{OWN} is not known."}}


@pytest.mark.parametrize("way", [way for way in WAYS if way.who == "lc"], ids=str)
def test_a_key_that_a_function_gives_is_hidden_too(server: FaultServer, way: Way) -> None:
    case = server.case([reply(UNKNOWN, 403, x_echo=OWN)])
    error = failed(way, case.base_url, key=lambda: OWN)
    assert case.requests[0].headers["authorization"] == f"Bearer {OWN}"
    assert [text for text in (*everything_in(error), *variables_of(error)) if OWN in text] == []
    assert "[redacted] is not known" in str(error)


@pytest.mark.parametrize("where", ["default", "call"])
@pytest.mark.parametrize("body", [UNKNOWN, {"choices": [], "echo": OWN}])
@pytest.mark.parametrize("header", [f"Bearer {OWN}", f"Basic {OWN}", OWN])
def test_a_key_in_a_header_is_hidden_too(server: FaultServer, where: str, body: Any, header: str) -> None:
    case = server.case([reply(body, 403 if "error" in body else 200, x_echo=OWN)])
    given = {"authorization": header}
    client = Client(api_key=KEY, base_url=case.base_url, default_headers=given if where == "default" else None)
    options = CallOptions(headers=given if where == "call" else {}, endpoint="chat_completions")
    with client, pytest.raises(APIError) as caught:
        client.chat(QUESTION, call=options)
    assert case.requests[0].headers["authorization"] == header
    assert [text for text in everything_in(caught.value) if OWN in text or KEY in text] == []
    assert OWN not in repr(options)


ASKED: dict[str, Callable[[Any], Any]] = {
    "models.list": lambda client: client.models.list(),
    "models.get": lambda client: client.models.get("m"),
    "responses.retrieve": lambda client: client.responses.retrieve("resp_1"),
    "responses.cancel": lambda client: client.responses.cancel("resp_1"),
    "responses.wait": lambda client: client.responses.wait("resp_1"),
    "embed": lambda client: client.embed(["a"]),
}


def _asked(what: str, base_url: str) -> None:
    with Client(api_key=KEY, base_url=base_url) as client:
        ASKED[what](client)


async def _aasked(what: str, base_url: str) -> None:
    async with AsyncClient(api_key=KEY, base_url=base_url) as client:
        await ASKED[what](client)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("body", [{"data": KEY}, {"error": {"message": ECHOED}}])
def test_no_other_call_shows_the_key(server: FaultServer, what: str, body: Any, asynchronous: bool) -> None:
    base_url = server.case([reply(body)]).base_url
    with pytest.raises(APIError) as caught:
        asyncio.run(_aasked(what, base_url)) if asynchronous else _asked(what, base_url)
    assert [text for text in everything_in(caught.value) if KEY in text] == []


class Recorder(BaseCallbackHandler):
    """Keeps everything that LangChain tells."""

    raise_error = True

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr((args, kwargs)))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.told += [*everything_in(error), repr(kwargs)]


class LlamaIndexRecorder(LlamaIndexHandler):
    """Keeps everything that LlamaIndex tells."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.told: list[str] = []

    def on_event_start(self, *args: Any, **kwargs: Any) -> str:
        self.told.append(repr((args, kwargs)))
        return ""

    def on_event_end(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr((args, kwargs)))

    def start_trace(self, trace_id: str | None = None) -> None: ...

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None: ...


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("act", FAILING)
def test_no_callback_is_told_the_key_langchain(server: FaultServer, act: str, streamed: bool) -> None:
    case = server.case(ACTS[act])
    model = langchain_model({"api_key": KEY, "base_url": case.base_url}, WAYS[0])
    recorder = Recorder()
    with pytest.raises(AIMLAPIError):
        list(model.stream(QUESTION, {"callbacks": [recorder]})) if streamed else model.invoke(
            QUESTION, {"callbacks": [recorder]}
        )
    model.close()
    assert len(recorder.told) > 2
    assert KEY not in "".join(recorder.told)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("act", FAILING)
def test_no_callback_is_told_the_key_llama_index(server: FaultServer, act: str, streamed: bool) -> None:
    case = server.case(ACTS[act])
    llm = llama_index_model({"api_key": KEY, "base_url": case.base_url}, WAYS[0])
    recorder = LlamaIndexRecorder()
    llm.callback_manager = CallbackManager([recorder])
    with pytest.raises(AIMLAPIError):
        list(llm.stream_chat([ChatMessage(QUESTION)])) if streamed else llm.chat([ChatMessage(QUESTION)])
    assert len(recorder.told) > 1
    assert KEY not in "".join(recorder.told)


def test_no_dump_has_the_key(server: FaultServer) -> None:
    base_url = server.case([Hang()]).base_url
    settings: dict[str, Any] = {"api_key": KEY, "base_url": base_url, "default_headers": {"X-Secret": KEY}}
    model, llm = langchain_model(settings, WAYS[0]), llama_index_model(settings, WAYS[0])
    secrets = {**settings, "default_query": {"token": KEY}}
    others = AIMLAPIEmbeddings(**secrets), llama_index_model(secrets, WAYS[0]), langchain_model(secrets, WAYS[0])
    clients = Client(**settings), AsyncClient(**settings)
    shown = [
        *(repr(model), str(model), repr(dumpd(model)), dumps(model), repr(model.model_dump()), model.model_dump_json()),
        *(repr(model._identifying_params), repr(model._get_ls_params()), repr(model.lc_attributes)),
        *(repr(llm), str(llm), repr(llm.to_dict()), llm.to_json(), repr(llm.model_dump()), llm.model_dump_json()),
        *(repr(other) + str(other) + repr(other.model_dump()) + other.model_dump_json() for other in others),
        *(repr(client) + str(client) for client in clients),
    ]
    assert [text for text in shown if KEY in text] == []


@pytest.mark.parametrize("value", ["line\r\nX-Injected: yes", "null\0", "line\nbreak"])
def test_no_header_injects_another(server: FaultServer, value: str) -> None:
    base_url = server.case([Hang()]).base_url
    with pytest.raises(ValueError, match="X-Mine") as caught:
        Client(api_key=KEY, base_url=base_url, default_headers={"X-Mine": value})
    assert value not in str(caught.value)


def test_no_key_injects_a_header(server: FaultServer) -> None:
    with pytest.raises(ValueError, match="Authorization") as caught:
        Client(api_key=f"{KEY}\r\nX-Injected: yes", base_url=server.case([Hang()]).base_url)
    assert KEY not in str(caught.value)


def test_plain_http_beyond_loopback_warns() -> None:
    with pytest.warns(UserWarning, match="plain http"):
        Client(api_key=KEY, base_url="http://gateway.example.org/v1")
