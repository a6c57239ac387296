"""LlamaIndex's programs, which ask for objects themselves, on `AIMLAPI`."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.program.utils import process_streaming_objects
from llama_index.core.tools import FunctionTool
from llama_index.core.utilities.token_counting import TokenCounter
from pydantic import BaseModel

from tests.li.conftest import ENDPOINTS
from tests.li.gateway import Gateway, call, reply

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

QUESTION = "Note this down: {who} friends go to 'Lisbon' for 4 days."


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int


LISBON = Trip(city="Lisbon", days=4)


@pytest.mark.parametrize("kind", [FunctionCallingProgram, LLMTextCompletionProgram])
def test_program_with_output_class_returns_the_object(llm: Any, run: Any, kind: Any) -> None:
    program = kind.from_defaults(output_cls=Trip, prompt_template_str=QUESTION, llm=llm)
    result = program(who="two") if run.name == "sync" else run.loop.run_until_complete(program.acall(who="two"))
    assert result == LISBON


def test_program_that_streams_ends_with_the_object(llm: Any, run: Any) -> None:
    program = FunctionCallingProgram.from_defaults(output_cls=Trip, prompt_template_str=QUESTION, llm=llm)
    if run.name == "sync":
        objects = list(program.stream_call(who="two"))
    else:
        objects = run.listed(run.loop.run_until_complete(program.astream_call(who="two")))
    assert objects[-1] == LISBON
    assert len(objects) > 2


def test_program_with_parallel_calls_returns_several_objects() -> None:
    calls = [call("Trip", '{"city": "Rome", "days": 1}'), call("Trip", '{"city": "Oslo", "days": 2}', "call_2")]
    llm = Gateway(reply("", tool_calls=calls, finish="tool_calls")).llm()
    several = {"output_cls": Trip, "prompt_template_str": QUESTION, "llm": llm}
    both = FunctionCallingProgram.from_defaults(**several, allow_parallel_tool_calls=True)
    assert both(who="two") == [Trip(city="Rome", days=1), Trip(city="Oslo", days=2)]
    assert FunctionCallingProgram.from_defaults(**several)(who="two") == Trip(city="Rome", days=1)


def test_core_program_with_streamed_call_returns_the_object() -> None:
    """It reads calls from `additional_kwargs`, and returns empty objects if there are none."""
    llm = Gateway(reply("", tool_calls=[call("Trip", '{"city": "Lisbon", "days": 4}')], finish="tool_calls")).llm()
    tool = FunctionTool.from_defaults(lambda city, days: None, name="Trip", description="A trip.")
    objects = [
        process_streaming_objects(response, Trip, llm=llm)
        for response in llm.stream_chat_with_tools([tool], user_msg="Where?")
    ]
    assert objects[-1] == LISBON
    assert "Li" in [each.city for each in objects]


# --- calls as gateways write them -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", {}), ("{}", {}), ("null", {}), (None, {}), ({"a": 1}, {"a": 1}), ('{"a": null}', {"a": None})],
)
def test_call_arguments_in_any_form_are_sent_as_json(arguments: Any, expected: dict[str, Any]) -> None:
    """And without an id, which the tool's answer needs."""
    entry = {"type": "function", "function": {"name": "now", "arguments": arguments}}
    gateway = Gateway(reply("", tool_calls=[entry], finish="tool_calls"))
    llm = gateway.llm()
    messages = [ChatMessage("x")]
    response = llm.chat(messages)
    [selection] = llm.get_tool_calls_from_response(response)
    assert (selection.tool_name, selection.tool_kwargs) == ("now", expected)
    assert selection.tool_id
    llm.chat(
        [
            *messages,
            response.message,
            ChatMessage("12", role="tool", additional_kwargs={"tool_call_id": selection.tool_id}),
        ]
    )
    _, turn, result = gateway.turns
    assert turn["tool_calls"][0]["id"] == result["tool_call_id"]


def test_calls_in_additional_kwargs_alone_are_selected() -> None:
    llm = Gateway().llm()
    response = llm.chat([ChatMessage("x")])
    response.message.additional_kwargs = {"tool_calls": [call()]}
    [selection] = llm.get_tool_calls_from_response(response)
    assert (selection.tool_id, selection.tool_name, selection.tool_kwargs) == (
        "call_1",
        "get_weather",
        {"city": "Paris"},
    )


def test_token_counting_handler_with_calls_counts_them() -> None:
    """By the strings in them: it fails on None."""
    llm = Gateway(reply("", tool_calls=[call()], finish="tool_calls")).llm()
    responses = list(llm.stream_chat([ChatMessage("x")]))
    counted = [TokenCounter().estimate_tokens_in_messages([response.message]) for response in responses]
    assert counted[-1] > 0
