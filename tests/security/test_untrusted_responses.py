"""SECURITY.md: untrusted responses."""

from __future__ import annotations

import ast
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import aimlapi_integrations
from aimlapi_integrations import AIMLAPIError, APIError, APIStatusError, CallOptions
from aimlapi_integrations.langchain import ChatAIMLAPI

from .planted import (
    GATEWAY,
    KEY,
    chat_reply,
    client_with,
    replies,
)
from .promises import holds

PACKAGE = Path(aimlapi_integrations.__file__).parent


DEEP = "[" * 100_000 + "]" * 100_000
BODIES: dict[str, bytes] = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe\x00",
    "null": b"null",
    "list": b"[1, 2]",
    "page": b"<html><title>Hello</title></html>",
    "no choices": b"{}",
    "choices of numbers": b'{"choices": [1, null, "a"]}',
    "message of a number": b'{"choices": [{"message": 5}]}',
    "numbers beyond all": b'{"choices": [{"message": {"content": "Hi"}}], "usage": {"total_tokens": 1e400}}',
    "lone surrogate": b'{"choices": [{"message": {"role": "assistant", "content": "\\ud83d"}}]}',
}


@holds("Whatever a response contains")
@pytest.mark.parametrize("endpoint", ["chat_completions", "responses", "messages"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_any_response_is_a_reply_or_an_error_of_this_package(body: bytes, endpoint: str) -> None:
    transport, _ = replies(content=body)
    client, options = client_with(transport), CallOptions(endpoint=endpoint)
    with suppress(AIMLAPIError):
        assert client.chat("Hello", model="gpt-4o", call=options) is not None
    with suppress(AIMLAPIError), client.chat_stream("Hello", model="gpt-4o", call=options) as deltas:
        assert list(deltas)


def tool_call(arguments: str) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "pay", "arguments": arguments}}
    return chat_reply({"role": "assistant", "content": "", "tool_calls": [call]}, "length")


@holds("Incomplete arguments of a tool call", "Excessively nested JSON")
@pytest.mark.parametrize("arguments", ['{"amount": 10', '{"amount": 10, "to": "an', f'{{"a": {DEEP}}}'])
def test_incomplete_or_nested_arguments_make_an_invalid_call(arguments: str) -> None:
    transport, _ = replies(body=tool_call(arguments))
    model = ChatAIMLAPI(model="gpt-4o", api_key=KEY, base_url=GATEWAY, http_client=httpx.Client(transport=transport))
    message = model.invoke("Hello")
    assert message.tool_calls == []
    assert [call["args"] for call in message.invalid_tool_calls] == [arguments]


@holds("Excessively nested JSON")
def test_nested_body_raises() -> None:
    transport, _ = replies(content=f'{{"choices": {DEEP}}}'.encode())
    with pytest.raises(APIError):
        client_with(transport).chat("Hello", model="gpt-4o")


@holds("An HTTP status counts")
def test_status_without_a_readable_body_decides_the_error() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            raise httpx.ReadError("connection reset")

    transport = httpx.MockTransport(lambda request: httpx.Response(401, stream=Broken()))
    with pytest.raises(APIStatusError) as caught:
        client_with(transport).chat("Hello", model="gpt-4o")
    assert caught.value.status == 401


@holds("Nothing that a model writes is executed or fetched")
def test_reply_with_urls_and_calls_causes_no_other_request() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "https://evil.example/a.png"}},
        {"type": "text", "text": "Hi"},
    ]
    call = {"id": "1", "type": "function", "function": {"name": "os.system", "arguments": '{"command": "true"}'}}
    transport, requests = replies(body=chat_reply({"role": "assistant", "content": content, "tool_calls": [call]}))
    ChatAIMLAPI(model="gpt-4o", api_key=KEY, base_url=GATEWAY, http_client=httpx.Client(transport=transport)).invoke(
        "Hello"
    )
    assert len(requests) == 1


EXECUTING = {"eval", "exec", "compile", "__import__"}


@holds("Nothing that a model writes is executed or fetched")
@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_executes_no_text(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {each.id for each in called if isinstance(each, ast.Name)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not names & EXECUTING
    assert not imported & {"subprocess", "pickle", "marshal", "shelve", "code"}
