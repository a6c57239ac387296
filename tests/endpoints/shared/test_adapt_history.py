"""Adapting turns of other models and tool results to the requested model, on every endpoint."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt, get_endpoint
from aimlapi_integrations.endpoints.routing import select_endpoint
from aimlapi_integrations.endpoints.shared.adapt import ContentWarning
from aimlapi_integrations.models import vendor
from aimlapi_integrations.types import (
    Audio,
    Citation,
    HostedItem,
    Image,
    Message,
    Part,
    Reasoning,
    Request,
    SearchResult,
    Text,
    ToolCall,
    Video,
)

ASK = Message("user", (Text("Hello"),))
MODELS = {
    "Anthropic": ("anthropic/claude-sonnet-4.5", "messages"),
    "OpenAI": ("openai/gpt-5-mini-2025-08-07", "responses"),
    "Google": ("google/gemini-3-pro-preview", "chat_completions"),
}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
PASSAGE = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "needle"}]}


def fitted(model: str, endpoint: str, *turns: Message, **fields: Any) -> Request:
    return adapt(Request(model, (ASK, *turns, ASK)), endpoint, **fields)


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("claude-sonnet-4-5-20250929", "Anthropic"),
        ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "Anthropic"),
        ("models/gemini-2.5-pro", "Google"),
        ("ft:gpt-4o:acme", "OpenAI"),
        ("mistral-large-2411", "Mistral AI"),
        ("grok-9", "xAI"),
        ("google_genai", "Google"),
        ("azure", "OpenAI"),
        ("acme/cloud-1", "acme"),
        ("my-model", None),
        ("", None),
        (None, None),
    ],
)
def test_vendor_is_recognized_by_name(name: str | None, maker: str | None) -> None:
    assert vendor(name) == maker


# A part with opaque values, the vendor that its form implies, and what other vendors' models get of it.
PROOFS: dict[str, tuple[Part, str | None, Part | None]] = {
    "signature": (Reasoning("Hm.", signature="p"), "Anthropic", Reasoning("Hm.")),
    "redacted": (Reasoning(encrypted="p"), "Anthropic", None),
    "encrypted": (Reasoning("", "summary", "rs_1", encrypted="p"), "OpenAI", None),
    "thought signature": (Reasoning(signature="p"), "Google", None),
    "details": (Reasoning("Hm.", details=({"format": "google-gemini-v1", "data": "p"},)), "Google", Reasoning("Hm.")),
    "call": (
        ToolCall("c1", "f", "{}", extra={"extra_content": {"google": {"thought_signature": "p"}}}),
        "Google",
        ToolCall("c1", "f", "{}"),
    ),
    "item's id": (Text("words", id="msg_1"), None, Text("words")),
}


@pytest.mark.parametrize("name", PROOFS)
@pytest.mark.parametrize("writer", [*MODELS, None])
@pytest.mark.parametrize("reader", MODELS)
def test_opaque_values_go_to_their_own_vendor_only(reader: str, writer: str | None, name: str) -> None:
    part, by_form, remainder = PROOFS[name]
    author = MODELS[writer][0] if writer else None
    turn = Message("assistant", (part, Text("words")), author=author)
    request = fitted(*MODELS[reader], turn)
    own = (writer or by_form or reader) == reader
    assert request.messages[1].parts == ((part, Text("words")) if own else (*filter(None, (remainder,)), Text("words")))


@pytest.mark.parametrize("maker", MODELS)
def test_history_of_one_vendor_is_returned_as_is(maker: str) -> None:
    model, endpoint = MODELS[maker]
    parts = (Reasoning("Hm.", signature="p"), Text("words"), ToolCall("c1", "f", "{}"))
    turns = (ASK, Message("assistant", parts, author=model), Message("tool", (Text("done"),), tool_call_id="c1"))
    request = Request(model, turns)
    assert all(a is b for a, b in zip(adapt(request, endpoint).messages, turns, strict=True))


# Parts that only one endpoint can encode, and that endpoint.
FORMLESS: dict[str, tuple[Part, str | None]] = {
    "server_tool_use": (HostedItem(SEARCH), "messages"),
    "web_search_tool_result": (HostedItem({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1"}), "messages"),
    "web_search_call": (HostedItem({"type": "web_search_call", "id": "ws_1"}), "responses"),
    "hologram": (HostedItem({"type": "hologram"}), None),
    "video": (Video(url="https://a.example/a.mp4"), None),
    "audio": (Audio(data="QUI=", format="wav"), None),
    "image": (Image(file_id="f1"), "responses"),
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", FORMLESS)
@pytest.mark.parametrize("maker", ["Anthropic", "OpenAI"])
def test_part_without_an_encoding_is_left_out_with_one_warning(maker: str, name: str, strict: bool) -> None:
    part, home = FORMLESS[name]
    model, endpoint = MODELS[maker]
    for where in dict.fromkeys([endpoint, "chat_completions"]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            turn = Message("assistant", (part, part, Text("words")))
            body = get_endpoint(where).encode(fitted(model, where, turn, strict=strict))
        assert "words" in str(body)
        texts = [str(each.message) for each in caught if each.category is ContentWarning]
        assert len(texts) == (where != home)
        assert all(text.endswith(f"left out: {name}.") for text in texts)


def test_turn_without_remaining_parts_is_left_out() -> None:
    with pytest.warns(ContentWarning, match="hologram"):
        request = fitted("gpt-4o", "chat_completions", Message("assistant", (HostedItem({"type": "hologram"}),)))
    assert request.messages == (ASK, ASK)


@pytest.mark.parametrize("author", ["anthropic/claude-opus-5", None])
def test_claude_items_do_not_select_the_endpoint_of_other_models(author: str | None) -> None:
    turn = Message("assistant", (HostedItem(SEARCH), Text("words")), author=author)
    request = Request("openai/gpt-5-mini-2025-08-07", (ASK, turn, ASK))
    assert select_endpoint(request).PATH == "/chat/completions"


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4.5", "anthropic/claude-opus-5"])
def test_custom_call_is_sent_to_claude_with_its_text(model: str) -> None:
    turn = Message("assistant", (ToolCall("c1", "sql", "SELECT 1", "custom"),), author="openai/gpt-5")
    for endpoint in ("chat_completions", "messages"):
        [call] = fitted(model, endpoint, turn).messages[1].tool_calls
        assert (call.kind, call.parsed()) == ("function", {"input": "SELECT 1"})


# --- what tools returned ----------------------------------------------------------------------------------------------

CALL = Message("assistant", (ToolCall("c1", "f", "{}"),))

RESULTS: dict[str, tuple[Part, str | None]] = {
    "search result": (SearchResult(PASSAGE, "needle"), None),
    "item": (HostedItem({"type": "function_call_output", "output": "needle"}), None),
    "reasoning": (Reasoning("needle"), None),
    "call": (ToolCall("c", "f", '{"a": "needle"}'), None),
    "film": (Video(url="https://a.example/needle.mp4"), "video"),
    "picture of a strange type": (Image(data="QUI=", mime="image/needle"), "image"),
}


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("maker", ["Anthropic", "OpenAI"])
def test_tool_result_with_any_part_is_sent(maker: str, name: str) -> None:
    part, warned = RESULTS[name]
    model, endpoint = MODELS[maker]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        body = get_endpoint(endpoint).encode(fitted(model, endpoint, CALL, Message("tool", (part,), tool_call_id="c1")))
    assert "needle" in str(body)
    assert all(warned and warned in str(each.message) for each in caught)


def test_web_search_citation_is_sent_back_with_its_encrypted_index() -> None:
    raw = {"type": "web_search_result_location", "encrypted_index": "p"}
    text = Text("words", (Citation("https://a.example", "A", quote="q", raw=raw), Citation("https://b.example")))
    body = get_endpoint("messages").encode(fitted(*MODELS["Anthropic"], Message("assistant", (text,))))
    fields = {"url": "https://a.example", "title": "A", "cited_text": "q"}
    assert body["messages"][1]["content"] == [{"type": "text", "text": "words", "citations": [{**raw, **fields}]}]
