"""The configuration of a client: base URLs, keys, arguments, and errors that say what to do."""

from __future__ import annotations

import asyncio
import inspect
import socket
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_integrations import (
    APIConnectionError,
    APITimeoutError,
    AsyncClient,
    Client,
    MissingAPIKeyError,
    NotFoundError,
)
from aimlapi_integrations.client.options import resolve_api_key, resolve_base_url
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.types import Message, Text
from tests.faults.secret_scan import exposed_texts, frame_variables

KEY = "sk-planted-0123456789"
PASSWORD = "pass-planted-0123456789"
PUBLIC = "https://api.aimlapi.com/v1"

both_clients = pytest.mark.parametrize("client_type", [Client, AsyncClient])


async def resolve(value: Any) -> Any:
    """Return the result of a sync or async call."""
    return await value if inspect.isawaitable(value) else value


# --- base URLs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        (PUBLIC, PUBLIC),
        (f" {PUBLIC}/ ", PUBLIC),
        ("https://api.aimlapi.com", PUBLIC),
        ("https://api.aimlapi.com/", PUBLIC),
        (f"{PUBLIC}/chat/completions", PUBLIC),
        (f"{PUBLIC}/chat/completions/", PUBLIC),
        (f"{PUBLIC}/responses", PUBLIC),
        (f"{PUBLIC}/messages", PUBLIC),
        (f"{PUBLIC}/embeddings", PUBLIC),
        (f"{PUBLIC}/models", PUBLIC),
        ("https://api.aimlapi.com/chat/completions", PUBLIC),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://localhost:8080/", "http://localhost:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("https://proxy.example", "https://proxy.example"),
        ("https://proxy.example/team/aimlapi", "https://proxy.example/team/aimlapi"),
        ("https://proxy.example/v1/chat/completions", "https://proxy.example/v1"),
    ],
)
def test_base_url_with_or_without_a_path_is_corrected(value: str, resolved: str) -> None:
    assert resolve_base_url(value) == resolved


@pytest.mark.parametrize(
    "value",
    [
        "api.aimlapi.com/v1",
        "ftp://api.aimlapi.com/v1",
        "https://",
        "https://host:port/v1",
        "https://host:99999/v1",
        "https://a..b/v1",
        f"{PUBLIC}?key=1",
    ],
)
@both_clients
def test_unusable_base_url_is_rejected_at_construction(client_type: Any, value: str) -> None:
    with pytest.raises(ValueError, match="base_url="):
        client_type(KEY, value)


def test_base_url_of_the_emulator_without_v1_works(gateway: Emulator) -> None:
    with Client(KEY, gateway.base_url.removesuffix("/v1")) as client:
        assert client.chat("Hello", model="gpt-4o").text


def test_plain_http_warns_once_at_the_line_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            Client(base_url="http://once.example/v1")
            AsyncClient(base_url="http://once.example/v1")
    assert [(each.filename, each.lineno > 0) for each in caught] == [(__file__, True)]


# --- secrets in errors ------------------------------------------------------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "key with a line break": {"api_key": f"{KEY}\nX: 1"},
    "key beyond ASCII": {"api_key": f"{KEY}ü"},
    "header with a line break": {"default_headers": {"X-Team": "a\nb"}},
    "header that is not a string": {"default_headers": {"X-Team": 1}},
    "secret header beside a wrong one": {"default_headers": {"Authorization": f"Bearer {KEY}", "X-Team": "a\nb"}},
    "secret in a wrong header": {"default_headers": {"X-Secret": f"{KEY}\n"}},
    "port that is not a number": {"base_url": "https://host:port/v1"},
    "port out of range": {"base_url": "https://host:99999/v1"},
    "scheme": {"base_url": "ftp://host/v1"},
    "password in a wrong URL": {"base_url": f"https://ann:{PASSWORD}@host:port/v1"},
    "password with a slash": {"base_url": f"https://ann:{PASSWORD}/x@host/v1"},
    "password and a query": {"base_url": f"https://ann:{PASSWORD}@host/v1?x=1"},
    "timeout": {"timeout": -1},
    "retries": {"max_retries": -1},
    "unknown argument": {"tiemout": 5},
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
@both_clients
def test_configuration_error_shows_no_secret_in_text_or_frames(client_type: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        client_type(**{"api_key": KEY, "base_url": PUBLIC, **arguments})
    shown = [*exposed_texts(caught.value), *frame_variables(caught.value)]
    assert [text for text in shown if KEY in text or PASSWORD in text] == []


@both_clients
def test_repr_of_a_client_redacts_the_password_of_its_url(client_type: Any) -> None:
    client = client_type(KEY, f"https://ann:{PASSWORD}@proxy.example/v1")
    assert repr(client._http) == f"{type(client._http).__name__}(base_url='https://***@proxy.example/v1')"
    assert PASSWORD not in repr(vars(client._http))


@both_clients
async def test_connection_error_redacts_the_password_of_its_url(client_type: Any) -> None:
    client = client_type(KEY, f"http://ann:{PASSWORD}@127.0.0.1:{free_port()}/v1", max_retries=0)
    with pytest.raises(APIConnectionError) as caught:
        await resolve(client.chat("Hello", model="gpt-4o"))
    assert [text for text in exposed_texts(caught.value) if PASSWORD in text] == []


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_blank_key_is_missing(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError, match=r"AIMLAPI_API_KEY.*https://aimlapi\.com/app/keys"):
        resolve_api_key(value)


# --- connections ------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@both_clients
async def test_refused_connection_on_loopback_mentions_the_emulator(client_type: Any) -> None:
    port = free_port()
    client = client_type(KEY, f"http://127.0.0.1:{port}/v1", max_retries=0)
    with pytest.raises(APIConnectionError) as caught:
        await resolve(client.chat("Hello", model="gpt-4o"))
    assert f"No response from 127.0.0.1:{port}" in str(caught.value)
    assert f"python -m aimlapi_integrations.emulator --port {port}" in str(caught.value)


@pytest.mark.parametrize("call", ["chat", "embed", "chat_stream"])
@both_clients
async def test_hint_about_the_emulator_is_whole_with_its_key(client_type: Any, call: str) -> None:
    port = free_port()
    client = client_type("emulator", f"http://127.0.0.1:{port}/v1", max_retries=0)
    with pytest.raises(APIConnectionError) as caught:
        await resolve(CALLS[call](client, "text-embedding-3-small" if call == "embed" else "gpt-4o"))
    assert f"python -m aimlapi_integrations.emulator --port {port}" in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "source"), [(PUBLIC, "api.aimlapi.com:443"), ("https://proxy.example:8443/v1", "proxy.example:8443")]
)
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout])
def test_error_without_a_response_names_host_and_port(base_url: str, source: str, error: Any) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("Name or service not known", request=request)

    client = Client(KEY, base_url, max_retries=0, http_client=httpx.Client(transport=httpx.MockTransport(fail)))
    with pytest.raises((APIConnectionError, APITimeoutError), match=f"No response from {source}") as caught:
        client.chat("Hello", model="gpt-4o")
    assert "emulator" not in str(caught.value)


# --- models that don't exist ------------------------------------------------------------------------------------------


async def _stream(client: Any, model: str) -> None:
    if isinstance(client, Client):
        with client.chat_stream("Hello", model=model) as deltas:
            list(deltas)
    else:
        async with client.chat_stream("Hello", model=model) as deltas:
            _ = [delta async for delta in deltas]


CALLS: dict[str, Callable[[Any, str], Any]] = {
    "chat": lambda client, model: client.chat("Hello", model=model),
    "chat_stream": _stream,
    "embed": lambda client, model: client.embed(["Hello"], model=model),
    "get": lambda client, model: client.models.get(model),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@both_clients
async def test_unknown_model_names_similar_ids_and_the_search(client_type: Any, call: Any, gateway: Emulator) -> None:
    client = client_type(KEY, gateway.base_url, max_retries=0)
    with pytest.raises(NotFoundError) as caught:
        await resolve(call(client, "gpt-5-mni-2025-08-07"))
    message = str(caught.value)
    assert "'gpt-5-mni-2025-08-07' is not a known model" in message
    assert "Similar ids: openai/gpt-5-mini-2025-08-07" in message
    assert "aimlapi models --search gpt" in message
    assert caught.value.status == 404


def test_unknown_model_unlike_any_other_names_no_similar_id(gateway: Emulator) -> None:
    with Client(KEY, gateway.base_url) as client, pytest.raises(NotFoundError) as caught:
        client.chat("Hello", model="zzzzzzzz")
    assert "Similar" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("gpt-5-mini", "Use the id 'openai/gpt-5-mini-2025-08-07'. List"),
        ("gemini-2.5-pro", "Use the id 'google/gemini-2.5-pro'. List"),
        ("openai/gpt-5-minii", "Similar ids: openai/gpt-5-mini-2025-08-07, "),
    ],
)
def test_shortened_id_is_answered_with_the_whole(model: str, advice: str, gateway: Emulator) -> None:
    with Client(KEY, gateway.base_url) as client, pytest.raises(NotFoundError) as caught:
        client.chat("Hello", model=model)
    assert advice in str(caught.value)


def test_known_model_that_is_gone_may_have_been_withdrawn() -> None:
    body = {"message": "Model gpt-4o not found"}
    transport = httpx.MockTransport(lambda request: httpx.Response(404, json=body))
    client = Client(KEY, PUBLIC, http_client=httpx.Client(transport=transport))
    with pytest.raises(NotFoundError, match="'gpt-4o' may have been withdrawn"):
        client.chat("Hello", model="gpt-4o")


def test_404_about_a_stored_response_does_not_mention_models(gateway: Emulator) -> None:
    with Client(KEY, gateway.base_url) as client, pytest.raises(NotFoundError) as caught:
        client.responses.retrieve("resp_0000")
    assert "aimlapi models" not in str(caught.value)


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "suggestion"),
    [("tiemout", "timeout"), ("baseurl", "base_url"), ("max_retry", "max_retries"), ("apikey", "api_key")],
)
@both_clients
def test_misspelled_argument_gets_a_suggestion(client_type: Any, argument: str, suggestion: str) -> None:
    with pytest.raises(TypeError, match=rf"no argument '{argument}'\. Did you mean '{suggestion}'\?"):
        client_type(**{"api_key": KEY, argument: 1})


@pytest.mark.parametrize("argument", ["model", "temperature", "tools", "max_tokens", "reasoning_effort"])
@both_clients
def test_argument_of_a_call_says_where_it_belongs(client_type: Any, argument: str) -> None:
    with pytest.raises(TypeError, match=rf"no argument '{argument}': pass it to chat\(\)"):
        client_type(**{"api_key": KEY, argument: 1})


def test_unknown_argument_unlike_any_other_gets_no_suggestion() -> None:
    with pytest.raises(TypeError, match=r"Client has no argument 'colour'\.$"):
        Client(KEY, colour="red")  # type: ignore[call-arg, arg-type]


def test_plain_http_warns_for_each_client_that_the_filters_show() -> None:
    counts = []
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Client(KEY, "http://gateway.example/v1")
        counts.append(sum("plain http" in str(each.message) for each in caught))
    assert counts[0] == counts[1] > 0


def test_traceback_of_a_configuration_error_starts_at_the_constructor() -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        asyncio.run(_construct())
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "inspect_base_url"


async def _construct() -> None:
    AsyncClient(KEY, "https://host:99999/v1")


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ({"role": "user", "content": "Hello"}, "received one dict: put it into a list"),
        (Message("user", (Text("Hello"),)), "received one Message: put it into a list"),
        (None, "received one NoneType"),
        (b"Hello", "received one bytes"),
        (["Hello"], "expected a Message or a dict with a role, received str"),
        ([{"content": "Hello"}], r"received a dict with \['content'\]"),
    ],
)
@pytest.mark.parametrize("method", ["chat", "chat_stream"])
@both_clients
async def test_messages_of_another_type_are_rejected(
    client_type: Any, method: str, messages: Any, problem: str
) -> None:
    with pytest.raises(TypeError, match=problem):
        await resolve(getattr(client_type(KEY), method)(messages))


async def test_stream_without_a_block_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"in a `with` block: with client\.chat_stream"):
        list(Client(KEY).chat_stream("Hello"))  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"in an `async with` block: async with client\.chat_stream"):
        _ = [delta async for delta in AsyncClient(KEY).chat_stream("Hello")]  # type: ignore[attr-defined]
