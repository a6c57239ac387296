"""Constructor arguments of `AIMLAPI`, and the requests that they lead to, on each endpoint."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from llama_index.core.embeddings.loading import RECOGNIZED_EMBEDDINGS, load_embed_model
from llama_index.core.llms.loading import RECOGNIZED_LLMS, load_llm

from aimlapi_integrations import RetryPolicy
from aimlapi_integrations.errors import APITimeoutError, InternalServerError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.li.chat_calls import MESSAGES, all_calls, streamed_calls
from tests.li.gateway import Gateway, message_item, reply, response

THINKER = "openai/gpt-5-mini-2025-08-07"


def test_constructor_with_positional_model_accepts_it() -> None:
    assert AIMLAPI("gpt-4o", api_key="k").model == "gpt-4o"
    assert AIMLAPI(model_name="gpt-4o", api_key="k").model == "gpt-4o"
    with pytest.raises(TypeError, match="model"):
        AIMLAPI("gpt-4o", model="gpt-4o", api_key="k")


# Field, value, and its path in the body of chat completions and of Responses; None if it has none.
FIELDS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("gpt-4o", {"temperature": 0.5}, {"temperature": 0.5}, {"temperature": 0.5}),
    ("gpt-4o", {"temperature": 0}, {"temperature": 0}, {"temperature": 0}),
    ("gpt-4o", {"max_tokens": 100}, {"max_tokens": 100}, {"max_output_tokens": 100}),
    ("gpt-4o", {"top_p": 0.5}, {"top_p": 0.5}, {"top_p": 0.5}),
    ("gpt-4o", {"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}, None),
    ("gpt-4o", {"additional_kwargs": {"seed": 7}}, {"seed": 7}, None),
    (THINKER, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
    (THINKER, {"reasoning_options": {"effort": "low"}}, {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
    (THINKER, {"instructions": "Be kind."}, None, {"instructions": "Be kind."}),
    (THINKER, {"store": True}, None, {"store": True}),
    (THINKER, {"truncation": "auto"}, None, {"truncation": "auto"}),
    (THINKER, {"previous_response_id": "resp_0"}, None, {"previous_response_id": "resp_0"}),
    (
        THINKER,
        {"built_in_tools": [{"type": "web_search_preview"}]},
        None,
        {"tools": [{"type": "web_search_preview"}]},
    ),
]


def sent(responses: bool, model: str, **settings: Any) -> dict[str, Any]:
    gateway = Gateway(response(message_item("Hi")) if responses else reply())
    gateway.llm(model=model, use_responses_api=responses, **settings).chat(MESSAGES)
    return gateway.bodies[0]


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [(model, settings, on_chat) for model, settings, on_chat, _ in FIELDS if on_chat],
)
def test_field_on_chat_completions_is_sent(model: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    body = sent(False, model, **settings)
    assert expected.items() <= body.items()
    assert body.keys() == {"model", "messages", *expected}


@pytest.mark.parametrize(
    ("model", "settings", "expected"),
    [(model, settings, on_responses) for model, settings, _, on_responses in FIELDS if on_responses],
)
def test_field_on_responses_is_sent(model: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    body = sent(True, model, **settings)
    assert {name: body[name] for name in expected} == expected
    assert body.keys() <= {"model", "input", "include", *expected}


def test_audio_output_is_requested_and_returned() -> None:
    gateway = Gateway(reply("", audio={"id": "audio_1", "data": "SUQz", "transcript": "Hi"}))
    voice = {"voice": "alloy", "format": "wav"}
    llm = gateway.llm(model="gpt-4o-audio-preview", modalities=["text", "audio"], audio_config=voice)
    for answer in (llm.chat(MESSAGES), list(llm.stream_chat(MESSAGES))[-1]):
        assert answer.message.additional_kwargs["reference_audio_id"] == "audio_1"
        assert answer.message.additional_kwargs["audio_transcript"] == "Hi"
    for body in gateway.bodies:
        assert (body["modalities"], body["audio"]) == (["text", "audio"], voice)


# --- retries: of one layer, counted exactly ---------------------------------------------------------------------------


class Failing:
    """Respond this many times with an error, then with a reply."""

    def __init__(self, times: int, **headers: str) -> None:
        self.times, self.requests = times, 0
        self.headers = {"retry-after": "0", **headers}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.requests <= self.times:
            return httpx.Response(500, json={"message": "busy"}, headers=self.headers)
        return Gateway()(request)

    def llm(self, **settings: Any) -> AIMLAPI:
        transport = httpx.MockTransport(self)
        clients = {
            "http_client": httpx.Client(transport=transport),
            "async_http_client": httpx.AsyncClient(transport=transport),
        }
        return AIMLAPI("gpt-4o", api_key="k", **clients, **settings)


@all_calls
@pytest.mark.parametrize("retries", [0, 1, 2])
async def test_call_that_fails_is_retried_max_retries_times(ask: Any, retries: int) -> None:
    failing = Failing(9)
    with pytest.raises(InternalServerError):
        await ask(failing.llm(max_retries=retries))
    assert failing.requests == retries + 1


@all_calls
async def test_retry_policy_with_on_retry_calls_it_before_each_retry(ask: Any) -> None:
    events: list[Any] = []
    failing = Failing(3)
    llm = failing.llm(max_retries=0, retry=RetryPolicy(max_retries=3, base=0), on_retry=events.append)
    assert (await ask(llm))[-1].message.content == "Hi"
    assert [event.attempt for event in events] == [1, 2, 3]


@all_calls
@pytest.mark.parametrize(
    ("header", "requests"),
    [
        ({"retry-after": "0"}, 2),
        ({"retry-after": formatdate(time.time() - 60, usegmt=True)}, 2),
        ({"retry-after": "3600"}, 1),
        ({"retry-after": formatdate(time.time() + 3600, usegmt=True)}, 1),
    ],
    ids=["seconds", "a date", "too many seconds", "too late a date"],
)
async def test_retry_after_of_the_gateway_is_waited_for(ask: Any, header: dict[str, str], requests: int) -> None:
    failing = Failing(1, **header)
    try:
        await ask(failing.llm(max_retries=1))
    except InternalServerError:
        assert requests == 1
    assert failing.requests == requests


# --- the pause between two events of a stream -------------------------------------------------------------------------


@streamed_calls
@pytest.mark.parametrize("per_call", [False, True])
async def test_stream_without_chunks_raises_after_chunk_timeout(make: Any, ask: Any, per_call: bool) -> None:
    settings = {"chunk_timeout": 0.1}
    llm = make(model="emulator/stall", **({"additional_kwargs": settings} if per_call else settings))
    with pytest.raises(APITimeoutError) as caught:
        await ask(llm)
    assert caught.value.partial
    assert (caught.value.timeout, caught.value.seconds) == ("chunk", 0.1)


# --- by name ----------------------------------------------------------------------------------------------------------


def test_serialized_component_is_loaded_by_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "from-env")
    monkeypatch.setitem(RECOGNIZED_LLMS, AIMLAPI.class_name(), AIMLAPI)
    monkeypatch.setitem(RECOGNIZED_EMBEDDINGS, AIMLAPIEmbedding.class_name(), AIMLAPIEmbedding)
    llm, embedding = AIMLAPI("gpt-4o", temperature=0.5), AIMLAPIEmbedding(dimensions=64)
    assert load_llm(llm.to_dict()).to_dict() == llm.to_dict()
    assert load_embed_model(embedding.to_dict()).to_dict() == embedding.to_dict()
