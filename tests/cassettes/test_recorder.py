"""The recorder itself, tried on httpx alone: what reaches a cassette, and what a cassette gives back."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.cassettes import pages
from tests.cassettes.bodies import readable, wire
from tests.cassettes.provenance import provenance
from tests.cassettes.recorder import leaks, recording, replaying

URL = "https://api.aimlapi.com/v1/chat/completions"
ASKED = {"model": "some/model", "messages": [{"role": "user", "content": "Hello"}]}
SAID = {
    "id": "1",
    "choices": [{"message": {"content": "Olá \n\n“yes”: 1.0"}}],
    "usd": 6.45e-05,
    "none": None,
    "no": "no",
}
STREAM = ': wait\n\nevent: piece\ndata: {"delta":"a: b"}\n\ndata: {"delta":"\\n"}\n\ndata: [DONE]\n\n'

Answer = Callable[[httpx.Request], httpx.Response]


def answering(body: str | bytes, content_type: str = "application/json", **headers: str) -> Answer:
    return lambda request: httpx.Response(200, content=body, headers={"content-type": content_type, **headers})


def record(path: Path, answer: Answer, url: str = URL, body: Any = ASKED, **headers: str) -> dict[str, Any]:
    """The cassette that one request makes, as a document."""
    with (
        recording(path, provenance("emulator", "test"), "my-own-key"),
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
    ):
        client.post(url, json=body, headers=headers)
    return pages.load(path.read_text(encoding="utf-8"))


async def fetched(stream: bool, url: str = URL, body: Any = ASKED) -> str:
    async with httpx.AsyncClient() as client:
        if not stream:
            return (await client.post(url, json=body)).text
        async with client.stream("POST", url, json=body) as response:
            return "".join([text async for text in response.aiter_text()])


def fetch(stream: bool, url: str = URL, body: Any = ASKED) -> str:
    with httpx.Client() as client:
        if not stream:
            return client.post(url, json=body).text
        with client.stream("POST", url, json=body) as response:
            return "".join(response.iter_text())


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "tape.yaml"


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(("said", "kind"), [(json.dumps(SAID), "application/json"), (STREAM, "text/event-stream")])
def test_plays_back_what_was_said(tape: Path, asynchronous: bool, stream: bool, said: str, kind: str) -> None:
    record(tape, answering(said, kind))
    with replaying(tape):
        heard = asyncio.run(fetched(stream)) if asynchronous else fetch(stream)
    assert readable(heard, kind) == readable(said, kind)


def test_json_is_stored_as_json(tape: Path) -> None:
    stored = record(tape, answering(json.dumps(SAID)))["interactions"][0]
    assert stored["request"]["json"] == ASKED
    assert stored["response"]["json"] == SAID


def test_a_stream_is_stored_as_its_events(tape: Path) -> None:
    stored = record(tape, answering(STREAM, "text/event-stream; charset=utf-8"))["interactions"][0]
    assert stored["response"]["events"] == [
        {"comment": "wait"},
        {"event": "piece", "data": {"delta": "a: b"}},
        {"data": {"delta": "\n"}},
        {"data": "[DONE]"},
    ]


CHUNKS = 'data: {"id":"1","n":1,"text":"a"}\n\ndata: {"id":"1","n":true,"text":"b"}\n\ndata: [DONE]\n\n'


def test_what_all_events_have_in_common_is_stored_once() -> None:
    stored = readable(CHUNKS, "text/event-stream")
    assert stored["every_event"] == {"id": "1"}
    assert stored["events"] == [{"data": {"n": 1, "text": "a"}}, {"data": {"n": True, "text": "b"}}, {"data": "[DONE]"}]


NAMED = 'event: piece\ndata: {"type":"piece","n":1}\n\n: wait\n\nevent: end\ndata: {"type":"end"}\n\n'


def test_names_that_types_say_again_are_not_stored() -> None:
    stored = readable(NAMED, "text/event-stream")
    assert stored["event_is_type"] is True
    assert stored["events"] == [{"data": {"type": "piece", "n": 1}}, {"comment": "wait"}, {"data": {"type": "end"}}]


@pytest.mark.parametrize(
    "text", [STREAM, CHUNKS, NAMED, "data: a\ndata: b\n\n", ": 1\n\n: 2\n\nid: 3\ndata: {}\n\n", ""]
)
def test_a_stream_comes_back_byte_for_byte(text: str) -> None:
    assert wire(readable(text, "text/event-stream")) == text


def test_other_text_stays_text() -> None:
    assert readable("<html>Bad Gateway</html>", "text/html") == {"text": "<html>Bad Gateway</html>"}


def test_a_cut_stream_makes_no_cassette(tape: Path) -> None:
    with pytest.raises(ValueError, match="ends inside an event"):
        record(tape, answering('data: {"a":1}\n\ndata: {"b', "text/event-stream"))
    assert not tape.exists()


def test_only_listed_headers_are_kept(tape: Path) -> None:
    private = {"set-cookie": "session=1", "cf-ray": "x", "server": "y", "X-Request-Id": "r-1"}
    sent = {"Authorization": "Bearer my-own-key", "User-Agent": "me", "X-Client-Request-Id": "c", "Cookie": "a=b"}
    stored = record(tape, answering("{}", **private), **sent)["interactions"][0]
    assert stored["request"]["headers"] == {"content-type": "application/json"}
    assert stored["response"]["headers"] == {"content-type": "application/json", "x-request-id": "r-1"}


def test_a_compressed_answer_is_stored_readable(tape: Path) -> None:
    answer = answering(gzip.compress(json.dumps(SAID).encode()), **{"content-encoding": "gzip"})
    assert record(tape, answer)["interactions"][0]["response"]["json"] == SAID


def test_fields_that_name_an_account_are_left_out(tape: Path) -> None:
    said = {"id": "1", "user": "u-1", "output": [{"safety_identifier": "s", "text": "hi"}], "billing": {"payer": "me"}}
    response = record(tape, answering(json.dumps(said)))["interactions"][0]["response"]
    assert response["json"] == {"id": "1", "output": [{"text": "hi"}]}


@pytest.mark.parametrize(
    "words",
    [
        "my-own-key",
        "Bearer abcdefgh1234",
        "sk-abcdefgh12345678",
        "0123456789abcdef0123456789abcdef",
        "me@example.com",
        "203.0.113.7",
    ],
)
def test_a_secret_in_a_body_is_not_saved(tape: Path, words: str) -> None:
    with pytest.raises(ValueError, match="Not saved"):
        record(tape, answering(json.dumps({"said": f"it is {words}"})))
    assert not tape.exists()


def test_innocent_text_is_no_secret() -> None:
    assert leaks("id: chatcmpl-0123456789abcdef0123456789abcdef, version 1.0.0, task-force, 12.5") == []


def test_loopback_counts_as_the_gateway(tape: Path) -> None:
    stored = record(tape, answering("{}"), url="http://127.0.0.1:54321/v1/models?type=chat")["interactions"][0]
    assert stored["request"]["uri"] == "https://api.aimlapi.com/v1/models?type=chat"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (URL, ASKED | {"temperature": 0}),
        (URL, {"model": "some/model", "messages": []}),
        (URL, ASKED | {"stream": None}),
        (URL.replace("/v1/", "/v2/"), ASKED),
        (URL + "?a=1", ASKED),
        (URL.replace("api.", ""), ASKED),
    ],
)
def test_another_request_is_not_answered(tape: Path, url: str, body: Any) -> None:
    record(tape, answering("{}"))
    with replaying(tape):
        with pytest.raises(CannotOverwriteExistingCassetteException):
            fetch(False, url, body)
        fetch(False)


def test_the_order_of_keys_does_not_matter(tape: Path) -> None:
    record(tape, answering("{}"))
    with replaying(tape):
        assert fetch(False, body=dict(reversed(ASKED.items()))) == "{}"


def test_an_exchange_plays_once(tape: Path) -> None:
    record(tape, answering("{}"))
    with replaying(tape):
        fetch(False)
        with pytest.raises(CannotOverwriteExistingCassetteException):
            fetch(False)


def test_a_cassette_that_is_only_partly_played_is_an_error(tape: Path) -> None:
    record(tape, answering("{}"))
    with pytest.raises(AssertionError, match=r"tape\.yaml was only partly played: <Request \(POST\)"), replaying(tape):
        pass


def test_a_missing_cassette_is_an_error(tape: Path) -> None:
    with pytest.raises(AssertionError, match="no cassette"), replaying(tape):
        pass


def test_nothing_is_saved_of_a_block_that_fails(tape: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"never": 1 / 0})

    with pytest.raises(ZeroDivisionError):
        record(tape, answer)
    assert not tape.exists()
