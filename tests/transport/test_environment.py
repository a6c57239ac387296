"""What the environment says of proxies and certificates: faults in it are errors that say what to mend."""

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
from aimlapi_integrations.transport.environment import ssl_context

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
NOWHERE = "http://127.0.0.1:9/v1"

FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "a proxy of no known kind": ({"HTTP_PROXY": "ftp://proxy:21"}, "HTTP_PROXY='ftp://proxy:21' is not the URL"),
    "a proxy without a port number": ({"HTTPS_PROXY": "http://proxy:port"}, "HTTPS_PROXY"),
    "a proxy on a port that cannot be": ({"HTTP_PROXY": "http://proxy:99999"}, "HTTP_PROXY"),
    "a proxy without a host": ({"ALL_PROXY": "http://:8080"}, "ALL_PROXY"),
    "a proxy of white space": ({"HTTP_PROXY": " "}, "HTTP_PROXY"),
    "a proxy with a host too long": ({"HTTP_PROXY": f"http://{'a' * 70}:80"}, "HTTP_PROXY"),
    "a lower case name": ({"http_proxy": "nonsense://x"}, "HTTP_PROXY"),
    "hosts without a proxy": ({"HTTP_PROXY": "http://proxy:80", "NO_PROXY": "[::1"}, "NO_PROXY"),
    "certificates that are not there": ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, "SSL_CERT_FILE='/nowhere/ca.pem'"),
    "certificates that are none": ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE"),
    "a directory of certificates that is not there": ({"SSL_CERT_DIR": "/nowhere"}, "SSL_CERT_DIR='/nowhere'"),
    "a log of keys that cannot be written": ({"SSLKEYLOGFILE": "/nowhere/keys"}, "SSLKEYLOGFILE"),
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
    "client": lambda: Client("k", NOWHERE).chat("Hello", model="gpt-4o"),
    "client, stream": lambda: _stream(Client("k", NOWHERE)),
    "client, embeddings": lambda: Client("k", NOWHERE).embed(["a"]),
    "client, models": lambda: Client("k", NOWHERE).models.list(),
    "async client": lambda: asyncio.run(AsyncClient("k", NOWHERE).chat("Hello", model="gpt-4o")),
    "async client, stream": lambda: asyncio.run(_astream(AsyncClient("k", NOWHERE))),
    "LangChain": lambda: _chat().invoke("Hello"),
    "LangChain, stream": lambda: list(_chat().stream("Hello")),
    "LangChain, async": lambda: asyncio.run(_chat().ainvoke("Hello")),
    "LangChain, async stream": lambda: asyncio.run(_all(_chat().astream("Hello"))),
    "LangChain, embeddings": lambda: AIMLAPIEmbeddings(api_key="k", base_url=NOWHERE).embed_query("a"),
    "LangChain, async embeddings": lambda: asyncio.run(
        AIMLAPIEmbeddings(api_key="k", base_url=NOWHERE).aembed_query("a")
    ),
    "LlamaIndex": lambda: _llm().complete("Hello"),
    "LlamaIndex, stream": lambda: list(_llm().stream_complete("Hello")),
    "LlamaIndex, async": lambda: asyncio.run(_llm().acomplete("Hello")),
    "LlamaIndex, async stream": lambda: asyncio.run(_llm_stream(_llm())),
    "LlamaIndex, embeddings": lambda: AIMLAPIEmbedding(api_key="k", api_base=NOWHERE).get_text_embedding("a"),
}


def _chat() -> ChatAIMLAPI:
    return ChatAIMLAPI(model="gpt-4o", api_key="k", base_url=NOWHERE)


def _llm() -> AIMLAPI:
    return AIMLAPI(model="gpt-4o", api_key="k", api_base=NOWHERE)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets variables where none of those that matter here is set, and has TLS settings made anew."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    ssl_context.cache_clear()

    def setting(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    yield setting
    ssl_context.cache_clear()


@pytest.mark.parametrize(("variables", "words"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", ["client", "async client"])
def test_fault_of_the_environment_is_a_configuration_error(
    environment: Any, call: str, variables: dict[str, str], words: str
) -> None:
    environment(variables)
    with pytest.raises(ConfigurationError, match=words.replace("[", r"\[")) as caught:
        CALLS[call]()
    assert "unset it" in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("variables", [{"HTTP_PROXY": "ftp://proxy:21"}, {"SSL_CERT_FILE": "/nowhere/ca.pem"}])
def test_every_call_raises_it_and_works_again_once_it_is_mended(
    environment: Any, call: Any, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(variables)
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert not caught.value.retryable
    for name in variables:
        monkeypatch.delenv(name)
    assert ssl_context()


def test_error_is_one_of_langchains_too(environment: Any) -> None:
    environment({"SSL_CERT_FILE": "/nowhere/ca.pem"})
    with pytest.raises(ModelError) as caught:
        _chat().invoke("Hello")
    assert isinstance(caught.value, ConfigurationError)


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="SOCKS proxies can be used here")
@pytest.mark.parametrize("call", ["client", "async client"])
def test_socks_proxy_without_its_package_says_what_to_install(environment: Any, call: str) -> None:
    environment({"ALL_PROXY": "socks5://127.0.0.1:1080"})
    with pytest.raises(ConfigurationError, match=r"pip install 'httpx\[socks\]'"):
        CALLS[call]()


@pytest.mark.parametrize("value", ["http://ann:pa/ss@proxy:80", "ftp://ann:secret-pa@proxy", "http://ann:se@cret@p:x"])
def test_credentials_of_a_proxy_are_not_repeated(environment: Any, value: str) -> None:
    environment({"HTTP_PROXY": value})
    with pytest.raises(ConfigurationError) as caught:
        CALLS["client"]()
    assert not [word for word in ("ann", "pa/ss", "secret", "cret@") if word in str(caught.value)]


def test_certificates_that_can_be_read_are_used(environment: Any, tmp_path: Path) -> None:
    import certifi

    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    environment({"SSL_CERT_FILE": str(bundle)})
    assert ssl_context().get_ca_certs()
