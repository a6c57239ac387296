"""Tool calls as models write them: odd but good ones, and broken ones, which nobody may mend. A table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.call_matrix import Answer
from tests.support.replies import Json, call_item, chat_body, responses_body

DEEP = '{"a":' * 400 + "1" + "}" * 400


@dataclass(frozen=True)
class OddCall:
    """A call's `written` arguments, and what they are: a dict, or None where they are broken.

    `reason` is the finish reason that the model gives with them.
    """

    name: str
    written: Any
    parsed: Json | None
    reason: str = "tool_calls"

    def __str__(self) -> str:
        return self.name

    def body(self, endpoint: str) -> Json:
        if endpoint == "chat":
            function = {"name": "add", "arguments": self.written}
            return chat_body("", self.reason, tool_calls=[{"id": "call_1", "type": "function", "function": function}])
        cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        return responses_body(call_item("call_1", "add", self.written), **(cut if self.reason == "length" else {}))

    def answer(self, endpoint: str) -> Answer:
        """The text of broken arguments is kept as it is; a Responses stream has no finish reason of its own."""
        reason = self.reason if endpoint == "chat" or self.reason == "length" else "tool_calls"
        if self.parsed is not None:
            return Answer("", (("add", self.parsed),), reason=reason)
        written = self.written if isinstance(self.written, str) else json.dumps(self.written)
        return Answer("", broken=(("add", written),), reason=reason)


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
"""A custom tool takes any text: only the reason to stop tells that half of it is missing."""

ODD_CALLS = [
    OddCall("cut-by-length", CUT, None, "length"),
    OddCall("cut-but-called", CUT, None),
    OddCall("cut-but-stopped", CUT, None, "stop"),
    OddCall("cut-by-a-filter", CUT, None, "content_filter"),
    OddCall("cut-in-an-escape", '{"a": "\\u00', None),
    OddCall("cut-before-the-last-brace", '{"a": {"b": 1}', None),
    OddCall("a-comma-too-many", '{"a": 1,}', None),
    OddCall("single-quotes", "{'a': 1}", None),
    OddCall("fenced", '```json\n{"a": 1}\n```', None),
    OddCall("two-objects", '{"a": 1}{"a": 2}', None),
    OddCall("a-list", '[{"a": 1}]', None),
    OddCall("a-text", '"a"', None),
    OddCall("a-number", "17", None),
    OddCall("true", "true", None),
    OddCall("deep", DEEP, None),
    OddCall("deeper", "[" * 5_000, None),
    OddCall("5,000-digits", '{"a": ' + "9" * 5_000 + "}", None),
    OddCall("spaces-around", ' {"a": 1}\n', {"a": 1}),
    OddCall("the-same-key-twice", '{"a": 1, "a": 2}', {"a": 2}),
    OddCall("half-an-emoji", '{"a": "x\\ud83d"}', {"a": "x\ufffd"}),
    OddCall("an-emoji-in-halves", '{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    OddCall("a-line-separator", '{"a": "x\u2028y"}', {"a": "x\u2028y"}),
    OddCall("a-null-inside", '{"a": null}', {"a": None}),
    OddCall("nothing-inside", "{}", {}),
    OddCall("empty", "", {}),
    OddCall("null", "null", {}),
    OddCall("an-object-for-a-text", {"a": {"b": [1]}}, {"a": {"b": [1]}}),
]
