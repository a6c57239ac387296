"""The recorder on plain httpx: what a cassette stores, and what it replays."""

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
from tests.cassettes.observed import PICTURE
from tests.cassettes.provenance import provenance
from tests.cassettes.recorder import find_secrets, recording, replaying

URL = "https://api.aimlapi.com/v1/chat/completions"
REQUEST = {"model": "some/model", "messages": [{"role": "user", "content": "Hello"}]}
RESPONSE = {
    "id": "1",
    "choices": [{"message": {"content": "Olá \n\n“yes”: 1.0"}}],
    "usd": 6.45e-05,
    "none": None,
    "no": "no",
}
STREAM = ': wait\n\nevent: piece\ndata: {"delta":"a: b"}\n\ndata: {"delta":"\\n"}\n\ndata: [DONE]\n\n'

Answer = Callable[[httpx.Request], httpx.Response]


def respond_with(body: str | bytes, content_type: str = "application/json", **headers: str) -> Answer:
    return lambda request: httpx.Response(200, content=body, headers={"content-type": content_type, **headers})


def record(path: Path, answer: Answer, url: str = URL, body: Any = REQUEST, **headers: str) -> dict[str, Any]:
    """Record one request, and return the cassette as a document."""
    with (
        recording(path, provenance("emulator", "test"), "my-own-key"),
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
    ):
        client.post(url, json=body, headers=headers)
    return pages.load(path.read_text(encoding="utf-8"))


async def fetch_async(stream: bool, url: str = URL, body: Any = REQUEST) -> str:
    async with httpx.AsyncClient() as client:
        if not stream:
            return (await client.post(url, json=body)).text
        async with client.stream("POST", url, json=body) as response:
            return "".join([text async for text in response.aiter_text()])


def fetch(stream: bool, url: str = URL, body: Any = REQUEST) -> str:
    with httpx.Client() as client:
        if not stream:
            return client.post(url, json=body).text
        with client.stream("POST", url, json=body) as response:
            return "".join(response.iter_text())


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "tape.yaml"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("content", "kind"), [(json.dumps(RESPONSE), "application/json"), (STREAM, "text/event-stream")]
)
def test_recorded_body_is_replayed(cassette: Path, is_async: bool, stream: bool, content: str, kind: str) -> None:
    record(cassette, respond_with(content, kind))
    with replaying(cassette):
        replayed = asyncio.run(fetch_async(stream)) if is_async else fetch(stream)
    assert readable(replayed, kind) == readable(content, kind)


def test_json_body_is_stored_as_json(cassette: Path) -> None:
    stored = record(cassette, respond_with(json.dumps(RESPONSE)))["interactions"][0]
    assert stored["request"]["json"] == REQUEST
    assert stored["response"]["json"] == RESPONSE


def test_stream_is_stored_as_its_events(cassette: Path) -> None:
    stored = record(cassette, respond_with(STREAM, "text/event-stream; charset=utf-8"))["interactions"][0]
    assert stored["response"]["events"] == [
        {"comment": "wait"},
        {"event": "piece", "data": {"delta": "a: b"}},
        {"data": {"delta": "\n"}},
        {"data": "[DONE]"},
    ]


CHUNKS = 'data: {"id":"1","n":1,"text":"a"}\n\ndata: {"id":"1","n":true,"text":"b"}\n\ndata: [DONE]\n\n'


def test_fields_shared_by_all_events_are_stored_once() -> None:
    stored = readable(CHUNKS, "text/event-stream")
    assert stored["every_event"] == {"id": "1"}
    assert stored["events"] == [{"data": {"n": 1, "text": "a"}}, {"data": {"n": True, "text": "b"}}, {"data": "[DONE]"}]


NAMED = 'event: piece\ndata: {"type":"piece","n":1}\n\n: wait\n\nevent: end\ndata: {"type":"end"}\n\n'


def test_event_names_equal_to_types_are_not_stored() -> None:
    stored = readable(NAMED, "text/event-stream")
    assert stored["event_is_type"] is True
    assert stored["events"] == [{"data": {"type": "piece", "n": 1}}, {"comment": "wait"}, {"data": {"type": "end"}}]


@pytest.mark.parametrize(
    "text", [STREAM, CHUNKS, NAMED, "data: a\ndata: b\n\n", ": 1\n\n: 2\n\nid: 3\ndata: {}\n\n", ""]
)
def test_stored_stream_is_restored_byte_for_byte(text: str) -> None:
    assert wire(readable(text, "text/event-stream")) == text


def test_other_text_is_stored_as_text() -> None:
    assert readable("<html>Bad Gateway</html>", "text/html") == {"text": "<html>Bad Gateway</html>"}


def test_truncated_stream_is_not_recorded(cassette: Path) -> None:
    with pytest.raises(ValueError, match="ends inside an event"):
        record(cassette, respond_with('data: {"a":1}\n\ndata: {"b', "text/event-stream"))
    assert not cassette.exists()


def test_unlisted_headers_are_not_stored(cassette: Path) -> None:
    private = {"set-cookie": "session=1", "cf-ray": "x", "server": "y", "X-Request-Id": "r-1"}
    sent = {"Authorization": "Bearer my-own-key", "User-Agent": "me", "X-Client-Request-Id": "c", "Cookie": "a=b"}
    stored = record(cassette, respond_with("{}", **private), **sent)["interactions"][0]
    assert stored["request"]["headers"] == {"content-type": "application/json"}
    assert stored["response"]["headers"] == {"content-type": "application/json", "x-request-id": "r-1"}


def test_compressed_body_is_stored_decoded(cassette: Path) -> None:
    answer = respond_with(gzip.compress(json.dumps(RESPONSE).encode()), **{"content-encoding": "gzip"})
    assert record(cassette, answer)["interactions"][0]["response"]["json"] == RESPONSE


def test_fields_that_identify_an_account_are_not_stored(cassette: Path) -> None:
    content = {
        "id": "1",
        "user": "u-1",
        "output": [{"safety_identifier": "s", "text": "hi"}],
        "billing": {"payer": "me"},
    }
    response = record(cassette, respond_with(json.dumps(content)))["interactions"][0]["response"]
    assert response["json"] == {"id": "1", "output": [{"text": "hi"}]}


@pytest.mark.parametrize(
    "text",
    [
        "my-own-key",
        "Bearer abcdefgh1234",
        "sk-abcdefgh12345678",
        "0123456789abcdef0123456789abcdef",
        "me@example.com",
        "203.0.113.7",
    ],
)
def test_body_with_a_secret_is_not_recorded(cassette: Path, text: str) -> None:
    with pytest.raises(ValueError, match="Not saved"):
        record(cassette, respond_with(json.dumps({"said": f"it is {text}"})))
    assert not cassette.exists()


def test_text_without_secrets_is_accepted() -> None:
    assert find_secrets("id: chatcmpl-0123456789abcdef0123456789abcdef, version 1.0.0, task-force, 12.5") == []


def test_loopback_url_is_stored_as_the_gateway(cassette: Path) -> None:
    stored = record(cassette, respond_with("{}"), url="http://127.0.0.1:54321/v1/models?type=chat")["interactions"][0]
    assert stored["request"]["uri"] == "https://api.aimlapi.com/v1/models?type=chat"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (URL, REQUEST | {"temperature": 0}),
        (URL, {"model": "some/model", "messages": []}),
        (URL, REQUEST | {"stream": None}),
        (URL.replace("/v1/", "/v2/"), REQUEST),
        (URL + "?a=1", REQUEST),
        (URL.replace("api.", ""), REQUEST),
    ],
)
def test_replay_rejects_a_different_request(cassette: Path, url: str, body: Any) -> None:
    record(cassette, respond_with("{}"))
    with replaying(cassette):
        with pytest.raises(CannotOverwriteExistingCassetteException):
            fetch(False, url, body)
        fetch(False)


FILES = [("image", ("a.png", b"\x89PNG\r\n\x00--\xff", "image/png")), ("image", ("b.png", b"", "image/png"))]
FORM: dict[str, Any] = {"data": {"prompt": "Olá\n", "n": "2"}, "files": FILES}


def record_form(path: Path) -> dict[str, Any]:
    with recording(path, provenance("emulator", "test")):
        post_form(FORM, transport=httpx.MockTransport(respond_with("{}")))
    return pages.load(path.read_text(encoding="utf-8"))


def post_form(form: dict[str, Any], **settings: Any) -> str:
    with httpx.Client(**settings) as client:
        return client.post(URL, **form).text


def test_form_is_stored_by_field_with_files_as_base64(cassette: Path) -> None:
    request = record_form(cassette)["interactions"][0]["request"]
    assert request["headers"] == {"content-type": "multipart/form-data"}
    assert request["form"] == [
        {"name": "prompt", "value": "Olá\n"},
        {"name": "n", "value": "2"},
        {"name": "image", "filename": "a.png", "content_type": "image/png", "base64": "iVBORw0KAC0t/w=="},
        {"name": "image", "filename": "b.png", "content_type": "image/png", "base64": ""},
    ]


@pytest.mark.parametrize(
    "change", [{"data": {**FORM["data"], "n": "3"}}, {"files": FILES[:1]}, {"files": FILES[::-1]}], ids=str
)
def test_replay_compares_forms_by_field(cassette: Path, change: dict[str, Any]) -> None:
    record_form(cassette)
    with replaying(cassette):
        with pytest.raises(CannotOverwriteExistingCassetteException):
            post_form(FORM | change)
        assert post_form(FORM) == "{}"  # with another boundary


@pytest.mark.parametrize(("length", "stored"), [(1_000, "A" * 1_000), (1_001, PICTURE)], ids=["short", "long"])
def test_long_base64_of_a_response_is_replaced(cassette: Path, length: int, stored: str) -> None:
    answer = respond_with(json.dumps({"data": [{"b64_json": "A" * length, "text": "A" * length}]}))
    response = record(cassette, answer)["interactions"][0]["response"]
    assert response["json"] == {"data": [{"b64_json": stored, "text": "A" * length}]}


def test_loopback_url_in_a_response_is_stored_as_the_gateway(cassette: Path) -> None:
    answer = respond_with(json.dumps({"url": "http://127.0.0.1:54321/images/0123456789abcdef0123456789abcdef.png"}))
    response = record(cassette, answer)["interactions"][0]["response"]
    assert response["json"] == {"url": "https://api.aimlapi.com/images/0123456789abcdef0123456789abcdef.png"}


def test_replay_ignores_the_order_of_keys(cassette: Path) -> None:
    record(cassette, respond_with("{}"))
    with replaying(cassette):
        assert fetch(False, body=dict(reversed(REQUEST.items()))) == "{}"


def test_replay_answers_each_exchange_once(cassette: Path) -> None:
    record(cassette, respond_with("{}"))
    with replaying(cassette):
        fetch(False)
        with pytest.raises(CannotOverwriteExistingCassetteException):
            fetch(False)


def test_partly_replayed_cassette_raises(cassette: Path) -> None:
    record(cassette, respond_with("{}"))
    with (
        pytest.raises(AssertionError, match=r"tape\.yaml was only partly played: <Request \(POST\)"),
        replaying(cassette),
    ):
        pass


def test_missing_cassette_raises(cassette: Path) -> None:
    with pytest.raises(AssertionError, match="no cassette"), replaying(cassette):
        pass


def test_failed_block_is_not_recorded(cassette: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"never": 1 / 0})

    with pytest.raises(ZeroDivisionError):
        record(cassette, answer)
    assert not cassette.exists()
