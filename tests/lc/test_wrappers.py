"""Tools, structured output and streams through every wrapper that LangChain's core puts around a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from itertools import product
from operator import add
from typing import Any

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from pydantic import BaseModel

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.support.agents import MODEL, bodies, get_weather
from tests.support.combinations import combine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ENDPOINTS = {"chat_completions": MODEL, "responses": MODEL, "messages": "anthropic/claude-sonnet-4.5"}
QUESTION = "What is the weather in Paris?"

Model = Runnable[Any, Any]
Make = Callable[..., ChatAIMLAPI]
Kind = Callable[[Any], Model]


@pytest.fixture(params=ENDPOINTS)
def make(gateway: Emulator, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Create models on one endpoint, which fail on request."""
    models = []

    def chat_model(fails: bool = False, **settings: Any) -> ChatAIMLAPI:
        name = ENDPOINTS[request.param] + ("#fault=status-503" if fails else "")
        shared = {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}
        models.append(ChatAIMLAPI(**{"model": name, "endpoint": request.param, **shared, **settings}))
        return models[-1]

    yield chat_model
    for model in models:
        model.close()


# --- kinds of answers: what makes a model give them, and what they are ------------------------------------------------


class City(BaseModel):
    """A city."""

    name: str
    people: int


def text(model: Any) -> Model:
    return model


def tools(model: Any) -> Model:
    return model.bind_tools([get_weather], tool_choice="get_weather")


def structured(model: Any) -> Model:
    return model.with_structured_output(City)


def structured_with_raw(model: Any) -> Model:
    return model.with_structured_output(City, include_raw=True)


def check(kind: Kind, answer: Any) -> None:
    match kind.__name__:
        case "text":
            assert answer.text.startswith("[emulated]")
            assert answer.usage_metadata["total_tokens"] > 0
        case "tools":
            assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("get_weather", {"city": "Paris"})]
        case "structured":
            assert isinstance(answer, City)
        case "structured_with_raw":
            assert isinstance(answer["raw"], AIMessage)
            assert isinstance(answer["parsed"], City)
            assert answer["parsing_error"] is None


KINDS = [text, tools, structured, structured_with_raw]

# --- wrappers ---------------------------------------------------------------------------------------------------------


def listened_to(_: Any) -> None:
    """Hears of a run."""


async def alistened_to(_: Any) -> None:
    """Hears of a run."""


def behind_fallbacks(make: Make) -> Any:
    return make(fails=True).with_fallbacks([make(fails=True), make()])


def behind_configurable_fields(make: Make) -> Any:
    fields: dict[str, Any] = {
        "model_name": ConfigurableField(id="model"),
        "max_tokens": ConfigurableField(id="limit"),
        "aimlapi_api_key": ConfigurableField(id="key"),
    }
    configured = {"model": make().model_name, "limit": 1000, "key": "other"}
    return make(fails=True).configurable_fields(**fields).with_config(configurable=configured)


def behind_alternatives(make: Make) -> Any:
    model = make(fails=True).configurable_alternatives(ConfigurableField(id="which"), working=make())
    return model.with_config(configurable={"which": "working"})


# Around the model, before tools are bound to it or a schema is.
INNER: dict[str, Callable[[Make], Any]] = {
    "nothing": lambda make: make(),
    "fallbacks": behind_fallbacks,
    "configurable fields": behind_configurable_fields,
    "configurable alternatives": behind_alternatives,
    "config": lambda make: make().with_config(tags=["a"], metadata={"b": 1}),
    "bound arguments": lambda make: make().bind(max_tokens=1000),
    "listeners": lambda make: make().with_listeners(on_start=listened_to, on_end=listened_to),
    "types": lambda make: make().with_types(input_type=str),
}

# Around the whole, after it.
OUTER: dict[str, Callable[[Model], Model]] = {
    "retry": lambda model: model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False),
    "sequence": lambda model: RunnablePassthrough() | model | RunnablePassthrough(),
    "parallel": lambda model: RunnableParallel(answer=model, question=RunnablePassthrough()).pick("answer"),
    "assigned": lambda model: RunnableParallel(q=RunnablePassthrough()).assign(a=lambda_of(model)).pick("a"),
    "branch": lambda model: RunnableBranch((bool, model), model),
    "lambda": lambda model: RunnableLambda(lambda question: model),
    "config": lambda model: model.with_config(run_name="named"),
    "listeners": lambda model: model.with_listeners(on_start=listened_to, on_end=listened_to),
    "fallbacks": lambda model: RunnableLambda(broken).with_fallbacks([model]),
}


def broken(_: Any) -> Any:
    raise ConnectionError


def lambda_of(model: Model) -> Model:
    return RunnableLambda(lambda arguments: arguments["q"]) | model


def whole(kind: Kind, pieces: list[Any]) -> Any:
    return pieces[-1] if kind is structured else reduce(add, pieces)


async def answers(kind: Kind, model: Model) -> list[Any]:
    """Return the answers of the model in each call mode."""
    return [
        model.invoke(QUESTION),
        whole(kind, list(model.stream(QUESTION))),
        *model.batch([QUESTION]),
        await model.ainvoke(QUESTION),
        whole(kind, [piece async for piece in model.astream(QUESTION)]),
        *await model.abatch([QUESTION]),
    ]


def on_an_endpoint(wrappers: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrize by each wrapper around each kind of answer, on the endpoints by turns."""
    rows = combine(product(wrappers, KINDS), list(ENDPOINTS), parts=len(ENDPOINTS))
    return pytest.mark.parametrize(("wrapper", "kind", "make"), rows, indirect=["make"])


@on_an_endpoint(INNER)
async def test_response_of_every_kind_passes_a_wrapper_of_the_model(wrapper: str, kind: Kind, make: Make) -> None:
    for answer in await answers(kind, kind(INNER[wrapper](make))):
        check(kind, answer)


@on_an_endpoint(OUTER)
async def test_response_of_every_kind_passes_an_outer_wrapper(wrapper: str, kind: Kind, make: Make) -> None:
    for answer in await answers(kind, OUTER[wrapper](kind(make()))):
        check(kind, answer)


@pytest.mark.parametrize("kind", KINDS)
async def test_async_listeners_receive_every_kind_of_response(kind: Kind, make: Make) -> None:
    model = kind(make()).with_alisteners(on_start=alistened_to, on_end=alistened_to)
    check(kind, await model.ainvoke(QUESTION))
    check(kind, whole(kind, [piece async for piece in model.astream(QUESTION)]))


def test_configured_fields_are_sent(make: Make, gateway: Emulator) -> None:
    tools(behind_configurable_fields(make)).invoke(QUESTION)
    record = gateway.requests[-1]
    assert record.json["model"] == make().model_name
    assert 1000 in (record.json.get("max_tokens"), record.json.get("max_output_tokens"))
    assert record.headers["authorization"] == "Bearer other"


def history_of(sessions: dict[str, InMemoryChatMessageHistory], session_id: str) -> InMemoryChatMessageHistory:
    return sessions.setdefault(session_id, InMemoryChatMessageHistory())


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("output_version", [None, "v1"])
def test_message_history_passes_every_message_on(
    make: Make, gateway: Emulator, streamed: bool, output_version: str | None
) -> None:
    sessions: dict[str, InMemoryChatMessageHistory] = {}
    model = RunnableWithMessageHistory(make(output_version=output_version), partial(history_of, sessions))
    config: Any = {"configurable": {"session_id": "1"}}
    for question in ("My name is Ada.", "What is my name?"):
        if streamed:
            list(model.stream([HumanMessage(question)], config))
        else:
            model.invoke([HumanMessage(question)], config)
    assert [message.type.removesuffix("MessageChunk").lower() for message in sessions["1"].messages] == [
        "human",
        "ai",
    ] * 2
    assert "My name is Ada." in str(bodies(gateway)[-1])
