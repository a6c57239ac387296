"""`Delta`s -> the responses of a stream, each with the whole message so far."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock

from ..conversation import Audio, Delta, Fragment, Message, Part, Reasoning, Refusal, Text, ToolCall
from .from_reply import chat_message, chat_response, thinking_blocks


class Fold:
    """Adds up one stream. The response that the last delta makes is the one that a plain call would have given.

    `_spoken` is the text that is being said, and `_speaking` its index, while the message has nothing but thinking
    beside it: that is how nearly all chunks of nearly all streams are, and they cost no more than their message.
    """

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._speaking: int | None = None
        self._spoken = ""

    def response(self, delta: Delta) -> ChatResponse | None:
        """The response after `delta`; None where that adds nothing."""
        if delta.reply is not None:
            return chat_response(delta.reply, delta.text, delta.reasoning)
        if not delta.fragments:
            return None
        [first, *more] = delta.fragments
        if not more and first.index == self._speaking and type(first.part) is Text and not first.part.citations:
            return self._more_text(first.part.text)
        for fragment in delta.fragments:
            self._add(fragment)
        thinking = delta.reasoning
        told = {"thinking_delta": thinking} if thinking else {}
        return ChatResponse(message=self._message(), delta=delta.text, additional_kwargs=told)

    def _more_text(self, text: str) -> ChatResponse:
        self._spoken += text
        blocks: list[Any] = [TextBlock(text=self._spoken)]
        if len(self._parts) > 1:
            blocks = [*thinking_blocks(self._parts.values()), *blocks]
        return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks), delta=text)

    def _add(self, fragment: Fragment) -> None:
        if self._speaking is not None:
            self._parts[self._speaking] = Text(self._spoken)
        known = self._parts.get(fragment.index)
        self._parts[fragment.index] = part = fragment.part if known is None else _sum(known, fragment.part)
        self._speaking, self._spoken = None, ""
        if isinstance(part, Text) and not part.citations and self._thought_until(fragment.index):
            self._speaking, self._spoken = fragment.index, part.text

    def _thought_until(self, index: int) -> bool:
        return all(type(part) is Reasoning and at < index for at, part in self._parts.items() if at != index)

    def _message(self) -> ChatMessage:
        return chat_message(Message("assistant", tuple(self._parts[index] for index in sorted(self._parts))))


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


async def aresponses(deltas: AsyncIterator[Delta]) -> AsyncIterator[ChatResponse]:
    """The same, of an async stream."""
    fold = Fold()
    async for delta in deltas:
        response = fold.response(delta)
        if response is not None:
            yield response
