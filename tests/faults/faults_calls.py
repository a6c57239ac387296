"""Tool calls as models write them: unusual valid ones, and invalid ones, which are never repaired. A table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.answers import Answer
from tests.support.replies import Json, call_item, chat_body, responses_body

DEEP = '{"a":' * 400 + "1" + "}" * 400


@dataclass(frozen=True)
class ToolCallCase:
    """The arguments of a call as the model wrote them, and parsed: a dict, or None if they are invalid.

    `reason` is the finish reason of the reply.
    """

    name: str
    raw_arguments: Any
    parsed: Json | None
    reason: str = "tool_calls"

    def __str__(self) -> str:
        return self.name

    def body(self, endpoint: str) -> Json:
        if endpoint == "chat":
            function = {"name": "add", "arguments": self.raw_arguments}
            return chat_body("", self.reason, tool_calls=[{"id": "call_1", "type": "function", "function": function}])
        cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        return responses_body(
            call_item("call_1", "add", self.raw_arguments), **(cut if self.reason == "length" else {})
        )

    def answer(self, endpoint: str) -> Answer:
        """Invalid arguments are returned unchanged; a Responses stream has no finish reason of its own."""
        reason = self.reason if endpoint == "chat" or self.reason == "length" else "tool_calls"
        if self.parsed is not None:
            return Answer("", (("add", self.parsed),), reason=reason)
        raw_arguments = self.raw_arguments if isinstance(self.raw_arguments, str) else json.dumps(self.raw_arguments)
        return Answer("", invalid_calls=(("add", raw_arguments),), reason=reason)


CUT = '{"city": "Lis'
_HALF = {"name": "run", "input": "rm -r /tmp"}

CUT_TEXTS_FOR_TOOLS: dict[str, Json] = {
    "chat": chat_body("", "length", tool_calls=[{"id": "call_1", "type": "custom", "custom": _HALF}]),
    "responses": responses_body(
        {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_1", "status": "incomplete", **_HALF},
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
}
"""A custom tool takes any text: only the finish reason shows that it is incomplete."""

TOOL_CALL_CASES = [
    ToolCallCase("cut-by-length", CUT, None, "length"),
    ToolCallCase("cut-but-called", CUT, None),
    ToolCallCase("cut-but-stopped", CUT, None, "stop"),
    ToolCallCase("cut-by-a-filter", CUT, None, "content_filter"),
    ToolCallCase("cut-in-an-escape", '{"a": "\\u00', None),
    ToolCallCase("cut-before-the-last-brace", '{"a": {"b": 1}', None),
    ToolCallCase("a-comma-too-many", '{"a": 1,}', None),
    ToolCallCase("single-quotes", "{'a': 1}", None),
    ToolCallCase("fenced", '```json\n{"a": 1}\n```', None),
    ToolCallCase("two-objects", '{"a": 1}{"a": 2}', None),
    ToolCallCase("a-list", '[{"a": 1}]', None),
    ToolCallCase("a-text", '"a"', None),
    ToolCallCase("a-number", "17", None),
    ToolCallCase("true", "true", None),
    ToolCallCase("deep", DEEP, None),
    ToolCallCase("deeper", "[" * 5_000, None),
    ToolCallCase("5,000-digits", '{"a": ' + "9" * 5_000 + "}", None),
    ToolCallCase("spaces-around", ' {"a": 1}\n', {"a": 1}),
    ToolCallCase("the-same-key-twice", '{"a": 1, "a": 2}', {"a": 2}),
    ToolCallCase("half-an-emoji", '{"a": "x\\ud83d"}', {"a": "x\ufffd"}),
    ToolCallCase("an-emoji-in-halves", '{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    ToolCallCase("a-line-separator", '{"a": "x\u2028y"}', {"a": "x\u2028y"}),
    ToolCallCase("a-null-inside", '{"a": null}', {"a": None}),
    ToolCallCase("nothing-inside", "{}", {}),
    ToolCallCase("empty", "", {}),
    ToolCallCase("null", "null", {}),
    ToolCallCase("an-object-for-a-text", {"a": {"b": [1]}}, {"a": {"b": [1]}}),
]
