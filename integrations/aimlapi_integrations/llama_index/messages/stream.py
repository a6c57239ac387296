"""`Delta`s -> the responses of a stream, each with the whole message so far."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock

from ...types import Audio, Delta, Fragment, Message, Part, Reasoning, Refusal, Text, ToolCall
from .decode import call_block, call_entry, chat_message, chat_response, thinking_blocks

_MODEL = MessageRole.ASSISTANT

T = TypeVar("T")
U = TypeVar("U")


class Fold:
    """Adds up one stream. The response that the last delta makes is the one that a plain call would have given.

    `_alone` is the index of the text or call that is being written, while the message has nothing but thinking beside
    it: that is how nearly all chunks of nearly all streams are, and they cost little more than their message.
    """

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._alone: int | None = None

    def response(self, delta: Delta) -> ChatResponse | None:
        """The response after `delta`; None where that adds nothing."""
        if delta.reply is not None:
            return chat_response(delta.reply, delta.text, delta.reasoning)
        if not delta.fragments:
            return None
        for fragment in delta.fragments:
            self._add(fragment)
        [first, *more] = delta.fragments
        if not more and first.index == self._alone:
            return self._lone_response(self._parts[first.index], first.part)
        thinking = delta.reasoning
        told = {"thinking_delta": thinking} if thinking else {}
        message = chat_message(Message("assistant", self._ordered()))
        return ChatResponse(message=message, delta=delta.text, additional_kwargs=told)

    def _add(self, fragment: Fragment) -> None:
        index, known = fragment.index, self._parts.get(fragment.index)
        self._parts[index] = part = fragment.part if known is None else _sum(known, fragment.part)
        still = index == self._alone
        self._alone = index if _is_plain(part) and (still or self._thought_until(index)) else None

    def _thought_until(self, index: int) -> bool:
        return all(type(part) is Reasoning and at < index for at, part in self._parts.items() if at != index)

    def _lone_response(self, part: Any, piece: Any) -> ChatResponse:
        """The response of a message that ends in `part`, a text or a call, which has just got `piece`."""
        thoughts = thinking_blocks(self._ordered()) if len(self._parts) > 1 else []
        if type(part) is ToolCall:
            calls = {"tool_calls": [call_entry(part)]}
            blocks = [*thoughts, call_block(part)]
            return ChatResponse(message=ChatMessage(role=_MODEL, blocks=blocks, additional_kwargs=calls), delta="")
        blocks = [*thoughts, TextBlock(text=part.text)]
        return ChatResponse(message=ChatMessage(role=_MODEL, blocks=blocks), delta=piece.text)

    def _ordered(self) -> tuple[Part, ...]:
        return tuple(self._parts[index] for index in sorted(self._parts))


def _is_plain(part: Part) -> bool:
    return type(part) is ToolCall or (type(part) is Text and not part.citations)


def _sum(a: Part, b: Part) -> Part:
    """One part of two pieces: texts are joined; of everything else, which is given once, the first word holds."""
    match a, b:
        case Text(), Text():
            return Text(a.text + b.text, a.citations + b.citations, a.id or b.id, a.cache)
        case Reasoning(), Reasoning():
            kind = b.kind if a.kind == "text" else a.kind
            proofs = (a.id or b.id, a.signature or b.signature, a.encrypted or b.encrypted)
            return Reasoning(a.text + b.text, kind, *proofs, a.details + b.details)
        case ToolCall(), ToolCall():
            kind_of_tool = b.kind if a.kind == "function" else a.kind
            named = (a.id or b.id, a.name or b.name)
            return ToolCall(*named, a.arguments + b.arguments, kind_of_tool, a.item_id or b.item_id, a.extra or b.extra)
        case Refusal(), Refusal():
            return Refusal(a.text + b.text)
        case Audio(), Audio():
            return Audio(id=a.id or b.id, transcript=(a.transcript or "") + (b.transcript or ""))  # its data come whole
    return b


def responses(deltas: Iterable[Delta]) -> Iterator[ChatResponse]:
    """A response for each delta that adds something."""
    fold = Fold()
    for delta in deltas:
        response = fold.response(delta)
        if response is not None:
            yield response


class AsyncMap(AsyncGenerator[U, None]):
    """What `source` yields, each through `function`; `check`, given the last of it at the end, may raise.

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
