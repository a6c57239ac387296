"""Structured answers of every class, on every endpoint, in every call mode: what is sent and what is returned."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field, ValidationError

from aimlapi_integrations.llama_index import AIMLAPI
from tests.support.answer_gateway import AnswerGateway, Call, answering, schemas_in, sent_format, sent_schema
from tests.support.combinations import combine
from tests.support.reply_bodies import MODELS
from tests.support.structured_kinds import TRIP, Ages, Box, Cat, Count, Dog, Forest, Names, Pet, Tree, Trip

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


class Garden(BaseModel):
    """A garden."""

    oldest: Tree = Field(description="the oldest tree")
    pet: Cat | Dog = Field(discriminator="kind")


DOG = {"kind": "dog", "tricks": 3}
KINDS: dict[str, tuple[type[BaseModel], Any]] = {
    "strict class": (Trip, TRIP),
    "recursive class": (Tree, {"name": "a", "children": [{"name": "b", "children": []}]}),
    "class with references and a union": (Garden, {"oldest": {"name": "a", "children": []}, "pet": DOG}),
    "generic class": (Box[int], {"held": 1}),
    "list as root": (Names, ["a", "b"]),
    "union as root": (Pet, DOG),
    "number as root": (Count, 5),
    "map as root": (Ages, {"a": 1}),
    "list of recursive classes as root": (Forest, [{"name": "a"}]),
}
MODES: dict[str, dict[str, Any]] = {
    "schema": {},
    "tool": {"should_use_structured_outputs": False},
    "text": {"pydantic_program_mode": PydanticProgramMode.LLM},
}
PROMPT = PromptTemplate("Hi")
MESSAGES = [ChatMessage("Hi")]


def llm(gateway: AnswerGateway, endpoint: str, **fields: Any) -> AIMLAPI:
    sync, asynchronous = gateway.clients
    clients = {"http_client": sync, "async_http_client": asynchronous}
    return AIMLAPI(model=MODELS[endpoint], api_key="k", endpoint=endpoint, max_retries=0, **clients, **fields)


async def _predict(model: AIMLAPI, kind: Any) -> Any:
    return model.structured_predict(kind, PROMPT)


async def _apredict(model: AIMLAPI, kind: Any) -> Any:
    return await model.astructured_predict(kind, PROMPT)


async def _stream(model: AIMLAPI, kind: Any) -> Any:
    return list(model.stream_structured_predict(kind, PROMPT))[-1]


async def _astream(model: AIMLAPI, kind: Any) -> Any:
    return [each async for each in await model.astream_structured_predict(kind, PROMPT)][-1]


async def _structured_llm(model: AIMLAPI, kind: Any) -> Any:
    return model.as_structured_llm(kind).chat(MESSAGES).raw


async def _structured_llm_stream(model: AIMLAPI, kind: Any) -> Any:
    return [each async for each in await model.as_structured_llm(kind).astream_chat(MESSAGES)][-1].raw


CALLS = [_predict, _apredict, _stream, _astream, _structured_llm, _structured_llm_stream]
all_calls = pytest.mark.parametrize("ask", CALLS)
endpoints = pytest.mark.parametrize("endpoint", MODELS)


def in_turns(name: str, values: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrize by each value in each mode on each endpoint, in two of the calls, by turns."""
    rows = product(values, MODES, MODELS)
    return pytest.mark.parametrize(f"{name},mode,endpoint,ask", combine(rows, CALLS))


@in_turns("kind", KINDS)
async def test_answer_of_any_class_is_read(kind: str, mode: str, endpoint: str, ask: Any) -> None:
    output_cls, value = KINDS[kind]
    gateway = answering(value)
    answer = await ask(llm(gateway, endpoint, **MODES[mode]), output_cls)
    assert answer == output_cls.model_validate_json(json.dumps(value))
    assert type(answer) is output_cls
    if mode != "text":
        sent = sent_schema(gateway.bodies[0])
        assert sent is not None
        assert sent["type"] == "object"


@pytest.mark.parametrize("mode", ["schema", "tool"])
@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("strict class", "map as root")])
def test_strict_schema_has_only_supported_keywords(kind: str, endpoint: str, mode: str) -> None:
    output_cls, value = KINDS[kind]
    gateway = answering(value)
    answer = llm(gateway, endpoint, strict=True, **MODES[mode]).structured_predict(output_cls, PROMPT)
    assert answer == output_cls.model_validate_json(json.dumps(value))
    assert sent_format(gateway.bodies[0])["strict"] is True
    for part in schemas_in(sent_schema(gateway.bodies[0])):
        assert "$ref" not in part or len(part) == 1
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])
        if "type" in part:
            assert not part.keys() & {"oneOf", "allOf", "discriminator", "default"}


@pytest.mark.parametrize("mode", ["schema", "tool"])
@endpoints
@pytest.mark.parametrize("output_cls", [Trip, Ages])
def test_schema_without_a_strict_form_is_not_called_strict(output_cls: Any, endpoint: str, mode: str) -> None:
    gateway = answering(TRIP if output_cls is Trip else {"a": 1})
    with pytest.warns(UserWarning, match="strict=True cannot hold"):
        llm(gateway, endpoint, strict=True, **MODES[mode]).structured_predict(output_cls, PROMPT)
    assert not sent_format(gateway.bodies[0]).get("strict")


NO_ANSWERS: dict[str, tuple[list[str | Call], str]] = {
    "null": (["null"], "JSON null"),
    "empty": ([""], "EOF"),
    "prose": (["I will not tell."], "Invalid JSON"),
    "another tool": ([Call("other", {"name": "a"})], "'other', not 'Tree'"),
    "another type": ([Call("Tree", {"name": 1})], "valid string"),
}


@in_turns("case", NO_ANSWERS)
async def test_structured_output_that_does_not_match_raises(case: str, mode: str, endpoint: str, ask: Any) -> None:
    parts, message = NO_ANSWERS[case]
    with pytest.raises(ValidationError, match=message):
        await ask(llm(AnswerGateway(lambda _: parts), endpoint, **MODES[mode]), Tree)


@all_calls
@endpoints
async def test_structured_output_with_several_calls_reads_the_output_tool(endpoint: str, ask: Any) -> None:
    gateway = AnswerGateway(lambda _: [Call("other", {}), Call("Tree", {"name": "a"}), Call("Tree", {"name": "b"})])
    assert await ask(llm(gateway, endpoint, **MODES["tool"]), Tree) == Tree(name="a")


@pytest.mark.parametrize("ask", [_predict, _apredict, _stream, _astream])
@pytest.mark.parametrize("output_cls", [list[Tree], Cat | Dog, int])
async def test_structured_predict_without_pydantic_class_raises_before_the_call(output_cls: Any, ask: Any) -> None:
    gateway = answering(1)
    with pytest.raises(ValueError, match="must be a pydantic class"):
        await ask(llm(gateway, "responses"), output_cls)
    assert not gateway.bodies


@endpoints
@pytest.mark.parametrize("mode", ["schema", "tool", "text"])
def test_partial_output_of_a_wrapped_class_is_unwrapped(mode: str, endpoint: str) -> None:
    gateway = answering(["one", "two", "three"])
    parts = list(llm(gateway, endpoint, **MODES[mode]).stream_structured_predict(Names, PROMPT))
    assert len(parts) > 2
    assert all(isinstance(part, Names) for part in parts)


@endpoints
@pytest.mark.parametrize("kind", KINDS)
async def test_program_with_any_class_reads_the_output(kind: str, endpoint: str) -> None:
    output_cls, value = KINDS[kind]
    program = FunctionCallingProgram.from_defaults(output_cls, "Hi", llm=llm(answering(value), endpoint))
    expected = output_cls.model_validate_json(json.dumps(value))
    assert program() == expected
    assert await program.acall() == expected


@endpoints
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:There was a problem")  # core's event of the answer holds dicts alone
async def test_agent_answers_in_any_class(kind: str, endpoint: str) -> None:
    output_cls, value = KINDS[kind]
    answer = answering(value)

    def reply(body: dict[str, Any]) -> list[str | Call]:
        return answer.reply(body) if sent_schema(body) else ["It is so."]

    agent = FunctionAgent(tools=[], llm=llm(AnswerGateway(reply), endpoint), output_cls=output_cls)
    result = await agent.run("Hi")
    expected = output_cls.model_validate_json(json.dumps(value))
    assert result.structured_response == json.loads(expected.model_dump_json())
