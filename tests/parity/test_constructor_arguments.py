"""Constructor arguments of all five classes: typos, checks before the first call, and warnings at the user's line."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AsyncClient, Client, ParameterWarning, UnsupportedParameterError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

KEY = "sk-planted-0123456789"
CLASSES: list[Any] = [Client, AsyncClient, ChatAIMLAPI, AIMLAPIEmbeddings, AIMLAPI, AIMLAPIEmbedding]
MODELS: list[Any] = CLASSES[2:]
BASE_URL = {AIMLAPI: "api_base", AIMLAPIEmbedding: "api_base"}

every_class = pytest.mark.parametrize("kind", CLASSES)


def construct(kind: Any, **arguments: Any) -> Any:
    return kind(**{"api_key": KEY, **arguments})


# --- typos ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("argument", "meant"), [("apikey", "api_key"), ("tiemout", "timeout"), ("max_retry", "max_")])
@every_class
def test_misspelled_argument_of_the_connection_raises_with_a_suggestion(kind: Any, argument: str, meant: str) -> None:
    with pytest.raises(
        (TypeError, ValueError), match=rf"'{argument}' .*Did you mean '{meant}|no argument '{argument}'"
    ):
        construct(kind, **{argument: KEY})
    with pytest.raises((TypeError, ValueError), match="Did you mean") as caught:
        construct(kind, **{argument: KEY})
    assert KEY not in str(caught.value)


CHATS: list[Any] = [ChatAIMLAPI, AIMLAPI]
EMBEDDINGS: list[Any] = [AIMLAPIEmbeddings, AIMLAPIEmbedding]


@pytest.mark.parametrize(
    ("kinds", "argument", "meant"),
    [
        (MODELS, "modle", "model"),
        (MODELS, "Model", "model"),
        (MODELS, "modell", "model"),
        (CHATS, "temprature", "temperature"),
        (CHATS, "max_token", "max_tokens"),
        (CHATS, "reasoning_efort", "reasoning_effort"),
        (EMBEDDINGS, "dimension", "dimensions"),
        (EMBEDDINGS, "dimensoins", "dimensions"),
    ],
)
def test_misspelled_argument_raises_with_a_suggestion(kinds: list[Any], argument: str, meant: str) -> None:
    for kind in kinds:
        with pytest.raises(ValueError, match=f"'{argument}' is not an? .* of {kind.__name__}.*Did you mean '{meant}'"):
            construct(kind, **{argument: 1})


@pytest.mark.parametrize(
    ("kind", "other", "arguments"),
    [
        (
            AIMLAPIEmbeddings,
            ChatAIMLAPI,
            ["chunk_timeout", "stream_chunk_timeout", "temperature", "max_tokens", "stop"],
        ),
        (ChatAIMLAPI, AIMLAPIEmbeddings, ["dimensions", "chunk_size", "query_kwargs"]),
        (AIMLAPIEmbedding, AIMLAPI, ["chunk_timeout", "temperature", "max_tokens"]),
        (AIMLAPI, AIMLAPIEmbedding, ["dimensions", "embed_batch_size"]),
    ],
)
def test_argument_of_the_other_class_raises_and_names_it(kind: Any, other: Any, arguments: list[str]) -> None:
    for argument in arguments:
        with pytest.raises(
            ValueError, match=f"'{argument}' is not an? .* of {kind.__name__}.* {other.__name__}\\."
        ) as caught:
            construct(kind, **{argument: 1})
        assert "additional_kwargs" not in str(caught.value)


@pytest.mark.parametrize("argument", ["reasoning_format", "stop_regex", "temperature_decay", "k"])
def test_argument_that_may_be_new_in_the_gateway_goes_to_model_kwargs(argument: str) -> None:
    with pytest.warns(UserWarning, match="moved to model_kwargs") as caught:
        model = construct(ChatAIMLAPI, **{argument: 1})
    assert model.model_kwargs == {argument: 1}
    assert caught[0].filename == __file__


def test_parameter_of_the_endpoint_is_no_typo_of_another() -> None:
    with pytest.warns(UserWarning, match=r"'top_k' is not a parameter of ChatAIMLAPI; it was moved to model_kwargs\.$"):
        construct(ChatAIMLAPI, top_k=5)


def test_misspelled_parameter_of_a_call_gets_a_suggestion(gateway: Emulator) -> None:
    with Client(KEY, gateway.base_url) as client:
        with pytest.warns(ParameterWarning, match="Did you mean 'temperature'"):
            client.chat("Hello", model="gpt-4o", temprature=0)
        with pytest.raises(UnsupportedParameterError, match="Did you mean 'dimensions'"):
            client.embed(["Hello"], dimension=4)


# --- checks at construction -------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "header that injects another": ({"default_headers": {"X-Team": "a\nb"}}, "X-Team"),
    "header that is no string": ({"default_headers": {"X-Team": 1}}, "X-Team"),
    "headers that are a list": ({"default_headers": ["X-Team"]}, "default_headers"),
    "query that is a text": ({"default_query": "a=b"}, "default_query"),
    "negative timeout": ({"timeout": -1}, "timeout"),
    "negative timeout in a pair": ({"timeout": (1, -1)}, "timeout"),
    "negative retries": ({"max_retries": -1}, "max_retries"),
    "limits of another type": ({"limits": 5}, "limits"),
    "callback that is no function": ({"on_retry": 5}, "on_retry"),
    "key with a line break": ({"api_key": "a\nb"}, "api_key"),
    "URL without a scheme": ({"base_url": "api.aimlapi.com/v1"}, "base_url"),
    "URL with a port beyond all": ({"base_url": "https://host:99999/v1"}, "base_url"),
}


@pytest.mark.parametrize(("arguments", "named"), WRONG.values(), ids=WRONG)
@every_class
def test_unusable_argument_raises_at_construction_and_is_named(kind: Any, arguments: Any, named: str) -> None:
    arguments = {BASE_URL.get(kind, name) if name == "base_url" else name: each for name, each in arguments.items()}
    with pytest.raises((TypeError, ValueError), match=named):
        construct(kind, **arguments)


@pytest.mark.parametrize("model", ["", "  "])
@pytest.mark.parametrize("kind", MODELS)
def test_blank_model_raises_at_construction(kind: Any, model: str) -> None:
    with pytest.raises(ValueError, match="expected the id of a model"):
        construct(kind, model=model)


@pytest.mark.parametrize(
    ("kind", "argument"), [(Client, "chunk_timeout"), (ChatAIMLAPI, "stream_chunk_timeout"), (AIMLAPI, "chunk_timeout")]
)
def test_negative_chunk_timeout_raises_at_construction(kind: Any, argument: str) -> None:
    with pytest.raises(ValueError, match=r"chunk_timeout=-1.*: expected seconds, or 0 for no limit"):
        construct(kind, **{argument: -1})
    construct(kind, **{argument: 0})
    construct(kind, **{argument: None})


@pytest.mark.parametrize("kind", [ChatAIMLAPI, AIMLAPI])
def test_client_request_id_that_the_gateway_drops_raises_at_construction(kind: Any) -> None:
    with pytest.raises(ValueError, match="X-Client-Request-Id"):
        construct(kind, client_request_id="two words")


async def _with_blank_model(client: Any, call: str) -> None:
    result = client.chat("Hello", model="") if call == "chat" else client.embed(["Hello"], model=" ")
    await result if inspect.isawaitable(result) else result


@pytest.mark.parametrize("call", ["chat", "embed"])
async def test_blank_model_of_a_call_raises_before_it_is_sent(gateway: Emulator, call: str) -> None:
    for client in (Client(KEY, gateway.base_url), AsyncClient(KEY, gateway.base_url)):
        with pytest.raises(ValueError, match="expected the id of a model"):
            await _with_blank_model(client, call)
    assert not gateway.requests


# --- the URL ----------------------------------------------------------------------------------------------------------


def _call(model: Any) -> Any:
    if isinstance(model, (AIMLAPIEmbeddings, AIMLAPIEmbedding)):
        return getattr(model, "embed_query", None) or model.get_text_embedding
    return model.invoke if isinstance(model, ChatAIMLAPI) else model.complete


@pytest.mark.parametrize("path", ["", "/v1", "/v1/", "/v1/chat/completions", "/v1/responses", "/v1/embeddings"])
@pytest.mark.parametrize("kind", MODELS)
def test_url_with_any_ending_reaches_the_gateway(gateway: Emulator, kind: Any, path: str) -> None:
    root = gateway.base_url.removesuffix("/v1")
    model = construct(kind, model="text-embedding-3-small" if "Embed" in kind.__name__ else "gpt-4o")
    model = construct(kind, model=_model(model), **{BASE_URL.get(kind, "base_url"): root + path})
    _call(model)("Hello")
    assert gateway.requests[-1].path.startswith("/v1/")


def _model(model: Any) -> str:
    return str(getattr(model, "model_name", None) or model.model)


# --- warnings ---------------------------------------------------------------------------------------------------------


def _invoke(model: Any) -> None:
    if isinstance(model, ChatAIMLAPI):
        model.invoke("Hello", temprature=1)
    elif isinstance(model, AIMLAPI):
        model.chat([ChatMessage("Hello")], temprature=1)
    else:
        model.chat("Hello", model="gpt-4o", temprature=1)


CALLS: dict[str, Callable[[str], Any]] = {
    "client": lambda url: Client(KEY, url),
    "LangChain": lambda url: ChatAIMLAPI(model="gpt-4o", api_key=KEY, base_url=url),
    "LlamaIndex": lambda url: AIMLAPI(model="gpt-4o", api_key=KEY, api_base=url),
}


@pytest.mark.parametrize("make", CALLS.values(), ids=CALLS)
def test_warning_of_a_call_names_the_line_of_the_user_and_comes_once(gateway: Emulator, make: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            _invoke(make(gateway.base_url))
        _invoke(make(gateway.base_url))
    assert [(each.category, each.filename) for each in caught] == [(ParameterWarning, __file__)]


@pytest.mark.parametrize("method", ["ainvoke", "abatch", "astream"])
def test_warning_of_an_async_call_names_a_line_of_the_user(gateway: Emulator, method: str) -> None:
    model = CALLS["LangChain"](gateway.base_url)

    async def call() -> None:
        if method == "astream":
            _ = [chunk async for chunk in model.astream("Hello", temprature=1)]
        else:
            await getattr(model, method)("Hello" if method == "ainvoke" else ["Hello"], temprature=1)

    with pytest.warns(ParameterWarning) as caught:
        asyncio.run(call())
    assert {each.filename for each in caught} == {__file__}


def test_warning_comes_each_time_under_always(gateway: Emulator) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            _invoke(CALLS["client"](gateway.base_url))
    assert len(caught) == 3


def test_warning_raises_each_time_under_error(gateway: Emulator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with pytest.raises(ParameterWarning):
                _invoke(CALLS["client"](gateway.base_url))


def test_warning_in_strict_mode_is_an_error() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500))
    model = ChatAIMLAPI(
        model="gpt-4o", api_key=KEY, strict_parameters=True, http_client=httpx.Client(transport=transport)
    )
    with pytest.raises(UnsupportedParameterError, match="Did you mean 'temperature'"):
        model.invoke("Hello", temprature=1)
