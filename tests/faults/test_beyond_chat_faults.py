"""The table of faults, met by batches, decisions and reranking, in every framework, sync and async."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode

from aimlapi_integrations import AIMLAPIError, AsyncClient, Client, errors
from aimlapi_integrations.langchain import AIMLAPIDecisions, AIMLAPIRerank, ChatAIMLAPI
from aimlapi_integrations.langchain import BatchAPI as LangChainBatches
from aimlapi_integrations.langchain.errors import ModelError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPISelector
from aimlapi_integrations.llama_index import AIMLAPIRerank as LlamaIndexRerank
from aimlapi_integrations.llama_index import BatchAPI as LlamaIndexBatches
from tests.faults import faults_before as before
from tests.faults import faults_plain as plain
from tests.faults.faults_before import Fault
from tests.faults.secret_scan import exposed_texts
from tests.support.combinations import combine
from tests.support.fault_server import KEY, FaultServer, Hang, Stall, head, reply

CLAUDE = "anthropic/claude-sonnet-4.5"
Call = Callable[[str, dict[str, Any]], Callable[[str], Any]]
"""Takes the base URL and settings, and returns a function that gets `a` or nothing, the prefix of async methods."""


def _client(method: str, *args: Any, **kwargs: Any) -> Call:
    def create(base_url: str, settings: dict[str, Any]) -> Callable[[str], Any]:
        def call(prefix: str) -> Any:
            client: Any = (AsyncClient if prefix else Client)(KEY, base_url, **settings)
            target = client.batches if hasattr(client.batches, method) else client
            return getattr(target, method)(*args, **kwargs)

        return call

    return create


def _component(create: Callable[[str, dict[str, Any]], Any], method: str, *args: Any, **kwargs: Any) -> Call:
    def bind(base_url: str, settings: dict[str, Any]) -> Callable[[str], Any]:
        component = create(base_url, settings)
        return lambda prefix: getattr(component, prefix + method)(*args, **kwargs)

    return bind


def _lc(kind: Any, **kwargs: Any) -> Callable[[str, dict[str, Any]], Any]:
    return lambda base_url, settings: kind(api_key=KEY, base_url=base_url, **settings, **kwargs)


def _li(kind: Any, **kwargs: Any) -> Callable[[str, dict[str, Any]], Any]:
    return lambda base_url, settings: kind(api_key=KEY, api_base=base_url, **settings, **kwargs)


def _lc_batches(base_url: str, settings: dict[str, Any]) -> Any:
    return LangChainBatches(_lc(ChatAIMLAPI, model=CLAUDE, max_tokens=9)(base_url, settings))


def _li_batches(base_url: str, settings: dict[str, Any]) -> Any:
    return LlamaIndexBatches(_li(AIMLAPI, model=CLAUDE, max_tokens=9)(base_url, settings))


_NODES = [NodeWithScore(node=TextNode(text="a"))]
CALLS: dict[str, Call] = {
    "decide": _client("decide", "state", {"a": "?"}),
    "rerank": _client("rerank", "query", ["document"]),
    "get": _client("get", "msgbatch_1"),
    "wait": _client("wait", "msgbatch_1"),
    "results": _client("results", "msgbatch_1"),
    "cancel": _client("cancel", "msgbatch_1"),
    "lc-decisions": _component(_lc(AIMLAPIDecisions, questions={"a": "?"}), "invoke", "state"),
    "lc-rerank": _component(_lc(AIMLAPIRerank), "compress_documents", [Document("a")], "query"),
    "lc-results": _component(lambda *to: _lc_batches(*to).resume("msgbatch_1"), "results"),
    "li-rerank": _component(_li(LlamaIndexRerank), "postprocess_nodes", _NODES, query_str="query"),
    "li-selector": _component(_lc(AIMLAPISelector), "select", ["a", "b"], "query"),
    "li-results": _component(lambda *to: _li_batches(*to).resume("msgbatch_1"), "results"),
}
SUBMISSIONS: dict[str, Call] = {
    "submit": _client("submit", ["Hello"], model=CLAUDE, max_tokens=9),
    "lc-submit": _component(_lc_batches, "submit", ["Hello"]),
    "li-submit": _component(_li_batches, "submit", ["Hello"]),
}


def _ways(calls: Iterable[str]) -> list[tuple[str, str]]:
    return list(product(calls, ("", "a")))


def on_ways(ways: list[tuple[str, str]]) -> pytest.MarkDecorator:
    ids = [f"{prefix}{name}" for name, prefix in ways]
    return pytest.mark.parametrize(("name", "prefix"), ways, ids=ids)


def spread_faults(faults: Iterable[Fault], calls: dict[str, Call], parts: int = 4) -> pytest.MarkDecorator:
    """Parametrize by the faults, each in a part of the ways to call, sync and async."""

    def part_of(way: tuple[str, str]) -> int:
        name, prefix = way
        return list(calls).index(name) + bool(prefix) * parts // 2

    cases = [(fault, *way) for fault, way in combine(faults, _ways(calls), parts=parts, part_of=part_of)]
    ids = [f"{fault}-{prefix}{name}" for fault, name, prefix in cases]
    return pytest.mark.parametrize(("fault", "name", "prefix"), cases, ids=ids)


NO_REPLY = [fault for fault in before.CONNECTIONS if fault.error]
UNREADABLE = [fault for fault in plain.EVERYWHERE if fault.error]


def failed(name: str, prefix: str, base_url: str, **settings: Any) -> AIMLAPIError:
    """Return the error of a call, in which the key is nowhere."""
    call = (CALLS | SUBMISSIONS)[name](base_url, {"max_retries": 2, **settings})
    with pytest.raises(AIMLAPIError) as caught:
        _run(call, prefix)
    assert [text for text in exposed_texts(caught.value) if KEY in text] == []
    return caught.value


def _run(call: Callable[[str], Any], prefix: str) -> Any:
    result = call(prefix)
    return asyncio.run(_await(result)) if inspect.isawaitable(result) else result


async def _await(result: Any) -> Any:
    return await result


def check(server: FaultServer, fault: Fault, name: str, prefix: str) -> None:
    case = server.case(*(act for act in fault.responses_by_request if act is not None))
    error = failed(name, prefix, case.base_url)
    assert fault.error
    kind = type(error).__mro__[1] if isinstance(error, ModelError) else type(error)
    assert kind is fault.error, repr(error)
    assert isinstance(error, ModelError) == name.startswith("lc")
    for text in fault.in_message:
        assert text in str(error)
    for attribute, value in fault.attributes:
        assert getattr(error, attribute) == value, attribute
    assert len(case.requests) == fault.requests


@spread_faults([*NO_REPLY, *before.UNREADABLE], CALLS)
def test_no_reply(server: FaultServer, fault: Fault, name: str, prefix: str) -> None:
    check(server, fault, name, prefix)


@spread_faults([*before.STATUSES, *before.SHAPES, *before.SPECIAL], CALLS)
def test_statuses_and_shapes(server: FaultServer, fault: Fault, name: str, prefix: str) -> None:
    check(server, fault, name, prefix)


@spread_faults(UNREADABLE, CALLS)
def test_a_success_without_a_reply(server: FaultServer, fault: Fault, name: str, prefix: str) -> None:
    case = server.case(*(act for act in fault.responses_by_request if act is not None))
    error = failed(name, prefix, case.base_url)
    assert fault.error
    assert isinstance(error, fault.error), repr(error)
    assert len(case.requests) == fault.requests


@on_ways(_ways(CALLS))
def test_a_reply_that_does_not_come_in_time(server: FaultServer, name: str, prefix: str) -> None:
    case = server.case([Stall()])
    error = failed(name, prefix, case.base_url, timeout=(10.0, 0.05), max_retries=0)
    assert isinstance(error, errors.APITimeoutError)
    assert case.wait_for_disconnect()


# --- nothing is submitted twice -------------------------------------------------------------------------------------

SUBMISSION_FAULTS = [
    replace(fault, requests=1, attributes=tuple(fact for fact in fault.attributes if fact[0] != "retryable"))
    if fault.error is not errors.RateLimitError
    else fault
    for fault in (*NO_REPLY, *before.UNREADABLE, *before.STATUSES, *before.SPECIAL)
]


@spread_faults(SUBMISSION_FAULTS, SUBMISSIONS, parts=2)
def test_a_submission_is_repeated_only_after_a_429(server: FaultServer, fault: Fault, name: str, prefix: str) -> None:
    check(server, fault, name, prefix)


@spread_faults(UNREADABLE, SUBMISSIONS, parts=2)
def test_an_unreadable_confirmation_does_not_repeat_it(
    server: FaultServer, fault: Fault, name: str, prefix: str
) -> None:
    case = server.case(*(act for act in fault.responses_by_request if act is not None))
    error = failed(name, prefix, case.base_url)
    assert fault.error
    assert isinstance(error, fault.error)
    assert len(case.requests) == 1


@on_ways(_ways(SUBMISSIONS))
def test_a_submission_without_a_confirmation_in_time_is_not_repeated(
    server: FaultServer, name: str, prefix: str
) -> None:
    case = server.case([Stall()])
    error = failed(name, prefix, case.base_url, timeout=(10.0, 0.05))
    assert isinstance(error, errors.APITimeoutError)
    assert (error.retryable, len(case.requests)) == (False, 1)
    assert "may have accepted" in str(error)


# --- results that break off -----------------------------------------------------------------------------------------

_LINES = b'{"custom_id":"a","result":{"type":"expired"}}\n{"custom_id":"b","result":{"type":"exp'


@on_ways(_ways(["results", "lc-results", "wait"]))
@pytest.mark.parametrize(
    ("act", "error"),
    [
        ([reply(_LINES)], errors.APIResponseError),
        ([head(200, content_length="900"), _LINES], errors.APIConnectionError),
    ],
    ids=["cut-line", "cut-body"],
)
def test_half_of_the_results_are_an_error(
    server: FaultServer, act: Any, error: type[Exception], name: str, prefix: str
) -> None:
    case = server.case([*act, Hang()])
    raised = failed(name, prefix, case.base_url, max_retries=0)
    assert isinstance(raised, error)
