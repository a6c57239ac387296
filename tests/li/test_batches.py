"""Batch jobs of LlamaIndex LLMs: the same responses as from `chat`, in order, sync and async."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, RootModel, ValidationError

from aimlapi_integrations import (
    BatchCanceledError,
    BatchExpiredError,
    BatchTimeoutError,
    InternalServerError,
    UnsupportedContentError,
    UnsupportedParameterError,
    track_costs,
)
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.llama_index import AIMLAPI, BatchAPI, BatchJob
from tests.support.sync_and_async import Run

CLAUDE = "anthropic/claude-sonnet-4.5"
FAULT = "x-emulator-fault"


class Trip(BaseModel):
    """A journey."""

    city: str
    days: int


class Cities(RootModel[list[str]]):
    """Names of cities."""


def get_weather(city: str) -> str:
    """The weather in a city."""
    return city


WEATHER = FunctionTool.from_defaults(get_weather)


class BatchRun(Run):
    """Submits a batch, and returns its results."""

    def results(self, llm: Any, inputs: list[Any], **kwargs: Any) -> list[Any]:
        job: BatchJob = self(BatchAPI(llm), "submit", inputs)
        responses: list[Any] = self(job, "results", interval=0, **kwargs)
        return responses


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> BatchRun:
    return BatchRun(request.param)


@pytest.fixture
def llm(gateway: Emulator) -> AIMLAPI:
    return AIMLAPI(model=CLAUDE, max_tokens=300, api_key="k", api_base=gateway.base_url, max_retries=0)


def with_fault(llm: AIMLAPI, fault: str) -> AIMLAPI:
    return llm.model_copy(update={"default_headers": {FAULT: fault}})


def comparable(response: ChatResponse) -> Any:
    """What a batched response has in common with one of `chat`: all but ids, the price and the tier."""
    kwargs = dict(response.additional_kwargs)
    for name in ("id", "cost", "service_tier", "inference_id", "request_id", "batch_id", "custom_id", "usage"):
        kwargs.pop(name, None)
    return response.message.blocks, response.message.role, kwargs


def test_responses_are_those_of_chat(run: BatchRun, llm: AIMLAPI) -> None:
    direct = llm.model_copy(update={"endpoint": "messages"})
    [response] = run.results(direct, ["Hello"])
    expected = direct.chat([ChatMessage("Hello")])
    assert comparable(response) == comparable(expected)
    assert response.additional_kwargs["cost"]["usd"] > "0"
    assert response.additional_kwargs["batch_id"].startswith("msgbatch_")
    assert response.additional_kwargs["custom_id"] == "row-0-of-1"


def test_inputs_are_texts_or_conversations_in_order(run: BatchRun, llm: AIMLAPI) -> None:
    inputs = ["one", [ChatMessage("two")], [ChatMessage("Be brief.", role="system"), ChatMessage("three")]]
    responses = run.results(llm, inputs)
    assert [response.message.content for response in responses] == [
        f"[emulated] You said: {text}" for text in ("one", "two", "three")
    ]


def test_tool_calls_are_those_of_chat(run: BatchRun, llm: AIMLAPI) -> None:
    arguments = llm._prepare_chat_with_tools([WEATHER], user_msg="x", tool_required=True)
    tools = {name: value for name, value in arguments.items() if name != "messages"}
    api = BatchAPI(llm, **tools)
    job = run(api, "submit", ["Weather in 'Porto'", "Weather in 'Faro'"])
    responses = run(api.resume(job.id), "results", interval=0)
    calls = [llm.get_tool_calls_from_response(response)[0] for response in responses]
    assert [(call.tool_name, call.tool_kwargs) for call in calls] == [
        ("get_weather", {"city": "Porto"}),
        ("get_weather", {"city": "Faro"}),
    ]


@pytest.mark.parametrize("native", [None, True])
def test_structured_llms_have_the_object_in_raw(run: BatchRun, llm: AIMLAPI, native: Any) -> None:
    structured = llm.model_copy(update={"should_use_structured_outputs": native}).as_structured_llm(Trip)
    responses = run.results(structured, [f"{days} days in 'Porto'" for days in (2, 3)])
    assert [response.raw for response in responses] == [Trip(city="Porto", days=2), Trip(city="Porto", days=3)]
    assert responses[0].message.content == '{"city":"Porto","days":2}'
    assert responses[0].additional_kwargs["cost"]


def test_a_class_that_is_no_object_is_unwrapped(run: BatchRun, llm: AIMLAPI) -> None:
    [response] = run.results(llm.as_structured_llm(Cities), ["Cities"])
    assert isinstance(response.raw, Cities)


def test_output_that_does_not_match_fails_its_input_alone(run: BatchRun, llm: AIMLAPI) -> None:
    class Strict(BaseModel):
        """Never."""

        days: int

        def model_post_init(self, _: Any) -> None:
            if self.days == 2:
                raise ValueError("not two")

    two, three = run.results(llm.as_structured_llm(Strict), ["2 days", "3 days"])
    assert isinstance(two, ValueError | ValidationError)
    assert three.raw.days == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("batch-errored", InternalServerError),
        ("batch-expired", BatchExpiredError),
        ("batch-canceled", BatchCanceledError),
    ],
)
def test_an_error_is_the_result_of_its_input(run: BatchRun, llm: AIMLAPI, fault: str, error: type[Exception]) -> None:
    first, second = run.results(with_fault(llm, fault), ["a", "b"])
    assert type(first) is error
    assert second.message.content == "[emulated] You said: b"
    with pytest.raises(error):
        run.results(with_fault(llm, fault), ["a", "b"], return_exceptions=False)


def test_status_cancel_and_timeout(run: BatchRun, llm: AIMLAPI) -> None:
    job = run(BatchAPI(with_fault(llm, "batch-stuck")), "submit", ["Hi"])
    assert run(job, "status") == "in_progress"
    with pytest.raises(BatchTimeoutError) as caught:
        run(job, "results", timeout=0)
    assert caught.value.batch_id == job.id
    run(job, "cancel")
    assert run(job, "status") == "canceled"
    assert repr(job) == f"<BatchJob {job.id} canceled>"
    [result] = run(BatchAPI(llm).resume(job.batch), "results", interval=0)
    assert isinstance(result, BatchCanceledError)


def test_costs_are_counted_once(run: BatchRun, llm: AIMLAPI) -> None:
    with track_costs() as costs:
        job = run(BatchAPI(llm), "submit", ["a", "b"])
        run(job, "results", interval=0)
        run(job, "results", interval=0)
    assert (costs.total.calls, costs.total.unpriced) == (2, 0)


@pytest.mark.parametrize(
    ("change", "inputs", "error", "problem"),
    [
        ({"model": "gpt-4o"}, ["Hi"], UnsupportedParameterError, "not a Claude model"),
        ({}, ["Hi", ""], UnsupportedContentError, r"requests\[1\]"),
        ({}, [], ValueError, "1 to 100,000"),
    ],
)
def test_what_a_batch_does_not_support_raises(
    run: BatchRun, llm: AIMLAPI, gateway: Emulator, change: Any, inputs: Any, error: Any, problem: str
) -> None:
    with pytest.raises(error, match=problem):
        run(BatchAPI(llm.model_copy(update=change)), "submit", inputs)
    assert gateway.requests == []


@pytest.mark.parametrize("make", [MockLLM, lambda: "llm", lambda: MockLLM().as_structured_llm(Trip)])
def test_another_llm_raises(make: Any) -> None:
    with pytest.raises(TypeError, match="Batches need an AIMLAPI"):
        BatchAPI(make())
