"""One conversation through LangChain, LlamaIndex and the bare client: one request on the wire, one answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import APIError

from .conversations import CONVERSATIONS, question
from .ways import MANNERS, WAYS, Asked

MODEL = "openai/gpt-5-mini-2025-08-07"


def bodies(gateway: Emulator) -> list[str]:
    return [json.dumps(record.json, sort_keys=True) for record in gateway.requests]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("with_tool", [False, True], ids=["plain", "tool"])
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_three_ways_one_request_one_answer(
    gateway: Emulator, name: str, with_tool: bool, responses: bool, manner: str
) -> None:
    asked = Asked(gateway.base_url, CONVERSATIONS[name], MODEL, responses, with_tool)
    seen = [await way(asked, manner) for way in WAYS.values()]
    assert len(gateway.requests) == len(WAYS)
    assert len(set(bodies(gateway))) == 1
    assert seen[0] == seen[1] == seen[2]
    assert seen[0].usage
    assert seen[0].cost
    assert seen[0].text or seen[0].calls


@pytest.mark.parametrize("with_tool", [False, True], ids=["plain", "tool"])
async def test_twelve_answers_are_one(gateway: Emulator, responses: bool, with_tool: bool) -> None:
    """Streamed or not, sync or async."""
    asked = Asked(gateway.base_url, CONVERSATIONS["a question"], MODEL, responses, with_tool)
    seen = [await way(asked, manner) for way in WAYS.values() for manner in MANNERS]
    assert seen == [seen[0]] * 12
    assert bool(seen[0].calls) == with_tool


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("gpt-4o", {"temperature": 0.5, "max_tokens": 50, "top_p": 0.5}),
    ("gpt-4o", {"stop": ["emulated"]}),
    (MODEL, {"max_tokens": 500}),
    (MODEL, {"reasoning_effort": "low"}),
    ("anthropic/claude-sonnet-4.5", {"max_tokens": 500, "temperature": 0}),
]


@pytest.mark.parametrize(("model", "options"), OPTIONS)
async def test_options_go_the_same_way(gateway: Emulator, model: str, options: dict[str, Any]) -> None:
    asked = Asked(gateway.base_url, question("Hello"), model, responses=False, options=options)
    seen = [await way(asked, "plain") for way in WAYS.values()]
    assert len(set(bodies(gateway))) == 1
    assert seen[0] == seen[1] == seen[2]


# Faults that a call either survives, and then everywhere, or does not, and then nowhere.
FAULTS = [
    "status-400",
    "status-401",
    "status-403",
    "status-404",
    "status-429",
    "status-500",
    "status-503",
    "out-of-credit",
    "html-page",
    "drop",
    "not-json",
    "error-in-200",
    "error-in-stream",
    "response-failed",
    "empty-choices",
    "null-message",
    "refusal",
    "content-filter",
    "length",
    "null-content",
    "null-usage",
    "wrong-content-type",
    "cut-body",
    "cut-before-first",
    "cut-mid-text",
    "reset",
    "end-mid-text",
    "malformed-frame",
    "comments",
    "crlf",
    "cr",
    "byte-order-mark",
    "line-separators",
    "broken-gzip",
    "drip; seconds=0",
    "split-bytes",
    "no-done",
    "usage-twice",
]
TOOL_FAULTS = ["length", "cut-mid-tool-call", "bare-fragments", "repeated-fragments", "no-index"]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(
    ("fault", "with_tool"), [*((fault, False) for fault in FAULTS), *((fault, True) for fault in TOOL_FAULTS)]
)
async def test_faults_are_told_alike(
    gateway: Emulator, fault: str, with_tool: bool, responses: bool, manner: str
) -> None:
    question = CONVERSATIONS["a question"]
    asked = Asked(gateway.base_url, question, f"emulator/{fault}", responses, with_tool)

    async def outcome(name: str) -> Any:
        try:
            return await WAYS[name](asked, manner)
        except APIError as error:
            return error

    bare, *others = [await outcome(name) for name in WAYS]
    assert len(gateway.requests) == len(WAYS)
    for other in others:
        if isinstance(bare, APIError):
            assert isinstance(other, type(bare))
            assert (other.status_code, other.code, other.partial) == (bare.status_code, bare.code, bare.partial)
        else:
            assert other == bare
