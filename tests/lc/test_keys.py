"""A key or another setting of a connection that is changed after construction: the next call uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumps
from pydantic import SecretStr

from aimlapi_integrations import APIConnectionError, MissingAPIKeyError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI

OTHER = "sk-another-key"


def _read(chunks: Any) -> None:
    list(chunks)


async def _aread(chunks: Any) -> None:
    _ = [chunk async for chunk in chunks]


CALLS: dict[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
    "chat": (lambda url: ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=url), lambda m: m.invoke("Hello")),
    "chat, stream": (
        lambda url: ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=url),
        lambda m: _read(m.stream("Hi")),
    ),
    "chat, async": (
        lambda url: ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=url),
        lambda m: asyncio.run(m.ainvoke("Hello")),
    ),
    "chat, async stream": (
        lambda url: ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=url),
        lambda m: asyncio.run(_aread(m.astream("Hello"))),
    ),
    "embeddings": (lambda url: AIMLAPIEmbeddings(api_key="k", base_url=url), lambda m: m.embed_query("Hello")),
    "embeddings, async": (
        lambda url: AIMLAPIEmbeddings(api_key="k", base_url=url),
        lambda m: asyncio.run(m.aembed_query("Hello")),
    ),
}


def _assigned(model: Any, key: Any) -> Any:
    model.aimlapi_api_key = key
    return model


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "assigned": _assigned,
    "model_copy": lambda model, key: model.model_copy(update={"aimlapi_api_key": key}),
    "model_copy by the alias": lambda model, key: model.model_copy(update={"api_key": key}),
    "deep model_copy": lambda model, key: model.model_copy(update={"aimlapi_api_key": key}, deep=True),
    "assigned to a copy": lambda model, key: _assigned(model.model_copy(), key),
}


@pytest.mark.parametrize("key", [OTHER, SecretStr(OTHER), f" {OTHER}\n"], ids=["text", "secret", "white space"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("make_and_call", CALLS.values(), ids=CALLS)
def test_assigned_key_is_used_by_the_next_call_and_not_shown(
    gateway: Emulator, make_and_call: Any, change: Callable[[Any, Any], Any], key: Any
) -> None:
    make, call = make_and_call
    model = make(gateway.base_url)
    call(model)
    changed = change(model, key)
    call(changed)
    assert [request.headers["authorization"] for request in gateway.requests] == ["Bearer k", f"Bearer {OTHER}"]
    for shown in (repr(changed), str(changed), str(changed.model_dump()), changed.model_dump_json(), dumps(changed)):
        assert OTHER not in shown


@pytest.mark.parametrize("change", [CHANGES["assigned"], CHANGES["model_copy"]])
def test_assigned_key_function_is_used_by_the_next_call(gateway: Emulator, change: Callable[[Any, Any], Any]) -> None:
    model = change(ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=gateway.base_url), lambda: OTHER)
    model.invoke("Hello")
    assert gateway.requests[0].headers["authorization"] == f"Bearer {OTHER}"


@pytest.mark.parametrize("change", [CHANGES["assigned"], CHANGES["model_copy"]])
@pytest.mark.parametrize("key", ["", None, " "])
def test_invalid_key_raises_where_it_is_assigned(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Any, Any], Any], key: Any
) -> None:
    model = ChatAIMLAPI(api_key="k")
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        change(model, key)


def test_assigned_settings_are_used_by_the_next_call(gateway: Emulator) -> None:
    model = ChatAIMLAPI(model="gpt-4o", api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(APIConnectionError):
        model.invoke("Hello")
    model.aimlapi_api_base = f"{gateway.base_url}/"
    model.default_headers = {"X-Team": "blue"}
    model.invoke("Hello")
    assert gateway.requests[0].headers["x-team"] == "blue"
    with pytest.raises(ValueError, match="expected an http or https URL"):
        model.aimlapi_api_base = "nowhere"
