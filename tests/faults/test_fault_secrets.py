"""A key planted in runs that fail in every way is found in nothing that they leave behind."""

from __future__ import annotations

import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler as LlamaIndexHandler
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AIMLAPIError, AsyncClient, Client

from . import faults_before as before
from . import faults_stream as streams
from .asking import HALF, KEY, QUESTION, WAYS, Way, langchain_model, llama_index_model
from .fault_server import FaultServer, Hang, Stall, reply, whole_stream
from .replies import sse
from .test_fault_table import failed

ECHOED = f"Incorrect API key provided: {KEY}. You sent Authorization: Bearer {KEY}"
ACTS: dict[str, Any] = {
    "hang-up": [Hang()],
    "echo-in-401": [reply(before.problem(401, ECHOED), 401, x_echo=f"Bearer {KEY}")],
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


def everything_in(error: BaseException) -> Iterator[str]:
    """What is shown, logged or stored of an error and of those behind it."""
    yield repr(pickle.dumps(error))
    seen: BaseException | None = error
    while seen is not None:
        yield from (str(seen), repr(seen), repr(vars(seen)))
        response = getattr(seen, "response", None)
        if response is not None:
            yield repr((response.headers.multi_items(), response.request.headers.multi_items(), response.text))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    yield "".join(traceback.format_exception(error))


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
def test_no_callback_is_told_the_key_langchain(server: FaultServer, streamed: bool) -> None:
    case = server.case(ACTS["echo-in-401"])
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
def test_no_callback_is_told_the_key_llama_index(server: FaultServer, streamed: bool) -> None:
    case = server.case(ACTS["echo-in-401"])
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
    clients = Client(**settings), AsyncClient(**settings)
    shown = [
        *(repr(model), str(model), repr(dumpd(model)), dumps(model), repr(model.model_dump()), model.model_dump_json()),
        *(repr(model._identifying_params), repr(model._get_ls_params()), repr(model.lc_attributes)),
        *(repr(llm), str(llm), repr(llm.to_dict()), llm.to_json(), repr(llm.model_dump()), llm.model_dump_json()),
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
