"""`Delta`s -> the chunks of a LangChain stream, and the class of these chunks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, cast

from langchain_core import messages
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from langchain_core.messages.tool import tool_call as valid_tool_call
from langchain_core.outputs import ChatGenerationChunk
from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from ..._utils.pydantic_models import ModelTemplate
from ...types import Audio, Delta, Fragment, Json, Part, Reasoning, Refusal, Reply, Text, ToolCall
from .additional_kwargs import split_message
from .content_out import INVALID_ARGUMENTS, call_arguments, to_chunk_blocks
from .decode import (
    PROVIDER,
    MessageFormat,
    generation_info,
    message_id,
    refusal_only,
    response_metadata,
    usage_metadata,
)

# --- the class of chunks ------------------------------------------------------------------------------------------


class _FinishedMessage(messages.AIMessage):
    """What core converts a merged chunk to: the first base of its class. Its instances are plain `AIMessage`s."""

    model_config = ConfigDict(defer_build=True)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return messages.AIMessage(*args, **kwargs) if cls is _FinishedMessage else super().__new__(cls)


class AIMessageChunk(_FinishedMessage, messages.AIMessageChunk):
    """A chunk that never treats a truncated tool call as complete.

    Core repairs truncated JSON in streams, to show partial results, and also at their end, where a repaired call is a
    wrong one: https://github.com/langchain-ai/langchain/issues/39275 (seen in langchain-core 1.8.3). The class has the
    module and the name of core's, which messages are serialized by: deserializing one, also from a checkpoint, creates
    a chunk of core's class. So the last chunk's arguments are written in a form that core's class parses the same way.
    """

    __slots__ = ("blocks",)  # its own content blocks, exactly; those of merged messages are derived

    type: Literal["AIMessageChunk"] = "AIMessageChunk"  # type: ignore[assignment]  # as in core's own class

    @classmethod
    def construct_with_blocks(cls, blocks: list[Json], fields: dict[str, Any]) -> Self:
        """Create a chunk from its content blocks and fields. Skips the constructors of the bases, half of the cost."""
        chunk = object.__new__(cls)
        object.__setattr__(chunk, "blocks", blocks)
        cls.__pydantic_validator__.validate_python(fields, self_instance=chunk)
        return chunk

    @model_validator(mode="after")
    def init_tool_calls(self) -> Self:
        """Parse the tool calls as core does; at the end of the message, only complete ones are valid."""
        if self.chunk_position == "last" and self.tool_call_chunks:
            _validate_tool_calls(self)
        elif len(self.tool_call_chunks) == 1 and _mid_arguments(self.tool_call_chunks[0]):
            self.tool_calls, self.invalid_tool_calls = [], [_to_invalid_call(self.tool_call_chunks[0])]
        elif self.tool_call_chunks or self.tool_calls or self.invalid_tool_calls:
            cast(Any, messages.AIMessageChunk).init_tool_calls(self)
        return self

    def __radd__(self, other: Any) -> messages.AIMessageChunk:
        """Add a chunk of core's and this one to a chunk of this class. Python tries the subclass's method first."""
        if not isinstance(other, messages.AIMessageChunk):
            return NotImplemented
        return messages.ai.add_ai_message_chunks(AIMessageChunk(**dict(other)), self)

    def __copy__(self) -> Self:
        return _set_blocks(super().__copy__(), getattr(self, "blocks", None))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _set_blocks(super().__deepcopy__(memo), deepcopy(getattr(self, "blocks", None), memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self.__getstate__(), getattr(self, "blocks", None))


AIMessageChunk.__module__ = messages.AIMessageChunk.__module__

Chunk = TypeVar("Chunk", bound=AIMessageChunk)


def _set_blocks(chunk: Chunk, blocks: list[Json] | None) -> Chunk:
    if blocks is not None:
        object.__setattr__(chunk, "blocks", blocks)
    return chunk


def _unpickle(state: dict[Any, Any], blocks: list[Json] | None) -> AIMessageChunk:
    chunk = object.__new__(AIMessageChunk)
    chunk.__setstate__(state)
    return _set_blocks(chunk, blocks)


# --- tool calls of a chunk ----------------------------------------------------------------------------------------


def _mid_arguments(chunk: messages.ToolCallChunk) -> bool:
    """Return whether a chunk starts mid-arguments. Core finds such chunks invalid after a slow repair attempt."""
    args = (chunk["args"] or "").lstrip()
    return bool(args) and args[0] != "{"


def _to_invalid_call(chunk: messages.ToolCallChunk) -> messages.InvalidToolCall:
    return invalid_tool_call(name=chunk["name"], args=chunk["args"], id=chunk["id"], error=None)


def _validate_tool_calls(message: messages.AIMessageChunk) -> None:
    """Split the calls of a finished message into valid and invalid ones, and write them into its content blocks."""
    message.tool_calls, message.invalid_tool_calls = [], []
    calls: dict[str, Json] = {}
    for chunk in message.tool_call_chunks:
        call = calls[f"lc_tc_{chunk['index']}"] = _parse_call(chunk)
        target: list[Any] = message.tool_calls if call["type"] == "tool_call" else message.invalid_tool_calls
        target.append(call)
        if chunk["name"]:
            chunk["args"] = _arguments_for_core(chunk["args"] or "", call)
    if isinstance(message.content, list):
        message.content = [_finalize_content(block, calls) for block in message.content]


def _parse_call(chunk: messages.ToolCallChunk) -> Json:
    name, call_id, arguments = chunk["name"] or "", chunk["id"], _unquote(chunk["args"] or "")
    args = ToolCall(call_id or "", name, arguments).parsed()
    if args is not None:
        return dict(valid_tool_call(name=name, args=args, id=call_id))
    return dict(invalid_tool_call(name=name, args=arguments.strip(), id=call_id, error=INVALID_ARGUMENTS))


def _arguments_for_core(arguments: str, call: Json) -> str:
    """Return arguments that core parses to `call`; invalid ones as a JSON string, which core doesn't repair."""
    if call["type"] == "tool_call":
        with suppress(ValueError):
            if json.loads(arguments, strict=False) == call["args"]:
                return arguments
        return json.dumps(call["args"], ensure_ascii=False)
    return json.dumps(arguments, ensure_ascii=False) if arguments.lstrip().startswith("{") else arguments


def _unquote(arguments: str) -> str:
    """Undo what `_arguments_for_core` did to invalid arguments."""
    if arguments.startswith('"{'):
        with suppress(ValueError):
            return str(json.loads(arguments))
    return arguments


def _finalize_content(block: Any, calls: Mapping[str, Json]) -> Any:
    """Replace a `tool_call_chunk` block of a finished message by its call.

    A block without an id or name is left as it is: the call began in an earlier chunk, which it will be merged with.
    """
    if not (isinstance(block, dict) and block.get("type") == "tool_call_chunk" and block.get("id") and block["name"]):
        return block
    call = calls.get(str(block.get("index")))
    if call is None:
        return block
    return {**call, **({"extras": block["extras"]} if block.get("extras") else {})}


# --- models of nearly all chunks: they create others without validation -----------------------------------------------


class _Templates(NamedTuple):
    text: ModelTemplate[AIMessageChunk]
    arguments: ModelTemplate[AIMessageChunk]
    generation: ModelTemplate[ChatGenerationChunk]


@cache  # at the first stream, because pydantic then builds the classes
def _templates() -> _Templates:
    metadata = {"model_provider": PROVIDER}
    text = AIMessageChunk(content="", response_metadata=metadata, id=None)
    arguments = AIMessageChunk(
        content="",
        additional_kwargs={},
        tool_call_chunks=[tool_call_chunk(args="mid-arguments", index=0)],
        response_metadata=metadata,
        id=None,
    )
    return _Templates(
        ModelTemplate(text, "content", "id"),
        ModelTemplate(arguments, "tool_call_chunks", "invalid_tool_calls", "id"),
        ModelTemplate(ChatGenerationChunk(message=AIMessageChunk(content="")), "message", "text"),
    )


_set = object.__setattr__


def _has_only_arguments(call: ToolCall) -> bool:
    """Return whether a piece of a call has only arguments, and not their beginning."""
    has_more = call.id or call.name or call.extra or call.item_id or call.kind != "function"
    arguments = call.arguments.lstrip()
    return bool(arguments) and arguments[0] != "{" and not has_more


# --- deltas -> chunks ---------------------------------------------------------------------------------------------


class ChunkBuilder:
    """Convert the deltas of one stream to chunks.

    In the default format a chunk's content is text, in `v1` it is a list of blocks, in every chunk of the stream. What
    can't be split (citations, refusals, audio, calls of custom tools) and what must occur once (token counts, cost,
    finish reason, ids) is in the last chunk.
    """

    def __init__(self, message_format: MessageFormat) -> None:
        self._format = message_format
        self._templates = _templates()
        self._started: set[int] = set()
        self._deferred: dict[int, Part] = {}
        self._has_arguments: dict[int, bool] = {}
        self._reasoning_index: int | None = None
        self._id: str | None = None

    def chunk(self, delta: Delta) -> ChatGenerationChunk:
        """Return the chunk of `delta`."""
        if delta.id:
            self._id = self._id or message_id(delta.id)
        if not self._format.v1 and len(delta.fragments) == 1 and delta.reply is None:
            part, index = delta.fragments[0].part, delta.fragments[0].index
            if type(part) is Text and not part.citations:
                return self._text_chunk(part.text, index)
            if type(part) is ToolCall and self._has_arguments.get(index) and _has_only_arguments(part):
                return self._arguments_chunk(part, index)
        fragments = [emitted for fragment in delta.fragments for emitted in self._emit(fragment)]
        if delta.reply is not None:
            return self._last_chunk(delta.reply, fragments)
        message = self._message(fragments, {}, {"model_provider": PROVIDER})
        return ChatGenerationChunk(message=message)

    # These two create nearly all chunks of a stream: without validation, as they only have values of this class.

    def _text_chunk(self, text: str, index: int) -> ChatGenerationChunk:
        self._started.add(index)
        message = self._templates.text.create(content=text, id=self._id)
        _set(message, "blocks", [{"type": "text", "text": text, "index": f"lc_txt_{index}"}])
        return self._templates.generation.create(message=message, text=text)

    def _arguments_chunk(self, call: ToolCall, index: int) -> ChatGenerationChunk:
        chunk = _to_call_chunk(call, index)
        message = self._templates.arguments.create(
            tool_call_chunks=[chunk], invalid_tool_calls=[_to_invalid_call(chunk)], id=self._id
        )
        _set(message, "blocks", to_chunk_blocks([Fragment(index, call)], self._started))
        return self._templates.generation.create(message=message, text="")

    def _emit(self, fragment: Fragment) -> list[Fragment]:
        """Return what to emit of a fragment now, and defer the rest to the last chunk."""
        match fragment.part:
            case Text(text=text, citations=citations) as part if citations:
                self._defer(fragment.index, replace(part, text=""))
                return [Fragment(fragment.index, replace(part, citations=()))] if text else []
            case Refusal() | Audio() | ToolCall(kind="custom"):
                self._defer(fragment.index, fragment.part)
                return []
            case ToolCall(arguments="null") as call if not self._has_arguments.get(fragment.index):
                self._has_arguments[fragment.index] = False
                return [Fragment(fragment.index, replace(call, arguments=""))]
            case ToolCall(arguments=arguments):
                self._has_arguments[fragment.index] = self._has_arguments.get(fragment.index, False) or bool(arguments)
        return [fragment]

    def _defer(self, index: int, part: Part) -> None:
        deferred = self._deferred.get(index)
        self._deferred[index] = part if deferred is None else _merge(deferred, part)

    def _deferred_fragments(self, reply: Reply) -> list[Fragment]:
        """Return the deferred parts, and the arguments of calls that had none: `{}`, or a blank for truncated ones.

        Core reads an empty string as no arguments, and a blank as invalid ones.
        """
        deferred = [Fragment(index, _take_from_reply(part, reply)) for index, part in self._deferred.items()]
        functions = [call for call in reply.tool_calls if call.kind == "function"]
        without_arguments = [
            Fragment(index, ToolCall("", "", call.arguments or " "))
            for (index, has_arguments), call in zip(sorted(self._has_arguments.items()), functions, strict=False)
            if not has_arguments
        ]
        return deferred + without_arguments

    def _last_chunk(self, reply: Reply, fragments: list[Fragment]) -> ChatGenerationChunk:
        choice = reply.choices[0]
        _, additional_kwargs = split_message(choice.message)
        additional_kwargs.pop("reasoning_content", None)  # earlier chunks contain it
        message = self._message(
            fragments + self._deferred_fragments(reply),
            refusal_only(additional_kwargs) if self._format.v1 else additional_kwargs,
            response_metadata(reply, choice, self._format),
            usage_metadata=usage_metadata(reply.usage),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=generation_info(choice))

    def _message(
        self, fragments: list[Fragment], additional_kwargs: Json, metadata: Json, **fields: Any
    ) -> AIMessageChunk:
        blocks = to_chunk_blocks(fragments, self._started)
        if self._format.v1:
            content: Any = blocks
            metadata = {**metadata, "output_version": "v1"}
        else:
            content = "".join(part.text for part in (f.part for f in fragments) if isinstance(part, Text))
            if reasoning := self._reasoning(fragments):
                additional_kwargs = {"reasoning_content": reasoning, **additional_kwargs}
        fields = {
            "content": content,
            "additional_kwargs": additional_kwargs,
            "tool_call_chunks": [_to_call_chunk(f.part, f.index) for f in fragments if isinstance(f.part, ToolCall)],
            "response_metadata": metadata,
            "id": self._id,
            **fields,
        }
        return AIMessageChunk.construct_with_blocks(blocks, fields)

    def _reasoning(self, fragments: list[Fragment]) -> str:
        """Return the reasoning of these fragments, with a blank line between parts as in `Message.reasoning`."""
        text = ""
        for fragment in fragments:
            if isinstance(fragment.part, Reasoning) and fragment.part.text:
                if self._reasoning_index not in (None, fragment.index):
                    text += "\n\n"
                self._reasoning_index = fragment.index
                text += fragment.part.text
        return text


def _take_from_reply(part: Part, reply: Reply) -> Part:
    """Return a deferred part as the reply has it: audio is encoded as a whole, and a call may turn out truncated."""
    match part:
        case Audio():
            return next((each for each in reply.message.parts if isinstance(each, Audio)), part)
        case ToolCall():
            return next((call for call in reply.tool_calls if call.id == part.id), part)
    return part


def _merge(deferred: Part, part: Part) -> Part:
    match deferred, part:
        case Text(), Text():
            return replace(deferred, citations=deferred.citations + part.citations)
        case Refusal(), Refusal():
            return Refusal(deferred.text + part.text)
        case ToolCall(), ToolCall():
            arguments, call_id = deferred.arguments + part.arguments, deferred.id or part.id
            return replace(deferred, id=call_id, name=deferred.name or part.name, arguments=arguments)
    return part


def _to_call_chunk(call: ToolCall, index: int) -> Any:
    arguments = call.arguments
    if call.kind == "custom" and not call.cut:
        arguments = json.dumps(call_arguments(call), ensure_ascii=False)
    return tool_call_chunk(name=call.name or None, args=arguments, id=call.id or None, index=index)
