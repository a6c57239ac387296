"""Calls as users of `ChatOpenAI`, `ChatOpenRouter` and `langchain-aimlapi` write them, with the class name changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel, SecretStr, ValidationError

from aimlapi_integrations.errors import MissingAPIKeyError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain.embeddings import AIMLAPIEmbeddings

KEY = "sk-planted-secret"


@pytest.fixture
def url(gateway):
    return gateway.base_url


@pytest.fixture
def make():
    """`ChatAIMLAPI`, closed when the test is over."""
    made = []

    def model(**arguments: Any) -> ChatAIMLAPI:
        made.append(ChatAIMLAPI(**arguments))
        return made[-1]

    yield model
    for one in made:
        one.close()


def body(gateway) -> dict[str, Any]:
    return gateway.requests[-1].json


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PREDICTION = {"type": "content", "content": "Hello"}

# Arguments, and what they make of the body of a request: each class documents them under these names.
CHAT_OPENAI: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the usual": (
        {"model": "gpt-4o", "temperature": 0, "max_tokens": 300, "timeout": None, "max_retries": 2},
        {"model": "gpt-4o", "temperature": 0, "max_tokens": 300},
    ),
    "by the fields' names": (
        {"model_name": "gpt-4o", "openai_api_key": KEY, "request_timeout": 30},
        {"model": "gpt-4o"},
    ),
    "the newer name of the limit": ({"model": "gpt-4o", "max_completion_tokens": 300}, {"max_tokens": 300}),
    "sampling": (
        {"model": "gpt-4o", "top_p": 0.5, "frequency_penalty": 0.1, "presence_penalty": 0.2, "seed": 5, "n": 2},
        {"top_p": 0.5, "frequency_penalty": 0.1, "presence_penalty": 0.2, "seed": 5, "n": 2},
    ),
    "stop": ({"model": "gpt-4o", "stop_sequences": ["END"]}, {"stop": ["END"]}),
    "logprobs": ({"model": "gpt-4o", "logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    "logit bias": ({"model": "gpt-4o", "logit_bias": {"1": -1}}, {"logit_bias": {"1": -1}}),
    "logit bias by numbers": ({"model": "gpt-4o", "logit_bias": {50256: -100}}, {"logit_bias": {"50256": -100}}),
    "reasoning": (
        {"model": "openai/gpt-5-mini-2025-08-07", "reasoning_effort": "low"},
        {"reasoning_effort": "low"},
    ),
    "model_kwargs": ({"model": "gpt-4o", "model_kwargs": {"prediction": PREDICTION}}, {"prediction": PREDICTION}),
    "extra_body": ({"model": "gpt-4o", "extra_body": {"provider": "openai"}}, {"provider": "openai"}),
    "tools for every call": (
        {"model": "gpt-4o", "model_kwargs": {"tools": [TOOL], "tool_choice": "any"}},
        {"tools": [TOOL], "tool_choice": "required"},
    ),
    "a choice of no tools": ({"model": "gpt-4o", "model_kwargs": {"tool_choice": "auto"}}, {"tool_choice": None}),
    "counts of streams in a plain call": (
        {"model": "gpt-4o", "model_kwargs": {"stream_options": {"include_usage": True}}},
        {"stream_options": None},
    ),
    "no counts of streams": (
        {"model": "gpt-4o", "streaming": True, "model_kwargs": {"stream_options": {"include_usage": False}}},
        {"stream": True, "stream_options": None},
    ),
    "streaming": ({"model": "gpt-4o", "streaming": True, "stream_usage": True}, {"stream": True}),
}


@pytest.mark.parametrize("case", CHAT_OPENAI)
def test_arguments_of_chat_openai_are_accepted(make, gateway, url, case):
    arguments, sent = CHAT_OPENAI[case]
    key = {} if "openai_api_key" in arguments else {"api_key": KEY}
    base = {"openai_api_base": url} if "openai_api_key" in arguments else {"base_url": url}
    answer = make(**key, **base, **arguments).invoke("Hello")
    assert isinstance(answer, AIMessage)
    assert {name: body(gateway).get(name) for name in sent} == sent
    assert None not in body(gateway).values()
    assert gateway.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "arguments", [{"use_responses_api": True}, {"reasoning": {"effort": "low", "summary": "auto"}}]
)
def test_chat_openai_arguments_for_responses_are_accepted(make, gateway, url, arguments):
    model = make(model="openai/gpt-5-mini-2025-08-07", api_key=KEY, base_url=url, **arguments)
    answer = model.invoke("Hello")
    assert gateway.requests[-1].path.endswith("/responses")
    assert answer.text


@pytest.mark.parametrize("key", [KEY, SecretStr(KEY), lambda: KEY])
def test_key_in_every_form_is_accepted(make, gateway, url, key):
    make(model="gpt-4o", api_key=key, base_url=url).invoke("Hello")
    assert gateway.requests[-1].headers["authorization"] == f"Bearer {KEY}"


HEADERS = {"X-Title": "Mine", "X-Secret": "sk-of-another"}


@pytest.mark.parametrize(
    "arguments",
    [
        {"default_headers": HEADERS},
        {"extra_headers": HEADERS},
        {"model_kwargs": {"extra_headers": HEADERS}},
        {"default_headers": {"X-Title": "Older", "X-Secret": "sk-of-another"}, "extra_headers": {"X-Title": "Mine"}},
        {"app_title": "Mine", "default_headers": {"X-Secret": "sk-of-another"}},
    ],
)
def test_headers_by_any_name_are_sent_with_every_call(make, gateway, url, arguments):
    model = make(model="gpt-4o", api_key=KEY, base_url=url, **arguments)
    model.invoke("Hello")
    sent = gateway.requests[-1]
    assert (sent.headers["x-title"], sent.headers["x-secret"]) == ("Mine", "sk-of-another")
    assert sent.json.keys() == {"model", "messages"}
    assert "sk-of-another" not in f"{dumpd(model)} {model!r} {model._get_invocation_params()}"


def test_extra_query_is_sent_with_every_call(make, gateway, url):
    arguments = {"default_query": {"a": "1", "b": "1"}, "model_kwargs": {"extra_query": {"b": "2"}}}
    model = make(model="gpt-4o", api_key=KEY, base_url=url, **arguments)
    model.invoke("Hello")
    assert model.default_query == {"a": "1", "b": "2"}
    assert body(gateway).keys() == {"model", "messages"}


@pytest.mark.parametrize("kind", [ChatAIMLAPI, AIMLAPIEmbeddings])
@pytest.mark.parametrize(
    ("arguments", "expected_warning"),
    [
        ({"organization": "org-1"}, "'organization' has no effect in"),
        ({"tiktoken_model_name": "gpt-4o"}, "'tiktoken_model_name' has no effect in"),
        ({"http_socket_options": []}, "http_client=httpx.Client"),
        ({"openrouter_provider": {"order": ["openai"]}}, 'provider="openai"'),
    ],
)
def test_argument_without_effect_is_ignored_and_warned_about(kind, arguments, expected_warning):
    with pytest.warns(UserWarning, match=expected_warning) as caught:
        model = kind(api_key=KEY, **arguments)
    assert model.model_kwargs == {}
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [ChatAIMLAPI, AIMLAPIEmbeddings])
@pytest.mark.parametrize("arguments", [{"openai_proxy": "http://user:sk-of-another@proxy"}, {"async_client": object()}])
def test_argument_that_reroutes_requests_raises(kind, arguments):
    with pytest.raises(ValidationError, match=r"[Pp]ass http_client=httpx.Client\(") as caught:
        kind(api_key=KEY, **arguments)
    assert "sk-of-another" not in str(caught.value)
    assert kind(api_key=KEY, **dict.fromkeys(arguments)).model_kwargs == {}


def test_attribution_headers_are_sent(make, gateway, url):
    headers = {"HTTP-Referer": "https://example.com", "X-Title": "Mine"}
    make(model="gpt-4o", api_key=KEY, base_url=url, default_headers=headers).invoke("Hello")
    assert gateway.requests[-1].headers["x-title"] == "Mine"


# --- ChatOpenRouter ---------------------------------------------------------------------------------------------------


def test_arguments_of_chat_openrouter_are_accepted(make, gateway, url):
    model = make(
        model="anthropic/claude-sonnet-4.5",
        api_key=KEY,
        base_url=url,
        temperature=0.3,
        max_tokens=1024,
        max_retries=2,
        timeout=60,
    )
    messages = [SystemMessage("Translate to French."), HumanMessage("I love programming.")]
    answer = model.invoke(messages)
    assert body(gateway)["max_tokens"] == 1024
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["model_name"]
    assert answer.response_metadata["cost"]["usd"]


def test_argument_names_of_chat_openrouter_are_accepted(make, gateway, url):
    make(model="gpt-4o", openrouter_api_key=KEY, openrouter_api_base=url, app_url="https://example.com").invoke("Hi")
    sent = gateway.requests[-1]
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["http-referer"] == "https://example.com"
    assert sent.json.keys() == {"model", "messages"}


# --- langchain-aimlapi ------------------------------------------------------------------------------------------------


def test_arguments_of_chat_aimlapi_are_accepted(make, gateway, url):
    model = make(
        model="gpt-4o",
        aimlapi_api_key=KEY,
        aimlapi_api_base=url,
        temperature=0.7,
        max_tokens=512,
        timeout=30,
        max_retries=3,
    )
    assert model.invoke([("system", "You are helpful."), ("human", "Hello")]).content
    assert body(gateway)["temperature"] == 0.7


def test_environment_variables_are_read(make, gateway, url, monkeypatch):
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_API_BASE", url)
    assert make(model="gpt-4o").invoke("Hello").content
    assert gateway.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def test_missing_key_raises_and_mocks_nothing(monkeypatch):
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        ChatAIMLAPI(model="gpt-4o")


def test_openai_embeddings_arguments_are_accepted(gateway, url):
    embeddings = AIMLAPIEmbeddings(model="text-embedding-3-large", aimlapi_api_key=KEY, aimlapi_api_base=url)
    assert len(embeddings.embed_documents(["one", "two"])) == 2
    embeddings.close()
    assert len(gateway.requests) == 1


# --- usage, alike for all three ---------------------------------------------------------------------------------------


class City(BaseModel):
    """A city."""

    name: str
    country: str


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


@pytest.fixture
def model(make, url):
    return make(model="gpt-4o", api_key=KEY, base_url=url)


def test_bound_tools_are_called(model):
    answer = model.bind_tools([weather], tool_choice="any", parallel_tool_calls=False).invoke("Weather in Paris?")
    assert [call["name"] for call in answer.tool_calls] == ["weather"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_structured_output_returns_an_instance(model, method):
    prompt = 'Paris is in France. Answer in JSON with "name" and "country".'
    actual = model.with_structured_output(City, method=method, include_raw=True).invoke(prompt)
    assert actual["raw"].usage_metadata["total_tokens"] > 0
    assert isinstance(actual["parsed"], City), actual["parsing_error"]


def test_stream_reports_usage(model):
    chunks = list(model.stream("Hello"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert len(chunks) > 1
    assert whole.usage_metadata["total_tokens"] > 0


def test_async_and_batch_calls_return_messages(model):
    async def run():
        answers = await model.abatch(["a", "b"])
        await model.aclose()
        return answers

    assert len(asyncio.run(run())) == 2
    assert len(model.batch(["a", "b"])) == 2


def test_bound_and_per_call_arguments_are_sent(model, gateway):
    model.bind(stop=["END"]).invoke("Hello", temperature=0.1, max_tokens=20)
    assert {name: body(gateway)[name] for name in ("stop", "temperature", "max_tokens")} == {
        "stop": ["END"],
        "temperature": 0.1,
        "max_tokens": 20,
    }


def test_token_count_is_offline(model, gateway):
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    plain = model.get_num_tokens_from_messages([HumanMessage("Hello")])
    assert 0 < plain < model.get_num_tokens_from_messages([HumanMessage([{"type": "text", "text": "Hello"}, picture])])
    assert plain < model.get_num_tokens_from_messages([HumanMessage("Hello")], tools=[weather])
    assert model.get_num_tokens("Hello") > 0
    assert gateway.requests == []


def test_image_is_described(model, gateway):
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    model.invoke([HumanMessage([{"type": "text", "text": "What is this?"}, picture])])
    assert body(gateway)["messages"][0]["content"][1]["type"] == "image_url"
