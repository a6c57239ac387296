"""Histories that other models wrote: their text and calls go, foreign blocks and proofs do not, and nothing raises."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import httpx
import pytest
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)

from aimlapi_integrations import ContentWarning, UnsupportedContentError
from tests.lc.histories import CALL_MODES, chat
from tests.support.history_gateway import ENDPOINTS, ScriptedGateway, call

Json = dict[str, Any]

QUESTION = HumanMessage("q")
CALLS: Any = [{"type": "tool_call", "id": "c1", "name": "look", "args": {"a": "needle"}}]
USE = {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "needle"}}
FOUND = {"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "proof"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
RESULT = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [FOUND]}
SOURCE = {
    "type": "web_search_result_location",
    "url": "https://a.example",
    "title": "A",
    "cited_text": "a",
    "encrypted_index": "proof",
}
TEXT = {"type": "text", "text": "words"}

# Who wrote a turn, its blocks, and which of them no other vendor's model has a form for.
FOREIGN: dict[str, tuple[list[Any], list[str]]] = {
    "anthropic": (
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "proof"},
            {"type": "redacted_thinking", "data": "proof"},
            SEARCH,
            RESULT,
            {"type": "code_execution_tool_result", "tool_use_id": "srvtoolu_2", "content": {"stdout": "1"}},
            {**TEXT, "citations": [SOURCE]},
            USE,
        ],
        ["server_tool_use", "web_search_tool_result", "code_execution_tool_result"],
    ),
    "mistralai": (
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "reference", "reference_ids": [1]},
            TEXT,
        ],
        ["reference"],
    ),
    "google_genai": (
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "proof"},
            {"type": "executable_code", "executable_code": "1+1", "language": "PYTHON"},
            {"type": "code_execution_result", "code_execution_result": "2", "outcome": 1},
            {**TEXT, "extras": {"signature": "proof"}},
        ],
        ["executable_code", "code_execution_result"],
    ),
    "bedrock_converse": (
        [
            {"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "proof"}},
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "proof"}}},
            {"cachePoint": {"type": "default"}},
            TEXT,
            {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": "needle"}}},
        ],
        ["cachePoint"],
    ),
    "openai": (
        [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "proof"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {**TEXT, "id": "msg_1"},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"a": "needle"}'},
        ],
        ["web_search_call"],
    ),
    "of tomorrow": (
        [
            {"type": "hologram", "a": 1},
            {"a": 1, "b": 2},
            {"type": 5},
            7,
            {"type": "non_standard", "value": {"type": "dream"}},
            {"type": "server_tool_call", "id": "1", "name": "bash", "args": {}},
            {"type": "image"},
            {"type": "video", "url": "https://a.example/a.mp4"},
            {**TEXT, "annotations": ["odd", {"type": "odd", "start_index": "0", "end_index": []}]},
        ],
        ["hologram", "a", "type", "int", "dream", "server_tool_call", "image", "video"],
    ),
}

OWN_ITEMS = {("anthropic", "messages"), ("openai", "responses")}


def history(name: str, known: bool) -> list[Any]:
    blocks, _ = FOREIGN[name]
    has_call = "needle" in str(blocks)
    answer: Any = AIMessage.model_construct(
        content=copy.deepcopy(blocks),
        tool_calls=CALLS if has_call else [],
        invalid_tool_calls=[],
        additional_kwargs={},
        response_metadata={"model_provider": name} if known else {},
    )
    return [QUESTION, answer, *([ToolMessage("done", tool_call_id="c1")] if has_call else []), HumanMessage("and?")]


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_message_of_another_model_is_sent_without_its_own_blocks(endpoint: str, mode: str, name: str, known: bool):
    gateway = ScriptedGateway()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALL_MODES[mode](chat(gateway, endpoint), history(name, known))
    assert "words" in gateway.wire
    assert ("needle" in gateway.wire) == ("needle" in str(FOREIGN[name][0]))
    if (name, endpoint) in OWN_ITEMS:
        assert not caught
        return
    [warning] = caught
    assert warning.category is ContentWarning
    assert str(warning.message).endswith(f"left out: {', '.join(FOREIGN[name][1])}.")
    same_maker = (name, endpoint) in {("bedrock_converse", "messages")} or (not known and endpoint == "messages")
    assert same_maker or "proof" not in gateway.wire


@pytest.mark.parametrize("message", [HumanMessage, SystemMessage])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_foreign_block_of_the_caller_raises(endpoint: str, message: Any):
    gateway = ScriptedGateway()
    with pytest.raises(UnsupportedContentError, match="hologram"):
        chat(gateway, endpoint).invoke([message([{"type": "hologram"}, TEXT])])
    assert gateway.bodies == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_unsupported_media_of_an_ai_message_are_dropped(endpoint: str):
    blocks: list[Any] = [{"type": "audio", "base64": "QUI=", "mime_type": "audio/wav"}, TEXT]
    gateway = ScriptedGateway()
    with pytest.warns(ContentWarning, match="left out: audio"):
        chat(gateway, endpoint).invoke([QUESTION, AIMessage(blocks), QUESTION])
    assert "words" in gateway.wire
    assert "QUI=" not in gateway.wire


# --- tools that Claude's vendor runs ----------------------------------------------------------------------------------


class SearchingGateway(ScriptedGateway):
    """Respond like Claude after a web search."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        response = super().__call__(request)
        if self.bodies[-1].get("stream"):
            return response
        body = response.json()
        body["content"] = [SEARCH, RESULT, {**TEXT, "citations": [SOURCE]}]
        return httpx.Response(200, json=body)


@pytest.mark.parametrize("version", [None, "v1"])
def test_search_of_claude_is_sent_back_unchanged(version: str | None):
    gateway = SearchingGateway()
    model = chat(gateway, "messages", **({"output_version": version} if version else {}))
    answer = model.invoke([QUESTION])
    kinds = [block["type"] for block in answer.content_blocks]
    assert kinds == (["server_tool_call", "server_tool_result", "text"] if version else kinds)
    for message in (answer, messages_from_dict(messages_to_dict([answer]))[0]):
        model.invoke([QUESTION, message, QUESTION])
        assert gateway.bodies[-1]["messages"][1]["content"] == [SEARCH, RESULT, {**TEXT, "citations": [SOURCE]}]


def test_search_blocks_of_chat_anthropic_are_sent_back_to_claude():
    blocks: list[Any] = [
        {"type": "server_tool_call", "id": "srvtoolu_1", "name": "web_search", "args": {"query": "x"}},
        {
            "type": "server_tool_result",
            "tool_call_id": "srvtoolu_1",
            "status": "success",
            "output": [FOUND],
            "extras": {"block_type": "web_search_tool_result"},
        },
        TEXT,
    ]
    gateway = ScriptedGateway()
    earlier = AIMessage(blocks, response_metadata={"model_provider": "anthropic"})
    chat(gateway, "messages").invoke([QUESTION, earlier, QUESTION])
    assert gateway.bodies[-1]["messages"][1]["content"] == [SEARCH, RESULT, TEXT]


# --- proofs -----------------------------------------------------------------------------------------------------------

MAKERS = {
    "anthropic": {"endpoint": "messages", "model": "anthropic/claude-sonnet-4.5", "max_tokens": 4000},
    "openai": {"endpoint": "responses", "model": "openai/gpt-5-mini-2025-08-07"},
    "google": {"endpoint": "chat_completions", "model": "google/gemini-3-pro-preview"},
}


def _model(gateway: ScriptedGateway, maker: str, **kwargs: Any) -> Any:
    settings: dict[str, Any] = {**MAKERS[maker], **kwargs}
    return chat(gateway, settings.pop("endpoint"), **settings)


@pytest.mark.parametrize("travel", ["as it came", "JSON"])
@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("writer", MAKERS)
@pytest.mark.parametrize("reader", MAKERS)
def test_proof_is_sent_back_to_its_own_vendor_only(
    reader: str, writer: str, mode: str, version: str | None, travel: str
):
    gateway = ScriptedGateway([call("c1", a="needle")], [])
    form: Json = {"output_version": version} if version else {}
    answer = CALL_MODES[mode](_model(gateway, writer, **form), [QUESTION])
    if travel == "JSON":
        [answer] = messages_from_dict(messages_to_dict([answer]))
    _model(gateway, reader, **form).invoke([QUESTION, answer, ToolMessage("done", tool_call_id="c1")])
    assert "needle" in gateway.wire
    assert "I look." in gateway.wire
    proofs = [maker for maker in MAKERS if f"proof-of-{maker}" in gateway.wire]
    assert proofs == ([writer] if reader == writer else [])


def test_fallbacks_between_vendors_continue_a_long_conversation():
    history: list[Any] = []
    for turn, maker in enumerate(["openai", "anthropic", "google"] * 3):
        gateway = ScriptedGateway([call(f"c{turn}", a=turn)])
        down = chat(ScriptedGateway(), "chat_completions", base_url="http://127.0.0.1:9", http_client=_refusing())
        history.append(HumanMessage(f"question {turn}"))
        answer = down.with_fallbacks([_model(gateway, maker, output_version="v1")]).invoke(history)
        history += [answer, ToolMessage("done", tool_call_id=f"c{turn}")]
        foreign = [other for other in MAKERS if other != maker and f"proof-of-{other}" in gateway.wire]
        assert foreign == []
        assert all(f"question {each}" in gateway.wire for each in range(turn + 1))


def _refusing() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503, json={"message": "down"})))
