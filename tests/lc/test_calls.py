"""Calls: limits, retries, event loops and callbacks, where other adapters have surprises."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import httpx
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import HumanMessage, ToolMessage, message_chunk_to_message

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain.errors import ModelError
from tests.lc.gateway import Gateway, chat_body
from tests.lc.odd_replies import PLAIN, STREAMED
from tests.support.agents import MODEL
from tests.support.chat_events import chunk
from tests.support.responses_events import events

CALL_MODES = {**PLAIN, **STREAMED}


class Timed(Gateway):
    """Notes how long each request may take."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.limits = request.extensions["timeout"]
        return super().__call__(request)


# --- limits and retries -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", CALL_MODES)
def test_timeout_by_default_is_finite(mode: str):
    """Neither none at all, nor httpx's five seconds, in which no long answer begins."""
    gateway = Timed()
    CALL_MODES[mode](gateway.model())
    assert gateway.limits["connect"] == 10
    assert gateway.limits["read"] >= 120


@pytest.mark.parametrize(
    ("timeout", "connect", "read"),
    [(60, 10, 60), (2.5, 2.5, 2.5), ((3, 90), 3, 90), (httpx.Timeout(7, connect=1), 1, 7)],
)
def test_timeout_in_seconds_reaches_the_client(timeout: Any, connect: float, read: float):
    for arguments, call in (
        ({"timeout": timeout}, {}),
        ({}, {"timeout": timeout}),
        ({"timeout": 1}, {"timeout": timeout}),
    ):
        gateway = Timed()
        gateway.model(**arguments).invoke("Hi", **call)
        assert (gateway.limits["connect"], gateway.limits["read"]) == (connect, read)


@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("retries", [0, 2])
def test_max_retries_limits_the_attempts(gateway: Emulator, mode: str, retries: int):
    name = f"{MODEL}#fault=status-503;retry-after=0"
    model = ChatAIMLAPI(model=name, api_key="k", base_url=gateway.base_url, max_retries=retries)
    with pytest.raises(ModelError):
        CALL_MODES[mode](model)
    assert len(gateway.requests) == retries + 1
    asyncio.run(model.aclose())


# --- loops and threads ------------------------------------------------------------------------------------------------


def test_model_in_successive_event_loops_works(gateway: Emulator):
    model = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, max_retries=0)
    for number in range(3):
        assert str(number) in asyncio.run(model.ainvoke(str(number))).text
    assert len(gateway.requests) == 3, "a call was sent again, unseen"
    asyncio.run(model.aclose())


def test_model_in_threads_with_loops_works(gateway: Emulator):
    model = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, max_retries=0)
    reported: dict[int, str] = {}

    def ask(number: int) -> None:
        reported[number] = model.invoke(f"sync {number}").text + asyncio.run(model.ainvoke(f"async {number}")).text

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"sync {number}" in reported[number] and f"async {number}" in reported[number] for number in range(4))
    model.close()


# --- callbacks --------------------------------------------------------------------------------------------------------


class Tokens(BaseCallbackHandler):
    """Record what a callback handler receives during an answer."""

    raise_error = True

    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.ends = 0

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.ends += 1


class AsyncTokens(Tokens, AsyncCallbackHandler):  # type: ignore[misc]  # core knows an async handler by its class
    async def on_llm_new_token(self, token: str, **kwargs: Any) -> None:  # type: ignore[override]
        self.tokens.append(token)

    async def on_llm_end(self, response: Any, **kwargs: Any) -> None:  # type: ignore[override]
        self.ends += 1


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello, world", "annotations": [], "logprobs": []}],
        }
    ],
}


@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
def test_new_tokens_on_either_endpoint_are_text(endpoint: str):
    streams = {"chat_completions": None, "responses": events(RESPONSE)}
    model = Gateway(chat_body("Hello, world"), events=streams[endpoint]).model(endpoint=endpoint)
    plain, awaited = Tokens(), AsyncTokens()
    list(model.stream("Hi", {"callbacks": [plain]}))
    asyncio.run(drained(model.astream("Hi", {"callbacks": [awaited]})))
    for handler in (plain, awaited):
        assert all(type(token) is str for token in handler.tokens)
        assert "".join(handler.tokens) == "Hello, world"
        assert handler.ends == 1


async def drained(stream: Any) -> None:
    async for _ in stream:
        pass


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("output_version", [None, "v1"])
def test_finished_event_stream_ends_its_run_once(output_version: str | None):
    handler = Tokens()
    stream = (
        Gateway(chat_body("Hello"))
        .model(output_version=output_version)
        .stream_events("Hi", {"callbacks": [handler]}, version="v3")
    )
    assert stream.output.text == "Hello"
    assert handler.ends == 1


# --- what a message counts --------------------------------------------------------------------------------------------


def test_usage_of_several_calls_is_summed_by_core():
    with get_usage_metadata_callback() as counted:
        model = Gateway().model()
        model.invoke("Hi")
        list(model.stream("Hi"))
    [total] = counted.usage_metadata.values()
    assert (total["input_tokens"], total["total_tokens"]) == (20, 30)


class StreamHeaders(Gateway):
    """Respond with headers: rate limits, a cookie, and one that repeats the key."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = super().__call__(request)
        response.headers.update(
            {"X-RateLimit-Remaining": "7", "Set-Cookie": "session=private", "X-Echo": "sk-planted-key"}
        )
        return response


@pytest.mark.parametrize("mode", CALL_MODES)
def test_response_headers_on_request_are_in_the_metadata(mode: str):
    model = StreamHeaders().model(include_response_headers=True, api_key="sk-planted-key")
    headers = CALL_MODES[mode](model).response_metadata["headers"]
    assert headers["x-ratelimit-remaining"] == "7"
    assert headers["x-inference-id"] == "inf-1"
    assert "private" not in str(headers)
    assert "planted" not in str(headers)
    assert "headers" not in CALL_MODES[mode](StreamHeaders().model()).response_metadata


# --- the next turn ----------------------------------------------------------------------------------------------------

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SIGNATURE = {"google": {"thought_signature": "sig"}}


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("mode", CALL_MODES)
def test_reasoning_is_sent_back_to_models_that_need_it(mode: str, output_version: str | None):
    signed = {**CALL, "extra_content": SIGNATURE}
    gateway = Gateway(chat_body("", "tool_calls", reasoning_content="Hm.", tool_calls=[signed]))
    reported = {}
    for name in ("google/gemini-3-1-pro-preview", "moonshot/kimi-k2-6", "gpt-4o"):
        model = gateway.model(model=name, output_version=output_version)
        answer = message_chunk_to_message(CALL_MODES[mode](model))
        model.invoke([HumanMessage("Hi"), answer, ToolMessage("42", tool_call_id="c1")])
        reported[name] = gateway.bodies[-1]["messages"][1]
    assert reported["google/gemini-3-1-pro-preview"]["tool_calls"][0]["extra_content"] == SIGNATURE
    assert reported["moonshot/kimi-k2-6"]["reasoning_content"] == "Hm."
    assert "reasoning_content" not in reported["gpt-4o"]


def test_chunk_with_only_the_cost_is_parsed():
    reported = [chunk({"content": "a"}), chunk(finish="stop"), {"choices": [], "meta": chat_body()["meta"]}]
    assert STREAMED["stream"](Gateway(events=reported).model()).response_metadata["cost"]["usd"] == "0.001240000"
