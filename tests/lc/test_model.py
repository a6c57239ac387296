"""The chat model: constructor, description, copies, caches, and arguments of single calls."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from pydantic import ValidationError

from aimlapi_integrations.errors import MissingAPIKeyError
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body


def made(**kwargs: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(**{"api_key": "sk-secret", **kwargs})


def test_argument_names_and_aliases_are_accepted():
    by_alias = made(model="gpt-4o", base_url="https://a/v1", timeout=5, stop_sequences=["x"])
    by_name = ChatAIMLAPI(
        model_name="gpt-4o", aimlapi_api_key="sk-secret", aimlapi_api_base="https://a/v1", request_timeout=5, stop=["x"]
    )
    assert by_alias == by_name
    assert by_alias.model == by_alias.model_name == "gpt-4o"


def test_argument_names_of_chat_openai_are_accepted():
    model = ChatAIMLAPI(openai_api_key="k", openai_api_base="https://a/v1", max_completion_tokens=7)
    assert model.aimlapi_api_key.get_secret_value() == "k"  # type: ignore[union-attr]
    assert (model.aimlapi_api_base, model.max_tokens) == ("https://a/v1", 7)


def test_model_without_a_key_raises(monkeypatch: pytest.MonkeyPatch):
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        ChatAIMLAPI()


def test_unknown_argument_moves_to_model_kwargs_with_a_warning():
    with pytest.warns(UserWarning, match="min_p"):
        model = made(min_p=0.1)
    assert model.model_kwargs == {"min_p": 0.1}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"model": "a", "model_name": "b"},
        {"max_tokens": 1, "max_completion_tokens": 2},
        {"model_kwargs": {"temperature": 1}},
        {"min_p": 0.1, "model_kwargs": {"min_p": 0.2}},
        {"n": 0},
        {"n": 2, "streaming": True},
        {"output_version": "v7"},
    ],
)
def test_contradicting_arguments_raise(kwargs: dict[str, Any]):
    with pytest.raises(ValidationError):
        made(**kwargs)


def test_parameters_of_the_model_are_sent():
    gateway = Gateway()
    model = gateway.model(
        temperature=0.5, max_tokens=9, top_p=0.9, seed=3, stop="END", logit_bias={"1": 2}, extra_body={"top_k": 5}
    )
    model.invoke("Hi", max_completion_tokens=8, extra_body={"min_p": 0.1}, stop=[], extra_headers={"x-a": "b"})
    assert gateway.bodies[0] == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "max_tokens": 8,
        "top_p": 0.9,
        "seed": 3,
        "stop": ["END"],
        "logit_bias": {"1": 2},
        "top_k": 5,
        "min_p": 0.1,
    }
    assert gateway.headers[0]["x-a"] == "b"
    assert gateway.headers[0]["authorization"] == "Bearer sk-test"


def test_metadata_for_gateway_and_traces_stays_separate():
    """`metadata` is LangChain's argument; the endpoint's is sent with `model_kwargs` or `extra_body`."""
    gateway = Gateway()
    arguments: dict[str, Any] = {"metadata": {"trace": "1"}, "model_kwargs": {"metadata": {"user_id": "7"}}}
    model = gateway.model(model="anthropic/claude-haiku-4.5", **arguments)
    model.invoke("Hi")
    model.invoke("Hi", extra_body={"metadata": {"user_id": "8"}})
    assert [body["metadata"] for body in gateway.bodies] == [{"user_id": "7"}, {"user_id": "8"}]
    assert model.metadata
    assert model.metadata["trace"] == "1"


def test_call_arguments_override_fields():
    gateway = Gateway()
    gateway.model(stop=["a"], temperature=0).bind(temperature=1).invoke("Hi", model="gpt-4o-mini", stop=["b"])
    requested = gateway.bodies[0]
    assert (requested["model"], requested["temperature"], requested["stop"]) == ("gpt-4o-mini", 1, ["b"])


@pytest.mark.parametrize(
    ("field", "call", "requested"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"stream_usage": False}, False),
        (False, {"stream_options": {"include_usage": True}}, True),
    ],
)
def test_stream_usage_is_requested_by_default(field: bool, call: dict[str, Any], requested: bool):
    gateway = Gateway()
    list(gateway.model(stream_usage=field).stream("Hi", **call))
    assert ("stream_options" in gateway.bodies[0]) is requested


def test_arguments_are_not_mutated():
    gateway = Gateway()
    messages = [
        HumanMessage([{"type": "text", "text": "Hi"}]),
        AIMessage("", tool_calls=[{"id": "1", "name": "f", "args": {}}]),
    ]
    kwargs: dict[str, Any] = {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "extra_body": {"a": 1},
    }
    before = copy.deepcopy((messages, kwargs))
    gateway.model().invoke(messages, **kwargs)
    list(gateway.model().stream(messages, **kwargs))
    assert (messages, kwargs) == before


def test_key_from_a_function_is_sent():
    gateway = Gateway()
    keys = iter(["one", "two"])
    model = gateway.model(api_key=lambda: next(keys))
    model.invoke("Hi")
    model.invoke("Hi")
    assert [headers["authorization"] for headers in gateway.headers] == ["Bearer one", "Bearer two"]


async def test_key_from_an_async_function_is_sent():
    async def key() -> str:
        return "late"

    gateway = Gateway()
    model = gateway.model(api_key=key)
    await model.ainvoke("Hi")
    assert gateway.headers[0]["authorization"] == "Bearer late"


# --- description ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ChatAIMLAPI, AIMLAPIEmbeddings])
def test_invalid_argument_error_omits_the_key(kind):
    for wrong in ({"base_url": "ftp://x"}, {"max_retries": -1}, {"api_key": ["sk-secret"]}):
        with pytest.raises(ValueError) as caught:
            kind(**{"api_key": "sk-secret", **wrong})
        assert "sk-secret" not in str(caught.value)


def test_secrets_are_not_shown():
    model = made(default_headers={"x-key": "sk-header"}, temperature=0.5)
    for reported in (repr(model), str(model.asdict()), dumps(model), str(model._get_llm_string())):
        assert "sk-" not in reported


def test_mcp_credentials_in_tools_are_not_traced():
    tool = {
        "type": "mcp",
        "server_label": "a",
        "server_url": "http://a",
        "authorization": "sk-1",
        "headers": {"k": "sk-2"},
    }
    assert "sk-" not in str(made()._get_invocation_params(tools=[tool], extra_headers={"k": "sk-3"}))


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_dumped_model_is_loaded():
    model = made(model="gpt-4o", temperature=0.5, model_kwargs={"top_k": 3}, output_version="v1")
    loaded = load(
        dumpd(model),
        allowed_objects=[ChatAIMLAPI],
        valid_namespaces=["aimlapi_integrations"],
        secrets_map={"AIMLAPI_API_KEY": "sk-secret"},
    )
    assert loaded == model


def test_langsmith_parameters_describe_the_call():
    params = made(model="gpt-4o", temperature=0.5, max_tokens=5, stop="x")._get_ls_params()
    assert params == {
        "ls_provider": "aimlapi",
        "ls_model_name": "gpt-4o",
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 5,
        "ls_stop": ["x"],
    }
    assert made()._get_ls_params(model="b", temperature=1)["ls_model_name"] == "b"


def test_profile_of_a_known_model_is_set():
    profile = made(model="openai/gpt-5-mini-2025-08-07").profile
    assert profile is not None
    assert profile["max_input_tokens"] > 100_000
    assert profile["tool_calling"]
    assert profile["structured_output"]
    assert made(model="nobody/knows").profile is None
    assert made(profile={"tool_calling": False}).profile == {"tool_calling": False}


def test_token_count_is_offline():
    model = made()
    few = model.get_num_tokens_from_messages([HumanMessage("Hi")])
    many = model.get_num_tokens_from_messages([HumanMessage("Hi " * 100)], tools=[{"title": "f", "properties": {}}])
    assert 0 < few < many


# --- copies -----------------------------------------------------------------------------------------------------------


def test_copies_and_pickles_equal_the_model():
    model = made(temperature=0.5)
    fresh = made(temperature=0.5)
    model._get_client()
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert copied == fresh


def test_copy_with_another_key_uses_it():
    gateway = Gateway()
    model = gateway.model()
    model.invoke("Hi")
    model.model_copy(update={"aimlapi_api_key": made(api_key="sk-other").aimlapi_api_key}).invoke("Hi")
    assert [headers["authorization"] for headers in gateway.headers] == ["Bearer sk-test", "Bearer sk-other"]


def test_callers_client_is_not_closed():
    client = httpx.Client(transport=httpx.MockTransport(Gateway()))
    model = made(http_client=client)
    model.invoke("Hi")
    model.close()
    assert not client.is_closed
    assert copy.deepcopy(model).http_client is client


def test_configurable_fields_are_applied():
    gateway = Gateway()
    model = gateway.model().configurable_fields(temperature=ConfigurableField(id="t"))
    model.invoke("Hi", config={"configurable": {"t": 0.7}})
    assert gateway.bodies[0]["temperature"] == 0.7


# --- what core does around a call -------------------------------------------------------------------------------------


def test_cache_key_contains_what_changes_the_response():
    gateway, cache = Gateway(), InMemoryCache()
    for kwargs in ({}, {}, {"temperature": 1}, {"max_tokens": 5}, {"output_version": "v1"}):
        gateway.model(cache=cache, **kwargs).invoke("Hi")
    assert len(gateway.bodies) == 4
    gateway.model(cache=cache).bind_tools([{"title": "f", "properties": {}}]).invoke("Hi")
    assert len(gateway.bodies) == 5


def test_rate_limiter_is_used():
    gateway = Gateway()
    limiter = InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001)
    gateway.model(rate_limiter=limiter).invoke("Hi")
    assert len(gateway.bodies) == 1


@pytest.mark.parametrize("kwargs", [{}, {"disable_streaming": True}, {"streaming": False}])
def test_disable_streaming_sends_no_stream(kwargs: dict[str, Any]):
    gateway = Gateway(chat_body("Hello, world"))
    chunks = list(gateway.model(**kwargs).stream("Hi"))
    assert bool(gateway.bodies[0].get("stream")) is not bool(kwargs)
    assert "".join(chunk.text for chunk in chunks) == "Hello, world"


def test_disable_streaming_for_tools_streams_other_calls():
    gateway = Gateway()
    model = gateway.model(disable_streaming="tool_calling")
    list(model.stream("Hi"))
    list(model.bind_tools([{"title": "f", "properties": {}}]).stream("Hi"))
    assert [bool(body.get("stream")) for body in gateway.bodies] == [True, False]


def test_each_token_is_reported_once():
    class Tokens(BaseCallbackHandler):
        def __init__(self) -> None:
            self.content_text: list[Any] = []

        def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
            self.content_text.append(token)

    tokens = Tokens()
    list(Gateway(chat_body("Hello, world")).model().stream("Hi", config={"callbacks": [tokens]}))
    assert "".join(tokens.content_text) == "Hello, world"


async def test_batch_returns_messages_in_order():
    gateway = Gateway()
    assert [m.text for m in gateway.model().batch(["a", "b"])] == ["Hi", "Hi"]
    assert [m.text for m in await gateway.model().abatch(["a", "b"])] == ["Hi", "Hi"]


def test_messages_after_a_stored_response_are_sent_alone():
    model = made(use_previous_response_id=True)
    from aimlapi_integrations.langchain.request import build_request

    stored = AIMessage("Hello", response_metadata={"id": "resp_1"})
    history = [HumanMessage("Hi"), stored, HumanMessage("And?")]
    request = build_request(model, history, None, {}, {}).request
    assert request.options["previous_response_id"] == "resp_1"
    assert [message.text for message in request.messages] == ["And?"]
    assert len(build_request(model, history[:2], None, {}, {}).request.messages) == 2
    assert len(build_request(made(), history, None, {}, {}).request.messages) == 3


@pytest.mark.parametrize("method", ["_generate", "_agenerate"])
def test_signature_that_core_inspects_is_that_of_the_method(method: str):
    computed = inspect.signature(getattr(ChatAIMLAPI, method))
    del getattr(ChatAIMLAPI, method).__signature__
    try:
        assert inspect.signature(getattr(ChatAIMLAPI, method)) == computed
    finally:
        getattr(ChatAIMLAPI, method).__signature__ = computed
    assert "self" not in inspect.signature(getattr(made(), method)).parameters


def test_import_of_the_package_loads_no_other_framework():
    code = (
        "import sys; from aimlapi_integrations.langchain import ChatAIMLAPI;"
        "print([m for m in ('openai', 'tiktoken', 'transformers', 'llama_index', 'langchain') if m in sys.modules])"
    )
    actual = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert actual.stdout.strip() == "[]"
