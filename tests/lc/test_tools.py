"""Every form of tool and of tool choice, as it reaches the wire."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal, Optional

import pydantic.v1
import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from aimlapi_integrations.client.openai_format import parse_tool
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI, request
from aimlapi_integrations.langchain.schemas import function_schema
from tests.lc.gateway import Gateway
from tests.support.agents import MODEL

PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


class Add(BaseModel):
    """Adds."""

    a: int


class AddV1(pydantic.v1.BaseModel):
    """Adds."""

    a: int


class AddDict(TypedDict):
    """Adds."""

    a: int


def add(a: int) -> int:
    """Adds."""
    return a


@tool
def add_tool(a: int) -> int:
    """Adds."""
    return a


FORMS = {
    "pydantic": (Add, "Add"),
    "pydantic v1": (AddV1, "AddV1"),
    "typed dict": (AddDict, "AddDict"),
    "function": (add, "add"),
    "tool": (add_tool, "add_tool"),
    "OpenAI tool": (
        {"type": "function", "function": {"name": "f", "description": "Adds.", "parameters": PARAMETERS}},
        "f",
    ),
    "OpenAI function": ({"name": "f", "description": "Adds.", "parameters": PARAMETERS}, "f"),
    "Responses tool": ({"type": "function", "name": "f", "description": "Adds.", "parameters": PARAMETERS}, "f"),
    "JSON schema": ({"title": "f", "description": "Adds.", **PARAMETERS}, "f"),
    "Anthropic": ({"name": "f", "description": "Adds.", "input_schema": PARAMETERS}, "f"),
    "Bedrock": ({"toolSpec": {"name": "f", "description": "Adds.", "inputSchema": {"json": PARAMETERS}}}, "f"),
}


@pytest.mark.parametrize("form", FORMS)
def test_tool_in_each_form_is_sent(form: str):
    arguments, name = FORMS[form]
    before = copy.deepcopy(arguments) if isinstance(arguments, dict) else None
    gateway = Gateway()
    gateway.model().bind_tools([arguments]).invoke("Hi")
    [sent] = gateway.bodies[0]["tools"]
    assert sent["type"] == "function"
    assert sent["function"]["name"] == name
    assert sent["function"]["description"] == "Adds."
    assert sent["function"]["parameters"]["properties"]["a"]["type"] == "integer"
    assert sent["function"]["parameters"]["required"] == ["a"]
    assert before is None or arguments == before


def converted(run: Callable[[], object]) -> int:
    """The number of calls of functions that convert or parse a tool."""
    codes = {function.__code__ for function in (request.to_tool, request.to_tool_dict, parse_tool, function_schema)}
    count = 0

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event == "call" and frame.f_code in codes

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("copied", [lambda bound: bound, copy.deepcopy], ids=["bound", "copied"])
def test_tools_of_a_bound_model_are_converted_once(form: str, copied: Callable[[Any], Any]):
    gateway = Gateway()
    model = gateway.model()
    bound: list[Any] = []
    assert converted(lambda: bound.append(copied(model.bind_tools([FORMS[form][0]], tool_choice="any")))) > 0
    assert converted(lambda: bound[0].invoke("Hi")) == 0
    assert converted(lambda: bound[0].invoke("Hi")) == 0
    assert gateway.bodies[0]["tools"] == gateway.bodies[1]["tools"]


def test_tools_edited_after_binding_are_sent_as_edited():
    gateway = Gateway()
    bound: Any = gateway.model().bind_tools([add, Add])
    bound.kwargs["tools"][0]["function"]["description"] = "Edited."
    bound.kwargs["tools"][1]["function"]["parameters"]["properties"]["a"]["description"] = "Edited, too."
    bound.invoke("Hi")
    first, second = gateway.bodies[0]["tools"]
    assert first["function"]["description"] == "Edited."
    assert second["function"]["parameters"]["properties"]["a"]["description"] == "Edited, too."
    bound.kwargs["tools"].pop()
    bound.invoke("Hi")
    assert len(gateway.bodies[1]["tools"]) == 1


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"type": "json_object"}, {"type": "json_object"}),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": PARAMETERS}}, "n"),
        ({"type": "json_schema", "name": "n", "schema": PARAMETERS}, "n"),
        ({"name": "n", "schema": PARAMETERS}, "n"),
        ({"title": "n", **PARAMETERS}, "n"),
    ],
)
def test_response_format_in_any_form_is_sent_in_that_of_the_endpoint(arguments: Any, sent: Any):
    gateway = Gateway()
    gateway.model().invoke("Hi", response_format=arguments)
    expected = {"type": "json_schema", "json_schema": {"name": sent, "schema": PARAMETERS}} if sent == "n" else sent
    assert gateway.bodies[0]["response_format"] == expected


HOSTED = {"type": "web_search_preview"}
NAMED = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("add", NAMED),
        (NAMED, NAMED),
        ({"type": "function", "name": "add"}, NAMED),
        ({"type": "tool", "name": "add"}, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
        (None, None),
        (False, None),
    ],
)
def test_tool_choice_in_each_form_is_sent(choice: Any, sent: Any):
    gateway = Gateway()
    gateway.model().bind_tools([add], tool_choice=choice).invoke("Hi")
    assert gateway.bodies[0].get("tool_choice") == sent
    gateway.model().invoke("Hi", tools=[add], tool_choice=choice)
    assert gateway.bodies[1].get("tool_choice") == sent


def test_tool_named_like_a_mode_can_be_chosen():
    gateway = Gateway()
    named = {"name": "any", "description": "Anything.", "parameters": {"type": "object", "properties": {}}}
    gateway.model().bind_tools([add, named], tool_choice="any").invoke("Hi")
    assert gateway.bodies[0]["tool_choice"] == {"type": "function", "function": {"name": "any"}}


def test_response_format_does_not_make_tools_strict():
    gateway = Gateway()
    requested = {"type": "json_schema", "json_schema": {"name": "answer", "schema": PARAMETERS}}
    gateway.model().bind_tools([add], response_format=requested).invoke("Hi")
    assert "strict" not in gateway.bodies[0]["tools"][0]["function"]
    assert gateway.bodies[0]["response_format"] == requested


def test_additional_arguments_of_bind_tools_are_parameters():
    """As agents pass on their model settings."""
    gateway = Gateway()
    gateway.model().bind_tools([add], tool_choice=None, temperature=0.5, seed=7).invoke("Hi")
    assert (gateway.bodies[0]["temperature"], gateway.bodies[0]["seed"]) == (0.5, 7)


def test_unknown_tool_choice_raises():
    with pytest.raises(ValueError, match="multiply"):
        Gateway().model().bind_tools([add], tool_choice="multiply")


def test_empty_tools_are_not_sent():
    gateway = Gateway()
    gateway.model().bind_tools([], tool_choice="any", parallel_tool_calls=False).invoke("Hi")
    assert gateway.bodies[0].keys() == {"model", "messages"}
    gateway.model().invoke("Hi", tools=[], tool_choice="auto")
    assert gateway.bodies[1].keys() == {"model", "messages"}


def test_parallel_tool_calls_is_sent_only_if_set():
    gateway = Gateway()
    gateway.model().bind_tools([add]).invoke("Hi")
    assert "parallel_tool_calls" not in gateway.bodies[0]
    gateway.model().bind_tools([add], parallel_tool_calls=False).invoke("Hi")
    assert gateway.bodies[1]["parallel_tool_calls"] is False


def test_disabled_parameters_are_not_sent():
    gateway = Gateway()
    model = gateway.model(disabled_params={"parallel_tool_calls": None, "temperature": [0]})
    model.bind_tools([add], parallel_tool_calls=False).invoke("Hi", temperature=0)
    assert "parallel_tool_calls" not in gateway.bodies[0]
    assert "temperature" not in gateway.bodies[0]
    model.invoke("Hi", temperature=1)
    assert gateway.bodies[1]["temperature"] == 1


def test_strict_tool_requires_every_property():
    class Settings(BaseModel):
        """Sets."""

        name: str
        level: int = 3
        labels: list[str] = Field(default_factory=list)

    gateway = Gateway()
    gateway.model().bind_tools([Settings], strict=True).invoke("Hi")
    function = gateway.bodies[0]["tools"][0]["function"]
    assert function["strict"] is True
    schema = function["parameters"]
    assert schema["required"] == ["name", "level", "labels"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["level"]["type"] == "integer"
    assert "default" not in schema["properties"]["level"]


@tool
def forecast(city: str, unit: Literal["c", "f"] = "c", days: Optional[int] = None) -> str:  # noqa: UP045  # as users do
    """The forecast of a city."""
    return f"{city} {unit} {days}"


@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
def test_strict_call_can_be_run(gateway: Emulator, endpoint: str):
    """What pydantic has a default for is not null in a strict call: the tool would refuse it."""
    model = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, endpoint=endpoint)
    [call] = model.bind_tools([forecast], strict=True, tool_choice="any").invoke("Forecast of 'Oslo'?").tool_calls
    assert call["args"] == {"city": "Oslo", "unit": "c", "days": None}
    assert forecast.invoke(call).content == "Oslo c None"
    model.close()


def test_strict_dict_tool_allows_null_without_a_default():
    gateway = Gateway()
    parameters = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 3}, "c": {"type": "string"}},
        "required": ["a"],
    }
    gateway.model().bind_tools([{"name": "f", "description": "F.", "parameters": parameters}], strict=True).invoke("Hi")
    sent = gateway.bodies[0]["tools"][0]["function"]["parameters"]
    assert {name: one["type"] for name, one in sent["properties"].items()} == {
        "a": "integer",
        "b": "integer",
        "c": ["string", "null"],
    }
    assert sent["required"] == ["a", "b", "c"]


def test_tool_extras_are_bound():
    bound = Gateway().model().bind_tools([tool(extras={"cache_control": {"type": "ephemeral"}})(add)])
    assert bound.kwargs["tools"][0]["cache_control"] == {"type": "ephemeral"}  # type: ignore[attr-defined]


def test_recursive_tool_keeps_its_reference():
    gateway = Gateway()
    gateway.model().bind_tools([Tree]).invoke("Hi")
    schema = gateway.bodies[0]["tools"][0]["function"]["parameters"]
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert "Tree" in schema["$defs"]


class Tree(BaseModel):
    """A tree."""

    children: list[Tree] = []
