"""Token counts in LangChain's form."""

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
from ...models import vendor
from ...types import Choice, Json, Refusal, Reply, ToolCall, Usage
from .additional_kwargs import split_message
from .content_out import call_arguments, to_content_blocks


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """The counts as the reply gives them. Only ints: core cannot add up anything else.

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
    """The counts as callbacks look for them in `llm_output`: as they came, and by the names of chat completions too."""
    if usage is None:
        return {}
    named = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.input_details.get("cache_read", 0)},
        "completion_tokens_details": {"reasoning_tokens": usage.output_details.get("reasoning", 0)},
    }
    return {**named, **_stated(usage)}


def stated_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The counts as they came, with their total where the reply names none."""
    return None if usage is None else {"total_tokens": usage.total, **_stated(usage)}


def _stated(usage: Usage) -> dict[str, Any]:
    return {name: count for name, count in usage.raw.items() if name != "total_tokens" or count is not None}


def sum_token_usage(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Raw counts of several replies added up, their nested details too; what is no number is left out."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, Mapping):
                total[name] = sum_token_usage([total.get(name) or {}, value])
            elif isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total


PROVIDER = "aimlapi"

_ENDPOINTS = {"response": "responses", "chat.completion": "chat_completions", "message": "messages"}


class Form(NamedTuple):
    """How messages are to be: `v1` for content of standard blocks instead of text, `headers` for the answer's own in
    `response_metadata`."""

    v1: bool = False
    headers: bool = False


def chat_result(reply: Reply, form: Form) -> ChatResult:
    """A generation for each choice; the counts and the price of the call are on the first alone."""
    generations = [_generation(reply, place, form) for place in range(len(reply.choices))]
    output = {"model_name": reply.model, "token_usage": token_usage(reply.usage)}
    return ChatResult(generations=generations, llm_output={name: value for name, value in output.items() if value})


def _generation(reply: Reply, place: int, form: Form) -> ChatGeneration:
    choice = reply.choices[place]
    message = _message(reply, choice, form, first=place == 0)
    return ChatGeneration(message=message, generation_info=generation_info(choice))


def generation_info(choice: Choice) -> dict[str, Any] | None:
    """What callbacks read beside the message."""
    info = {"finish_reason": choice.finish_reason, "logprobs": _logprobs(choice)}
    return drop_none(info) or None


def _message(reply: Reply, choice: Choice, form: Form, first: bool) -> AIMessage:
    valid, invalid = tool_calls(choice.message.tool_calls)
    content, kwargs = split_message(choice.message)
    shown: Any = content
    metadata = response_metadata(reply, choice, form, first)
    if form.v1:
        shown, kwargs = to_content_blocks(choice.message.parts), refusal_alone(kwargs)
        metadata["output_version"] = "v1"
    return AIMessage(
        content=shown,
        additional_kwargs=kwargs,
        tool_calls=valid,
        invalid_tool_calls=invalid,
        usage_metadata=usage_metadata(reply.usage) if first else None,
        response_metadata=metadata,
        id=message_id(reply.id),
    )


def refusal_alone(kwargs: Json) -> Json:
    """What `additional_kwargs` keep where the content is blocks: those say all the rest."""
    return {name: value for name, value in kwargs.items() if name == "refusal"}


def message_id(reply_id: str | None) -> str | None:
    """The id of a stored response. Ids of chat completions name no message: LangChain gives its own."""
    return reply_id if reply_id and reply_id.startswith("resp_") else None


def tool_calls(calls: tuple[ToolCall, ...]) -> tuple[list[LangChainToolCall], list[InvalidToolCall]]:
    """The calls whose arguments are whole, and those whose are not."""
    valid, invalid = [], []
    for call in calls:
        args = call_arguments(call)
        if args is None:
            error = "The arguments are not a whole JSON object."
            invalid.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=error))
        else:
            valid.append(valid_tool_call(name=call.name, args=args, id=call.id))
    return valid, invalid


def response_metadata(reply: Reply, choice: Choice, form: Form, first: bool = True) -> Json:
    """Everything that the reply says of itself: model, reason, ids, price, sources beside the text."""
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
        "endpoint": _ENDPOINTS.get(str(reply.raw.get("object") or reply.raw.get("type"))),
        "status": reply.status,
        "store": reply.raw.get("store"),
        **{name: reply.raw.get(name) for name in ("incomplete_details", "citations", "search_results")},
        **_trail(reply),
        **(_price(reply) if first else {}),
        "headers": dict(reply.call_metadata.headers) if form.headers else None,
    }
    given = drop_none(fields)
    return {"model_provider": PROVIDER, **given}


def _normalized_finish_reason(choice: Choice) -> str | None:
    """Why the model stopped, in langchain-core's words, which reads this field from version 1.8.4 on.

    Source: `language_models/_finish_reason.py` of langchain-core 1.8.4, which names `stop`, `tool_call` and `refusal`.
    """
    if any(isinstance(part, Refusal) for part in choice.message.parts):
        return "refusal"
    reason = choice.finish_reason
    if reason == "tool_calls" or (reason == "stop" and choice.message.tool_calls):
        return "tool_call"
    return reason


def _author(reply: Reply, choice: Choice) -> str | None:
    """The model that wrote the answer, where the name in the reply is of another vendor's, or of none that is known."""
    author = choice.message.author
    return author if vendor(author) != vendor(reply.model) else None


def _logprobs(choice: Choice) -> Json | None:
    return None if choice.logprobs is None else {"content": [dict(entry) for entry in choice.logprobs]}


def _trail(reply: Reply) -> Json:
    trail = reply.call_metadata
    return {
        "inference_id": trail.inference_id,
        "request_id": trail.request_id,
        "client_request_id": trail.client_request_id,
        "provider": trail.provider,
    }


def _price(reply: Reply) -> Json:
    cost = reply.cost and {"usd": reply.cost.usd, "credits": reply.cost.credits}
    return {"cost": cost, "token_usage": stated_usage(reply.usage)}


_NO_COST = {"usd": "0.000000000", "credits": 0}


def without_cost(generation: ChatGeneration) -> ChatGeneration:
    """The same answer out of a cache: it costs nothing this time."""
    message = generation.message
    if "cost" not in message.response_metadata and not getattr(message, "usage_metadata", None):
        return generation
    metadata = {**message.response_metadata, "cost": dict(_NO_COST)}
    free = message.model_copy(update={"response_metadata": metadata})
    return generation.model_copy(update={"message": free})
