"""Events out of bytes that are cut anywhere."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_integrations.errors import StreamError
from aimlapi_integrations.transport.sse import EventParser


def parsed(*chunks: bytes) -> list[Any]:
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
def test_cuts_change_nothing(stream: tuple[bytes, list[dict[str, Any]]], cuts: list[int]):
    raw, events = stream
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    assert parsed(*(raw[a:b] for a, b in pairwise(places))) == events


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_give_objects_or_a_stream_error(first: bytes, second: bytes):
    try:
        events = parsed(first, b"data: " + second, b"\n\n")
    except StreamError:
        return
    assert all(isinstance(event, dict) for event in events)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c"])
def test_only_three_line_ends(separator: str):
    body = {"text": f"one{separator}two"}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert parsed(b"data: " + raw + b"\n\n") in ([body], [json.loads(raw, strict=False)])


def test_the_last_event_needs_no_blank_line():
    assert parsed(b'data: {"a": 1}\n\ndata: {"a": 2}') == [{"a": 1}, {"a": 2}]


def test_done_ends_the_stream():
    parser = EventParser()
    assert parser.feed(b'data: {"a": 1}\n\ndata: [DONE]\n\ndata: nonsense\n\n') == [{"a": 1}]
    assert parser.finished
    assert parser.feed(b'data: {"a": 2}\n\n') == parser.close() == []


def test_no_done_is_not_finished():
    parser = EventParser()
    parser.feed(b'data: {"a": 1}\n\n')
    parser.close()
    assert not parser.finished


@pytest.mark.parametrize(
    ("frame", "what"),
    [(b"data: oops\n\n", "not JSON: 'oops'"), (b"data: [1]\n\n", "no JSON object: '[1]'"), (b'data: {"a"', "not JSON")],
)
def test_what_cannot_be_read_is_an_error_after_the_events_before_it(frame: bytes, what: str):
    parser = EventParser()
    assert parser.feed(b'data: {"a": 1}\n\n' + frame) == [{"a": 1}]
    with pytest.raises(StreamError) as caught:
        parser.close()
    assert what in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{}", b"null"])
def test_an_event_called_error_is_one_though_it_says_nothing(data: bytes):
    [event] = parsed(b"event: error\ndata: " + data + b"\n\n")
    assert event["error"]


@pytest.mark.parametrize("data", [b'{"message": "busy"}', b"busy"])
def test_an_event_called_error_says_so(data: bytes):
    [event] = parsed(b"event: error\ndata: " + data + b"\n\n")
    assert "busy" in str(event["error"])


def test_half_an_emoji_is_no_error():
    assert parsed(b'data: {"a": "\\ud83d"}\n\n') == [{"a": "\ufffd"}]


PIECES = [{"a": ["x\ud83d"], "n": 1}, {"a": ["\ude00y\ud83d"], "n": 2}, {"a": ["\ude01"], "n": 3}]
JOINED = [{"a": ["x😀"], "n": 1}, {"a": ["y😁"], "n": 2}, {"a": [""], "n": 3}]


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_emoji_in_two_events_is_one(end: bytes, newline: bytes, size: int):
    raw = (b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in PIECES) + end).replace(b"\n", newline)
    assert parsed(*(raw[at : at + size] for at in range(0, len(raw), size))) == JOINED


@pytest.mark.parametrize(
    "after",
    [b'data: {"a": "y"}\n\n', b'data: {"b": "\\ude00"}\n\n', b"data: [DONE]\n\n", b"event: error\ndata: no\n\n", b""],
)
def test_half_an_emoji_waits_for_one_event_only(after: bytes):
    first, *_ = parsed(b'data: {"a": "x\\ud83d"}\n\n', after)
    assert first == {"a": "x\ufffd"}


def test_half_an_emoji_before_a_broken_event_is_told_first():
    parser = EventParser()
    assert parser.feed(b'data: {"a": "x\\ud83d"}\n\ndata: oops\n\n') == [{"a": "x\ufffd"}]
    with pytest.raises(StreamError, match="oops"):
        parser.close()


def test_ten_megabytes_in_small_pieces():
    raw = b'data: {"a": "' + b"x" * 10_000_000 + b'"}\n\n'
    [event] = parsed(*(raw[at : at + 1000] for at in range(0, len(raw), 1000)))
    assert len(event["a"]) == 10_000_000
