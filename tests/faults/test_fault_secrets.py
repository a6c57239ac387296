"""The API key appears nowhere after failed calls: not in errors, logs, callbacks or dumps."""

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
from tests.faults.faults_stream import StreamFault
from tests.faults.secret_scan import exposed_texts, frame_variables
from tests.faults.test_fault_table import call_error
from tests.support.call_matrix import (
    MODES,
    QUESTION,
    CallMode,
    combine_modes,
    every_call_mode,
    langchain_model,
    llama_index_model,
    run_call,
    spread,
)
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
    "echo-in-a-stream": whole_stream(streams.half_bytes("chat"), sse([{"error": {"message": ECHOED}}])),
    "echo-in-a-response": whole_stream(sse([{"type": "error", "code": "x", "message": ECHOED}])),
    "echo-in-a-broken-frame": whole_stream(f"data: {ECHOED}\n\n".encode()),
    "redirect": [reply(b"", 302, location=f"https://example.org/?key={KEY}")],
    "choices-missing": [reply({"id": "x", "echo": ECHOED})],
    "silence": [Stall()],
}


_PLAIN = [*plain.EVERYWHERE, *plain.CHAT, *plain.RESPONSES]
_BEFORE = [*before.CONNECTIONS, *before.UNREADABLE, *before.STATUSES, *before.SHAPES, *before.SPECIAL, *before.RETRIES]
_STREAMS = [*streams.CUT, *streams.MALFORMED, *streams.ERRORS, *streams.NO_STREAM, *events.REPORTED, *events.INSTEAD]


def failures(mode: CallMode) -> Iterator[Sequence[Act | None]]:
    """Yield the server's responses of the rows of the tables that end in an error, a quarter in each mode."""
    table = combine_modes([*_BEFORE, *([] if mode.streamed else _PLAIN), *(_STREAMS if mode.streamed else ())])
    for fault in [row for row, its_mode in table if its_mode == mode]:
        if isinstance(fault, StreamFault):
            if fault.only in (None, mode.endpoint):
                yield [fault.act(mode.endpoint)]
        elif fault.error is not None:
            yield fault.responses_by_request


FAILING = [act for act in ACTS if act != "silence"]


@pytest.fixture
def log_output() -> Iterator[io.StringIO]:
    """Everything that is logged, except httpcore's DEBUG messages, which contain the raw response headers."""
    exposed = io.StringIO()
    handler, root, wire = logging.StreamHandler(exposed), logging.getLogger(), logging.getLogger("httpcore")
    levels = root.level, wire.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    wire.setLevel(logging.INFO)
    yield exposed
    root.removeHandler(handler)
    root.setLevel(levels[0])
    wire.setLevel(levels[1])


@spread("act", ACTS)
def test_error_of_failed_call_does_not_contain_the_key(
    server: FaultServer, log_output: io.StringIO, act: str, mode: CallMode
) -> None:
    case = server.case(ACTS[act])
    error = call_error(mode, case.base_url, max_retries=1, timeout=0.06 if act == "silence" else 5)
    exposed = [*exposed_texts(error), log_output.getvalue()]
    assert case.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert [text for text in exposed if KEY in text] == []
    assert type(pickle.loads(pickle.dumps(error))) is type(error)


UNECHOED_KEY = "sk-planted-5b0d2f88bb"
"""A key that no response repeats: variables of the caller may contain the response."""


@every_call_mode
def test_failures_of_every_mode_leave_no_key_in_frames_or_logs(server: FaultServer, mode: CallMode) -> None:
    exposed, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(exposed), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        rows = 0
        for responses_by_request in failures(mode):
            case = server.case(*(act or [Hang()] for act in responses_by_request))
            with pytest.raises(AIMLAPIError) as caught:
                run_call(mode, case.base_url, max_retries=1, key=UNECHOED_KEY)
            texts = [*exposed_texts(caught.value), *frame_variables(caught.value)]
            assert [text for text in texts if UNECHOED_KEY in text] == []
            assert all(request.headers["authorization"] == f"Bearer {UNECHOED_KEY}" for request in case.requests)
            rows += 1
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert rows > 20
    assert "chat/completions" in exposed.getvalue() or "responses" in exposed.getvalue()
    assert UNECHOED_KEY not in exposed.getvalue()


CUSTOM_KEY = "my!own~key-of-one-call"
"""A key in an unknown format."""

UNKNOWN = {"error": {"message": f"{CUSTOM_KEY} is not known."}}


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.client == "langchain"], ids=str)
def test_key_returned_by_a_function_is_redacted(server: FaultServer, mode: CallMode) -> None:
    case = server.case([reply(UNKNOWN, 403, x_echo=CUSTOM_KEY)])
    error = call_error(mode, case.base_url, key=lambda: CUSTOM_KEY)
    assert case.requests[0].headers["authorization"] == f"Bearer {CUSTOM_KEY}"
    assert [text for text in (*exposed_texts(error), *frame_variables(error)) if CUSTOM_KEY in text] == []
    assert "[redacted] is not known" in str(error)


@pytest.mark.parametrize("where", ["default", "call"])
@pytest.mark.parametrize("body", [UNKNOWN, {"choices": [], "echo": CUSTOM_KEY}])
@pytest.mark.parametrize("header", [f"Bearer {CUSTOM_KEY}", f"Basic {CUSTOM_KEY}", CUSTOM_KEY])
def test_key_in_a_header_is_redacted(server: FaultServer, where: str, body: Any, header: str) -> None:
    case = server.case([reply(body, 403 if "error" in body else 200, x_echo=CUSTOM_KEY)])
    headers = {"authorization": header}
    client = Client(api_key=KEY, base_url=case.base_url, default_headers=headers if where == "default" else None)
    options = CallOptions(headers=headers if where == "call" else {}, endpoint="chat_completions")
    with client, pytest.raises(APIError) as caught:
        client.chat(QUESTION, call=options)
    assert case.requests[0].headers["authorization"] == header
    assert [text for text in exposed_texts(caught.value) if CUSTOM_KEY in text or KEY in text] == []
    assert CUSTOM_KEY not in repr(options)


OTHER_CALLS: dict[str, Callable[[Any], Any]] = {
    "models.list": lambda client: client.models.list(),
    "models.get": lambda client: client.models.get("m"),
    "responses.retrieve": lambda client: client.responses.retrieve("resp_1"),
    "responses.cancel": lambda client: client.responses.cancel("resp_1"),
    "responses.wait": lambda client: client.responses.wait("resp_1"),
    "embed": lambda client: client.embed(["a"]),
}


def _run_other_call(call_name: str, base_url: str) -> None:
    with Client(api_key=KEY, base_url=base_url) as client:
        OTHER_CALLS[call_name](client)


async def _arun_other_call(call_name: str, base_url: str) -> None:
    async with AsyncClient(api_key=KEY, base_url=base_url) as client:
        await OTHER_CALLS[call_name](client)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("call_name", OTHER_CALLS)
@pytest.mark.parametrize("body", [{"data": KEY}, {"error": {"message": ECHOED}}])
def test_error_of_other_calls_does_not_contain_the_key(
    server: FaultServer, call_name: str, body: Any, is_async: bool
) -> None:
    base_url = server.case([reply(body)]).base_url
    with pytest.raises(APIError) as caught:
        asyncio.run(_arun_other_call(call_name, base_url)) if is_async else _run_other_call(call_name, base_url)
    assert [text for text in exposed_texts(caught.value) if KEY in text] == []


class Recorder(BaseCallbackHandler):
    """Record everything that LangChain passes to callbacks."""

    raise_error = True

    def __init__(self) -> None:
        self.records: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.records.append(repr((args, kwargs)))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.records += [*exposed_texts(error), repr(kwargs)]


class LlamaIndexRecorder(LlamaIndexHandler):
    """Record everything that LlamaIndex passes to callbacks."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.records: list[str] = []

    def on_event_start(self, *args: Any, **kwargs: Any) -> str:
        self.records.append(repr((args, kwargs)))
        return ""

    def on_event_end(self, *args: Any, **kwargs: Any) -> None:
        self.records.append(repr((args, kwargs)))

    def start_trace(self, trace_id: str | None = None) -> None: ...

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None: ...


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("act", FAILING)
def test_langchain_callbacks_of_failed_call_do_not_receive_the_key(
    server: FaultServer, act: str, streamed: bool
) -> None:
    case = server.case(ACTS[act])
    model = langchain_model(MODES[0], {"api_key": KEY, "base_url": case.base_url})
    recorder = Recorder()
    with pytest.raises(AIMLAPIError):
        list(model.stream(QUESTION, {"callbacks": [recorder]})) if streamed else model.invoke(
            QUESTION, {"callbacks": [recorder]}
        )
    model.close()
    assert len(recorder.records) > 2
    assert KEY not in "".join(recorder.records)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("act", FAILING)
def test_llama_index_callbacks_of_failed_call_do_not_receive_the_key(
    server: FaultServer, act: str, streamed: bool
) -> None:
    case = server.case(ACTS[act])
    llm = llama_index_model(MODES[0], {"api_key": KEY, "base_url": case.base_url})
    recorder = LlamaIndexRecorder()
    llm.callback_manager = CallbackManager([recorder])
    with pytest.raises(AIMLAPIError):
        list(llm.stream_chat([ChatMessage(QUESTION)])) if streamed else llm.chat([ChatMessage(QUESTION)])
    assert len(recorder.records) > 1
    assert KEY not in "".join(recorder.records)


def test_repr_and_dumps_do_not_contain_the_key(server: FaultServer) -> None:
    base_url = server.case([Hang()]).base_url
    settings: dict[str, Any] = {"api_key": KEY, "base_url": base_url, "default_headers": {"X-Secret": KEY}}
    model, llm = langchain_model(MODES[0], settings), llama_index_model(MODES[0], settings)
    secrets = {**settings, "default_query": {"token": KEY}}
    others = AIMLAPIEmbeddings(**secrets), llama_index_model(MODES[0], secrets), langchain_model(MODES[0], secrets)
    clients = Client(**settings), AsyncClient(**settings)
    exposed = [
        *(repr(model), str(model), repr(dumpd(model)), dumps(model), repr(model.model_dump()), model.model_dump_json()),
        *(repr(model._identifying_params), repr(model._get_ls_params()), repr(model.lc_attributes)),
        *(repr(llm), str(llm), repr(llm.to_dict()), llm.to_json(), repr(llm.model_dump()), llm.model_dump_json()),
        *(repr(other) + str(other) + repr(other.model_dump()) + other.model_dump_json() for other in others),
        *(repr(client) + str(client) for client in clients),
    ]
    assert [text for text in exposed if KEY in text] == []


@pytest.mark.parametrize("value", ["line\r\nX-Injected: yes", "null\0", "line\nbreak"])
def test_header_with_line_break_raises(server: FaultServer, value: str) -> None:
    base_url = server.case([Hang()]).base_url
    with pytest.raises(ValueError, match="X-Mine") as caught:
        Client(api_key=KEY, base_url=base_url, default_headers={"X-Mine": value})
    assert value not in str(caught.value)


def test_key_with_line_break_raises(server: FaultServer) -> None:
    with pytest.raises(ValueError, match="Authorization") as caught:
        Client(api_key=f"{KEY}\r\nX-Injected: yes", base_url=server.case([Hang()]).base_url)
    assert KEY not in str(caught.value)


def test_http_base_url_beyond_loopback_warns() -> None:
    with pytest.warns(UserWarning, match="plain http"):
        Client(api_key=KEY, base_url="http://gateway.example.org/v1")
