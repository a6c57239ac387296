"""Messages and tools as dicts in OpenAI's format, as programs write them: each becomes parts, or a clear error."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.client.openai_format import parse_message, parse_request, parse_tool
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError
from aimlapi_integrations.types import Image, Part, Reasoning, Refusal, Text, ToolCall
from tests.support.history_gateway import ENDPOINTS, MODELS, ScriptedGateway

FUNCTION = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
SIGNATURE = {"google": {"thought_signature": "s"}}

MESSAGES: dict[str, tuple[dict[str, Any], list[Part]]] = {
    "one part": ({"role": "user", "content": {"type": "text", "text": "Hi"}}, [Text("Hi")]),
    "no content": ({"role": "user", "content": None}, []),
    "text and strings": ({"role": "user", "content": ["Hi", {"type": "text", "text": "!"}]}, [Text("Hi"), Text("!")]),
    "detail of an image": (
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://a/b.png", "detail": "low"}]},
        [Image(url="https://a/b.png", detail="low")],
    ),
    "result as a dict": ({"role": "tool", "content": {"type": "text", "a": 1}}, [Text('{"type": "text", "a": 1}')]),
    "result as a number": ({"role": "tool", "content": 0}, [Text("0")]),
    "result as a list": ({"role": "tool", "content": ["a", {"rain": 1}]}, [Text("a"), Text('{"rain": 1}')]),
    "reasoning": (
        {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"},
        [Reasoning("Hm"), Text("Hi")],
    ),
    "refusal": ({"role": "assistant", "content": None, "refusal": "No"}, [Refusal("No")]),
    "refusal in a part": ({"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}, [Refusal("No")]),
    "call": ({"role": "assistant", "tool_calls": [FUNCTION]}, [ToolCall("c1", "f", '{"a": 1}')]),
    "call with an object": (
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}]},
        [ToolCall("c1", "f", '{"a": 1}')],
    ),
    "call without arguments": (
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": None}}]},
        [ToolCall("c1", "f", "{}")],
    ),
    "flat call": (
        {"role": "assistant", "tool_calls": [{"call_id": "c1", "id": "fc_1", "name": "f", "arguments": "{}"}]},
        [ToolCall("c1", "f", "{}")],
    ),
    "call of a custom tool": (
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "f", "input": "ls"}}]},
        [ToolCall("c1", "f", "ls", kind="custom")],
    ),
    "call with a thought signature": (
        {"role": "assistant", "tool_calls": [{**FUNCTION, "extra_content": SIGNATURE}]},
        [ToolCall("c1", "f", '{"a": 1}', extra={"extra_content": SIGNATURE})],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_parsed_whole(name: str) -> None:
    message, parts = MESSAGES[name]
    assert list(parse_message(message).parts) == parts


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "content as a number": ({"role": "user", "content": 5}, "content: .* received int"),
    "content as bytes": ({"role": "user", "content": b"Hi"}, "content: .* received bytes"),
    "one call": ({"role": "assistant", "tool_calls": FUNCTION}, "tool_calls: expected a list"),
    "call as a text": ({"role": "assistant", "tool_calls": ["f"]}, "tool_calls: str is not a call"),
    "call without a function": ({"role": "assistant", "tool_calls": [{"function": None}]}, "is not a call"),
    "call without a name": ({"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}, "is not a call"),
    "call in another format": ({"role": "assistant", "tool_calls": [{"name": "f", "args": {}}]}, "is not a call"),
}


@pytest.mark.parametrize("name", INVALID)
def test_message_that_cannot_be_parsed_raises(name: str) -> None:
    message, error = INVALID[name]
    with pytest.raises(UnsupportedContentError, match=error):
        parse_message(message)


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.mark.parametrize("choice", [None, "auto", "required"])
def test_none_is_no_tools(choice: str | None) -> None:
    request = parse_request("Hi", model="gpt-4o", tools=None, tool_choice=choice, parallel_tool_calls=True)
    assert (request.tools, request.tool_choice, request.parallel_tool_calls) == ((), None, None)


def test_one_tool_outside_a_list_raises() -> None:
    for tool in (TOOL, parse_tool(TOOL)):
        with pytest.raises(UnsupportedParameterError, match="put it into a list"):
            parse_request("Hi", model="gpt-4o", tools=tool)  # type: ignore[arg-type]


def test_parameters_that_are_no_schema_raise() -> None:
    with pytest.raises(UnsupportedParameterError, match=r"parameters of tool 'f' .* received type"):
        parse_tool({"type": "function", "function": {"name": "f", "parameters": int}})


def test_stream_as_an_option_names_the_method() -> None:
    with pytest.raises(UnsupportedParameterError, match="chat_stream"):
        parse_request("Hi", model="gpt-4o", stream=True)
    assert parse_request("Hi", model="gpt-4o", stream=False).messages


def _chat(gateway: ScriptedGateway, messages: Any, **options: Any) -> None:
    with Client("k", http_client=httpx.Client(transport=gateway.transport)) as client:
        client.chat(messages, **options)


def _chat_stream(gateway: ScriptedGateway, messages: Any, **options: Any) -> None:
    http_client = httpx.Client(transport=gateway.transport)
    with Client("k", http_client=http_client) as client, client.chat_stream(messages, **options) as deltas:
        list(deltas)


async def _achat(gateway: ScriptedGateway, messages: Any, **options: Any) -> None:
    async with AsyncClient("k", http_client=httpx.AsyncClient(transport=gateway.transport)) as client:
        await client.chat(messages, **options)


async def _achat_stream(gateway: ScriptedGateway, messages: Any, **options: Any) -> None:
    http_client = httpx.AsyncClient(transport=gateway.transport)
    async with AsyncClient("k", http_client=http_client) as client, client.chat_stream(messages, **options) as deltas:
        assert [delta async for delta in deltas]


MODES: dict[str, Any] = {
    "plain": _chat,
    "stream": _chat_stream,
    "async plain": lambda *args, **options: asyncio.run(_achat(*args, **options)),
    "async stream": lambda *args, **options: asyncio.run(_achat_stream(*args, **options)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_history_of_dicts_is_sent_whole(endpoint: str, mode: str) -> None:
    gateway = ScriptedGateway()
    history = [
        {"role": "user", "content": {"type": "text", "text": "q"}},
        {"role": "assistant", "content": None, "tool_calls": [FUNCTION]},
        {"role": "tool", "tool_call_id": "c1", "content": {"rain": "needle"}},
    ]
    MODES[mode](gateway, history, model=MODELS[endpoint], tools=None, call=CallOptions(endpoint=endpoint))
    assert "needle" in gateway.wire
    assert "tools" not in gateway.bodies[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("model", [None, 5, ""])
def test_model_that_is_no_id_raises(model: Any, mode: str) -> None:
    with pytest.raises(ValueError, match="expected the id of a model"):
        MODES[mode](ScriptedGateway(), "Hi", model=model)
