"""What a request of Anthropic's own form must hold beyond its shape: calls that were made, what goes with thinking."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from .ask import JSON, Ask
from .wire import problem, refused
from .wire_messages import MessagesRequest

Problems = Iterator[JSON]


def check(request: MessagesRequest, body: JSON, ask: Ask) -> None:
    """Raises the gateway's 400 where a rule is broken."""
    if problems := [*_pairing(ask), *_silent_turns(body), *_images(body), *_thinking(request, ask)]:
        raise refused(problems[:1])


def _pairing(ask: Ask) -> Problems:
    called = {call.id for turn in ask.turns for call in turn.calls}
    for turn in ask.turns:
        if turn.role == "tool" and turn.call_id not in called:
            yield problem("messages", f"unexpected `tool_use_id` found in `tool_result` blocks: {turn.call_id}")


def _silent_turns(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if not message["content"]:
            yield problem(f"messages.{index}", "all messages must have non-empty content")
        for path, block in _blocks(index, message):
            if block == {"type": "text", "text": ""}:
                yield problem(f"{path}.text", "text content blocks must be non-empty")


_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def _images(body: JSON) -> Problems:
    blocks = chain.from_iterable(_blocks(index, message) for index, message in enumerate(body["messages"]))
    for path, block in blocks:
        kind = block["source"].get("media_type", _IMAGES[0]) if block["type"] == "image" else _IMAGES[0]
        if kind not in _IMAGES:
            options = " | ".join(f"'{one}'" for one in _IMAGES)
            reason = f"Invalid enum value. Expected {options}, received '{kind}'"
            yield problem(f"{path}.source.media_type", reason, "invalid_enum_value")


def _blocks(index: int, message: JSON) -> Iterator[tuple[str, JSON]]:
    """The blocks of a turn, each with the path to it."""
    if isinstance(message["content"], list):
        for place, block in enumerate(message["content"]):
            yield f"messages.{index}.content.{place}", block


def _thinking(request: MessagesRequest, ask: Ask) -> Problems:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
    if request.thinking.type == "disabled":
        return
    given = request.model_fields_set
    if "max_tokens" in given and request.max_tokens <= request.thinking.budget_tokens:
        yield problem("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`")
    if ask.forced or ask.choice == "required":
        yield problem("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
    if request.temperature != 1:
        yield problem("temperature", "`temperature` may only be set to 1 when thinking is enabled")
    if "top_k" in given:
        yield problem("top_k", "`top_k` must be unset when thinking is enabled")
    if request.top_p < 0.95:
        yield problem("top_p", "`top_p` must be greater than or equal to 0.95 when thinking is enabled")
