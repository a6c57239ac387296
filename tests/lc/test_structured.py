"""Structured answers, by every method and from every kind of schema."""

from __future__ import annotations

import dataclasses
import json
import warnings
from itertools import pairwise
from typing import Any, Generic, Literal, Optional, TypeVar

import pydantic.v1
import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import IncompleteOutputError, RefusalError
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body
from tests.support.agents import MODEL

METHODS = ["json_schema", "function_calling", "json_mode"]
T = TypeVar("T")


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: Optional[str] = None  # noqa: UP045  # as users write it


class JokeV1(pydantic.v1.BaseModel):
    setup: str
    punchline: Optional[str] = None  # noqa: UP045  # as above


class JokeDict(TypedDict):
    """A joke."""

    setup: str


@dataclasses.dataclass
class JokeData:
    """A joke."""

    setup: str


class Box(BaseModel, Generic[T]):
    held: T


class Tree(BaseModel):
    name: str
    children: list[Tree] = []


class Labels(BaseModel):
    labels: dict[str, str]


SCHEMA = {"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}, "required": ["setup"]}

KINDS: dict[str, tuple[Any, str, dict[str, Any], Any]] = {
    "pydantic": (Joke, "Joke", {"setup": "A"}, Joke(setup="A")),
    "pydantic v1": (JokeV1, "JokeV1", {"setup": "A"}, JokeV1(setup="A")),
    "typed dict": (JokeDict, "JokeDict", {"setup": "A"}, {"setup": "A"}),
    "dataclass": (JokeData, "JokeData", {"setup": "A"}, {"setup": "A"}),
    "JSON schema": (SCHEMA, "Joke", {"setup": "A"}, {"setup": "A"}),
    "generic": (Box[int], "Box_int", {"held": 1}, Box[int](held=1)),
    "recursive": (Tree, "Tree", {"name": "a", "children": [{"name": "b"}]}, Tree(name="a", children=[Tree(name="b")])),
    "map": (Labels, "Labels", {"labels": {"a": "b"}}, Labels(labels={"a": "b"})),
}


def answering(value: Any, method: str, name: str, finish: str = "stop") -> Gateway:
    written = value if isinstance(value, str) else json.dumps(value)
    if method != "function_calling":
        return Gateway(chat_body(written, finish))
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": written}}
    return Gateway(chat_body("", "tool_calls" if finish == "stop" else finish, tool_calls=[call]))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_schema_of_each_kind_is_parsed(kind: str, method: str, strict: bool | None, stream: bool):
    schema, name, value, expected = KINDS[kind]
    if kind == "map" and strict and method != "json_mode":
        warnings.simplefilter("ignore", ParameterWarning)
    gateway = answering(value, method, name)
    chain = gateway.model().with_structured_output(schema, method=method, strict=strict)
    answer = list(chain.stream("Hi"))[-1] if stream else chain.invoke("Hi")
    assert answer == expected
    assert type(answer) is type(expected)


async def test_structured_output_streams_partial_answers():
    gateway = answering({"setup": "Why did it", "punchline": "Ha"}, "json_schema", "Joke")
    chain = gateway.model().with_structured_output(Joke)
    assert await chain.ainvoke("Hi") == Joke(setup="Why did it", punchline="Ha")
    growing = [part.setup async for part in chain.astream("Hi")]
    assert len(growing) > 2
    assert growing[-1] == "Why did it"
    assert all(later.startswith(before) for before, later in pairwise(growing))


def test_default_method_depends_on_the_model():
    gateway = Gateway(chat_body('{"setup": "A"}'))
    gateway.model(model="gpt-4o").with_structured_output(Joke).invoke("Hi")
    assert gateway.bodies[0]["response_format"]["type"] == "json_schema"
    gateway = answering({"setup": "A"}, "function_calling", "Joke")
    gateway.model(profile={"structured_output": False}).with_structured_output(Joke).invoke("Hi")
    assert gateway.bodies[0]["tool_choice"] == {"type": "function", "function": {"name": "Joke"}}


def test_strict_response_format_is_sent_with_a_strict_schema():
    gateway = Gateway(chat_body('{"setup": "A"}'))
    gateway.model().with_structured_output(Joke, strict=True).invoke("Hi")
    sent = gateway.bodies[0]["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("Joke", True)
    assert sent["schema"]["required"] == ["setup", "punchline"]
    assert sent["schema"]["additionalProperties"] is False


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("value", "finish", "error"),
    [
        ('{"setup": "A", "punch', "length", IncompleteOutputError),
        ('{"setup": "A"', "content_filter", IncompleteOutputError),
        ('{"setup": "A', "stop", OutputParserException),
        ({"punchline": "A"}, "stop", OutputParserException),
    ],
)
def test_message_without_an_answer_raises(method: str, value: Any, finish: str, error: type[Exception]):
    model = answering(value, method, "Joke", finish).model()
    with pytest.raises(error):
        model.with_structured_output(Joke, method=method).invoke("Hi")
    with pytest.raises(error):
        list(model.with_structured_output(Joke, method=method).stream("Hi"))
    chain = model.with_structured_output(Joke, method=method, include_raw=True)
    for result in (chain.invoke("Hi"), added(list(chain.stream("Hi")))):
        assert isinstance(result["parsing_error"], error)
        assert result["raw"].usage_metadata["total_tokens"] == 15
        assert result["raw"].response_metadata["cost"]["credits"] == 2480
    assert chain.invoke("Hi")["parsed"] is None


def added(pieces: list[Any]) -> Any:
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    return total


def test_refusal_raises_refusal_error():
    model = Gateway(chat_body("", refusal="I cannot.")).model()
    with pytest.raises(RefusalError, match="I cannot"):
        model.with_structured_output(Joke).invoke("Hi")
    with pytest.raises(RefusalError, match="I cannot"):
        list(model.with_structured_output(Joke).stream("Hi"))
    result = model.with_structured_output(Joke, include_raw=True).invoke("Hi")
    assert isinstance(result["parsing_error"], RefusalError)
    assert result["raw"].additional_kwargs["refusal"] == "I cannot."


@pytest.mark.parametrize("options", [{}, {"disable_streaming": True}])
async def test_include_raw_returns_message_and_answer(options: dict[str, Any]):
    chain = Gateway(chat_body('{"setup": "A"}')).model(**options).with_structured_output(Joke, include_raw=True)
    streamed = added(list(chain.stream("Hi"))), added([piece async for piece in chain.astream("Hi")])
    for result in (chain.invoke("Hi"), await chain.ainvoke("Hi"), *streamed):
        assert result.keys() == {"raw", "parsed", "parsing_error"}
        assert result["parsed"] == Joke(setup="A")
        assert result["parsing_error"] is None
        assert result["raw"].text == '{"setup": "A"}'


def test_json_mode_without_a_schema_returns_any_json():
    gateway = Gateway(chat_body('{"a": 1}'))
    assert gateway.model().with_structured_output(method="json_mode").invoke("Hi") == {"a": 1}
    assert gateway.bodies[0]["response_format"] == {"type": "json_object"}


def test_fenced_json_is_parsed():
    gateway = Gateway(chat_body('```json\n{"setup": "A"}\n```'))
    assert gateway.model().with_structured_output(Joke).invoke("Hi") == Joke(setup="A")


PARAMETERS = {"type": "object", "properties": {"setup": {"type": "string"}}, "required": ["setup"]}
FORMS = {
    "response format": {"type": "json_schema", "json_schema": {"name": "Joke", "schema": PARAMETERS}},
    "flat response format": {"type": "json_schema", "name": "Joke", "schema": PARAMETERS},
    "name and schema": {"name": "Joke", "schema": PARAMETERS},
    "function": {"name": "Joke", "description": "A joke.", "parameters": PARAMETERS},
    "title": {"title": "Joke", **PARAMETERS},
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", FORMS)
def test_schema_in_every_form_is_sent_by_every_method(form: str, method: str):
    """The method may depend on the model; the request's content must not."""
    gateway = answering({"setup": "A"}, method, "Joke")
    assert gateway.model().with_structured_output(FORMS[form], method=method).invoke("Hi") == {"setup": "A"}
    sent = gateway.bodies[0]
    if method == "json_mode":
        return
    requested = sent["response_format"]["json_schema"] if "response_format" in sent else sent["tools"][0]["function"]
    reported = requested.get("schema") or requested["parameters"]
    assert requested["name"] == "Joke"
    assert reported["properties"] == PARAMETERS["properties"]


NAMES = {"title": "Names", "type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "method"),
    [(NAMES, "json_schema"), (NAMES, "function_calling"), ({"type": "json_object"}, "function_calling")],
)
def test_schema_of_a_non_object_raises(schema: Any, method: str):
    with pytest.raises(ValueError, match="schema"):
        Gateway().model().with_structured_output(schema, method=method)


class Told(BaseModel):
    """The model's answer."""

    name: str
    tone: Literal["dry", "loud"] = "dry"
    tags: list[str] = Field(default_factory=list)


@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_strict_answer_is_an_instance_of_the_class(gateway: Emulator, endpoint: str, method: str):
    model = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, endpoint=endpoint)
    answer = model.with_structured_output(Told, method=method, strict=True).invoke("The name is 'Bob'.")
    assert (answer.name, answer.tone) == ("Bob", "dry")
    model.close()


def test_structured_output_without_a_schema_raises():
    with pytest.raises(ValueError, match="schema"):
        Gateway().model().with_structured_output()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", [Joke, JokeDict, SCHEMA])
def test_tracers_record_the_schema_as_passed(schema: Any, method: str):
    chain = Gateway().model().with_structured_output(schema, method=method, strict=True)
    reported = chain.first.kwargs["ls_structured_output_format"]  # type: ignore[attr-defined]
    assert convert_to_json_schema(reported["schema"]) == convert_to_json_schema(schema)
    assert reported["kwargs"]["method"] == method


def test_disabled_streaming_yields_the_complete_answer():
    for method in METHODS:
        gateway = answering({"setup": "A"}, method, "Joke")
        chain = gateway.model(disable_streaming=True).with_structured_output(Joke, method=method)
        assert list(chain.stream("Hi")) == [Joke(setup="A")]


def test_tools_of_structured_output_are_sent():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    gateway = Gateway(chat_body("", "tool_calls", tool_calls=[call]))

    def look() -> str:
        """Looks."""
        return ""

    chain = gateway.model().with_structured_output(Joke, tools=[look], include_raw=True)
    result = chain.invoke("Hi")
    assert result["parsed"] is None
    assert result["parsing_error"] is None
    assert result["raw"].tool_calls[0]["name"] == "look"
    assert gateway.bodies[0]["tools"][0]["function"]["name"] == "look"
