"""Structured answers of every type, on every endpoint, in every call mode: what is sent and what is returned."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from functools import reduce
from itertools import product
from operator import add
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field
from typing_extensions import NotRequired, ReadOnly, Required, TypedDict

from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.support.answer_gateway import (
    AnswerGateway,
    Call,
    answering,
    schemas_in,
    sent_format,
    sent_schema,
    sent_tool,
)
from tests.support.combinations import combine
from tests.support.reply_bodies import MODELS
from tests.support.structured_kinds import TRIP, Ages, Box, Cat, Color, Count, Dog, Forest, Names, Pet, Tree, Trip


class Garden(BaseModel):
    """A garden."""

    oldest: Tree = Field(description="the oldest tree")
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]  # noqa: UP007  # as users write it
    spare: Optional[Tree] = Field(None, description="one more")  # noqa: UP045  # as above


class Joke(TypedDict):
    """A joke."""

    setup: str
    tone: NotRequired[Annotated[str, ..., "how it sounds"]]
    topics: ReadOnly[NotRequired[list[str]]]


class Loose(TypedDict, total=False):
    setup: Required[str]
    follow_up: Loose


@dataclasses.dataclass
class Line:
    text: str


GARDEN = {"oldest": {"name": "a", "children": [{"name": "b", "children": []}]}, "pet": {"kind": "dog", "tricks": 3}}
UNTITLED = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}

KINDS: dict[str, tuple[Any, Any, Any]] = {
    "strict class": (Trip, TRIP, Trip.model_validate_json(json.dumps(TRIP))),
    "recursive class": (Tree, {"name": "a", "children": []}, Tree(name="a")),
    "class with references and a union": (Garden, {**GARDEN, "spare": None}, Garden.model_validate(GARDEN)),
    "generic class": (Box[int], {"held": 1}, Box[int](held=1)),
    "list as root": (Names, ["a", "b"], Names(["a", "b"])),
    "union as root": (Pet, GARDEN["pet"], Pet(Dog(kind="dog", tricks=3))),
    "number as root": (Count, 5, Count(5)),
    "map as root": (Ages, {"a": 1}, Ages({"a": 1})),
    "list of recursive classes as root": (Forest, [{"name": "a"}], Forest([Tree(name="a")])),
    "list": (list[Tree], [{"name": "a"}], [Tree(name="a")]),
    "union": (Union[Cat, Dog], GARDEN["pet"], Dog(kind="dog", tricks=3)),  # noqa: UP007  # as above
    "new union": (Cat | Dog, GARDEN["pet"], Dog(kind="dog", tricks=3)),
    "list of typed dicts": (list[Joke], [{"setup": "A"}], [{"setup": "A"}]),
    "number": (int, 5, 5),
    "literal": (Literal["a", "b"], "b", "b"),
    "enum": (Color, "red", Color.RED),
    "typed dict": (Joke, {"setup": "A"}, {"setup": "A"}),
    "recursive typed dict": (Loose, {"setup": "A", "follow_up": {}}, {"setup": "A", "follow_up": {}}),
    "dataclass": (Line, {"text": "A"}, {"text": "A"}),
    "JSON schema without a title": (UNTITLED, {"a": 1}, {"a": 1}),
    "JSON schema without a type": ({"properties": UNTITLED["properties"]}, {"a": 1}, {"a": 1}),
}

ASKED = [
    (endpoint, method)
    for endpoint in MODELS
    for method in ("json_schema", "function_calling", "json_mode")
    if endpoint != "messages" or method == "function_calling"
]
requested = pytest.mark.parametrize(("endpoint", "method"), ASKED)


def model(gateway: AnswerGateway, endpoint: str, **fields: Any) -> ChatAIMLAPI:
    sync, asynchronous = gateway.clients
    clients = {"http_client": sync, "http_async_client": asynchronous}
    return ChatAIMLAPI(model=MODELS[endpoint], api_key="k", endpoint=endpoint, max_retries=0, **clients, **fields)


async def _invoke(chain: Any) -> Any:
    return chain.invoke("Hi")


async def _ainvoke(chain: Any) -> Any:
    return await chain.ainvoke("Hi")


async def _stream(chain: Any) -> Any:
    return list(chain.stream("Hi"))


async def _astream(chain: Any) -> Any:
    return [piece async for piece in chain.astream("Hi")]


def _last(ask: Callable[[Any], Any], result: Any) -> Any:
    """Return the answer; of a stream, its last item."""
    return result[-1] if ask in (_stream, _astream) else result


def _sum(ask: Callable[[Any], Any], result: Any) -> Any:
    return reduce(add, result) if ask in (_stream, _astream) else result


CALL_MODES = [_invoke, _ainvoke, _stream, _astream]
every_mode = pytest.mark.parametrize("ask", CALL_MODES)


def in_turns(name: str, values: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize by each value on each endpoint by each method, in one of the call modes, by turns."""
    rows = [(value, *asked) for value, asked in product(values, ASKED)]
    return pytest.mark.parametrize(f"{name},endpoint,method,ask", combine(rows, CALL_MODES))


@in_turns("kind", KINDS)
async def test_answer_of_any_type_is_parsed(kind: str, endpoint: str, method: Any, ask: Any) -> None:
    schema, value, expected = KINDS[kind]
    gateway = answering(value)
    bound = model(gateway, endpoint)
    answer = _last(ask, await ask(bound.with_structured_output(schema, method=method)))
    with_message = bound.with_structured_output(schema, method=method, include_raw=True)
    raw_result = _sum(ask, await ask(with_message))
    for each in (answer, raw_result["parsed"]):
        assert each == expected
        assert type(each) is type(expected)
    assert raw_result["parsing_error"] is None
    if method != "json_mode":
        sent = sent_schema(gateway.bodies[0])
        assert sent is not None
        assert sent["type"] == "object"
        assert all(part.get("items", True) != {} for part in schemas_in(sent))


STRICT_KINDS = [kind for kind in KINDS if kind not in ("strict class", "map as root")]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
@pytest.mark.parametrize("kind", STRICT_KINDS)
def test_strict_schema_contains_only_supported_keywords(kind: str, endpoint: str, method: Any) -> None:
    schema, value, expected = KINDS[kind]
    gateway = answering(value)
    chain = model(gateway, endpoint).with_structured_output(schema, method=method, strict=True)
    assert chain.invoke("Hi") == expected
    assert sent_format(gateway.bodies[0])["strict"] is True
    for part in schemas_in(sent_schema(gateway.bodies[0])):
        assert "$ref" not in part or len(part) == 1
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False
        if "type" in part:
            assert not part.keys() & {"oneOf", "allOf", "discriminator", "default", "uniqueItems"}


@pytest.mark.parametrize(
    "schema", [Ages, Trip, dict[str, int], Box[Any], {"title": "A", "type": "object"}], ids=lambda each: str(each)[:20]
)
@requested
def test_schema_without_a_strict_form_is_sent_with_strict_false(schema: Any, endpoint: str, method: Any) -> None:
    gateway = AnswerGateway(lambda _: ["{}"])
    chain = model(gateway, endpoint).with_structured_output(schema, method=method, strict=True, include_raw=True)
    if method == "json_mode":
        chain.invoke("Hi")
        return
    with pytest.warns(UserWarning, match="strict=True cannot hold"):
        chain.invoke("Hi")
    assert not sent_format(gateway.bodies[0]).get("strict")
    rejecting = model(gateway, endpoint, strict_parameters=True)
    with pytest.raises(ValueError, match=r"keys of any name|anything|prefixItems"):
        rejecting.with_structured_output(schema, method=method, strict=True).invoke("Hi")


@pytest.mark.parametrize("kind", ["array", "string"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_json_schema_that_is_not_of_an_object_raises_before_the_call(kind: str, method: Any) -> None:
    with pytest.raises(ValueError, match="not that of an object"):
        model(answering(None), "responses").with_structured_output({"title": "Answer", "type": kind}, method=method)


class Unknown:
    """No pydantic type."""


@pytest.mark.parametrize("schema", [list[Unknown], Callable[[int], int], Any, "Joke", 3])
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_value_without_a_schema_raises_before_the_call(schema: Any, method: Any) -> None:
    with pytest.raises(ValueError, match="schema"):
        model(answering(None), "responses").with_structured_output(schema, method=method)


# --- what is no answer ------------------------------------------------------------------------------------------------


def look(name: str) -> str:
    """Looks."""
    return name


NO_ANSWERS: dict[str, tuple[list[str | Call], str]] = {
    "null": (["null"], "null"),
    "empty": ([""], "empty"),
    "prose": (["I will not tell."], "not JSON"),
    "another tool": ([Call("other", {"name": "a"})], "'other'"),
    "another type": ([Call("Tree", {"name": 1})], "Tree"),
}


@pytest.mark.parametrize("streaming", [False, True], ids=["no streaming", "streaming"])
@in_turns("case", NO_ANSWERS)
async def test_message_without_an_answer_raises(
    case: str, streaming: bool, endpoint: str, method: Any, ask: Any
) -> None:
    parts, message = NO_ANSWERS[case]
    bound = model(AnswerGateway(lambda _: parts), endpoint, disable_streaming=not streaming)
    with pytest.raises(OutputParserException, match=message) as caught:
        await ask(bound.with_structured_output(Tree, method=method))
    raw_result = _sum(ask, await ask(bound.with_structured_output(Tree, method=method, include_raw=True)))
    assert raw_result["parsed"] is None
    assert str(raw_result["parsing_error"]) == str(caught.value)
    assert raw_result["raw"].tool_calls or raw_result["raw"].text == parts[0]
    if case == "another tool" and method == "function_calling":
        assert "'Tree'" in str(caught.value)


@every_mode
@pytest.mark.parametrize("endpoint", MODELS)
@pytest.mark.parametrize(
    "parts",
    [[Call("look", {"name": "b"}), Call("Tree", {"name": "a"})], [Call("Tree", {"name": "a"}), Call("Tree", {})]],
    ids=["one fits", "both"],
)
async def test_first_call_with_valid_arguments_is_the_answer(parts: list[str | Call], endpoint: str, ask: Any) -> None:
    chain = model(AnswerGateway(lambda _: parts), endpoint).with_structured_output(Tree, method="function_calling")
    assert _last(ask, await ask(chain)) == Tree(name="a")


@every_mode
@requested
async def test_tool_call_before_the_answer_is_returned_with_include_raw(endpoint: str, method: Any, ask: Any) -> None:
    parts: list[str | Call] = ["Let me see.", Call("look", {"name": "b"})]
    gateway = AnswerGateway(lambda _: parts)
    chain = model(gateway, endpoint).with_structured_output(Tree, method=method, tools=[look], include_raw=True)
    raw_result = _sum(ask, await ask(chain))
    assert (raw_result["parsed"], raw_result["parsing_error"]) == (None, None)
    assert raw_result["raw"].tool_calls[0]["args"] == {"name": "b"}
    assert "Tree" not in str(gateway.bodies[0].get("tool_choice"))
    with pytest.raises(OutputParserException, match="include_raw=True"):
        await ask(model(gateway, endpoint).with_structured_output(Tree, method=method, tools=[look]))


# --- streams, and the next step ---------------------------------------------------------------------------------------


async def _next_raw(chain: Any, ask: Any) -> Any:
    step = RunnableLambda(
        lambda raw_result: [raw_result["raw"].text, [call["args"] for call in raw_result["raw"].tool_calls]]
    )
    return _last(ask, await ask(chain | step))


@in_turns("kind", ["recursive class", "list as root", "list", "number", "typed dict"])
async def test_message_and_answer_add_up_after_any_step(kind: str, endpoint: str, method: Any, ask: Any) -> None:
    schema, value, expected = KINDS[kind]
    chain = model(answering(value), endpoint).with_structured_output(schema, method=method, include_raw=True)
    assert await _next_raw(chain, ask) == await _next_raw(chain, _invoke)
    assigned = _sum(ask, await ask(chain | RunnablePassthrough.assign(usage=lambda each: each["raw"].usage_metadata)))
    assert assigned["parsed"] == expected
    assert assigned["usage"]["total_tokens"] == 15
    assert _sum(ask, await ask(RunnableParallel(answer=chain)))["answer"]["parsed"] == expected
    assert _last(ask, await ask(chain.pick("parsed") | RunnableLambda(lambda each: [each]))) == [expected]
    alone = model(answering(value), endpoint).with_structured_output(schema, method=method)
    assert _last(ask, await ask(alone | RunnableLambda(lambda each: [each]))) == [expected]


@requested
def test_parts_of_a_wrapped_answer_are_unwrapped(endpoint: str, method: Any) -> None:
    chain = model(answering(["one", "two", "three"]), endpoint).with_structured_output(Names, method=method)
    parts = list(chain.stream("Hi"))
    assert len(parts) > 2
    assert all(isinstance(part, Names) for part in parts)
    assert [len(part.root) for part in parts] == sorted(len(part.root) for part in parts)


# --- tools ------------------------------------------------------------------------------------------------------------


def plant(tree: Tree, near: Optional[Tree] = None) -> str:  # noqa: UP045  # as users write it
    """Plants a tree."""
    return f"{tree} {near}"


NODE = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
PARAMETERS = {"type": "object", "properties": {"tree": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": NODE}}


def _from_schema(args_schema: Any) -> StructuredTool:
    return StructuredTool.from_function(lambda **_: "", name="plant", description="Plants.", args_schema=args_schema)


RECURSIVE_TOOLS = {
    "function": plant,
    "tool": StructuredTool.from_function(plant),
    "class": Tree,
    "typed dict": Loose,
    "tool of a dict": _from_schema(PARAMETERS),
    "dict": {"type": "function", "function": {"name": "plant", "description": "Plants.", "parameters": PARAMETERS}},
}


@pytest.mark.parametrize("endpoint", MODELS)
@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize("kind", RECURSIVE_TOOLS)
def test_recursive_tool_is_sent_whole(kind: str, strict: bool | None, endpoint: str) -> None:
    gateway = answering({})
    model(gateway, endpoint).bind_tools([RECURSIVE_TOOLS[kind]], strict=strict).invoke("Hi")
    sent = sent_schema(gateway.bodies[0])
    assert sent is not None
    [name] = sent["$defs"]
    assert {"$ref": f"#/$defs/{name}"} in list(schemas_in(sent["$defs"]))
    assert all(part.get("items", True) != {} for part in schemas_in(sent))


def test_list_class_as_a_tool_validates_its_calls() -> None:
    gateway = answering(["a"])
    [call] = model(gateway, "responses").bind_tools([Names]).invoke("Hi").tool_calls
    assert sent_tool(gateway.bodies[0])["parameters"]["type"] == "object"
    assert Names(**call["args"]) == Names(["a"])
    with pytest.raises(ValueError, match="not a tool"):
        model(gateway, "responses").bind_tools([list[Tree]])
