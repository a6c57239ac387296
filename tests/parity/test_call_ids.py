"""Tool calls with equal, empty or missing ids in replies, streams and agents: none is lost."""

from __future__ import annotations

import random
from functools import reduce
from operator import add
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.tools import StructuredTool
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool

from aimlapi_integrations import CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.parity.sending import (
    ENDPOINTS,
    Turn,
    chat_model,
    every_client,
    every_driver,
    every_endpoint,
    function,
    ignore_framework_warnings,
    in_turns,
    llama_index_llm,
    mode_of,
    send_turns,
)
from tests.support.chat_events import sse
from tests.support.tool_gateway import MODELS, Call, Json, ToolGateway, call_chunks, calls_of, results_of, tool_names

# --- reading ----------------------------------------------------------------------------------------------------------

IDS: dict[str, list[str | None]] = {
    "equal": ["add:0", "add:0"],
    "the function's name": ["add", "add", "add"],
    "empty": ["", ""],
    "missing": [None, None],
    "some missing": ["a", None, "a"],
    "like one made here": ["a", "a", "a_2"],
    "each its own": ["a", "b"],
}


def plain_ids(gateway: ToolGateway, endpoint: str) -> list[str]:
    """Return the ids that the plain client gets from a plain reply."""
    client = Client("k", http_client=gateway.clients()[0])
    reply = client.chat("Go on.", model=MODELS[endpoint], call=CallOptions(endpoint=endpoint))
    return [call.id for call in reply.tool_calls]


@in_turns("case,interleaved,endpoint", IDS, [False, True], ENDPOINTS)
async def test_calls_in_a_reply_have_unique_ids(
    case: str, interleaved: bool, endpoint: str, client: str, driver: str
) -> None:
    calls_made = [Call("add", {"x": at}, call_id) for at, call_id in enumerate(IDS[case])]
    calls = await send_turns(mode_of(client, driver, endpoint), ToolGateway(lambda _: calls_made, interleaved))
    assert [(call.name, call.arguments) for call in calls] == [(call.name, call.arguments) for call in calls_made]
    assert len({call.id for call in calls}) == len(calls)
    assert all(call.id for call in calls)
    assert [call.id for call in calls] == plain_ids(ToolGateway(lambda _: calls_made), endpoint)


@every_endpoint
@every_client
@every_driver
@pytest.mark.parametrize("call_id", ["add", None])
async def test_ids_in_a_reply_differ_from_those_in_the_history(
    endpoint: str, client: str, driver: str, call_id: str | None
) -> None:
    gateway = ToolGateway(lambda _: [Call("add", {"x": 1}, call_id)])
    turns: list[Turn] = ["Go on."]
    for _ in range(3):
        calls = await send_turns(mode_of(client, driver, endpoint), gateway, turns)
        turns += [calls, *(("1", call.id, call.name) for call in calls)]
    ids = [call.id for turn in turns if isinstance(turn, list) for call in turn]
    assert len(set(ids)) == 3
    await send_turns(mode_of(client, driver, endpoint), gateway, turns)
    assert [call.id for call in calls_of(gateway.bodies[-1])] == ids
    assert [call_id for call_id, _ in results_of(gateway.bodies[-1])] == ids


# --- streams of chat completions --------------------------------------------------------------------------------------


def entry(index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> Json:
    inner = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    at = {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}
    return {**at, "type": "function", "function": inner}


ONE, TWO = '{"x": 1}', '{"x": 2}'
STREAMS: dict[str, list[Json]] = {
    "one id, whole": [entry(0, "w", "add", ONE), entry(1, "w", "add", TWO)],
    "one id, in pieces": [
        entry(0, "w", "add", ""),
        entry(0, None, None, '{"x":'),
        entry(0, None, None, "1}"),
        entry(1, "w", "add", ""),
        entry(1, None, None, '{"x":'),
        entry(1, None, None, "2}"),
    ],
    "one id, interleaved": [
        entry(0, "w", "add", ""),
        entry(1, "w", "add", ""),
        entry(0, None, None, '{"x":'),
        entry(1, None, None, '{"x":'),
        entry(1, None, None, "2}"),
        entry(0, None, None, "1}"),
    ],
    "one id, interleaved and repeated": [
        entry(at, "w", "add" if first else None, piece)
        for first, one, two in ((True, "", ""), (False, '{"x":', '{"x":'), (False, "1}", "2}"))
        for at, piece in ((0, one), (1, two))
    ],
    "one id and name in every piece": [
        entry(at, "w", "add", piece) for at, whole in ((0, ONE), (1, TWO)) for piece in (whole[:3], whole[3:])
    ],
    "one id, all at index 0, whole": [entry(0, "w", "add", ONE), entry(0, "w", "add", TWO)],
    "one id, all at index 0, in pieces": [
        entry(0, "w", "add", ""),
        entry(0, None, None, ONE),
        entry(0, "w", "add", ""),
        entry(0, None, None, TWO),
    ],
    "one id, without an index": [entry(None, "w", "add", ONE), entry(None, "w", "add", TWO)],
    "one id, without an index, in pieces": [
        entry(None, "w", "add", ""),
        entry(None, None, None, '{"x":'),
        entry(None, None, None, "1}"),
        entry(None, "w", "add", ""),
        entry(None, None, None, '{"x":'),
        entry(None, None, None, "2}"),
    ],
    "no ids, in pieces": [
        entry(0, None, "add", ""),
        entry(0, None, None, ONE),
        entry(1, "", "add", ""),
        entry(1, "", None, TWO),
    ],
    "no ids, all at index 0": [
        entry(0, None, "add", ""),
        entry(0, None, None, ONE),
        entry(0, None, "add", ""),
        entry(0, None, None, TWO),
    ],
    "no ids, no index": [entry(None, None, "add", ONE), entry(None, None, "add", TWO)],
    "two ids, all at index 0, interleaved": [
        entry(0, "a", "add", ""),
        entry(0, "b", "add", ""),
        entry(0, "a", None, ONE),
        entry(0, "b", None, TWO),
    ],
    "a name repeated at the end of a call": [
        entry(0, "w", "add", ""),
        entry(0, None, None, ONE),
        entry(0, "w", "add", ""),
        entry(1, "w", "add", ""),
        entry(1, None, None, TWO),
    ],
}


class Streaming(ToolGateway):
    """Replies with these events."""

    def __init__(self, events: list[Json]) -> None:
        super().__init__(lambda _: "Done.")
        self.events = events

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=sse(self.events), headers={"content-type": "text/event-stream"})


@every_client
@pytest.mark.parametrize("driver", ["stream", "async stream"])
@pytest.mark.parametrize("entries", STREAMS.values(), ids=STREAMS)
async def test_call_pieces_are_assigned_to_their_calls(client: str, driver: str, entries: list[Json]) -> None:
    calls = await send_turns(mode_of(client, driver, "chat_completions"), Streaming(call_chunks(*entries)))
    assert [(call.name, call.arguments) for call in calls] == [("add", {"x": 1}), ("add", {"x": 2})]
    assert len({call.id for call in calls}) == 2
    assert all(call.id for call in calls)


# --- streams of the other endpoints -----------------------------------------------------------------------------------


def _item(index: int | None, kind: str, **fields: Any) -> Json:
    return {"type": kind, **({} if index is None else {"output_index": index}), **fields}


def responses_stream(indexes: bool, ends: bool) -> list[Json]:
    """Two calls of one item id and one call id, without an index or without the events that end them."""
    items = [
        {"type": "function_call", "id": "fc", "call_id": "w", "name": "add", "arguments": written}
        for written in (ONE, TWO)
    ]
    events: list[Json] = []
    for index, item in enumerate(items):
        at = index if indexes else None
        events.append(_item(at, "response.output_item.added", item={**item, "arguments": ""}))
        events += [
            _item(at, "response.function_call_arguments.delta", item_id="fc", delta=piece)
            for piece in (item["arguments"][:4], item["arguments"][4:])
        ]
        if ends:
            events.append(_item(at, "response.output_item.done", item=item))
    whole = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": items}
    return [*events, {"type": "response.completed", "response": whole}]


def messages_stream(indexes: bool, ends: bool) -> list[Json]:
    """Two calls of one id, all at one index, or without the events that end them."""
    events: list[Json] = [{"type": "message_start", "message": {"id": "msg_1"}}]
    for index, written in enumerate((ONE, TWO)):
        at = {"index": index if indexes else 0}
        block = {"type": "tool_use", "id": "w", "name": "add", "input": {}}
        events.append({"type": "content_block_start", **at, "content_block": block})
        events += [
            {"type": "content_block_delta", **at, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in (written[:4], written[4:])
        ]
        if ends:
            events.append({"type": "content_block_stop", **at})
    delta = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}}
    return [*events, delta, {"type": "message_stop"}]


@every_client
@pytest.mark.parametrize("driver", ["stream", "async stream"])
@pytest.mark.parametrize(("indexes", "ends"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize(("endpoint", "stream"), [("responses", responses_stream), ("messages", messages_stream)])
async def test_calls_that_share_an_id_stay_separate(
    endpoint: str, stream: Any, indexes: bool, ends: bool, client: str, driver: str
) -> None:
    calls = await send_turns(mode_of(client, driver, endpoint), Streaming(stream(indexes, ends)))
    assert [(call.name, call.arguments) for call in calls] == [("add", {"x": 1}), ("add", {"x": 2})]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("version", ["v0", "v1"])
@pytest.mark.parametrize("entries", STREAMS.values(), ids=STREAMS)
def test_chunks_added_in_any_grouping_keep_calls_separate(entries: list[Json], version: str) -> None:
    model = chat_model(Streaming(call_chunks(*entries)), "chat_completions", output_version=version)
    chunks = list(model.stream("Go on."))
    for seed in range(10):
        groups, rest, dice = [], chunks[:], random.Random(seed)
        while rest:
            size = dice.randint(1, len(rest))
            groups.append(reduce(add, rest[:size]))
            rest = rest[size:]
        calls = reduce(add, groups).tool_calls
        assert [call["args"] for call in calls] == [{"x": 1}, {"x": 2}]
        assert len({call["id"] for call in calls}) == 2


# --- agents -----------------------------------------------------------------------------------------------------------


def two_calls_in_each_turn(ids: list[str | None], turns: int) -> Any:
    """Calls both tools in each turn, then replies with text."""
    numbers = iter(range(turns))

    def answer(body: Json) -> Any:
        if (number := next(numbers, None)) is None:
            return "Done."
        return [Call(tool_names(body)[at], {"x": 10 * number + at}, call_id) for at, call_id in enumerate(ids)]

    return answer


def tool(name: str) -> Any:
    def run(x: int) -> str:
        return f"{name} {x}"

    run.__doc__ = "It runs."
    return run


RAN = [f"{name} {10 * number + at}" for number in range(3) for at, name in enumerate(["add", "mul"])]
AGENT_IDS: dict[str, list[str | None]] = {
    "equal": ["w", "w"],
    "the functions' names": ["add", "mul"],
    "missing": [None, None],
    "crossed names": ["mul", "add"],
}


def assert_all_answered(body: Json) -> None:
    calls = calls_of(body)
    ids = [one.id for one in calls]
    assert len(set(ids)) == len(ids) == len(RAN)
    results = dict(results_of(body))
    assert [results[one.id or ""] for one in calls] == [f"{one.name} {one.arguments['x']}" for one in calls] == RAN


@every_endpoint
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("ids", AGENT_IDS.values(), ids=AGENT_IDS)
async def test_langchain_agent_answers_every_call(endpoint: str, streaming: bool, ids: list[str | None]) -> None:
    gateway = ToolGateway(two_calls_in_each_turn(ids, 3))
    tools = [StructuredTool.from_function(tool(name), name=name, description="Runs.") for name in ("add", "mul")]
    model: ChatAIMLAPI = chat_model(gateway, endpoint, streaming=streaming)
    await create_agent(model, tools).ainvoke({"messages": [{"role": "user", "content": "Go on."}]})
    assert_all_answered(gateway.bodies[-1])


@ignore_framework_warnings
@every_endpoint
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("workflow", [False, True])
@pytest.mark.parametrize("ids", AGENT_IDS.values(), ids=AGENT_IDS)
async def test_llama_index_agent_answers_every_call(
    endpoint: str, streaming: bool, workflow: bool, ids: list[str | None]
) -> None:
    gateway = ToolGateway(two_calls_in_each_turn(ids, 3))
    tools: Any = [FunctionTool.from_defaults(tool(name), name=name) for name in ("add", "mul")]
    llm = llama_index_llm(gateway, endpoint)
    agent: Any = FunctionAgent(name="agent", description="Runs.", tools=tools, llm=llm, streaming=streaming)
    await (AgentWorkflow(agents=[agent]) if workflow else agent).run("Go on.")
    assert_all_answered(gateway.bodies[-1])


def test_llama_index_stream_keeps_calls_separate_from_the_first_piece() -> None:
    gateway = ToolGateway(lambda _: [Call("add", {"x": 1}, "w"), Call("mul", {"x": 2}, "w")], interleaved=True)
    llm = llama_index_llm(gateway, "chat_completions")
    emitted = [
        [one.tool_name for one in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)]
        for response in llm.stream_chat([ChatMessage("Go on.")], tools=[function("add"), function("mul")])
    ]
    assert [names for at, names in enumerate(emitted) if names and names != emitted[at - 1]] == [
        ["add"],
        ["add", "mul"],
    ]
