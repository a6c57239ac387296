"""`Reply` -> LangChain messages, and token counts in LangChain's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, InvalidToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import ToolCall as LangChainToolCall
from langchain_core.messages.tool import invalid_tool_call
from langchain_core.messages.tool import tool_call as valid_tool_call
from langchain_core.outputs import ChatGeneration, ChatResult

from ..._utils.json import drop_none
from ...endpoints import name_of_reply
from ...endpoints.shared.parsing import RAW_FIELDS
from ...models import vendor
from ...types import Choice, Json, Refusal, Reply, ToolCall, Usage
from .additional_kwargs import split_message
from .content_out import INVALID_ARGUMENTS, call_arguments, to_content_blocks

PROVIDER = "aimlapi"


class MessageFormat(NamedTuple):
    """The format of messages: `v1` for standard content blocks instead of text, `headers` for the response headers in
    `response_metadata`."""

    v1: bool = False
    headers: bool = False


# --- token counts -------------------------------------------------------------------------------------------------


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Return the token counts of a reply. They are all ints, because core can't add up anything else.

    >>> usage_metadata(Usage(4, 903, 907, output_details={"reasoning": 128}))["output_token_details"]
    {'reasoning': 128}
    """
    if usage is None:
        return None
    counts = UsageMetadata(input_tokens=usage.input, output_tokens=usage.output, total_tokens=usage.total)
    if usage.input_details:
        counts["input_token_details"] = InputTokenDetails(**usage.input_details)  # type: ignore[typeddict-item]  # further keys are allowed
    if usage.output_details:
        counts["output_token_details"] = OutputTokenDetails(**usage.output_details)  # type: ignore[typeddict-item]  # as above
    return counts


def token_usage(usage: Usage | None) -> dict[str, Any]:
    """Return the counts that callbacks read from `llm_output`: by the names of chat completions, and as received."""
    if usage is None:
        return {}
    counts = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.input_details.get("cache_read", 0)},
        "completion_tokens_details": {"reasoning_tokens": usage.output_details.get("reasoning", 0)},
    }
    return {**counts, **_raw_counts(usage)}


def raw_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return the counts as received, with their total if the reply has none."""
    return None if usage is None else {"total_tokens": usage.total, **_raw_counts(usage)}


def _raw_counts(usage: Usage) -> dict[str, Any]:
    return {name: count for name, count in usage.raw.items() if name != "total_tokens" or count is not None}


def sum_token_usage(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the raw counts of several replies, nested details included. Values that are not numbers are left out."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, (int, float)):
                if not isinstance(value, bool):
                    total[name] = total.get(name, 0) + value
            elif isinstance(value, Mapping):
                total[name] = sum_token_usage([total.get(name) or {}, value])
    return total


# --- messages -----------------------------------------------------------------------------------------------------


def chat_result(reply: Reply, message_format: MessageFormat) -> ChatResult:
    """Return a generation for each choice. The first one alone has the token counts and the cost of the call."""
    generations = [_generation(reply, index, message_format) for index in range(len(reply.choices))]
    output = {"model_name": reply.model, "token_usage": token_usage(reply.usage)}
    return ChatResult(generations=generations, llm_output={name: value for name, value in output.items() if value})


def _generation(reply: Reply, index: int, message_format: MessageFormat) -> ChatGeneration:
    choice = reply.choices[index]
    message = _message(reply, choice, message_format, first=index == 0)
    return ChatGeneration(message=message, generation_info=generation_info(choice))


def generation_info(choice: Choice) -> dict[str, Any] | None:
    """Return what callbacks read in addition to the message."""
    info = {"finish_reason": choice.finish_reason, "logprobs": _logprobs(choice)}
    return drop_none(info) or None


def _message(reply: Reply, choice: Choice, message_format: MessageFormat, first: bool) -> AIMessage:
    valid, invalid = split_tool_calls(choice.message.tool_calls)
    text, additional_kwargs = split_message(choice.message)
    content: Any = text
    metadata = response_metadata(reply, choice, message_format, first)
    if message_format.v1:
        content, additional_kwargs = to_content_blocks(choice.message.parts), refusal_only(additional_kwargs)
        metadata["output_version"] = "v1"
    return AIMessage(
        content=content,
        additional_kwargs=additional_kwargs,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        usage_metadata=usage_metadata(reply.usage) if first else None,
        response_metadata=metadata,
        id=message_id(reply.id),
    )


def refusal_only(additional_kwargs: Json) -> Json:
    """Return the `additional_kwargs` of a message whose content is blocks, which hold everything else."""
    return {name: value for name, value in additional_kwargs.items() if name == "refusal"}


def message_id(reply_id: str | None) -> str | None:
    """Return the id of a stored response. Other replies have no message ids: LangChain generates them."""
    return reply_id if reply_id and reply_id.startswith("resp_") else None


def split_tool_calls(calls: tuple[ToolCall, ...]) -> tuple[list[LangChainToolCall], list[InvalidToolCall]]:
    """Return the calls with valid arguments, and those with invalid ones."""
    valid, invalid = [], []
    for call in calls:
        args = call_arguments(call)
        if args is None:
            invalid.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=INVALID_ARGUMENTS))
        else:
            valid.append(valid_tool_call(name=call.name, args=args, id=call.id))
    return valid, invalid


# --- response metadata --------------------------------------------------------------------------------------------


def response_metadata(reply: Reply, choice: Choice, message_format: MessageFormat, first: bool = True) -> Json:
    """Return the reply's metadata: model, finish reason, ids, cost, and sources that are not in the text."""
    native = choice.native_finish_reason
    fields = {
        "model_name": reply.model,
        "author": _author(reply, choice),
        "finish_reason": choice.finish_reason or native,
        "native_finish_reason": native if native != choice.finish_reason else None,
        "normalized_finish_reason": _normalized_finish_reason(choice),
        "id": reply.id,
        "created": reply.created,
        "system_fingerprint": reply.system_fingerprint,
        "service_tier": reply.service_tier,
        "logprobs": _logprobs(choice),
        "endpoint": name_of_reply(reply.raw),
        "status": reply.status,
        "store": reply.raw.get("store"),
        **{name: reply.raw.get(name) for name in ("incomplete_details", *RAW_FIELDS)},
        **_call_metadata(reply),
        **(_cost(reply) if first else {}),
        "headers": dict(reply.call_metadata.headers) if message_format.headers else None,
    }
    return {"model_provider": PROVIDER, **{name: value for name, value in fields.items() if value is not None}}


def _normalized_finish_reason(choice: Choice) -> str | None:
    """Return why the model stopped, in the terms of langchain-core, which reads this field since version 1.8.4.

    Source: `language_models/_finish_reason.py` of langchain-core 1.8.4. It names `stop`, `tool_call` and `refusal`, and
    leaves other reasons to the integrations: here they are `length` and `content_filter`.
    """
    if any(isinstance(part, Refusal) for part in choice.message.parts):
        return "refusal"
    if choice.finish_reason == "tool_calls" or (choice.finish_reason == "stop" and choice.message.tool_calls):
        return "tool_call"
    return choice.finish_reason


def _author(reply: Reply, choice: Choice) -> str | None:
    """Return the model that wrote the message, if its vendor is not that of the name in the reply."""
    author = choice.message.author
    return author if vendor(author) != vendor(reply.model) else None


def _logprobs(choice: Choice) -> Json | None:
    return None if choice.logprobs is None else {"content": [dict(entry) for entry in choice.logprobs]}


def _call_metadata(reply: Reply) -> Json:
    metadata = reply.call_metadata
    return {
        "inference_id": metadata.inference_id,
        "request_id": metadata.request_id,
        "client_request_id": metadata.client_request_id,
        "provider": metadata.provider,
        "metrics": dict(metadata.metrics) or None,
    }


def _cost(reply: Reply) -> Json:
    cost = reply.cost and {"usd": reply.cost.usd, "credits": reply.cost.credits}
    return {"cost": cost, "token_usage": raw_usage(reply.usage)}


_ZERO_COST = {"usd": "0.000000000", "credits": 0}


def without_cost(generation: ChatGeneration) -> ChatGeneration:
    """Return a cached generation with a cost of zero."""
    message = generation.message
    if "cost" not in message.response_metadata and not getattr(message, "usage_metadata", None):
        return generation
    metadata = {**message.response_metadata, "cost": dict(_ZERO_COST)}
    return generation.model_copy(update={"message": message.model_copy(update={"response_metadata": metadata})})
