"""Events from bytes that are split anywhere."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_integrations.errors import StreamError
from aimlapi_integrations.transport.event_stream import EventParser


def parse_all(*chunks: bytes) -> list[Any]:
    parser = EventParser()
    return [*(event for chunk in chunks for event in parser.feed(chunk)), *parser.close()]


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
OBJECTS = st.dictionaries(WORDS, WORDS | st.integers(-9, 9) | st.none(), max_size=3)
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[dict[str, Any]]]:
    events, newline = draw(st.lists(OBJECTS, max_size=5)), draw(NEWLINES)
    text = draw(st.sampled_from(["", "\ufeff"]))
    for event in events:
        lines = json.dumps(event, ensure_ascii=False, indent=draw(st.sampled_from([None, 1]))).split("\n")
        text += draw(st.sampled_from(["", f": comment{newline}", f"event: x{newline}id: 7{newline}"]))
        colon = draw(st.sampled_from(["data:", "data: "]))
        text += "".join(f"{colon}{line}{newline}" for line in lines) + newline
    return text.encode(), events


@given(streams(), st.lists(st.integers(0, 400), max_size=8))
def test_stream_split_anywhere_gives_the_same_events(stream: tuple[bytes, list[dict[str, Any]]], cuts: list[int]):
    raw, events = stream
    offsets = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    assert parse_all(*(raw[a:b] for a, b in pairwise(offsets))) == events


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_give_objects_or_a_stream_error(first: bytes, second: bytes):
    try:
        events = parse_all(first, b"data: " + second, b"\n\n")
    except StreamError:
        return
    assert all(isinstance(event, dict) for event in events)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c"])
def test_other_line_separators_are_text(separator: str):
    body = {"text": f"one{separator}two"}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert parse_all(b"data: " + raw + b"\n\n") in ([body], [json.loads(raw, strict=False)])


def test_last_event_without_a_blank_line_is_parse_all():
    assert parse_all(b'data: {"a": 1}\n\ndata: {"a": 2}') == [{"a": 1}, {"a": 2}]


def test_done_ends_the_stream():
    parser = EventParser()
    assert parser.feed(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: nonsense\n\n') == [{"a": 1}]
    assert parser.finished
    assert parser.feed(b'data: {"a": 2}\n\n') == parser.close() == []


def test_stream_without_done_is_not_finished():
    parser = EventParser()
    parser.feed(b'data: {"a": 1}\n\n')
    parser.close()
    assert not parser.finished


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"data: oops\n\n", "not JSON: 'oops'"),
        (b"data: [1]\n\n", "not a JSON object: '[1]'"),
        (b'data: {"a"', "not JSON"),
    ],
)
def test_invalid_event_raises_after_the_events_before_it(frame: bytes, message: str):
    parser = EventParser()
    assert parser.feed(b'data: {"a": 1}\n\n' + frame) == [{"a": 1}]
    with pytest.raises(StreamError) as caught:
        parser.close()
    assert message in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{}", b"null"])
def test_event_named_error_without_data_is_an_error(data: bytes):
    [event] = parse_all(b"event: error\ndata: " + data + b"\n\n")
    assert event["error"]


@pytest.mark.parametrize("data", [b'{"message": "busy"}', b"busy"])
def test_event_named_error_keeps_its_data(data: bytes):
    [event] = parse_all(b"event: error\ndata: " + data + b"\n\n")
    assert "busy" in str(event["error"])


def test_lone_surrogate_is_replaced():
    assert parse_all(b'data: {"a": "\\ud83d"}\n\n') == [{"a": "\ufffd"}]


PIECES = [{"a": ["x\ud83d"], "n": 1}, {"a": ["\ude00y\ud83d"], "n": 2}, {"a": ["\ude01"], "n": 3}]
JOINED = [{"a": ["x😀"], "n": 1}, {"a": ["y😁"], "n": 2}, {"a": [""], "n": 3}]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_emoji_split_between_events_is_joined(end: bytes, newline: bytes, size: int):
    raw = (b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in PIECES) + end).replace(b"\n", newline)
    assert parse_all(*(raw[at : at + size] for at in range(0, len(raw), size))) == JOINED


@pytest.mark.parametrize(
    "after",
    [b'data: {"a": "y"}\n\n', b'data: {"b": "\\ude00"}\n\n', b"data: [DONE]\n\n", b"event: error\ndata: no\n\n", b""],
)
def test_held_surrogate_waits_for_one_event_only(after: bytes):
    first, *_ = parse_all(b'data: {"a": "x\\ud83d"}\n\n', after)
    assert first == {"a": "x\ufffd"}


def test_held_event_comes_before_an_invalid_one():
    parser = EventParser()
    assert parser.feed(b'data: {"a": "x\\ud83d"}\n\ndata: oops\n\n') == [{"a": "x\ufffd"}]
    with pytest.raises(StreamError, match="oops"):
        parser.close()


def test_ten_megabytes_in_small_chunks_are_one_event():
    raw = b'data: {"a": "' + b"x" * 10_000_000 + b'"}\n\n'
    [event] = parse_all(*(raw[at : at + 1000] for at in range(0, len(raw), 1000)))
    assert len(event["a"]) == 10_000_000
