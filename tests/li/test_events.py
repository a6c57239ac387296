"""LlamaIndex's callbacks and events of a call: each once, with exact counts, and without secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import llama_index.core.instrumentation as instrumentation
import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import ChatMessage
from pydantic import Field

from tests.li.conftest import ENDPOINTS

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

SECRET = "sk-do-not-tell"
CALLS: list[tuple[str, Any]] = [
    ("chat", [ChatMessage("Hello")]),
    ("stream_chat", [ChatMessage("Hello")]),
    ("complete", "Hello"),
    ("stream_complete", "Hello"),
]
methods = pytest.mark.parametrize(("method", "argument"), CALLS, ids=[method for method, _ in CALLS])


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Listener(BaseEventHandler):
    """Record events."""

    events: list[Any] = Field(default_factory=list)

    @classmethod
    def class_name(cls) -> str:
        return "Listener"

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.events.append(event)


@pytest.fixture
def events() -> Iterator[list[Any]]:
    dispatcher, listener = instrumentation.get_dispatcher(), Listener()
    dispatcher.add_event_handler(listener)
    yield listener.events
    dispatcher.event_handlers.remove(listener)


def answered(run: Any, llm: Any, method: str, argument: Any) -> Any:
    """The last response of a call."""
    response = run(llm, method, argument)
    return run.listed(response)[-1] if "stream" in method else response


@methods
def test_events_of_a_call_start_and_end_once(
    emulated: Any, run: Any, method: str, argument: Any, events: list[Any]
) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = emulated(api_key=SECRET, callback_manager=CallbackManager([debug]))
    last = answered(run, llm, method, argument)
    counts = Counter(type(event).__name__ for event in events)
    kind = "Completion" if "complete" in method else "Chat"
    assert (counts[f"LLM{kind}StartEvent"], counts[f"LLM{kind}EndEvent"]) == (1, 1)
    assert (counts[f"LLM{kind}InProgressEvent"] > 0) == ("stream" in method)
    assert not counts["LLMChatStartEvent" if kind == "Completion" else "LLMCompletionStartEvent"]
    [(start, end)] = debug.get_llm_inputs_outputs()
    assert len(debug.get_events(CBEventType.LLM)) == 2
    assert last.raw == (end.payload.get("response") or end.payload.get("completion")).raw
    everything = [event.model_dump_json() for event in events] + [str(start.payload), str(end.payload)]
    assert not [text for text in everything if SECRET in text]


@methods
def test_events_of_a_failed_call_report_the_error(emulated: Any, run: Any, method: str, argument: Any) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = emulated(model="emulator/status-400", callback_manager=CallbackManager([debug]))
    with pytest.raises(Exception, match="400"):
        answered(run, llm, method, argument)
    assert "exception" in str(debug.get_events(CBEventType.LLM)[-1].payload)


def test_events_of_a_stream_left_early_have_no_end(emulated: Any, run: Any, events: list[Any]) -> None:
    stream = run(emulated(), "stream_chat", [ChatMessage("Hello")])
    if run.name == "sync":
        next(stream)
        stream.close()
    else:
        run.loop.run_until_complete(anext(stream))
        run.loop.run_until_complete(stream.aclose())
    assert "LLMChatEndEvent" not in [type(event).__name__ for event in events]


@methods
def test_token_counting_handler_counts_exactly(emulated: Any, run: Any, method: str, argument: Any) -> None:
    counter = TokenCountingHandler()
    llm = emulated(callback_manager=CallbackManager([counter]))
    counts = [answered(run, llm, method, argument).additional_kwargs for _ in range(2)]
    assert counter.prompt_llm_token_count == sum(each["prompt_tokens"] for each in counts)
    assert counter.completion_llm_token_count == sum(each["completion_tokens"] for each in counts)
    assert counter.total_llm_token_count > 0
    assert len(counter.llm_token_counts) == 2


@pytest.mark.parametrize("streaming", [False, True])
def test_token_counting_handler_on_a_query_engine_counts(
    index: VectorStoreIndex, llm: Any, run: Any, monkeypatch: pytest.MonkeyPatch, streaming: bool
) -> None:
    counter = TokenCountingHandler()
    monkeypatch.setattr(Settings, "_callback_manager", CallbackManager([counter]))  # of all engines
    engine = index.as_query_engine(llm=llm, streaming=streaming, similarity_top_k=1)
    answer = run(engine, "query", "Which river flows through Porto?")
    assert "Douro" in (run.text(answer) if streaming else str(answer))
    [counted] = counter.llm_token_counts
    assert counted.total_token_count > 50
