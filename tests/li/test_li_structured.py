"""Structured answers in LlamaIndex: by JSON schema, by a tool, or in text."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import llama_index.core.instrumentation as instrumentation
import pytest
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import ChatMessage
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, SelectorPromptTemplate
from llama_index.core.prompts.utils import is_chat_model
from llama_index.core.types import BaseOutputParser, PydanticProgramMode
from pydantic import BaseModel, Field, ValidationError

from aimlapi_integrations.errors import IncompleteOutputError, RefusalError, StreamError

from ..chat_events import chunk
from .li_gateway import Gateway, call, reply

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    """Something in a box."""

    value: T


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int = 3


PROMPT = "Note this down: {who} friends go to 'Lisbon' for 4 days."
LISBON = Trip(city="Lisbon", days=4)


def _prompt(prompt: Any) -> Any:
    return PromptTemplate(prompt) if isinstance(prompt, str) else prompt


async def _sync(llm: Any, kind: Any = Trip, prompt: Any = PROMPT, **kwargs: Any) -> list[Any]:
    return [llm.structured_predict(kind, _prompt(prompt), who="two", **kwargs)]


async def _async(llm: Any, kind: Any = Trip, prompt: Any = PROMPT, **kwargs: Any) -> list[Any]:
    return [await llm.astructured_predict(kind, _prompt(prompt), who="two", **kwargs)]


async def _stream(llm: Any, kind: Any = Trip, prompt: Any = PROMPT, **kwargs: Any) -> list[Any]:
    return list(llm.stream_structured_predict(kind, _prompt(prompt), who="two", **kwargs))


async def _astream(llm: Any, kind: Any = Trip, prompt: Any = PROMPT, **kwargs: Any) -> list[Any]:
    return [each async for each in await llm.astream_structured_predict(kind, _prompt(prompt), who="two", **kwargs)]


anyhow = pytest.mark.parametrize("ask", [_sync, _async, _stream, _astream])
streamed = pytest.mark.parametrize("ask", [_stream, _astream])

WAYS = {
    "schema": {},
    "tool": {"should_use_structured_outputs": False},
    "mode function": {"pydantic_program_mode": PydanticProgramMode.FUNCTION},
    "text": {"should_use_structured_outputs": False, "is_function_calling_model": False},
    "mode llm": {"pydantic_program_mode": PydanticProgramMode.LLM},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@anyhow
@ways
async def test_the_answer_is_of_the_class(emulated: Any, way: dict[str, Any], ask: Any) -> None:
    assert (await ask(emulated(**way)))[-1] == LISBON


@anyhow
@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
async def test_generic_classes(emulated: Any, way: dict[str, Any], ask: Any) -> None:
    assert (await ask(emulated(**way), Box[int], "7"))[-1] == Box[int](value=7)


@streamed
@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
async def test_objects_fill_as_they_arrive(emulated: Any, way: dict[str, Any], ask: Any) -> None:
    told = await ask(emulated(**way))
    assert len(told) > 2
    assert [each.city for each in told] == sorted((each.city for each in told), key=len)
    assert told[0].city != "Lisbon"


def asked(body: dict[str, Any]) -> str:
    return "schema" if "response_format" in body or "text" in body else "tool" if "tools" in body else "text"


@anyhow
@ways
async def test_the_request_asks_in_the_way_chosen(way: dict[str, Any], ask: Any) -> None:
    tool = reply("", tool_calls=[call("Trip", '{"city": "Lisbon", "days": 4}')], finish="tool_calls")
    text = reply('{"city": "Lisbon", "days": 4}')
    expected = next(name for name, given in WAYS.items() if given == way)
    kind = {"mode function": "tool", "mode llm": "text"}.get(expected, expected)
    gateway = Gateway(tool if kind == "tool" else text)
    await ask(gateway.llm(system_prompt="Be brief.", **way))
    [body] = gateway.bodies
    assert asked(body) == kind
    assert kind == "text" or body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body.get("tool_choice") == ("required" if kind == "tool" else None)


@anyhow
@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"city": "Lisbon", "days": 4}\n```',
        '<think>{Hm}</think>{"city": "Lisbon", "days": 4}',
        'Here you are: {"city": "Lisbon", "days": 4}. Enjoy!',
    ],
)
async def test_json_among_words(ask: Any, text: str) -> None:
    assert (await ask(Gateway(reply(text)).llm()))[-1] == LISBON
    assert (await ask(Gateway(reply(text)).llm(should_use_structured_outputs=False)))[-1] == LISBON


@anyhow
async def test_refusals_and_broken_answers_are_errors_of_their_own(ask: Any) -> None:
    with pytest.raises(RefusalError, match="I will not"):
        await ask(Gateway(reply("", refusal="I will not.")).llm())
    with pytest.raises(IncompleteOutputError) as caught:
        await ask(Gateway(reply('{"city": "Lis', finish="length")).llm())
    assert caught.value.finish_reason == "length"
    broken = reply("", tool_calls=[call("Trip", '{"city": "Lis')], finish="length")
    with pytest.raises(IncompleteOutputError):
        await ask(Gateway(broken).llm(should_use_structured_outputs=False))
    with pytest.raises(ValidationError):
        await ask(Gateway(reply('{"town": "Lisbon"}')).llm())
    with pytest.raises(ValidationError):
        await ask(Gateway(reply("No JSON at all")).llm())


async def test_the_callers_arguments_are_kept_and_passed_on() -> None:
    gateway = Gateway(reply('{"city": "Lisbon", "days": 4}'))
    kwargs = {"temperature": 0.5, "tool_choice": "x", "allow_parallel_tool_calls": True}
    await _sync(gateway.llm(), llm_kwargs=kwargs)
    assert gateway.bodies[0]["temperature"] == 0.5
    assert set(kwargs) == {"temperature", "tool_choice", "allow_parallel_tool_calls"}


def test_schemas_are_strict_only_when_asked() -> None:
    gateway = Gateway(reply('{"city": "Lisbon", "days": 4}'))
    gateway.llm().structured_predict(Trip, PromptTemplate(PROMPT), who="two")
    gateway.llm(strict=True).structured_predict(Trip, PromptTemplate(PROMPT), who="two")
    loose, strict = [body["response_format"]["json_schema"] for body in gateway.bodies]
    assert "strict" not in loose
    assert loose["name"] == "Trip"
    assert strict["strict"] is True
    assert strict["schema"]["required"] == ["city", "days"]


class Tree(BaseModel):
    """A tree."""

    name: str
    children: list[Tree] = Field(default_factory=list)


@anyhow
@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
@pytest.mark.parametrize("strict", [None, True])
async def test_a_class_that_contains_itself(
    emulated: Any, emulator: Any, way: dict[str, Any], ask: Any, strict: bool | None
) -> None:
    answers = await ask(emulated(strict=strict, **way), Tree)
    assert isinstance(answers[-1], Tree)
    schema = told_schema(emulator.requests[-1].json)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"].keys() == {"name", "children"}


def told_schema(body: dict[str, Any]) -> Any:
    """The schema of an answer in a body, wherever its endpoint has it."""
    if "tools" in body:
        [tool] = body["tools"]
        return tool.get("function", tool)["parameters"]
    return body["text"]["format"]["schema"] if "text" in body else body["response_format"]["json_schema"]["schema"]


class Note(BaseModel):
    """A note on a city."""

    city: str
    remark: str | None = None


@anyhow
@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
@pytest.mark.parametrize("written", ['{"city": "Rome", "remark": null}', '{"city": "Rome"}'])
async def test_what_may_be_none_may_stay_so_under_a_strict_schema(way: Any, ask: Any, written: str) -> None:
    by_tool = reply("", tool_calls=[call("Note", written)], finish="tool_calls")
    gateway = Gateway(reply(written) if way == WAYS["schema"] else by_tool)
    assert (await ask(gateway.llm(strict=True, **way), Note))[-1] == Note(city="Rome")
    [body] = gateway.bodies
    told = body["response_format"]["json_schema"] if "response_format" in body else body["tools"][0]["function"]
    schema = told.get("schema") or told["parameters"]
    assert told["strict"] is True
    assert schema["required"] == ["city", "remark"]
    assert {"type": "null"} in schema["properties"]["remark"]["anyOf"]


class Shout(BaseOutputParser):
    """Asks for capitals, and takes them back."""

    def parse(self, output: str) -> Any:
        return output.lower()

    def format(self, query: str) -> str:
        return query.upper()


@anyhow
async def test_the_branch_of_a_prompt_is_that_of_chat_models(ask: Any) -> None:
    gateway = Gateway(reply('{"city": "Lisbon", "days": 4}'))
    chat = ChatPromptTemplate([ChatMessage("Note {who}", role="user")])
    prompt = SelectorPromptTemplate(PromptTemplate("Complete {who}"), [(is_chat_model, chat)])
    assert (await ask(gateway.llm(), Trip, prompt))[-1] == LISBON
    assert gateway.bodies[0]["messages"] == [{"role": "user", "content": "Note two"}]


@streamed
async def test_an_answer_that_says_nothing_is_an_error(ask: Any) -> None:
    with pytest.raises(StreamError):
        await ask(Gateway(events=[]).llm())
    with pytest.raises(ValidationError):
        await ask(Gateway(events=[chunk(finish="stop")]).llm())


def test_an_output_parser_has_its_say() -> None:
    gateway = Gateway(reply('{"CITY": "LISBON", "DAYS": 4}'))
    trip = gateway.llm(output_parser=Shout()).structured_predict(Trip, PromptTemplate(PROMPT), who="two")
    assert trip == Trip(city="lisbon", days=4)
    assert "LISBON" in gateway.bodies[0]["messages"][0]["content"]
    parsed = Gateway(reply('{"city": "Lisbon", "days": 4}')).llm(output_parser=PydanticOutputParser(output_cls=Trip))
    assert parsed.structured_predict(Trip, PromptTemplate(PROMPT), who="two") == LISBON


@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
async def test_as_structured_llm(emulated: Any, way: dict[str, Any]) -> None:
    structured = emulated(**way).as_structured_llm(Trip)
    messages = [ChatMessage("Two friends go to 'Lisbon' for 4 days.")]
    assert structured.chat(messages).raw == LISBON
    assert (await structured.achat(messages)).raw == LISBON
    assert list(structured.stream_chat(messages))[-1].raw == LISBON
    assert [each async for each in await structured.astream_chat(messages)][-1].raw == LISBON
    assert structured.complete("Two friends go to 'Lisbon' for 4 days.").raw == LISBON


SEEN: list[str] = []


class Listener(BaseEventHandler):
    @classmethod
    def class_name(cls) -> str:
        return "Listener"

    def handle(self, event: Any, **kwargs: Any) -> None:
        SEEN.append(event.class_name())


@anyhow
@pytest.mark.parametrize("way", [WAYS["schema"], WAYS["tool"]], ids=["schema", "tool"])
async def test_events_are_told_once(emulated: Any, way: dict[str, Any], ask: Any) -> None:
    dispatcher, listener = instrumentation.get_dispatcher(), Listener()
    SEEN.clear()
    dispatcher.add_event_handler(listener)
    try:
        await ask(emulated(**way))
    finally:
        dispatcher.event_handlers.remove(listener)
    for name in (
        "LLMStructuredPredictStartEvent",
        "LLMStructuredPredictEndEvent",
        "LLMChatStartEvent",
        "LLMChatEndEvent",
    ):
        assert SEEN.count(name) == 1
    assert (SEEN.count("LLMStructuredPredictInProgressEvent") > 1) == (ask in (_stream, _astream))
