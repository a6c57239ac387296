"""Peculiarities of the replies of each model family, plain and streamed, in every client."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations import APIResponseError, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.contract.reply_sweep import READERS, server
from tests.parity.family_replies import CALL, DETAILS, FAMILIES, SIGNED, SPENT, family


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_reply_matches_its_body_in_every_client(name: str, reader: Any) -> None:
    reply = FAMILIES[name]
    reason = reply.expected.finish_reason
    for observed in reader(reply.body):
        # Frameworks return the native finish reason if there is no common one.
        finish_reason = observed.finish_reason if reason or observed.finish_reason != reply.native else None
        assert (observed.text, observed.reasoning, finish_reason) == (
            reply.expected.text,
            reply.expected.reasoning,
            reason,
        )
        assert observed.tokens == reply.expected.tokens
        assert (observed.cost, observed.citations) == (reply.expected.cost, reply.expected.citations)
        assert (observed.id, observed.model, observed.proofs) == (
            reply.expected.id,
            reply.expected.model,
            reply.expected.proofs,
        )


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_malformed_function_call_without_message_raises(reader: Any) -> None:
    body = family(None, {"finish_reason": "malformed_function_call"}).body
    with pytest.raises(APIResponseError, match="malformed function call"):
        list(reader(body))


@pytest.mark.parametrize("name", FAMILIES)
def test_native_finish_reason_is_in_the_metadata(name: str) -> None:
    reply = FAMILIES[name]
    settings: dict[str, Any] = {"model": "some/model", "api_key": "k", "http_client": server(reply.body)}
    model, llm = ChatAIMLAPI(**settings), AIMLAPI(**settings)
    *_, streamed = llm.stream_chat([ChatMessage("Hello")])
    metadata = [model.invoke("Hello").response_metadata, reduce(add, model.stream("Hello")).response_metadata]
    metadata += [llm.chat([ChatMessage("Hello")]).additional_kwargs, streamed.additional_kwargs]
    assert [each.get("native_finish_reason", each["finish_reason"]) for each in metadata] == [reply.native] * 4


# --- fields of the frameworks -----------------------------------------------------------------------------------------


def test_token_details_are_in_the_frameworks_fields() -> None:
    output_details = {"reasoning_tokens": 8, "audio_tokens": 1}
    usage = {"prompt_tokens_details": DETAILS, "completion_tokens_details": output_details}
    body = family({}, top={"usage": {"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39, **usage}}).body
    counts = ChatAIMLAPI(model="some/model", api_key="k", http_client=server(body)).invoke("Hello").usage_metadata
    assert counts
    assert (counts["input_tokens"], counts["output_tokens"], counts["total_tokens"]) == (9, 30, 39)
    assert {**counts["input_token_details"]} == {
        "cache_read": 3,
        "cache_creation": 2,
        "audio": 1,
        "text": 4,
        "image": 5,
    }
    assert {**counts["output_token_details"]} == {"reasoning": 8, "audio": 1}
    llm = AIMLAPI(model="some/model", api_key="k", http_client=server(body))
    additional_kwargs = llm.chat([ChatMessage("Hello")]).additional_kwargs
    assert (
        additional_kwargs["prompt_tokens"],
        additional_kwargs["completion_tokens"],
        additional_kwargs["total_tokens"],
    ) == (9, 30, 39)


@pytest.mark.parametrize("content", ["", None])
def test_status_201_returns_a_tool_call_with_its_signature(content: str | None) -> None:
    body = family({"content": content, "tool_calls": [{**CALL, "extra_content": SIGNED}]}).body

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json=body)

    with Client("k", http_client=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        reply = client.chat("Hello", model="google/gemini-3-5-flash")
    [call] = reply.tool_calls
    assert (call.name, call.arguments, call.extra) == ("f", "{}", {"extra_content": SIGNED})
    assert reply.text == ""


def test_cost_comes_from_headers_if_the_body_has_none() -> None:
    headers = {"x-aimlapi-credits-used": "2480", "x-aimlapi-usd-spent": "0.001240000", "x-inference-id": "i1"}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=family({}).body, headers=headers)

    settings: dict[str, Any] = {"model": "some/model", "api_key": "k"}
    settings["http_client"] = httpx.Client(transport=httpx.MockTransport(answer))
    metadata = ChatAIMLAPI(**settings).invoke("Hello").response_metadata
    additional_kwargs = AIMLAPI(**settings).chat([ChatMessage("Hello")]).additional_kwargs
    assert metadata["cost"] == additional_kwargs["cost"] == SPENT
    assert metadata["inference_id"] == additional_kwargs["inference_id"] == "i1"


@pytest.mark.parametrize("top", [{"meta": {"provider": "azure"}}, {"provider": "azure"}])
def test_provider_is_in_the_metadata(top: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"model": "some/model", "api_key": "k", "http_client": server(family({}, top=top).body)}
    assert ChatAIMLAPI(**settings).invoke("Hello").response_metadata["provider"] == "azure"
    assert AIMLAPI(**settings).chat([ChatMessage("Hello")]).additional_kwargs["provider"] == "azure"
