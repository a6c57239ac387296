"""One conversation through LangChain, LlamaIndex and the plain client: one request on the wire, one answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import APIError
from tests.parity.conversations import CONVERSATIONS, question
from tests.parity.sending import Case, converse, every_driver
from tests.support.call_matrix import CLIENTS, DRIVERS
from tests.support.combinations import combine

MODEL = "openai/gpt-5-mini-2025-08-07"


def bodies(gateway: Emulator) -> list[str]:
    return [json.dumps(record.json, sort_keys=True) for record in gateway.requests]


@every_driver
@pytest.mark.parametrize("with_tool", [False, True], ids=["plain", "tool"])
@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_request_and_response_in_every_client_are_the_same(
    gateway: Emulator, name: str, with_tool: bool, responses: bool, driver: str
) -> None:
    case = Case(gateway.base_url, CONVERSATIONS[name], MODEL, responses, with_tool)
    observed = [await converse(case, client, driver) for client in CLIENTS]
    assert len(gateway.requests) == len(CLIENTS)
    assert len(set(bodies(gateway))) == 1
    assert observed[0] == observed[1] == observed[2]
    assert observed[0].usage
    assert observed[0].cost
    assert observed[0].answer.text or observed[0].answer.calls


@pytest.mark.parametrize("with_tool", [False, True], ids=["plain", "tool"])
async def test_response_in_twelve_modes_is_the_same(gateway: Emulator, responses: bool, with_tool: bool) -> None:
    """Streamed or not, sync or async."""
    case = Case(gateway.base_url, CONVERSATIONS["a question"], MODEL, responses, with_tool)
    observed = [await converse(case, client, driver) for client in CLIENTS for driver in DRIVERS]
    assert observed == [observed[0]] * 12
    assert bool(observed[0].answer.calls) == with_tool


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("gpt-4o", {"temperature": 0.5, "max_tokens": 50, "top_p": 0.5}),
    ("gpt-4o", {"stop": ["emulated"]}),
    (MODEL, {"max_tokens": 500}),
    (MODEL, {"reasoning_effort": "low"}),
    ("anthropic/claude-sonnet-4.5", {"max_tokens": 500, "temperature": 0}),
]


@pytest.mark.parametrize(("model", "options"), OPTIONS)
async def test_options_in_every_client_are_sent_the_same(
    gateway: Emulator, model: str, options: dict[str, Any]
) -> None:
    case = Case(gateway.base_url, question("Hello"), model, responses=False, options=options)
    observed = [await converse(case, client, "plain") for client in CLIENTS]
    assert len(set(bodies(gateway))) == 1
    assert observed[0] == observed[1] == observed[2]


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


ROWS = [*((fault, False) for fault in FAULTS), *((fault, True) for fault in TOOL_FAULTS)]


@pytest.mark.parametrize(("fault", "with_tool", "driver"), combine(ROWS, list(DRIVERS), parts=2))
async def test_faults_in_every_client_raise_the_same_error(
    gateway: Emulator, fault: str, with_tool: bool, responses: bool, driver: str
) -> None:
    question = CONVERSATIONS["a question"]
    case = Case(gateway.base_url, question, f"emulator/{fault}", responses, with_tool)

    async def outcome(client: str) -> Any:
        try:
            return await converse(case, client, driver)
        except APIError as error:
            return error

    expected, *others = [await outcome(client) for client in CLIENTS]
    assert len(gateway.requests) == len(CLIENTS)
    for other in others:
        if isinstance(expected, APIError):
            assert isinstance(other, type(expected))
            assert (other.status_code, other.code, other.partial) == (
                expected.status_code,
                expected.code,
                expected.partial,
            )
        else:
            assert other == expected
