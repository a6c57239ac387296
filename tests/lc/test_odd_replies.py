"""Odd plain replies of chat completions, on which adapters of other gateways fail: each makes one right message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lc.gateway import Gateway, chat_body
from tests.lc.odd_replies import PLAIN, Json, MessageSummary, call, refusal, summarize, text, thought

SOURCE = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "E", "format": "openai-responses-v1"}


def message(**fields: Any) -> Json:
    """A reply whose message has these fields alone."""
    body = chat_body()
    body["choices"][0]["message"] = {"role": "assistant", **fields}
    return body


def ended(reason: Any) -> Json:
    return chat_body("a", reason)


def calling(arguments: Any, **further: Any) -> Json:
    item = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}, **further}
    return chat_body(None, "tool_calls", tool_calls=[item])


def counted(**usage: Any) -> Json:
    return {**chat_body("a"), "usage": usage}


def without(*names: str) -> Json:
    return {name: value for name, value in chat_body("a").items() if name not in names}


A = [text("a")]

ROWS: dict[str, tuple[Json, MessageSummary]] = {
    "content of null": (message(content=None), MessageSummary([], tokens=15)),
    "no content": (message(), MessageSummary([], tokens=15)),
    "content as a list": (message(content=[text("a"), text("b")]), MessageSummary([text("ab")], tokens=15)),
    "a call that is empty": (chat_body("a", tool_calls=[{}, {"function": None}]), MessageSummary(A, tokens=15)),
    "no finish reason": (ended(None), MessageSummary(A, None, 15)),
    "a finish reason of another vendor": (ended("eos"), MessageSummary(A, "stop", 15)),
    "a refusal": (message(content=None, refusal="No."), MessageSummary([refusal("No.")], tokens=15)),
    "sources": (
        chat_body("a", annotations=[SOURCE]),
        MessageSummary(
            [text("a", annotations=[{"type": "citation", "url": "https://a.example", "title": "A"}])], tokens=15
        ),
    ),
    "sources that are no object": (
        chat_body("a", annotations=[{"type": "url_citation", "url_citation": "a.example"}]),
        MessageSummary(
            [
                text(
                    "a",
                    annotations=[
                        {
                            "type": "non_standard_annotation",
                            "value": {"type": "url_citation", "url_citation": "a.example"},
                        }
                    ],
                )
            ],
            tokens=15,
        ),
    ),
    "pictures": (
        chat_body("a", images=[PICTURE]),
        MessageSummary([text("a"), {"type": "image", "base64": "AAAA", "mime_type": "image/png"}], tokens=15),
    ),
    "reasoning": (chat_body("a", reasoning="Hm"), MessageSummary([thought("Hm"), *A], tokens=15)),
    "reasoning_content": (chat_body("a", reasoning_content="Hm"), MessageSummary([thought("Hm"), *A], tokens=15)),
    "reasoning_details": (
        chat_body("a", reasoning="Hm", reasoning_details=[ENCRYPTED]),
        MessageSummary([thought("Hm", encrypted_content="E", reasoning_details=[ENCRYPTED]), *A], tokens=15),
    ),
    "arguments as an object": (calling({"x": 1}), MessageSummary([call("c1", "f", {"x": 1})], "tool_calls", 15)),
    "arguments that are a list": (calling("[1]"), MessageSummary([call("c1", "f", "[1]")], "tool_calls", 15)),
    "arguments that are broken": (calling('{"x"'), MessageSummary([call("c1", "f", '{"x"')], "tool_calls", 15)),
    "no arguments": (calling(""), MessageSummary([call("c1", "f", {})], "tool_calls", 15)),
    "arguments of null": (calling(None), MessageSummary([call("c1", "f", {})], "tool_calls", 15)),
    "arguments that say null": (calling("null"), MessageSummary([call("c1", "f", {})], "tool_calls", 15)),
    "a call without an id": (
        calling("{}", id=None),
        MessageSummary([call("call_chatcmpl-1_0", "f", {})], "tool_calls", 15),
    ),
    "a thought signature": (
        calling("{}", extra_content={"google": {"thought_signature": "s"}}),
        MessageSummary(
            [call("c1", "f", {}, extras={"extra_content": {"google": {"thought_signature": "s"}}})], "tool_calls", 15
        ),
    ),
    "counts of null": (
        counted(prompt_tokens=None, completion_tokens=3, total_tokens=None),
        MessageSummary(A, tokens=3),
    ),
    "counts as floats": (
        counted(prompt_tokens=1.0, completion_tokens=3.0, total_tokens=4.0),
        MessageSummary(A, tokens=4),
    ),
    "details of null": (counted(**USAGE, prompt_tokens_details=None), MessageSummary(A, tokens=15)),
    "nothing but choices": (
        without("id", "object", "created", "usage", "system_fingerprint", "meta"),
        MessageSummary(A),
    ),
}


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("mode", PLAIN)
@pytest.mark.parametrize("name", ROWS)
def test_odd_reply_becomes_the_right_message(name: str, mode: str, output_version: str | None):
    body, expected = ROWS[name]
    assert summarize(PLAIN[mode](Gateway(body).model(output_version=output_version))) == expected
