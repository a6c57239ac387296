"""`Delta`s -> the chunks of a LangChain stream, and the class of those chunks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, TypeVar, cast

from langchain_core import messages
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from langchain_core.messages.tool import tool_call as valid_tool_call
from langchain_core.outputs import ChatGenerationChunk
from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from ...types import Audio, Delta, Fragment, Json, Part, Reasoning, Refusal, Reply, Text, ToolCall
from .additional_kwargs import split_message
from .content_out import call_arguments, to_chunk_blocks
from .decode import PROVIDER, Form, generation_info, message_id, refusal_alone, response_metadata, usage_metadata


class _Finished(messages.AIMessage):
    """What core makes of a merged chunk: the first parent of its class. It is a plain `AIMessage`."""

    model_config = ConfigDict(defer_build=True)  # nothing is ever validated against it

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return messages.AIMessage(*args, **kwargs) if cls is _Finished else super().__new__(cls)


class AIMessageChunk(_Finished, messages.AIMessageChunk):
    """A chunk that never takes a tool call that was cut off for a whole one.

    Core mends JSON that breaks off, in streams for the sake of partial results, and so it does at their end, where a
    mended call is a wrong one: https://github.com/langchain-ai/langchain/issues/39275. The class has the module and the
    name of core's, by which messages are serialized: what loads one, from a checkpoint too, makes a chunk of core's. So
    at the end of a message the arguments are written in a form that core's class reads in the same way.
    """

    model_config = ConfigDict(defer_build=False)

    __slots__ = ("blocks",)  # its own share of the message's blocks, exact where the merged message's is derived

    type: Literal["AIMessageChunk"] = "AIMessageChunk"  # type: ignore[assignment]  # as core's own chunks do

    @classmethod
    def made(cls, blocks: list[Json], fields: dict[str, Any]) -> Self:
        """A chunk with its share of blocks, validated without the constructors between, which cost as much again."""
        chunk = object.__new__(cls)
        object.__setattr__(chunk, "blocks", blocks)
        cls.__pydantic_validator__.validate_python(fields, self_instance=chunk)
        return chunk

    @model_validator(mode="after")
    def init_tool_calls(self) -> Self:
        """Core's reading of the tool calls; at the end of the message, only whole ones are valid."""
        if self.chunk_position == "last" and self.tool_call_chunks:
            _judge(self)
        elif len(self.tool_call_chunks) == 1 and _amid(self.tool_call_chunks[0]):
            self.tool_calls, self.invalid_tool_calls = [], [_as_invalid(self.tool_call_chunks[0])]
        elif self.tool_call_chunks or self.tool_calls or self.invalid_tool_calls:
            cast(Any, messages.AIMessageChunk).init_tool_calls(self)
        return self

    def __radd__(self, other: Any) -> messages.AIMessageChunk:
        """A chunk of core's and this one: a chunk of ours, as Python asks the subclass first."""
        if not isinstance(other, messages.AIMessageChunk):
            return NotImplemented
        return messages.ai.add_ai_message_chunks(AIMessageChunk(**dict(other)), self)

    def __copy__(self) -> Self:
        return _with_blocks(super().__copy__(), getattr(self, "blocks", None))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return _with_blocks(super().__deepcopy__(memo), deepcopy(getattr(self, "blocks", None), memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.__getstate__(), getattr(self, "blocks", None))


AIMessageChunk.__module__ = messages.AIMessageChunk.__module__

Chunk = TypeVar("Chunk", bound=AIMessageChunk)


def _with_blocks(chunk: Chunk, blocks: list[Json] | None) -> Chunk:
    if blocks is not None:
        object.__setattr__(chunk, "blocks", blocks)
    return chunk


def _unpickled(state: dict[Any, Any], blocks: list[Json] | None) -> AIMessageChunk:
    chunk = object.__new__(AIMessageChunk)
    chunk.__setstate__(state)
    return _with_blocks(chunk, blocks)


# --- tool calls of a chunk ----------------------------------------------------------------------------------------


def _amid(piece: messages.ToolCallChunk) -> bool:
    """Whether a piece comes from amid the arguments: core tries at length to mend such a one, and finds it invalid."""
    args = (piece["args"] or "").lstrip()
    return bool(args) and args[0] != "{"


def _as_invalid(piece: messages.ToolCallChunk) -> messages.InvalidToolCall:
    return invalid_tool_call(name=piece["name"], args=piece["args"], id=piece["id"], error=None)


def _judge(message: messages.AIMessageChunk) -> None:
    """Sort the calls at the end of a message by whether their arguments are whole, and put them into its blocks."""
    message.tool_calls, message.invalid_tool_calls = [], []
    calls: dict[str, Json] = {}
    for piece in message.tool_call_chunks:
        call = calls[f"lc_tc_{piece['index']}"] = _call(piece)
        found: list[Any] = message.tool_calls if call["type"] == "tool_call" else message.invalid_tool_calls
        found.append(call)
        if piece["name"]:
            piece["args"] = _as_core_reads(piece["args"] or "", call)
    if isinstance(message.content, list):
        message.content = [_settled(block, calls) for block in message.content]


def _call(piece: messages.ToolCallChunk) -> Json:
    name, call_id, written = piece["name"] or "", piece["id"], _unquoted(piece["args"] or "")
    args = ToolCall(call_id or "", name, written).parsed()
    if args is not None:
        return dict(valid_tool_call(name=name, args=args, id=call_id))
    error = "The arguments are not a whole JSON object."
    return dict(invalid_tool_call(name=name, args=written.strip(), id=call_id, error=error))


def _as_core_reads(written: str, call: Json) -> str:
    """Arguments which core reads as `call` has them: broken ones as a JSON string, which it neither mends nor takes."""
    if call["type"] == "tool_call":
        with suppress(ValueError):
            if json.loads(written, strict=False) == call["args"]:
                return written
        return json.dumps(call["args"], ensure_ascii=False)
    return json.dumps(written, ensure_ascii=False) if written.lstrip().startswith("{") else written


def _unquoted(written: str) -> str:
    """Broken arguments that `_as_core_reads` wrote as a JSON string."""
    if written.startswith('"{'):
        with suppress(ValueError):
            return str(json.loads(written))
    return written


def _settled(block: Any, calls: Mapping[str, Json]) -> Any:
    """A block of a message's end: a call in place of its pieces, where they are there from the first.

    What began in an earlier chunk, and so lacks its id or name, is left as it is, to be merged with that.
    """
    if not (isinstance(block, dict) and block.get("type") == "tool_call_chunk" and block.get("id") and block["name"]):
        return block
    call = calls.get(str(block.get("index")))
    if call is None:
        return block
    return {**call, **({"extras": block["extras"]} if block.get("extras") else {})}


class ChunkBuilder:
    """Turns the deltas of one stream into chunks.

    In the default form a chunk's content is text, in `v1` it is a list of blocks, from the first chunk to the last.
    What must not be told in pieces (citations, refusals, sound, calls of custom tools) and what may be told only once
    (counts, price, finish reason, ids) is on the last chunk.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self._begun: set[int] = set()
        self._held: dict[int, Part] = {}
        self._argued: dict[int, bool] = {}
        self._thought: int | None = None
        self._id: str | None = None

    def chunk(self, delta: Delta) -> ChatGenerationChunk:
        """The chunk that tells of `delta`."""
        self._id = self._id or message_id(delta.id)
        if not self._form.v1 and len(delta.fragments) == 1 and delta.reply is None:
            part = delta.fragments[0].part
            if type(part) is Text and not part.citations:
                return self._text(part.text, delta.fragments[0].index)
        fragments = [told for fragment in delta.fragments for told in self._told(fragment)]
        if delta.reply is not None:
            return self._last(delta.reply, fragments)
        message = self._message(fragments, {}, {"model_provider": PROVIDER})
        return ChatGenerationChunk(message=message)

    def _text(self, text: str, index: int) -> ChatGenerationChunk:
        self._begun.add(index)
        block = {"type": "text", "text": text, "index": f"lc_txt_{index}"}
        fields = {"content": text, "response_metadata": {"model_provider": PROVIDER}, "id": self._id}
        return ChatGenerationChunk(message=AIMessageChunk.made([block], fields))

    # --- what is told at once, and what is held back ------------------------------------------------------------

    def _told(self, fragment: Fragment) -> list[Fragment]:
        match fragment.part:
            case Text(text=text, citations=citations) as part if citations:
                self._hold(fragment.index, replace(part, text=""))
                return [Fragment(fragment.index, replace(part, citations=()))] if text else []
            case Refusal() | Audio() | ToolCall(kind="custom"):
                self._hold(fragment.index, fragment.part)
                return []
            case ToolCall(arguments="null") as call if not self._argued.get(fragment.index):
                self._argued[fragment.index] = False
                return [Fragment(fragment.index, replace(call, arguments=""))]
            case ToolCall(arguments=arguments):
                self._argued[fragment.index] = self._argued.get(fragment.index, False) or bool(arguments)
        return [fragment]

    def _hold(self, index: int, part: Part) -> None:
        held = self._held.get(index)
        self._held[index] = part if held is None else _sum(held, part)

    def _released(self, reply: Reply) -> list[Fragment]:
        """What was held back, whole; and arguments where none came: `{}`, or none because they were cut off.

        A blank stands for the latter: core reads the empty string as no arguments, and a blank as broken ones.
        """
        held = [Fragment(at, _as_whole(part, reply)) for at, part in self._held.items()]
        functions = [call for call in reply.tool_calls if call.kind == "function"]
        silent = [
            Fragment(index, ToolCall("", "", call.arguments or " "))
            for (index, argued), call in zip(sorted(self._argued.items()), functions, strict=False)
            if not argued
        ]
        return held + silent

    def _last(self, reply: Reply, fragments: list[Fragment]) -> ChatGenerationChunk:
        choice = reply.choices[0]
        kwargs = {
            name: value for name, value in split_message(choice.message)[1].items() if name != "reasoning_content"
        }
        message = self._message(
            fragments + self._released(reply),
            refusal_alone(kwargs) if self._form.v1 else kwargs,
            response_metadata(reply, choice, self._form),
            usage_metadata=usage_metadata(reply.usage),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=generation_info(choice))

    def _message(self, fragments: list[Fragment], kwargs: Json, metadata: Json, **last: Any) -> AIMessageChunk:
        shown = to_chunk_blocks(fragments, self._begun)
        if self._form.v1:
            content: Any = shown
            metadata = {**metadata, "output_version": "v1"}
        else:
            content = "".join(part.text for part in (f.part for f in fragments) if isinstance(part, Text))
            if thought := self._reasoning(fragments):
                kwargs = {"reasoning_content": thought, **kwargs}
        fields = {
            "content": content,
            "additional_kwargs": kwargs,
            "tool_call_chunks": [_piece(f.part, f.index) for f in fragments if isinstance(f.part, ToolCall)],
            "response_metadata": metadata,
            "id": self._id,
            **last,
        }
        return AIMessageChunk.made(shown, fields)

    def _reasoning(self, fragments: list[Fragment]) -> str:
        """The thinking of these fragments; parts of it lie a blank line apart, as in `Message.reasoning`."""
        said = ""
        for fragment in fragments:
            if isinstance(fragment.part, Reasoning) and fragment.part.text:
                if self._thought not in (None, fragment.index):
                    said += "\n\n"
                self._thought = fragment.index
                said += fragment.part.text
        return said


def _as_whole(part: Part, reply: Reply) -> Part:
    """What was held back, as the whole reply has it: sound is encoded as a whole, and calls may turn out to be cut."""
    match part:
        case Audio():
            return next((each for each in reply.message.parts if isinstance(each, Audio)), part)
        case ToolCall():
            return next((call for call in reply.tool_calls if call.id == part.id), part)
    return part


def _sum(held: Part, part: Part) -> Part:
    match held, part:
        case Text(), Text():
            return replace(held, citations=held.citations + part.citations)
        case Refusal(), Refusal():
            return Refusal(held.text + part.text)
        case ToolCall(), ToolCall():
            arguments, call_id = held.arguments + part.arguments, held.id or part.id
            return replace(held, id=call_id, name=held.name or part.name, arguments=arguments)
    return part


def _piece(call: ToolCall, index: int) -> Any:
    written = call.arguments
    if call.kind == "custom" and not call.cut:
        written = json.dumps(call_arguments(call), ensure_ascii=False)
    return tool_call_chunk(name=call.name or None, args=written, id=call.id or None, index=index)
