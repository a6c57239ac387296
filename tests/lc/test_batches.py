"""Batch jobs of LangChain models and chains: the same messages as from `invoke`, in order, sync and async."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel

from aimlapi_integrations import track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import BatchAPI, BatchJob, ChatAIMLAPI
from aimlapi_integrations.langchain.errors import (
    BatchCanceledError,
    BatchError,
    BatchExpiredError,
    BatchTimeoutError,
    InternalServerError,
    ModelAPIError,
    ModelInvalidRequestError,
    ModelTimeoutError,
    UnsupportedContentError,
    UnsupportedParameterError,
)
from tests.support.sync_and_async import Run

CLAUDE = "anthropic/claude-sonnet-4.5"
FAULT = "x-emulator-fault"
TOPICS = ["rivers", "mountains", "bread"]


class Trip(BaseModel):
    """A journey."""

    city: str
    days: int


@tool("get weather!")
def get_weather(city: str) -> str:
    """The weather in a city."""
    return city


class BatchRun(Run):
    """Submits a batch, and returns its results."""

    def results(self, runnable: Any, inputs: list[Any], **kwargs: Any) -> list[Any]:
        job: BatchJob = self(BatchAPI(runnable), "submit", inputs)
        answers: list[Any] = self(job, "results", interval=0, **kwargs)
        return answers


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> BatchRun:
    return BatchRun(request.param)


@pytest.fixture
def model(gateway: Emulator) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=CLAUDE, max_tokens=300, api_key="k", base_url=gateway.base_url, max_retries=0)


def with_fault(model: ChatAIMLAPI, fault: str) -> ChatAIMLAPI:
    return model.model_copy(update={"default_headers": {FAULT: fault}})


# --- results are those of invoke ------------------------------------------------------------------------------------


def comparable(message: AIMessage) -> dict[str, Any]:
    """What a batched message has in common with one of `invoke`: all but ids, the price and the tier."""
    dumped = message.model_dump()
    metadata = dumped.pop("response_metadata")
    for name in ("id", "cost", "service_tier", "inference_id", "request_id", "batch_id", "custom_id", "token_usage"):
        metadata.pop(name, None)
    for call in dumped["tool_calls"]:
        call.pop("id")
    return {**dumped, "id": None, "response_metadata": metadata}


CALL = "What is the weather in 'Paris'?"
VARIANTS: dict[str, Any] = {
    "model": lambda model: model,
    "bound": lambda model: model.bind(stop=["x"], temperature=0),
    "tools": lambda model: model.bind_tools([get_weather], tool_choice="any"),
    "config": lambda model: model.with_config(tags=["a"]),
    "retry-free-binding-of-a-binding": lambda model: model.bind(temperature=0).bind(max_tokens=9),
    "thinking": lambda model: model.model_copy(update={"reasoning_effort": "low", "max_tokens": 4000}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_messages_are_those_of_invoke(run: BatchRun, model: ChatAIMLAPI, variant: str) -> None:
    runnable = VARIANTS[variant](model.model_copy(update={"endpoint": "messages"}))
    [batched] = run.results(runnable, [CALL])
    direct = runnable.invoke(CALL)
    assert comparable(batched) == comparable(direct)
    assert batched.response_metadata["cost"]["usd"] > "0"
    assert batched.response_metadata["batch_id"].startswith("msgbatch_")
    assert batched.response_metadata["custom_id"] == "row-0-of-1"


CHAINS: dict[str, Any] = {
    "prompt": (lambda model: ChatPromptTemplate.from_template("Say {topic}") | model | StrOutputParser(), str),
    "lambda": (lambda model: RunnableLambda(lambda value: f"Say {value['topic']}") | model | StrOutputParser(), str),
    "nested": (lambda model: ChatPromptTemplate.from_template("Say {topic}") | (model | StrOutputParser()), str),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_chains_run_their_steps_before_and_after(run: BatchRun, model: ChatAIMLAPI, chain: str) -> None:
    inputs = [{"topic": topic} for topic in TOPICS]
    assert run.results(CHAINS[chain][0](model), inputs) == [f"[emulated] You said: Say {topic}" for topic in TOPICS]


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("include_raw", [False, True])
def test_structured_output_is_parsed(run: BatchRun, model: ChatAIMLAPI, method: Any, include_raw: bool) -> None:
    chain = model.with_structured_output(Trip, method=method, include_raw=include_raw)
    results = run.results(chain, [f"{days} days in 'Porto'" for days in (2, 3)])
    parsed = [result["parsed"] for result in results] if include_raw else results
    assert parsed == [Trip(city="Porto", days=2), Trip(city="Porto", days=3)]
    assert not include_raw or all(isinstance(result["raw"], AIMessage) for result in results)


def test_a_configurable_model_is_found(run: BatchRun, model: ChatAIMLAPI) -> None:
    configurable = model.configurable_fields(temperature=ConfigurableField("temperature"))
    assert run.results(configurable, ["Hi"])[0].text == "[emulated] You said: Hi"


def test_inputs_are_those_of_invoke(run: BatchRun, model: ChatAIMLAPI) -> None:
    prompt = ChatPromptTemplate.from_template("{word}").invoke({"word": "Hi"})
    results = run.results(model, ["Hi", [HumanMessage("Hi")], [("user", "Hi")], prompt])
    assert [result.text for result in results] == ["[emulated] You said: Hi"] * 4


# --- resume ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["id", "batch", "pickle"])
def test_a_job_is_resumed(run: BatchRun, model: ChatAIMLAPI, kept: str) -> None:
    bound = model.bind_tools([get_weather], tool_choice="any")
    job = run(BatchAPI(bound), "submit", [f"Weather in '{city}'" for city in ("Porto", "Faro")])
    value = {"id": job.id, "batch": job.batch, "pickle": pickle.loads(pickle.dumps(job.batch))}[kept]
    results = run(BatchAPI(bound).resume(value), "results", interval=0)
    assert [message.tool_calls[0]["name"] for message in results] == ["get weather!"] * 2
    assert [message.tool_calls[0]["args"] for message in results] == [{"city": "Porto"}, {"city": "Faro"}]


def test_results_of_several_calls_are_equal(run: BatchRun, model: ChatAIMLAPI) -> None:
    job = run(BatchAPI(model), "submit", TOPICS)
    with track_costs() as costs:
        first = run(job, "results", interval=0)
        assert run(job, "results", interval=0) == first
    assert costs.total.calls == len(TOPICS)
    assert len({message.id for message in first}) == len(TOPICS)


def test_status_and_cancel(run: BatchRun, model: ChatAIMLAPI) -> None:
    job = run(BatchAPI(with_fault(model, "batch-stuck")), "submit", ["Hi"])
    assert run(job, "status") == "in_progress"
    run(job, "cancel")
    assert run(job, "status") == "canceled"
    assert repr(job) == f"<BatchJob {job.id} canceled>"
    [result] = run(job, "results", interval=0)
    assert isinstance(result, BatchCanceledError)
    with pytest.raises(BatchCanceledError):
        run(BatchAPI(model).resume(job.id), "results", interval=0)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "retryable"),
    [
        ("batch-errored", InternalServerError, True),
        ("batch-expired", BatchExpiredError, True),
        ("batch-canceled", BatchCanceledError, False),
    ],
)
def test_an_error_is_the_result_of_its_input(
    run: BatchRun, model: ChatAIMLAPI, fault: str, error: type[Exception], retryable: bool
) -> None:
    first, second = run.results(with_fault(model, fault), ["a", "b"])
    assert type(first) is error
    assert isinstance(first, ModelAPIError)
    assert first.is_retryable == retryable
    assert second.text == "[emulated] You said: b"
    with pytest.raises(error):
        run.results(with_fault(model, fault), ["a", "b"], return_exceptions=False)


def test_a_failing_step_after_the_model_fails_its_input_alone(run: BatchRun, model: ChatAIMLAPI) -> None:
    def parse(message: AIMessage) -> str:
        if message.text.endswith("bread"):
            raise OutputParserException("not that")
        return message.text

    rivers, _, bread = run.results(model | RunnableLambda(parse), TOPICS)
    assert rivers == "[emulated] You said: rivers"
    assert isinstance(bread, OutputParserException)


def test_a_batch_that_does_not_end_raises(run: BatchRun, model: ChatAIMLAPI) -> None:
    job = run(BatchAPI(with_fault(model, "batch-stuck")), "submit", ["Hi"])
    with pytest.raises(BatchTimeoutError) as caught:
        run(job, "results", timeout=0)
    assert isinstance(caught.value, ModelTimeoutError)
    assert caught.value.batch_id == job.id
    assert not issubclass(BatchTimeoutError, BatchError)


@pytest.mark.parametrize(
    "runnable",
    [
        lambda _: RunnableLambda(str),
        lambda _: "not a runnable",
        lambda model: RunnableLambda(str) | StrOutputParser(),
        lambda model: model | StrOutputParser() | model,
        lambda model: model.with_fallbacks([model]),
        lambda model: {"a": model, "b": model} | RunnableLambda(str),
    ],
)
def test_a_runnable_without_one_model_raises(model: ChatAIMLAPI, runnable: Any) -> None:
    with pytest.raises(TypeError, match="Batches need"):
        BatchAPI(runnable(model))


def test_arguments_bound_to_a_chain_raise(model: ChatAIMLAPI) -> None:
    with pytest.raises(TypeError, match="bind them to its model"):
        BatchAPI((model | StrOutputParser()).bind(stop=["x"]))


@pytest.mark.parametrize(
    ("change", "inputs", "error", "problem"),
    [
        ({"model_name": "gpt-4o"}, ["Hi"], UnsupportedParameterError, "not a Claude model"),
        ({}, ["Hi", ""], UnsupportedContentError, r"requests\[1\]"),
    ],
)
def test_what_a_batch_does_not_support_raises(
    run: BatchRun, model: ChatAIMLAPI, gateway: Emulator, change: Any, inputs: Any, error: Any, problem: str
) -> None:
    with pytest.raises(error, match=problem) as caught:
        run(BatchAPI(model.model_copy(update=change)), "submit", inputs)
    assert isinstance(caught.value, ModelInvalidRequestError)
    assert gateway.requests == []


def test_no_inputs_raise(run: BatchRun, model: ChatAIMLAPI) -> None:
    with pytest.raises(ValueError, match="1 to 100,000"):
        run(BatchAPI(model), "submit", [])


# --- keys and prices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_key_from_a_function_is_used_for_each_request(gateway: Emulator, asynchronous: bool) -> None:
    keys = iter(f"key-{number}" for number in range(9))

    async def akey() -> str:
        return next(keys)

    key: Any = akey if asynchronous else lambda: next(keys)
    model = ChatAIMLAPI(model=CLAUDE, max_tokens=9, api_key=key, base_url=gateway.base_url, prices={"input": 1e-6})
    BatchRun(asynchronous).results(model, ["Hi"])
    sent = [request.headers["authorization"] for request in gateway.requests]
    assert sent[0] == "Bearer key-0"
    assert set(sent[1:]) == {"Bearer key-1"}


def test_the_models_own_prices_are_used(run: BatchRun, model: ChatAIMLAPI, gateway: Emulator) -> None:
    priced = model.model_copy(update={"prices": {"input": 2.0, "output": 4.0}})
    [message] = run.results(priced, ["Hi"])
    usage = message.usage_metadata
    assert float(message.response_metadata["cost"]["usd"]) == usage["input_tokens"] + 2 * usage["output_tokens"]
    assert not [request for request in gateway.requests if request.path.startswith("/model")]
