"""What a user gets from each client, read alike: texts, tool calls, usage and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse, ThinkingBlock, ToolCallBlock

from aimlapi_integrations.types import Reply
from tests.support.reply_bodies import Call


@dataclass(frozen=True)
class Answer:
    """The text, the calls with their arguments, those with invalid ones, and the finish reason."""

    text: str
    calls: tuple[tuple[str, Any], ...] = ()
    invalid_calls: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


class Observed(NamedTuple):
    """All of it: also the reasoning, the tokens (input, output, total) and the cost (dollars, credits)."""

    answer: Answer
    thinking: str
    usage: tuple[int, int, int] | None
    cost: tuple[str, float | None] | None


def answer_of(result: Any) -> Answer:
    """Read what a client returned."""
    match result:
        case Reply():
            return _of_reply(result)
        case AIMessage():
            return _of_message(result)
        case ChatResponse():
            return _of_response(result)
    raise TypeError(type(result))


def observe(result: Any) -> Observed:
    """Read what a client returned, with its usage and cost."""
    match result:
        case Reply(usage=usage, cost=cost):
            tokens = usage and (usage.input, usage.output, usage.total)
            return Observed(answer_of(result), result.reasoning, tokens, cost and (cost.usd, cost.credits))
        case AIMessage(usage_metadata=counts):
            blocks = [block for block in result.content_blocks if block["type"] == "reasoning"]
            tokens = counts and (counts["input_tokens"], counts["output_tokens"], counts["total_tokens"])
            thinking = "".join(block.get("reasoning", "") for block in blocks)
            return Observed(answer_of(result), thinking, tokens, _cost(result.response_metadata))
        case ChatResponse(additional_kwargs=metadata):
            thinking = "".join(
                block.content or "" for block in result.message.blocks if isinstance(block, ThinkingBlock)
            )
            names = ("prompt_tokens", "completion_tokens", "total_tokens")
            tokens = tuple(metadata[name] for name in names) if "total_tokens" in metadata else None
            return Observed(answer_of(result), thinking, tokens, _cost(metadata))
    raise TypeError(type(result))


def calls_in(result: Any) -> list[Call]:
    """Return the tool calls with their ids."""
    match result:
        case Reply():
            return [Call(call.name, call.parsed() or {}, call.id) for call in result.tool_calls]
        case AIMessage():
            return [Call(call["name"], call["args"], call["id"]) for call in result.tool_calls]
        case ChatResponse():
            blocks = [block for block in result.message.blocks if isinstance(block, ToolCallBlock)]
            return [Call(block.tool_name, block.tool_kwargs, block.tool_call_id) for block in blocks]
    raise TypeError(type(result))


def _of_reply(reply: Reply) -> Answer:
    calls = [(call.name, call.parsed(), call.arguments) for call in reply.tool_calls]
    return Answer(
        reply.text,
        tuple((name, parsed) for name, parsed, _ in calls if parsed is not None),
        tuple((name, raw_arguments) for name, parsed, raw_arguments in calls if parsed is None),
        reply.finish_reason,
    )


def _of_message(message: AIMessage) -> Answer:
    return Answer(
        message.text,
        tuple((call["name"], call["args"]) for call in message.tool_calls),
        tuple((call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls),
        message.response_metadata.get("finish_reason"),
    )


def _of_response(response: ChatResponse) -> Answer:
    invalid_calls = response.message.additional_kwargs.get("invalid_tool_calls", [])
    return Answer(
        response.message.content or "",
        tuple((call.name, call.arguments) for call in calls_in(response)),
        tuple(tuple(call[call["type"]].values()) for call in invalid_calls),
        response.additional_kwargs.get("finish_reason"),
    )


def _cost(metadata: Any) -> tuple[str, float | None] | None:
    cost = metadata.get("cost")
    return cost and (cost["usd"], cost["credits"])
