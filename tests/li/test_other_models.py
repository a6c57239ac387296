"""Histories that other models wrote, and what tools returned, in LlamaIndex: nothing raises, proofs stay at home."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    CitableBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.tools import FunctionTool

from aimlapi_integrations import ContentWarning
from aimlapi_integrations.llama_index import AIMLAPI
from tests.support.history_gateway import ENDPOINTS, MODELS, ScriptedGateway, call

QUESTION = ChatMessage("q")


def llm(gateway: ScriptedGateway, endpoint: str, **fields: Any) -> AIMLAPI:
    settings: dict[str, Any] = {
        "model": MODELS[endpoint],
        "endpoint": endpoint,
        "api_key": "k",
        "max_retries": 0,
        "http_client": httpx.Client(transport=gateway.transport),
        "async_http_client": httpx.AsyncClient(transport=gateway.transport),
    }
    return AIMLAPI(**{**settings, **fields})


async def _last(model: AIMLAPI, messages: list[ChatMessage]) -> ChatMessage:
    response = [each async for each in await model.astream_chat(messages)][-1]
    return response.message


METHODS: dict[str, Any] = {
    "chat": lambda model, messages: model.chat(messages).message,
    "stream_chat": lambda model, messages: list(model.stream_chat(messages))[-1].message,
    "achat": lambda model, messages: asyncio.run(model.achat(messages)).message,
    "astream_chat": lambda model, messages: asyncio.run(_last(model, messages)),
}


# --- proofs -----------------------------------------------------------------------------------------------------------

MAKERS: dict[str, dict[str, Any]] = {
    "anthropic": {"endpoint": "messages", "model": "anthropic/claude-sonnet-4.5", "max_tokens": 4000},
    "openai": {"endpoint": "responses", "model": "openai/gpt-5-mini-2025-08-07"},
    "google": {"endpoint": "chat_completions", "model": "google/gemini-3-pro-preview"},
}


@pytest.mark.parametrize("travel", ["as it came", "JSON"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("writer", MAKERS)
@pytest.mark.parametrize("reader", MAKERS)
def test_proof_goes_back_to_its_own_vendor_only(reader: str, writer: str, method: str, travel: str) -> None:
    gateway = ScriptedGateway([call("c1", a="needle")], [])
    answer = METHODS[method](llm(gateway, **MAKERS[writer]), [QUESTION])
    if travel == "JSON":
        answer = ChatMessage.model_validate_json(answer.model_dump_json())
    result = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "c1"})
    llm(gateway, **MAKERS[reader]).chat([QUESTION, answer, result])
    assert "needle" in gateway.wire
    assert "I look." in gateway.wire
    proofs = [maker for maker in MAKERS if f"proof-of-{maker}" in gateway.wire]
    assert proofs == ([writer] if reader == writer else [])


# The same, of messages that do not say who wrote them: the form of a proof does.
SIGNED = ThinkingBlock(content="Hm.", additional_information={"signature": "proof"})
ENCRYPTED = ThinkingBlock(content="", additional_information={"id": "rs_1", "encrypted_content": "proof"})


@pytest.mark.parametrize(
    ("block", "maker"), [(SIGNED, "anthropic"), (ENCRYPTED, "openai")], ids=["signature", "encrypted"]
)
@pytest.mark.parametrize("reader", MAKERS)
def test_proof_without_an_author_goes_to_the_vendor_of_its_form(reader: str, block: Any, maker: str) -> None:
    gateway = ScriptedGateway()
    message = ChatMessage(role="assistant", blocks=[block, TextBlock(text="words")])
    llm(gateway, **MAKERS[reader]).chat([QUESTION, message, QUESTION])
    assert "words" in gateway.wire
    assert ("proof" in gateway.wire) == (reader == maker)


# --- blocks that have no form -----------------------------------------------------------------------------------------


BLOCKS: dict[str, tuple[Any, str]] = {
    "video": (VideoBlock(url="https://a.example/a.mp4"), "video"),
    "picture that is nowhere": (ImageBlock(), "image"),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_assistant_block_without_a_wire_form_is_left_out(endpoint: str, method: str, name: str) -> None:
    block, kind = BLOCKS[name]
    gateway = ScriptedGateway()
    use = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"a": "needle"})
    message = ChatMessage(
        role="assistant", blocks=[block, TextBlock(text="words"), CachePoint(cache_control={"type": "ephemeral"}), use]
    )
    result = ChatMessage(role="tool", content="done", additional_kwargs={"tool_call_id": "c1"})
    with pytest.warns(ContentWarning, match=f"left out: {kind}"):
        METHODS[method](llm(gateway, endpoint), [QUESTION, message, result])
    assert "words" in gateway.wire
    assert "needle" in gateway.wire


def test_responses_items_are_not_sent_to_claude() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    message = ChatMessage(role="assistant", content="words", additional_kwargs={"built_in_tool_calls": [search]})
    gateway = ScriptedGateway()
    with pytest.warns(ContentWarning, match="left out: web_search_call"):
        llm(gateway, "messages").chat([QUESTION, message, QUESTION])
    assert "words" in gateway.wire


# --- what tools return ------------------------------------------------------------------------------------------------

RETURNED: dict[str, Any] = {
    "record": {"type": "file", "name": "needle"},
    "records": [{"type": "file", "name": "needle"}, {"type": "text", "body": "b"}],
    "nested": [[{"type": "image", "path": "needle"}]],
    "number and text": [1, "needle"],
    "picture that is nowhere": ImageBlock(image_mimetype="image/needle"),
    "passage": CitableBlock(title="T", source="S", content=[TextBlock(text="needle")]),
}


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", RETURNED)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_agent_with_tool_that_returns_anything_continues(endpoint: str, name: str) -> None:
    def look(x: int) -> Any:
        """Looks."""
        return RETURNED[name]

    gateway = ScriptedGateway([call("c1", x=1)], [])
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(fn=look)], llm=llm(gateway, endpoint))
    assert str(asyncio.run(_run(agent))) == "I look."
    assert "needle" in gateway.wire


async def _run(agent: FunctionAgent) -> Any:
    return await agent.run("q")


def test_citable_block_is_sent_to_claude_as_a_search_result() -> None:
    passage = CitableBlock(title="T", source="S", content=[TextBlock(text="Body")])
    gateway = ScriptedGateway()
    llm(gateway, "messages").chat([ChatMessage(role="user", blocks=[passage])])
    [block] = gateway.bodies[-1]["messages"][0]["content"]
    assert block == {
        "type": "search_result",
        "source": "S",
        "title": "T",
        "content": [{"type": "text", "text": "Body"}],
        "citations": {"enabled": True},
    }
