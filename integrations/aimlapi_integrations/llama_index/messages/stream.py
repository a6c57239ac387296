"""`Delta`s -> the responses of a stream, each with the whole message so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Generic, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    TextBlock,
    ThinkingBlock,
)

from ..._utils.pydantic_models import ModelTemplate
from ...types import Audio, Delta, Json, Message, Part, Reasoning, Refusal, Text, ToolCall
from .decode import EMPTY_MESSAGE, call_block, call_entry, chat_message, chat_response, copy_extra, part_blocks

T = TypeVar("T")
U = TypeVar("U")
P = TypeVar("P", bound=Part)


# Nearly all responses of a stream are created from this, without validation.
_MESSAGES = ModelTemplate(EMPTY_MESSAGE, "blocks", "additional_kwargs")
_RESPONSES = ModelTemplate(
    ChatResponse(message=ChatMessage(), delta="", additional_kwargs={}), "message", "delta", "additional_kwargs"
)


class ResponseBuilder:
    """Builds the responses of one stream. The last one is what a call without streaming would have returned.

    Nearly all fragments only add text to the last part of the message, which then is `_growing`, and cost little more
    than their response. Others are merged, and the whole message is converted.
    """

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._growing: GrowingPart[Any] | None = None

    def add(self, delta: Delta) -> ChatResponse | None:
        """Return the response after `delta`, or None if it adds nothing."""
        if delta.reply is not None:
            return chat_response(delta.reply, delta.text, delta.reasoning)
        fragments, growing = delta.fragments, self._growing
        if growing is not None and len(fragments) == 1:
            [fragment] = fragments
            if fragment.index == growing.index and (response := growing.extend(fragment.part)):
                return response
        return self._add_fragments(delta) if fragments else None

    def _add_fragments(self, delta: Delta) -> ChatResponse:
        if self._growing is not None:
            self._parts[self._growing.index] = self._growing.part()
        for index, piece in ((fragment.index, fragment.part) for fragment in delta.fragments):
            self._parts[index] = _merge(self._parts[index], piece) if index in self._parts else piece
        self._parts = {index: self._parts[index] for index in sorted(self._parts)}
        self._growing = _growing_part(self._parts)
        reasoning = delta.reasoning
        kwargs = {"thinking_delta": reasoning} if reasoning else {}
        message = chat_message(Message("assistant", tuple(self._parts.values())))
        return ChatResponse(message=message, delta=delta.text, additional_kwargs=kwargs)


# --- the part that is being written -------------------------------------------------------------------------------


class GrowingPart(ABC, Generic[P]):
    """The last part of a message, whose text grows.

    Args:
        index: its index.
        part: the part so far.
        earlier: the parts before it, which don't become one block with it.
    """

    def __init__(self, index: int, part: P, earlier: Sequence[Part]) -> None:
        self.index = index
        self._part = part
        self._copy_earlier = [_block_copier(block) for block in part_blocks(earlier)]
        self._calls = [part for part in earlier if isinstance(part, ToolCall)]

    @abstractmethod
    def extend(self, piece: Part) -> ChatResponse | None:
        """Add a piece and return the response; None, unchanged, if the piece adds more than text."""

    @abstractmethod
    def part(self) -> Part:
        """Return the part so far."""

    def _response(self, block: Any, entries: list[Json], delta: str, kwargs: Json) -> ChatResponse:
        """Return the response that ends in `block`."""
        blocks = [*(copy_block() for copy_block in self._copy_earlier), block] if self._copy_earlier else [block]
        if self._calls:
            entries = [*map(call_entry, self._calls), *entries]
        message = _MESSAGES.create(blocks=blocks, additional_kwargs={"tool_calls": entries} if entries else {})
        return _RESPONSES.create(message=message, delta=delta, additional_kwargs=kwargs)


def _block_copier(block: Any) -> Callable[[], Any]:
    """Return a function that copies the block of an earlier part, whose lists each response has for itself."""
    if not isinstance(block, ThinkingBlock):
        return ModelTemplate(block).create
    template, information = ModelTemplate(block, "additional_information"), block.additional_information
    return lambda: template.create(additional_information={name: copy(value) for name, value in information.items()})


class _GrowingText(GrowingPart[Text]):
    def __init__(self, index: int, part: Text, earlier: Sequence[Part]) -> None:
        super().__init__(index, part, earlier)
        self._text = part.text

    def extend(self, piece: Part) -> ChatResponse | None:
        if type(piece) is not Text or piece.citations:
            return None
        self._text += piece.text
        return self._response(TextBlock(text=self._text), [], piece.text, {})

    def part(self) -> Text:
        return replace(self._part, text=self._text)


class _GrowingReasoning(GrowingPart[Reasoning]):
    def __init__(self, index: int, part: Reasoning, earlier: Sequence[Part]) -> None:
        super().__init__(index, part, earlier)
        self._text = part.text
        self._blocks = ModelTemplate(part_blocks([part])[0], "content")

    def extend(self, piece: Part) -> ChatResponse | None:
        if type(piece) is not Reasoning or not piece.text or piece.kind != self._part.kind:
            return None
        if piece.signature or piece.encrypted or piece.details or piece.id not in (None, self._part.id):
            return None
        self._text += piece.text
        block = self._blocks.create(content=self._text)
        return self._response(block, [], "", {"thinking_delta": piece.text})

    def part(self) -> Reasoning:
        return replace(self._part, text=self._text)


class _GrowingCall(GrowingPart[ToolCall]):
    def __init__(self, index: int, part: ToolCall, earlier: Sequence[Part]) -> None:
        super().__init__(index, part, earlier)
        self._arguments = part.arguments
        self._entry = call_entry(part)
        self._blocks = ModelTemplate(call_block(part), "tool_kwargs")

    def extend(self, piece: Part) -> ChatResponse | None:
        if type(piece) is not ToolCall or piece.kind != "function" or piece.id or piece.name or piece.extra:
            return None
        if piece.item_id not in (None, self._part.item_id):
            return None
        self._arguments += piece.arguments
        block = self._blocks.create(tool_kwargs=self._arguments)
        function = {"name": self._part.name, "arguments": self._arguments}
        entry = {**self._entry, "function": function, **copy_extra(self._part)}
        return self._response(block, [entry], "", {})

    def part(self) -> ToolCall:
        return replace(self._part, arguments=self._arguments)


def _growing_part(parts: Mapping[int, Part]) -> GrowingPart[Any] | None:
    """Return the last part if pieces of it can be added to its block alone, else None."""
    *earlier, part = parts.values()
    index, kinds = max(parts), set(map(type, earlier))
    if not all(map(_is_plain, parts.values())):
        return None
    match part:
        case Text() if Text not in kinds:
            return _GrowingText(index, part, earlier)
        case Reasoning() if part.id is None or not any(_has_id(each, part.id) for each in earlier):
            return _GrowingReasoning(index, part, earlier)
        case ToolCall() if part.kind == "function":
            return _GrowingCall(index, part, earlier)
    return None


def _is_plain(part: Part) -> bool:
    match part:
        case Text():
            return not part.citations
        case Reasoning():
            return not part.details
    return isinstance(part, ToolCall)


def _has_id(part: Part, item_id: str) -> bool:
    return isinstance(part, Reasoning) and part.id == item_id


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
