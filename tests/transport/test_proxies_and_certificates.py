"""Proxies and certificates of the environment: an invalid variable raises an error that names it."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aimlapi_integrations import AsyncClient, Client, ConfigurationError
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.langchain.errors import ModelError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.transport.direct import ssl_context

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
UNUSED = "http://127.0.0.1:9/v1"

INVALID: dict[str, tuple[dict[str, str], str]] = {
    "unknown proxy scheme": ({"HTTP_PROXY": "ftp://proxy:21"}, "HTTP_PROXY='ftp://proxy:21' is not the URL"),
    "proxy port that is not a number": ({"HTTPS_PROXY": "http://proxy:port"}, "HTTPS_PROXY"),
    "proxy port out of range": ({"HTTP_PROXY": "http://proxy:99999"}, "HTTP_PROXY"),
    "proxy without a host": ({"ALL_PROXY": "http://:8080"}, "ALL_PROXY"),
    "white space as a proxy": ({"HTTP_PROXY": " "}, "HTTP_PROXY"),
    "proxy host that is too long": ({"HTTP_PROXY": f"http://{'a' * 70}:80"}, "HTTP_PROXY"),
    "lower case variable": ({"http_proxy": "nonsense://x"}, "HTTP_PROXY"),
    "invalid NO_PROXY": ({"HTTP_PROXY": "http://proxy:80", "NO_PROXY": "[::1"}, "NO_PROXY"),
    "missing certificate file": ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "SSL_CERT_FILE='/nowhere/ca.pem'"),
    "file without certificates": ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
    "missing certificate directory": ({"SSL_CERT_DIR": "/nowhere"}, "SSL_CERT_DIR='/nowhere'"),
    "key log that cannot be written": ({"SSLKEYLOGFILE": "/nowhere/keys"}, "SSLKEYLOGFILE"),
}


def _stream(client: Any) -> None:
    with client.chat_stream("Hello", model="gpt-4o") as deltas:
        list(deltas)


async def _astream(client: Any) -> None:
    async with client.chat_stream("Hello", model="gpt-4o") as deltas:
        _ = [delta async for delta in deltas]


async def _all(stream: Any) -> None:
    _ = [chunk async for chunk in stream]


async def _llm_stream(llm: Any) -> None:
    await _all(await llm.astream_complete("Hello"))


CALLS: dict[str, Callable[[], Any]] = {
    "client": lambda: Client("k", UNUSED).chat("Hello", model="gpt-4o"),
    "client, stream": lambda: _stream(Client("k", UNUSED)),
    "client, embeddings": lambda: Client("k", UNUSED).embed(["a"]),
    "client, models": lambda: Client("k", UNUSED).models.list(),
    "async client": lambda: asyncio.run(AsyncClient("k", UNUSED).chat("Hello", model="gpt-4o")),
    "async client, stream": lambda: asyncio.run(_astream(AsyncClient("k", UNUSED))),
    "LangChain": lambda: _chat().invoke("Hello"),
    "LangChain, stream": lambda: list(_chat().stream("Hello")),
    "LangChain, async": lambda: asyncio.run(_chat().ainvoke("Hello")),
    "LangChain, async stream": lambda: asyncio.run(_all(_chat().astream("Hello"))),
    "LangChain, embeddings": lambda: AIMLAPIEmbeddings(api_key="k", base_url=UNUSED).embed_query("a"),
    "LangChain, async embeddings": lambda: asyncio.run(
        AIMLAPIEmbeddings(api_key="k", base_url=UNUSED).aembed_query("a")
    ),
    "LlamaIndex": lambda: _llm().complete("Hello"),
    "LlamaIndex, stream": lambda: list(_llm().stream_complete("Hello")),
    "LlamaIndex, async": lambda: asyncio.run(_llm().acomplete("Hello")),
    "LlamaIndex, async stream": lambda: asyncio.run(_llm_stream(_llm())),
    "LlamaIndex, embeddings": lambda: AIMLAPIEmbedding(api_key="k", api_base=UNUSED).get_text_embedding("a"),
}


def _chat() -> ChatAIMLAPI:
    return ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=UNUSED)


def _llm() -> AIMLAPI:
    return AIMLAPI(model="gpt-4o", api_key="k", api_base=UNUSED)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set variables in an environment without any that matter here, and reload the TLS settings."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    ssl_context.cache_clear()

    def set_variables(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    yield set_variables
    ssl_context.cache_clear()


@pytest.mark.parametrize(("variables", "words"), INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("call", ["client", "async client"])
def test_invalid_variable_raises_configuration_error(
    environment: Any, call: str, variables: dict[str, str], words: str
) -> None:
    environment(variables)
    with pytest.raises(ConfigurationError, match=words.replace("[", r"\[")) as caught:
        CALLS[call]()
    assert "unset it" in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("variables", [{"HTTP_PROXY": "ftp://proxy:21"}, {"SSL_CERT_FILE": "/nowhere/ca.pem"}])
def test_every_kind_of_call_raises_configuration_error_until_the_variable_is_unset(
    environment: Any, call: Any, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(variables)
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert not caught.value.retryable
    for name in variables:
        monkeypatch.delenv(name)
    assert ssl_context()


def test_configuration_error_in_langchain_is_a_model_error(environment: Any) -> None:
    environment({"SSL_CERT_FILE": "/nowhere/ca.pem"})
    with pytest.raises(ModelError) as caught:
        _chat().invoke("Hello")
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="socksio is installed")
@pytest.mark.parametrize("call", ["client", "async client"])
def test_socks_proxy_without_socksio_names_the_package_to_install(environment: Any, call: str) -> None:
    environment({"ALL_PROXY": "socks5://127.0.0.1:1080"})
    with pytest.raises(ConfigurationError, match=r"pip install 'httpx\[socks\]'"):
        CALLS[call]()


@pytest.mark.parametrize("value", ["http://ann:pa/ss@proxy:80", "ftp://ann:secret-pa@proxy", "http://ann:se@cret@p:x"])
def test_error_about_a_proxy_redacts_its_credentials(environment: Any, value: str) -> None:
    environment({"HTTP_PROXY": value})
    with pytest.raises(ConfigurationError) as caught:
        CALLS["client"]()
    assert not [word for word in ("ann", "pa/ss", "secret", "cret@") if word in str(caught.value)]


def test_readable_certificates_are_used(environment: Any, tmp_path: Path) -> None:
    import certifi

    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    environment({"SSL_CERT_FILE": str(bundle)})
    assert ssl_context().get_ca_certs()
