"""Calls with the plain client, LangChain and LlamaIndex, in four modes each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse, TextBlock, ThinkingBlock, ToolCallBlock

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply, Request, Tool
from tests.parity.conversations import TOOL, WEATHER, Conversation

MODES = ("plain", "stream", "async plain", "async stream")
DESCRIBED = Tool(WEATHER["name"], WEATHER["description"], WEATHER["parameters"])


class Observed(NamedTuple):
    """What a user observes of an answer."""

    text: str
    thinking: str
    calls: list[tuple[str, Any]]
    invalid: list[tuple[str, str]]
    usage: tuple[int, int, int] | None
    cost: tuple[str, float | None] | None
    finish: str | None


@dataclass(frozen=True)
class Case:
    """A conversation for a model on an endpoint."""

    base_url: str
    conversation: Conversation
    model: str
    responses: bool
    with_tool: bool = False
    max_retries: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tools(self) -> bool:
        return self.with_tool or self.conversation.with_tool


# --- the bare client --------------------------------------------------------------------------------------------------


async def bare(case: Case, mode: str) -> Observed:
    tools = (DESCRIBED,) if case.tools else ()
    request = Request(case.model, tuple(case.conversation.bare), tools=tools, options=dict(case.options))
    options = CallOptions(use_responses_api=case.responses)
    kind = AsyncClient if mode.startswith("async") else Client
    client: Any = kind("k", case.base_url, max_retries=case.max_retries)
    match mode:
        case "plain":
            with client:
                return _of_reply(client.complete(request, options))
        case "stream":
            with client, client.stream(request, options) as deltas:
                return _of_reply(list(deltas)[-1].reply)
        case "async plain":
            async with client:
                return _of_reply(await client.complete(request, options))
    async with client, client.stream(request, options) as deltas:
        return _of_reply([delta async for delta in deltas][-1].reply)


def _of_reply(reply: Reply | None) -> Observed:
    assert reply is not None
    usage = reply.usage and (reply.usage.input, reply.usage.output, reply.usage.total)
    cost = reply.cost and (reply.cost.usd, reply.cost.credits)
    calls = [(call.name, call.parsed()) for call in reply.tool_calls if call.parsed() is not None]
    invalid = [(call.name, call.arguments) for call in reply.tool_calls if call.parsed() is None]
    choice = reply.choices[0]
    finish = choice.finish_reason or choice.native_finish_reason
    return Observed(reply.text, reply.reasoning, calls, invalid, usage, cost, finish)


# --- LangChain --------------------------------------------------------------------------------------------------------


async def langchain(case: Case, mode: str) -> Observed:
    model = ChatAIMLAPI(
        model=case.model,
        api_key="k",
        base_url=case.base_url,
        use_responses_api=case.responses,
        max_retries=case.max_retries,
    )
    llm = model.bind_tools([TOOL]) if case.tools else model
    messages, options = case.conversation.langchain, dict(case.options)
    try:
        match mode:
            case "plain":
                return _of_message(llm.invoke(messages, **options))
            case "stream":
                return _of_message(reduce(add, list(llm.stream(messages, **options))))
            case "async plain":
                return _of_message(await llm.ainvoke(messages, **options))
        return _of_message(reduce(add, [chunk async for chunk in llm.astream(messages, **options)]))
    finally:
        await model.aclose()


def _of_message(message: AIMessage) -> Observed:
    counts = message.usage_metadata
    usage = counts and (counts["input_tokens"], counts["output_tokens"], counts["total_tokens"])
    thinking = "".join(block.get("reasoning", "") for block in message.content_blocks if block["type"] == "reasoning")
    calls = [(call["name"], call["args"]) for call in message.tool_calls]
    invalid = [(str(call["name"]), str(call["args"])) for call in message.invalid_tool_calls]
    metadata = message.response_metadata
    return Observed(
        message.text, thinking, calls, invalid, usage, _cost(metadata.get("cost")), metadata.get("finish_reason")
    )


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


async def llama_index(case: Case, mode: str) -> Observed:
    llm = AIMLAPI(
        model=case.model,
        api_key="k",
        api_base=case.base_url,
        use_responses_api=case.responses,
        max_retries=case.max_retries,
    )
    messages, options = case.conversation.llama_index, {**case.options, **({"tools": [TOOL]} if case.tools else {})}
    try:
        match mode:
            case "plain":
                return _of_response(llm.chat(messages, **options))
            case "stream":
                return _of_response(list(llm.stream_chat(messages, **options))[-1])
            case "async plain":
                return _of_response(await llm.achat(messages, **options))
        return _of_response([each async for each in await llm.astream_chat(messages, **options)][-1])
    finally:
        llm.close()
        await llm.aclose()


def _of_response(response: ChatResponse) -> Observed:
    metadata, blocks = response.additional_kwargs, response.message.blocks
    usage = None
    if "total_tokens" in metadata:
        usage = (metadata["prompt_tokens"], metadata["completion_tokens"], metadata["total_tokens"])
    return Observed(
        "".join(block.text for block in blocks if isinstance(block, TextBlock)),
        "".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock)),
        [(block.tool_name, block.tool_kwargs) for block in blocks if isinstance(block, ToolCallBlock)],
        [
            (call["function"]["name"], call["function"]["arguments"])
            for call in response.message.additional_kwargs.get("invalid_tool_calls", [])
        ],
        usage,
        _cost(metadata.get("cost")),
        metadata.get("finish_reason"),
    )


def _cost(metadata: Any) -> tuple[str, float | None] | None:
    return metadata and (metadata["usd"], metadata["credits"])


SendCase = Callable[[Case, str], Awaitable[Observed]]
CLIENTS: dict[str, SendCase] = {"bare": bare, "LangChain": langchain, "LlamaIndex": llama_index}
