"""Conversations that the gateway stores: only messages after the last stored response are sent, with its id.

https://platform.openai.com/docs/guides/conversation-state
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from .._utils.json import drop_none
from ..models import RESPONSES, lookup
from ..types import Message, Part, Reasoning, Request, Text, ToolCall, join_texts
from .options import CallOptions


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that the gateway stores, and the model that wrote it, if known."""

    id: str
    model: str | None = None


def continue_stored(
    request: Request, options: CallOptions, stored: Sequence[StoredResponse | None]
) -> tuple[Request, CallOptions]:
    """Store the response, and continue the last stored one of the conversation instead of sending all messages.

    System text goes as `instructions` with every request, since a request doesn't inherit those of the one before.
    If the call doesn't go to Responses, or `store` is False, the request is returned unchanged.

    Args:
        request: what to send, with the whole conversation.
        options: how to send it. If it names no endpoint, Responses is used if it serves the model.
        stored: for each assistant message, in order, the stored response that it was, or None.
    """
    if request.options.get("store") is False or not _goes_to_responses(request.model, options):
        return request, options
    options = options if options.endpoint else replace(options, use_responses_api=True)
    parameters: dict[str, Any] = {"store": True} if _lists_parameter(request.model, "store") else {}
    parameters |= drop_none(request.options)
    if "previous_response_id" in parameters:
        return replace(request, options=parameters), options
    system, messages = _split_system(request.messages)
    if system:
        instructions = parameters.get("instructions")
        parameters["instructions"] = "\n\n".join(filter(None, [instructions, join_texts(system)]))
    start, response = _find_last_stored(messages, stored, request.model)
    if response:
        parameters["previous_response_id"] = response.id
    new = tuple(map(_remove_item_ids, _mark_custom_results(messages[:start], messages[start:])))
    return replace(request, messages=new, options=parameters), options


def _goes_to_responses(model_id: str, options: CallOptions) -> bool:
    if options.endpoint is not None:
        return options.endpoint == RESPONSES
    model = lookup(model_id)
    served = model.responses is not None or not (model.known or model.developer)
    return served if options.use_responses_api is None else options.use_responses_api


def _lists_parameter(model: str, parameter: str) -> bool:
    return lookup(model).parameter(parameter, RESPONSES) is not None


def _split_system(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Split off the leading system messages of text. If there are no others, nothing is split off."""
    system = tuple(takewhile(_is_system_text, messages))
    others = messages[len(system) :]
    return (system, others) if others else ((), messages)


def _is_system_text(message: Message) -> bool:
    return message.role in ("system", "developer") and all(isinstance(part, Text) for part in message.parts)


def _find_last_stored(
    messages: tuple[Message, ...], stored: Sequence[StoredResponse | None], model: str
) -> tuple[int, StoredResponse | None]:
    """Return the index of the first new message, and the last stored response before it that the model can continue."""
    indexes = [index for index, message in enumerate(messages) if message.role == "assistant"]
    if len(indexes) != len(stored):
        return 0, None
    for index, response in reversed(list(zip(indexes, stored, strict=True))):
        if response and index + 1 < len(messages) and _same_vendor(response.model, model):
            return index + 1, response
    return 0, None


def _same_vendor(author: str | None, model: str) -> bool:
    """Return whether the model can continue a response: each vendor has only its own."""
    vendors = {vendor for name in (author, model) if name and (vendor := lookup(name).developer)}
    return len(vendors) < 2


def _mark_custom_results(before: tuple[Message, ...], new: tuple[Message, ...]) -> list[Message]:
    """Mark new results of custom tools as such, since the tool calls that they belong to aren't sent."""
    custom_ids = {call.id for message in before for call in message.tool_calls if call.kind == "custom"}
    return [replace(each, call_kind="custom") if each.tool_call_id in custom_ids else each for each in new]


def _remove_item_ids(message: Message) -> Message:
    """Remove the ids of items from an assistant message that isn't stored: the vendor rejects unknown ids."""
    if message.role != "assistant":
        return message
    return replace(message, parts=tuple(part for each in message.parts if (part := _remove_item_id(each)) is not None))


def _remove_item_id(part: Part) -> Part | None:
    match part:
        case Text(id=str()):
            return replace(part, id=None)
        case ToolCall(item_id=str()):
            return replace(part, item_id=None)
        case Reasoning(encrypted=None):
            return None
    return part
