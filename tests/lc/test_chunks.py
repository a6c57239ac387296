"""Chunks of a stream: added up in any grouping, copied, pickled, and written to a checkpoint."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import AIMessageChunk, messages_from_dict, messages_to_dict
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from tests.lc.gateway import Gateway
from tests.lc.odd_replies import Json, merge_chunks
from tests.lc.test_odd_responses import BODY, ENDS
from tests.lc.test_odd_streams import CALLED, ROWS, piece
from tests.support import messages_events
from tests.support.chat_events import chunk
from tests.support.replies import responses_rich
from tests.support.responses_events import events

CLAUDE = "anthropic/claude-sonnet-4.5"


def claude(stop: str, *blocks: tuple[Json, list[Json]]) -> list[Json]:
    """A stream of `/v1/messages`: each block as it begins, and its deltas."""
    start = {"id": "msg_1", "type": "message", "role": "assistant", "model": CLAUDE, "content": [], "usage": {}}
    content: list[Json] = []
    for at, (block, deltas) in enumerate(blocks):
        content.append({"type": "content_block_start", "index": at, "content_block": block})
        content += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        content.append({"type": "content_block_stop", "index": at})
    last = {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"input_tokens": 1, "output_tokens": 5}}
    return [{"type": "message_start", "message": start}, *content, last, {"type": "message_stop"}]


def used(call_id: str, *pieces: str) -> tuple[Json, list[Json]]:
    block = {"type": "tool_use", "id": call_id, "name": "add", "input": {}}
    return block, [{"type": "input_json_delta", "partial_json": each} for each in pieces]


ADD = ('{"a": {', '"b": 1', "}, ", '"c": [1, 2', "]}")
PARALLEL = [
    chunk({"reasoning_content": "I "}),
    chunk({"reasoning_content": "add."}),
    chunk({"content": "I look. "}),
    piece("add", "", id="c1", index=0),
    *(piece(arguments=each, index=0) for each in ADD),
    piece("add", "", id="c2", index=1),
    *(piece(arguments=each, index=1) for each in ADD),
    CALLED,
]
INTERLEAVED = [
    piece("add", "", id="c1", index=0),
    piece("add", "", id="c2", index=1),
    *(piece(arguments=each, index=index) for each in ADD for index in (0, 1)),
    CALLED,
]
STREAMS: dict[str, tuple[str, list[Json]]] = {
    "parallel": ("chat_completions", PARALLEL),
    "interleaved": ("chat_completions", INTERLEAVED),
    "a long call cut off": ("chat_completions", [*PARALLEL[:-4], chunk(finish="length")]),
    **{name: ("chat_completions", stream) for name, (stream, _) in ROWS.items()},
    "everything of responses": ("responses", events(responses_rich())),
    "two summaries and a search": ("responses", events(BODY)),
    **{f"responses: {name}": ("responses", events(body)) for name, (body, _) in ENDS.items()},
    "everything of messages": ("messages", messages_events.MESSAGES_STREAMS[0]),
    "two calls of messages": ("messages", claude("tool_use", used("t1", *ADD), used("t2", *ADD))),
    "messages cut off": ("messages", claude("max_tokens", used("t1", *ADD), used("t2", *ADD[:3]))),
}


def chunks_of(name: str, output_version: str | None) -> list[AIMessageChunk]:
    endpoint, stream = STREAMS[name]
    gateway = Gateway(events=stream)
    model = {"messages": CLAUDE}.get(endpoint, "gpt-4o")
    return list(gateway.model(endpoint=endpoint, model=model, output_version=output_version).stream("Hi"))  # type: ignore[arg-type]


def grouped(chunks: list[Any], rng: random.Random) -> Any:
    """The sum of the chunks, bracketed at random."""
    if len(chunks) == 1:
        return chunks[0]
    at = rng.randint(1, len(chunks) - 1)
    return grouped(chunks[:at], rng) + grouped(chunks[at:], rng)


every_stream = pytest.mark.parametrize("name", STREAMS)
every_form = pytest.mark.parametrize("output_version", ["v0", "v1", "responses/v1"])


@every_form
@every_stream
def test_chunks_in_any_grouping_add_up_to_the_same(name: str, output_version: str) -> None:
    chunks = chunks_of(name, output_version)
    full, rng = merge_chunks(chunks), random.Random(name)
    for _ in range(30):
        regrouped = grouped(chunks, rng)
        assert regrouped == full
        assert regrouped.content_blocks == full.content_blocks
    assert chunks[0] + chunks[1:] == full if len(chunks) > 1 else True


@every_form
@every_stream
def test_chunks_added_to_a_core_chunk_validate_calls_the_same(name: str, output_version: str) -> None:
    chunks, total = chunks_of(name, output_version), AIMessageChunk(content="")
    for each in chunks:
        total = total + each
    full = merge_chunks(chunks)
    assert (total.tool_calls, total.invalid_tool_calls) == (full.tool_calls, full.invalid_tool_calls)
    assert total.text == full.text


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda message: message.model_copy(),
    "model_copy deep": lambda message: message.model_copy(deep=True),
    **{f"pickle {protocol}": lambda m, p=protocol: pickle.loads(pickle.dumps(m, p)) for protocol in (2, 5)},
}


@every_form
@pytest.mark.parametrize("name", ["parallel", "a long call cut off", "two summaries and a search", "messages cut off"])
@pytest.mark.parametrize("mode", COPIES)
def test_copied_chunks_add_up_to_the_same(mode: str, name: str, output_version: str) -> None:
    chunks = chunks_of(name, output_version)
    copies = [COPIES[mode](each) for each in chunks]
    assert copies == chunks
    assert [each.content_blocks for each in copies] == [each.content_blocks for each in chunks]
    assert merge_chunks(copies) == merge_chunks(chunks)
    assert COPIES[mode](merge_chunks(chunks)) == merge_chunks(chunks)


def test_edited_copy_of_a_chunk_has_the_edited_blocks() -> None:
    first = chunks_of("text before a call", None)[0]
    assert [block["type"] for block in first.content_blocks] == ["text"]
    edited = first.model_copy(update={"content": "Edited"})
    assert [block["text"] for block in edited.content_blocks] == ["Edited"]


def in_a_checkpoint(message: Any) -> Any:
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    return strict.loads_typed(strict.dumps_typed(message))


SERIALIZERS: dict[str, Callable[[Any], Any]] = {
    "checkpoint": in_a_checkpoint,
    "dumpd": lambda message: load(dumpd(message), allowed_objects="core"),
    "messages_to_dict": lambda message: messages_from_dict(messages_to_dict([message]))[0],
}


@every_form
@every_stream
@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize("mode", SERIALIZERS)
def test_merged_chunk_survives_serialization(mode: str, name: str, output_version: str) -> None:
    full = merge_chunks(chunks_of(name, output_version))
    restored = full
    for _ in range(3):
        restored = SERIALIZERS[mode](restored)
        assert type(restored) is AIMessageChunk
        assert restored.tool_calls == full.tool_calls  # none that was cut off among them
        cut_off = [(call["id"], call["name"]) for call in full.invalid_tool_calls]
        assert [(call["id"], call["name"]) for call in restored.invalid_tool_calls] == cut_off
        for field in ("content", "additional_kwargs", "response_metadata", "usage_metadata", "id"):
            assert getattr(restored, field) == getattr(full, field), field


@every_form
@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
@pytest.mark.parametrize("name", ["parallel", "interleaved", "two summaries and a search", "everything of messages"])
@pytest.mark.parametrize("mode", SERIALIZERS)
def test_serialized_chunks_add_up_to_the_same(mode: str, name: str, output_version: str) -> None:
    chunks = chunks_of(name, output_version)
    restored, full = merge_chunks([SERIALIZERS[mode](each) for each in chunks]), merge_chunks(chunks)
    assert (restored.tool_calls, restored.content) == (full.tool_calls, full.content)
