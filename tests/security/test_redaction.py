"""SECURITY.md: redaction."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps

from aimlapi_integrations import AIMLAPIError, APIError, CallOptions, Client, RetryPolicy
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.faults.secret_scan import exposed_texts, frame_variables

from .planted import (
    CLASSES,
    GATEWAY,
    HEADERS,
    KEY,
    MODELS,
    PASSWORD,
    URL,
    chat_reply,
    client_with,
    every_class,
    key_of,
    leaks,
    replies,
    secret_model,
)
from .promises import holds


class Recorder(BaseCallbackHandler):
    """Keep everything that LangChain passes to callbacks and tracers."""

    def __init__(self) -> None:
        self.payloads: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.payloads.append(repr((args, kwargs)))

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.payloads += [*exposed_texts(error), repr(kwargs)]


def shown_by(model: Any) -> list[str]:
    texts = [repr(model), str(model)]
    if hasattr(model, "model_dump"):
        texts += [repr(model.model_dump()), model.model_dump_json()]
    if isinstance(model, ChatAIMLAPI):
        texts += [repr(dumpd(model)), dumps(model), repr(model._identifying_params), model._get_llm_string()]
    if hasattr(model, "to_dict"):
        texts += [repr(model.to_dict()), model.to_json()]
    return texts


@holds("The key, a password in the base URL")
@every_class
def test_no_repr_and_no_dump_shows_a_secret(kind: str) -> None:
    model = secret_model(kind)
    assert leaks(shown_by(model)) == []
    if hasattr(model, "model_dump"):
        assert leaks(shown_by(model.model_copy(deep=True))) == []


@holds("The key, a password in the base URL")
@every_class
def test_no_repr_of_the_parts_of_a_model_shows_a_secret(kind: str) -> None:
    model = secret_model(kind)
    for create in ("_get_client", "_get_async_client", "_client", "_async_client"):
        if callable(getattr(model, create, None)):
            getattr(model, create)()
    parts = [getattr(model, name) for name in ("_http", "_clients", "__pydantic_private__") if hasattr(model, name)]
    clients = [client for part in parts for client in getattr(part, "_clients", {}).values()]
    parts += [repr(vars(part)) for part in parts if hasattr(part, "__dict__")]
    parts += [vars(client._http) for client in clients]
    assert leaks(map(repr, parts)) == []


@holds("The key, a password in the base URL")
def test_no_callback_and_no_cache_key_has_a_secret() -> None:
    recorder, cache = Recorder(), InMemoryCache()
    model = secret_model("ChatAIMLAPI", max_retries=0, cache=cache, model="gpt-4o")
    with pytest.raises(AIMLAPIError):
        model.invoke("Hello", config={"callbacks": [recorder]})
    transport, _ = replies(body=chat_reply({"role": "assistant", "content": "Hi"}))
    cached = secret_model("ChatAIMLAPI", cache=cache, model="gpt-4o", http_client=httpx.Client(transport=transport))
    cached.invoke("Hello", config={"callbacks": [recorder]})
    assert len(recorder.payloads) > 2
    assert cache._cache
    assert leaks([*recorder.payloads, repr(cache._cache)]) == []


CALLS = {
    "Client": "chat",
    "ChatAIMLAPI": "invoke",
    "AIMLAPIEmbeddings": "embed_query",
    "AIMLAPI": "complete",
    "AIMLAPIEmbedding": "get_text_embedding",
}


@holds("The key, a password in the base URL")
@every_class
def test_no_log_line_shows_a_secret(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    model = secret_model(kind, retry=RetryPolicy(max_retries=1, base=0))
    with caplog.at_level("DEBUG", logger="aimlapi_integrations"), pytest.raises(AIMLAPIError):
        asyncio.run(model.chat("Hello")) if kind == "AsyncClient" else getattr(model, CALLS[kind])("Hello")
    assert caplog.messages
    assert leaks(caplog.messages) == []


WRONG: dict[str, dict[str, Any]] = {
    "header": {"default_headers": {**HEADERS, "X-Team": "a\nb"}},
    "header of a wrong type": {"default_headers": {**HEADERS, "X-Team": 1}},
    "timeout": {"timeout": -1},
    "retries": {"max_retries": -1},
    "limits": {"limits": 5},
    "port": {"base_url": f"https://ann:{PASSWORD}@host:99999/v1"},
    "port that is no number": {"base_url": f"https://ann:{PASSWORD}@host:port/v1"},
    "scheme": {"base_url": f"ftp://ann:{PASSWORD}@host/v1"},
    "query in the URL": {"base_url": f"https://ann:{PASSWORD}@host/v1?a=b"},
    "key": {"api_key": f"{KEY}\nX: 1"},
    "misspelled argument of the connection": {"max_retry": 5},
    "misspelled argument": {"modle": "gpt-4o"},
    "misspelled key": {"apikey": KEY},
    "misspelled URL": {"base_ulr": URL},
    "misspelled headers": {"default_header": HEADERS},
}


def frames_of(error: BaseException) -> list[str]:
    """Return the local variables of this package's and the frameworks' frames, without those of the tests."""
    return [text for text in frame_variables(error) if not text.startswith("arguments = ")]


@holds("An error about an argument does not show")
@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
@every_class
def test_error_about_an_argument_shows_no_other_argument(kind: str, arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        secret_model(kind, **arguments)
    assert leaks([*everything_in_text(caught.value), *frames_of(caught.value)]) == []


def everything_in_text(error: BaseException) -> list[str]:
    details = repr(error.errors()) if hasattr(error, "errors") else ""
    return [str(error), repr(error), details, repr(error.__cause__), repr(error.__context__)]


ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}", KEY: [KEY]}}


@holds("If a response echoes the key of a call")
@pytest.mark.parametrize("status", [200, 401, 500])
def test_echoed_key_is_removed_from_the_error_and_its_pickle(status: int) -> None:
    transport, _ = replies(status, ECHO, x_echo=f"Bearer {KEY}")
    with pytest.raises(APIError) as caught:
        client_with(transport).chat("Hello", model="gpt-4o")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert leaks([*exposed_texts(caught.value), *exposed_texts(copied), repr(caught.value.body)]) == []
    assert "[redacted]" in str(caught.value)


KEYS: dict[str, Callable[[httpx.Client], Callable[[], Any]]] = {
    "client": lambda http: lambda: Client(KEY, GATEWAY, http_client=http, max_retries=0).chat("Hi", model="gpt-4o"),
    "header of the call": lambda http: (
        lambda: Client("other-key", GATEWAY, http_client=http, max_retries=0).chat(
            "Hi", model="gpt-4o", call=CallOptions(headers={"authorization": f"Bearer {KEY}"})
        )
    ),
    "default header": lambda http: (
        lambda: Client(
            "other-key", GATEWAY, http_client=http, max_retries=0, default_headers={"Authorization": f"Bearer {KEY}"}
        ).chat("Hi", model="gpt-4o")
    ),
    "function": lambda http: (
        lambda: ChatAIMLAPI(
            model="gpt-4o", api_key=lambda: KEY, base_url=GATEWAY, http_client=http, max_retries=0
        ).invoke("Hi")
    ),
}


@holds("This applies to every key")
@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
def test_key_from_any_source_is_removed_from_the_error(make: Any) -> None:
    transport, requests = replies(403, ECHO)
    with pytest.raises(APIError) as caught:
        make(httpx.Client(transport=transport))()
    assert requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert leaks(exposed_texts(caught.value)) == []


@holds("The httpx exception behind an error")
def test_cause_of_an_error_has_its_type_and_message_and_no_key() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("No route to host", request=request)

    with pytest.raises(APIError) as caught:
        client_with(httpx.MockTransport(fail), default_headers=HEADERS).chat("Hello", model="gpt-4o")
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.ConnectError)
    assert str(cause) == "No route to host"
    assert (cause.request.method, cause.request.url.path) == ("POST", "/v1/chat/completions")
    assert "authorization" not in cause.request.headers
    assert cause.__traceback__ is None
    assert leaks([*exposed_texts(caught.value), *frame_variables(caught.value)]) == []


@holds("Two exceptions: a pickled model includes its key")
@pytest.mark.parametrize("kind", MODELS)
def test_pickled_model_has_its_key(kind: str) -> None:
    model = pickle.loads(pickle.dumps(CLASSES[kind](api_key=KEY)))
    assert key_of(model) == KEY
