"""Subclasses that answer in `chat` themselves, with messages of blocks alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from aimlapi_integrations.llama_index import AIMLAPI
from tests.li.conftest import Runner

pytestmark = [
    # core leaves event loops open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ARGUMENTS = pytest.mark.parametrize("arguments", [{"city": "Paris"}, '{"city": "Paris"}'])


class Canned(AIMLAPI):
    """Respond to the first request with `calls`, if any, and to every other with a text."""

    api_key: Any = "k"
    calls: list[ToolCallBlock] = Field(default_factory=list)

    def _answer(self, messages: Sequence[ChatMessage]) -> ChatResponse:
        is_answered = any(message.role == "tool" for message in messages)
        blocks: list[Any] = list(self.calls) if self.calls and not is_answered else [TextBlock(text="Canned.")]
        return ChatResponse(message=ChatMessage(role="assistant", blocks=blocks))

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        yield self._answer(messages)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        async def answers() -> ChatResponseAsyncGen:
            yield self._answer(messages)

        return answers()


class City(BaseModel):
    """A city."""

    city: str


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


TOOL = FunctionTool.from_defaults(get_weather)


def calling(arguments: Any, name: str = "get_weather", times: int = 1) -> Canned:
    return Canned(calls=[ToolCallBlock(tool_name=name, tool_kwargs=arguments)] * times)


@pytest.mark.parametrize("method", ["complete", "stream_complete"])
def test_complete_with_overridden_chat_calls_it(run: Runner, method: str) -> None:
    answer = run(Canned(), method, "x")
    last = answer if method == "complete" else run.listed(answer)[-1]
    assert last.text == "Canned."


def test_predict_with_overridden_chat_calls_it(run: Runner) -> None:
    assert run(Canned(), "predict", PromptTemplate("x")) == "Canned."


@ARGUMENTS
@pytest.mark.parametrize("parallel", [False, True])
def test_calls_in_blocks_alone_are_selected(run: Runner, arguments: Any, parallel: bool) -> None:
    llm = calling(arguments, times=2)
    answer = run(llm, "predict_and_call", [TOOL], user_msg="x", allow_parallel_tool_calls=parallel)
    assert [source.content for source in answer.sources] == ["Sunny in Paris"] * (2 if parallel else 1)


@ARGUMENTS
@pytest.mark.parametrize("streaming", [False, True])
async def test_agent_runs_calls_as_blocks_alone(arguments: Any, streaming: bool) -> None:
    agent = FunctionAgent(tools=[TOOL], llm=calling(arguments), streaming=streaming)
    output = await agent.run("x")
    assert str(output) == "Canned."
    assert [call.tool_output.content for call in output.tool_calls] == ["Sunny in Paris"]


@ARGUMENTS
@pytest.mark.parametrize("method", ["structured_predict", "stream_structured_predict"])
def test_structured_output_in_blocks_alone_is_read(run: Runner, arguments: Any, method: str) -> None:
    answer = run(calling(arguments, "City"), method, City, PromptTemplate("x"))
    last = answer if method == "structured_predict" else run.listed(answer)[-1]
    assert last == City(city="Paris")
