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
from tests.li.gateway import Gateway, call, reply
from tests.support.chat_events import chunk

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


all_calls = pytest.mark.parametrize("ask", [_sync, _async, _stream, _astream])
streamed = pytest.mark.parametrize("ask", [_stream, _astream])

MODES = {
    "schema": {},
    "tool": {"should_use_structured_outputs": False},
    "mode function": {"pydantic_program_mode": PydanticProgramMode.FUNCTION},
    "text": {"should_use_structured_outputs": False, "is_function_calling_model": False},
    "mode llm": {"pydantic_program_mode": PydanticProgramMode.LLM},
}
all_modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


@all_calls
@all_modes
async def test_structured_predict_in_any_mode_returns_the_class(emulated: Any, mode: dict[str, Any], ask: Any) -> None:
    assert (await ask(emulated(**mode)))[-1] == LISBON


@all_calls
@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
async def test_structured_predict_with_generic_class_returns_it(emulated: Any, mode: dict[str, Any], ask: Any) -> None:
    assert (await ask(emulated(**mode), Box[int], "7"))[-1] == Box[int](value=7)


@streamed
@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
async def test_structured_stream_yields_partial_objects(emulated: Any, mode: dict[str, Any], ask: Any) -> None:
    outputs = await ask(emulated(**mode))
    assert len(outputs) > 2
    assert [each.city for each in outputs] == sorted((each.city for each in outputs), key=len)
    assert outputs[0].city != "Lisbon"


def request_mode(body: dict[str, Any]) -> str:
    return "schema" if "response_format" in body or "text" in body else "tool" if "tools" in body else "text"


@all_calls
@all_modes
async def test_structured_request_in_each_mode_has_its_form(mode: dict[str, Any], ask: Any) -> None:
    tool = reply("", tool_calls=[call("Trip", '{"city": "Lisbon", "days": 4}')], finish="tool_calls")
    text = reply('{"city": "Lisbon", "days": 4}')
    expected = next(name for name, settings in MODES.items() if settings == mode)
    kind = {"mode function": "tool", "mode llm": "text"}.get(expected, expected)
    gateway = Gateway(tool if kind == "tool" else text)
    await ask(gateway.llm(system_prompt="Be brief.", **mode))
    [body] = gateway.bodies
    assert request_mode(body) == kind
    assert kind == "text" or body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body.get("tool_choice") == ("required" if kind == "tool" else None)


@all_calls
@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"city": "Lisbon", "days": 4}\n```',
        '<think>{Hm}</think>{"city": "Lisbon", "days": 4}',
        'Here you are: {"city": "Lisbon", "days": 4}. Enjoy!',
    ],
)
async def test_structured_output_in_text_is_extracted(ask: Any, text: str) -> None:
    assert (await ask(Gateway(reply(text)).llm()))[-1] == LISBON
    assert (await ask(Gateway(reply(text)).llm(should_use_structured_outputs=False)))[-1] == LISBON


@all_calls
async def test_structured_output_refused_or_incomplete_raises(ask: Any) -> None:
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


async def test_structured_predict_passes_llm_kwargs_on() -> None:
    gateway = Gateway(reply('{"city": "Lisbon", "days": 4}'))
    kwargs = {"temperature": 0.5, "tool_choice": "x", "allow_parallel_tool_calls": True}
    await _sync(gateway.llm(), llm_kwargs=kwargs)
    assert gateway.bodies[0]["temperature"] == 0.5
    assert set(kwargs) == {"temperature", "tool_choice", "allow_parallel_tool_calls"}


def test_schemas_are_strict_only_on_request() -> None:
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


@all_calls
@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
@pytest.mark.parametrize("strict", [None, True])
async def test_structured_predict_with_recursive_class_returns_it(
    emulated: Any, emulator: Any, mode: dict[str, Any], ask: Any, strict: bool | None
) -> None:
    answers = await ask(emulated(strict=strict, **mode), Tree)
    assert isinstance(answers[-1], Tree)
    schema = sent_schema(emulator.requests[-1].json)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"]["properties"].keys() == {"name", "children"}


def sent_schema(body: dict[str, Any]) -> Any:
    """The schema of an answer in a body, wherever its endpoint has it."""
    if "tools" in body:
        [tool] = body["tools"]
        return tool.get("function", tool)["parameters"]
    return body["text"]["format"]["schema"] if "text" in body else body["response_format"]["json_schema"]["schema"]


class Note(BaseModel):
    """A note on a city."""

    city: str
    remark: str | None = None


@all_calls
@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
@pytest.mark.parametrize("written", ['{"city": "Rome", "remark": null}', '{"city": "Rome"}'])
async def test_strict_schema_with_optional_field_accepts_null(mode: Any, ask: Any, written: str) -> None:
    by_tool = reply("", tool_calls=[call("Note", written)], finish="tool_calls")
    gateway = Gateway(reply(written) if mode == MODES["schema"] else by_tool)
    assert (await ask(gateway.llm(strict=True, **mode), Note))[-1] == Note(city="Rome")
    [body] = gateway.bodies
    outputs = body["response_format"]["json_schema"] if "response_format" in body else body["tools"][0]["function"]
    schema = outputs.get("schema") or outputs["parameters"]
    assert outputs["strict"] is True
    assert schema["required"] == ["city", "remark"]
    assert {"type": "null"} in schema["properties"]["remark"]["anyOf"]


class Shout(BaseOutputParser):
    """Requests upper-case keys, and converts them back."""

    def parse(self, output: str) -> Any:
        return output.lower()

    def format(self, query: str) -> str:
        return query.upper()


@all_calls
async def test_selector_prompt_template_with_llm_uses_the_chat_branch(ask: Any) -> None:
    gateway = Gateway(reply('{"city": "Lisbon", "days": 4}'))
    chat = ChatPromptTemplate([ChatMessage("Note {who}", role="user")])
    prompt = SelectorPromptTemplate(PromptTemplate("Complete {who}"), [(is_chat_model, chat)])
    assert (await ask(gateway.llm(), Trip, prompt))[-1] == LISBON
    assert gateway.bodies[0]["messages"] == [{"role": "user", "content": "Note two"}]


@streamed
async def test_response_without_choices_raises(ask: Any) -> None:
    with pytest.raises(StreamError):
        await ask(Gateway(events=[]).llm())
    with pytest.raises(ValidationError):
        await ask(Gateway(events=[chunk(finish="stop")]).llm())


def test_structured_predict_with_output_parser_uses_it() -> None:
    gateway = Gateway(reply('{"CITY": "LISBON", "DAYS": 4}'))
    trip = gateway.llm(output_parser=Shout()).structured_predict(Trip, PromptTemplate(PROMPT), who="two")
    assert trip == Trip(city="lisbon", days=4)
    assert "LISBON" in gateway.bodies[0]["messages"][0]["content"]
    parsed = Gateway(reply('{"city": "Lisbon", "days": 4}')).llm(output_parser=PydanticOutputParser(output_cls=Trip))
    assert parsed.structured_predict(Trip, PromptTemplate(PROMPT), who="two") == LISBON


@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
async def test_as_structured_llm_with_output_class_returns_it(emulated: Any, mode: dict[str, Any]) -> None:
    structured = emulated(**mode).as_structured_llm(Trip)
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


@all_calls
@pytest.mark.parametrize("mode", [MODES["schema"], MODES["tool"]], ids=["schema", "tool"])
async def test_structured_predict_sends_each_event_once(emulated: Any, mode: dict[str, Any], ask: Any) -> None:
    dispatcher, listener = instrumentation.get_dispatcher(), Listener()
    SEEN.clear()
    dispatcher.add_event_handler(listener)
    try:
        await ask(emulated(**mode))
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
