"""Conversations that the gateway keeps: only what is new since the last stored response is sent, with its id.

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
    """A response that the gateway stores, and the model that wrote it, where that is known."""

    id: str
    model: str | None = None


def continue_stored(
    request: Request, options: CallOptions, stored: Sequence[StoredResponse | None]
) -> tuple[Request, CallOptions]:
    """Store the answer, and continue the last stored response of the conversation instead of sending all of it.

    System text goes as `instructions` with every request, since a request does not take over those of the one before.
    Where the call does not go to Responses, or `store` is False, the conversation goes as it is.

    Args:
        request: what to send, with the whole conversation.
        options: how to send it; where it names no endpoint, Responses is used if the model is served there.
        stored: for each assistant turn, in order, the stored response that it was; None for others.
    """
    if request.options.get("store") is False or not _goes_to_responses(request.model, options):
        return request, options
    options = options if options.endpoint else replace(options, use_responses_api=True)
    parameters: dict[str, Any] = {"store": True} if _lists(request.model, "store") else {}
    parameters |= drop_none(request.options)
    if "previous_response_id" in parameters:
        return replace(request, options=parameters), options
    system, turns = _parted(request.messages)
    if system:
        given = parameters.get("instructions")
        parameters["instructions"] = f"{given}\n\n{join_texts(system)}" if given else join_texts(system)
    place, response = _last(turns, stored, request.model)
    if response:
        parameters["previous_response_id"] = response.id
    new = tuple(map(_without_items, _results_marked(turns[:place], turns[place:])))
    return replace(request, messages=new, options=parameters), options


def _goes_to_responses(model: str, options: CallOptions) -> bool:
    if options.endpoint is not None:
        return options.endpoint == "responses"
    known = lookup(model)
    served = known.responses is not None or not (known.known or known.developer)
    return served if options.use_responses_api is None else options.use_responses_api


def _lists(model: str, parameter: str) -> bool:
    return lookup(model).parameter(parameter, RESPONSES) is not None


def _parted(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The system turns that lead the conversation, as far as they are text, and the others; none where all lead."""
    system = tuple(takewhile(_is_system_text, messages))
    turns = messages[len(system) :]
    return (system, turns) if turns else ((), messages)


def _is_system_text(turn: Message) -> bool:
    return turn.role in ("system", "developer") and all(isinstance(part, Text) for part in turn.parts)


def _last(
    turns: tuple[Message, ...], stored: Sequence[StoredResponse | None], model: str
) -> tuple[int, StoredResponse | None]:
    """The place of the first turn that is new, and the response before it: the last one that something follows."""
    answers = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
    if len(answers) != len(stored):
        return 0, None
    usable = (
        (place + 1, response)
        for place, response in zip(answers, stored, strict=True)
        if response and place + 1 < len(turns) and _same_vendor(response.model, model)
    )
    return max(usable, key=lambda found: found[0], default=(0, None))


def _same_vendor(author: str | None, model: str) -> bool:
    """Whether the response can be continued by the model: a vendor keeps its own responses only."""
    vendors = {vendor for name in (author, model) if name and (vendor := lookup(name).developer)}
    return len(vendors) < 2


def _results_marked(before: tuple[Message, ...], new: tuple[Message, ...]) -> list[Message]:
    """The new turns; results of custom tools say so, since the calls that they answer are not sent."""
    custom = {call.id for turn in before for call in turn.tool_calls if call.kind == "custom"}
    return [replace(turn, call_kind="custom") if turn.tool_call_id in custom else turn for turn in new]


def _without_items(turn: Message) -> Message:
    """An answer that is not stored, without ids of items: upstream refuses those that it does not have."""
    if turn.role != "assistant":
        return turn
    return replace(turn, parts=tuple(part for each in turn.parts if (part := _without_item(each)) is not None))


def _without_item(part: Part) -> Part | None:
    match part:
        case Text(id=str()):
            return replace(part, id=None)
        case ToolCall(item_id=str()):
            return replace(part, item_id=None)
        case Reasoning(encrypted=None):
            return None
    return part
