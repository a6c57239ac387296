"""`Delta`s -> the responses of a stream, each with the whole message so far."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    TextBlock,
)

from ..._utils.pydantic_models import ModelTemplate
from ...types import Audio, Delta, Fragment, Message, Part, Reasoning, Refusal, Text, ToolCall
from .decode import call_block, call_entry, chat_message, chat_response, thinking_blocks

T = TypeVar("T")
U = TypeVar("U")


# Nearly all responses of a stream are created from these, without validation. That of a block costs less than this..
_TEXT_MESSAGES = ModelTemplate(ChatMessage(role=MessageRole.ASSISTANT, blocks=[]), "blocks")
_CALL_MESSAGES = ModelTemplate(
    ChatMessage(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={}), "blocks", "additional_kwargs"
)
_RESPONSES = ModelTemplate(ChatResponse(message=ChatMessage(), delta=""), "message", "delta")


class ResponseBuilder:
    """Builds the responses of one stream. The last one is what a call without streaming would have returned.

    `_single` is the index of the text or call that is being written while the message has nothing else but reasoning
    before it. Nearly all chunks are like that, and cost little more than their message.
    """

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._single: int | None = None

    def add(self, delta: Delta) -> ChatResponse | None:
        """Return the response after `delta`, or None if it adds nothing."""
        if delta.reply is not None:
            return chat_response(delta.reply, delta.text, delta.reasoning)
        if not delta.fragments:
            return None
        for fragment in delta.fragments:
            self._add_fragment(fragment)
        first = delta.fragments[0]
        if first.index == self._single and len(delta.fragments) == 1:
            return self._single_response(self._parts[first.index], first.part)
        reasoning = delta.reasoning
        kwargs = {"thinking_delta": reasoning} if reasoning else {}
        message = chat_message(Message("assistant", self._ordered()))
        return ChatResponse(message=message, delta=delta.text, additional_kwargs=kwargs)

    def _add_fragment(self, fragment: Fragment) -> None:
        index, piece, previous = fragment.index, fragment.part, self._parts.get(fragment.index)
        if index == self._single and type(piece) is Text and type(previous) is Text and not piece.citations:
            self._parts[index] = Text(previous.text + piece.text, (), previous.id or piece.id, previous.cache)
            return
        self._parts[index] = part = piece if previous is None else _merge(previous, piece)
        is_single = _is_plain(part) and (index == self._single or self._only_reasoning_before(index))
        self._single = index if is_single else None

    def _only_reasoning_before(self, index: int) -> bool:
        return all(type(part) is Reasoning and other < index for other, part in self._parts.items() if other != index)

    def _single_response(self, part: Any, piece: Any) -> ChatResponse:
        """Return the response of a message that ends in `part`, a text or a call, which `piece` was added to."""
        thoughts = thinking_blocks(self._ordered()) if len(self._parts) > 1 else []
        if type(part) is ToolCall:
            blocks = [*thoughts, call_block(part)]
            message = _CALL_MESSAGES.create(blocks=blocks, additional_kwargs={"tool_calls": [call_entry(part)]})
            return _RESPONSES.create(message=message, delta="")
        message = _TEXT_MESSAGES.create(blocks=[*thoughts, TextBlock(text=part.text)])
        return _RESPONSES.create(message=message, delta=piece.text)

    def _ordered(self) -> tuple[Part, ...]:
        return tuple(self._parts[index] for index in sorted(self._parts))


def _is_plain(part: Part) -> bool:
    return type(part) is ToolCall or (type(part) is Text and not part.citations)


def _merge(a: Part, b: Part) -> Part:
    """Merge two pieces of one part: texts are joined, and of other fields, which come once, the first one stays."""
    match a, b:
        case Text(), Text():
            return Text(a.text + b.text, a.citations + b.citations, a.id or b.id, a.cache)
        case Reasoning(), Reasoning():
            kind = b.kind if a.kind == "text" else a.kind
            opaque = (a.id or b.id, a.signature or b.signature, a.encrypted or b.encrypted)
            return Reasoning(a.text + b.text, kind, *opaque, a.details + b.details)
        case ToolCall(), ToolCall():
            tool_kind = b.kind if a.kind == "function" else a.kind
            identity = (a.id or b.id, a.name or b.name)
            arguments = a.arguments + b.arguments
            return ToolCall(*identity, arguments, tool_kind, a.item_id or b.item_id, a.extra or b.extra)
        case Refusal(), Refusal():
            return Refusal(a.text + b.text)
        case Audio(), Audio():
            return Audio(
                id=a.id or b.id, transcript=(a.transcript or "") + (b.transcript or "")
            )  # data come at the end
    return b


def build_responses(deltas: Iterable[Delta]) -> Iterator[ChatResponse]:
    """Yield a response for each delta that adds something."""
    builder = ResponseBuilder()
    for delta in deltas:
        response = builder.add(delta)
        if response is not None:
            yield response


class AsyncMap(AsyncGenerator[U, None]):
    """Yields each item of `source` through `function`. `check` gets the last one at the end, and may raise.

    Not an async generator function: at its end, an event loop closes all running generators at once, and one that
    closes another in turn fails with "asynchronous generator is already running".
    """

    def __init__(
        self, function: Callable[[T], U], source: AsyncGenerator[T, None], check: Callable[[U], object] | None = None
    ) -> None:
        self._function: Callable[[Any], U] = function
        self._source: AsyncGenerator[Any, None] = source
        self._check = check
        self._last: U | None = None

    async def __anext__(self) -> U:
        try:
            item = await self._source.__anext__()
        except StopAsyncIteration:
            if self._check and self._last is not None:
                self._check(self._last)
            raise
        self._last = self._function(item)
        return self._last

    async def asend(self, value: None) -> U:
        return self._function(await self._source.asend(value))

    async def athrow(self, *args: Any) -> U:
        return self._function(await self._source.athrow(*args))

    async def aclose(self) -> None:
        await self._source.aclose()
