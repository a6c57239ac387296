"""What each family of models does to its replies, seen plain and as a stream: in the core, LangChain and LlamaIndex."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations import Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.contract.reply_sweep import WAYS, server
from tests.parity.family_replies import CALL, DETAILS, FAMILIES, SIGNED, SPENT, family


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_reply_says_what_its_body_states(name: str, way: Any) -> None:
    reply = FAMILIES[name]
    reason = reply.told.finish_reason
    for seen in way(reply.body):
        # Frameworks show the model's own word where there is none in common.
        shown = seen.finish_reason if reason or seen.finish_reason != reply.native else None
        assert (seen.text, seen.reasoning, shown) == (reply.told.text, reply.told.reasoning, reason)
        assert seen.tokens == reply.told.tokens
        assert (seen.cost, seen.citations) == (reply.told.cost, reply.told.citations)
        assert (seen.id, seen.model, seen.proofs) == (reply.told.id, reply.told.model, reply.told.proofs)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_models_own_reason_to_stop_is_kept(name: str) -> None:
    reply = FAMILIES[name]
    given: dict[str, Any] = {"model": "some/model", "api_key": "k", "http_client": server(reply.body)}
    model, llm = ChatAIMLAPI(**given), AIMLAPI(**given)
    *_, streamed = llm.stream_chat([ChatMessage("Hello")])
    told = [model.invoke("Hello").response_metadata, reduce(add, model.stream("Hello")).response_metadata]
    told += [llm.chat([ChatMessage("Hello")]).additional_kwargs, streamed.additional_kwargs]
    assert [each.get("native_finish_reason", each["finish_reason"]) for each in told] == [reply.native] * 4


# --- what a framework has a place of its own for --------------------------------------------------------------------


def test_token_details_are_in_the_frameworks_own_fields() -> None:
    answered = {"reasoning_tokens": 8, "audio_tokens": 1}
    usage = {"prompt_tokens_details": DETAILS, "completion_tokens_details": answered}
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
    kept = llm.chat([ChatMessage("Hello")]).additional_kwargs
    assert (kept["prompt_tokens"], kept["completion_tokens"], kept["total_tokens"]) == (9, 30, 39)


@pytest.mark.parametrize("content", ["", None])
def test_a_signature_is_kept_with_its_call_and_201_is_success(content: str | None) -> None:
    body = family({"content": content, "tool_calls": [{**CALL, "extra_content": SIGNED}]}).body

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json=body)

    with Client("k", http_client=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        reply = client.chat("Hello", model="google/gemini-3-5-flash")
    [call] = reply.tool_calls
    assert (call.name, call.arguments, call.extra) == ("f", "{}", {"extra_content": SIGNED})
    assert reply.text == ""


def test_the_price_of_the_headers_where_the_body_has_none() -> None:
    headers = {"x-aimlapi-credits-used": "2480", "x-aimlapi-usd-spent": "0.001240000", "x-inference-id": "i1"}

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=family({}).body, headers=headers)

    given: dict[str, Any] = {"model": "some/model", "api_key": "k"}
    given["http_client"] = httpx.Client(transport=httpx.MockTransport(answer))
    told = ChatAIMLAPI(**given).invoke("Hello").response_metadata
    kept = AIMLAPI(**given).chat([ChatMessage("Hello")]).additional_kwargs
    assert told["cost"] == kept["cost"] == SPENT
    assert told["inference_id"] == kept["inference_id"] == "i1"


@pytest.mark.parametrize("top", [{"meta": {"provider": "azure"}}, {"provider": "azure"}])
def test_who_ran_the_model_is_told(top: dict[str, Any]) -> None:
    given: dict[str, Any] = {"model": "some/model", "api_key": "k", "http_client": server(family({}, top=top).body)}
    assert ChatAIMLAPI(**given).invoke("Hello").response_metadata["provider"] == "azure"
    assert AIMLAPI(**given).chat([ChatMessage("Hello")]).additional_kwargs["provider"] == "azure"
