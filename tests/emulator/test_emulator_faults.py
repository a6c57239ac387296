"""Failing on demand."""

from __future__ import annotations

import httpx
import pytest

from aimlapi_integrations.emulator.faults.table import FAULTS

from .wires import MODEL, TOOLS, Json, Wire, events

BODIES: dict[str, tuple[str, Json]] = {
    "chat": ("chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "Hello there"}]}),
    "responses": ("responses", {"model": MODEL, "input": "Hello there"}),
    "messages": (
        "messages",
        {"model": "anthropic/claude-opus-5", "messages": [{"role": "user", "content": "Hello there"}]},
    ),
}


def spoiled(wire: Wire, fault: str, endpoint: str = "chat", **body: object) -> httpx.Response:
    path, base = BODIES[endpoint]
    return wire.post(path, {**base, **body}, x_emulator_fault=fault)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("shape", ["problem", "legacy", "tree", "upstream", "html", "text", "empty"])
def test_any_status_in_any_shape(wire: Wire, status: int, shape: str) -> None:
    response = spoiled(wire, f"status-{status}; body={shape}")
    assert response.status_code == status
    checks = {
        "problem": lambda: response.json()["error"]["message"],
        "legacy": lambda: response.json()["statusCode"] == str(status),
        "tree": lambda: response.json()["meta"]["messages"]["0"]["role"]["_errors"],
        "upstream": lambda: response.json()["message"].startswith(f'{status} {{"type"'),
        "html": lambda: "<html>" in response.text,
        "text": lambda: response.text == f"emulated {status}",
        "empty": lambda: response.content == b"",
    }
    assert checks[shape]()


def test_options_of_a_status(wire: Wire) -> None:
    response = spoiled(wire, "status-429; retry-after=7; message=Slow down")
    assert (response.headers["retry-after"], response.json()["message"]) == ("7", "Slow down")
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert spoiled(wire, f"status-503; retry-after={date}").headers["retry-after"] == date


def test_out_of_credit(wire: Wire) -> None:
    response = spoiled(wire, "out-of-credit")
    assert response.status_code == 403
    assert response.json()["error"]["data"] == {"kind": "err_insufficent_credits"}


def test_three_ways_to_ask(wire: Wire) -> None:
    assert wire.chat(model=f"{MODEL}#fault=status-503").status_code == 503
    assert wire.chat(model="emulator/status-504").status_code == 504
    assert wire.chat(model="emulator/anything").status_code == 200
    assert wire.chat(model=f"{MODEL}#fault=status-503;times=0").json()["model"] == MODEL


def test_an_unknown_fault_is_told(wire: Wire) -> None:
    response = spoiled(wire, "nonsense")
    assert response.status_code == 400
    assert "nonsense" in response.json()["message"]


def test_it_fails_so_many_times(wire: Wire) -> None:
    def statuses(request_id: str) -> list[int]:
        path, body = BODIES["chat"]
        fault = {"x_emulator_fault": "status-500; times=2", "x_client_request_id": request_id}
        return [wire.post(path, body, **fault).status_code for _ in range(3)]

    assert statuses("a") == [500, 500, 200]
    assert statuses("b") == [500, 500, 200]
    wire.gateway.reset()
    assert statuses("a") == [500, 500, 200]


def read_until_it_breaks(wire: Wire, fault: str, path: str, body: Json) -> bytes:
    """What arrives of a stream, and then the error that ends it."""
    got = b""
    headers = {"x-emulator-fault": fault}
    timeout = httpx.Timeout(5, read=0.05 if "stall" in fault else 5)
    with wire.http.stream("POST", path, json={**body, "stream": True}, headers=headers, timeout=timeout) as response:
        assert response.status_code == 200
        pieces = response.iter_bytes()
        with pytest.raises(httpx.ReadTimeout if "stall" in fault else httpx.RemoteProtocolError):
            got += b"".join(iter(lambda: next(pieces), None))
    return got


@pytest.mark.parametrize("endpoint", BODIES)
@pytest.mark.parametrize(
    "fault", ["cut-before-first", "cut-mid-text", "cut-mid-tool-call", "cut-body", "stall", "stall-at-end"]
)
def test_a_stream_breaks(wire: Wire, endpoint: str, fault: str) -> None:
    path, body = BODIES[endpoint]
    read_until_it_breaks(wire, fault, path, body)


@pytest.mark.parametrize("fault", ["stall-at-start", "cut-before-first"])
def test_a_stream_breaks_before_its_first_event(wire: Wire, fault: str) -> None:
    path, body = BODIES["chat"]
    assert read_until_it_breaks(wire, fault, path, body) == b""


def test_a_plain_reply_is_cut(wire: Wire) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        spoiled(wire, "cut-body")


def test_the_connection_is_dropped(wire: Wire) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        spoiled(wire, "drop")
    assert wire.chat().status_code == 200


@pytest.mark.parametrize("endpoint", BODIES)
def test_an_error_amid_a_stream(wire: Wire, endpoint: str) -> None:
    *_, last = events(spoiled(wire, "error-in-stream", endpoint, stream=True).text)
    assert last.get("type") == "error" or "message" in last["error"]


def test_a_failed_response(wire: Wire) -> None:
    plain = spoiled(wire, "response-failed", "responses").json()
    assert (plain["status"], plain["error"]["code"]) == ("failed", "server_error")
    *_, last = events(spoiled(wire, "response-failed", "responses", stream=True).text)
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")


def test_an_error_with_status_200(wire: Wire) -> None:
    response = spoiled(wire, "error-in-200")
    assert (response.status_code, list(response.json())) == (200, ["error"])
    assert list(events(spoiled(wire, "error-in-200", stream=True).text)[0]) == ["error"]


def test_refusals(wire: Wire) -> None:
    words = "[emulated] I can't help with that."
    message = spoiled(wire, "refusal").json()["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("", words)
    deltas = [chunk["choices"][0]["delta"] for chunk in events(spoiled(wire, "refusal", stream=True).text)]
    assert "".join(delta.get("refusal") or "" for delta in deltas) == words
    reply = spoiled(wire, "refusal", "responses").json()
    assert reply["output"][-1]["content"] == [{"type": "refusal", "refusal": words}]
    streamed = events(spoiled(wire, "refusal", "responses", stream=True).text)
    assert "".join(event["delta"] for event in streamed if event["type"] == "response.refusal.delta") == words
    assert spoiled(wire, "refusal", "messages").json()["stop_reason"] == "refusal"


def test_content_filters(wire: Wire) -> None:
    assert spoiled(wire, "content-filter").json()["choices"][0]["finish_reason"] == "content_filter"
    last = events(spoiled(wire, "content-filter", stream=True).text)[-1]
    assert last["choices"][0]["finish_reason"] == "content_filter"
    last = events(spoiled(wire, "content-filter", "responses", stream=True).text)[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "content_filter"}


def test_broken_replies(wire: Wire) -> None:
    assert spoiled(wire, "empty-choices").json()["choices"] == []
    assert spoiled(wire, "empty-choices", "responses").json()["output"] == []
    assert spoiled(wire, "null-message").json()["choices"][0]["message"] is None
    assert spoiled(wire, "null-content").json()["choices"][0]["message"]["content"] is None
    assert spoiled(wire, "null-usage").json()["usage"] is None
    assert spoiled(wire, "wrong-content-type").headers["content-type"].startswith("text/plain")
    assert "<html>" in spoiled(wire, "html-page").text
    assert spoiled(wire, "redirect; to=http://elsewhere.invalid/").headers["location"] == "http://elsewhere.invalid/"
    assert len(spoiled(wire, "huge-event; bytes=100000").content) > 100_000
    with pytest.raises(ValueError, match="Expecting"):
        spoiled(wire, "not-json").json()


@pytest.mark.parametrize("stream", [False, True])
def test_bodies_that_are_not_as_they_say(wire: Wire, stream: bool) -> None:
    with pytest.raises(httpx.DecodingError):
        spoiled(wire, "broken-gzip", stream=stream)
    assert spoiled(wire, "byte-order-mark", stream=stream).content.startswith(b"\xef\xbb\xbf")
    assert "\x85\u2028\u2029" in spoiled(wire, "line-separators", stream=stream).text
    assert spoiled(wire, "wrong-content-type", stream=stream).headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("endpoint", BODIES)
def test_a_reply_in_drops(wire: Wire, endpoint: str) -> None:
    reply = spoiled(wire, "drip; seconds=0", endpoint)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.json()["id"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", BODIES)
def test_the_connection_is_reset(wire: Wire, endpoint: str, stream: bool) -> None:
    with pytest.raises(httpx.ReadError):
        spoiled(wire, "reset", endpoint, stream=stream)


FINISH = {"chat": "length", "responses": "max_output_tokens", "messages": "max_tokens"}


def finish(endpoint: str, said: Json) -> str:
    """Why a reply, or the last event of a stream that tells it, ended."""
    told = {
        "chat": lambda: said["choices"][0]["finish_reason"],
        "responses": lambda: said.get("response", said)["incomplete_details"]["reason"],
        "messages": lambda: said.get("delta", said)["stop_reason"],
    }
    return str(told[endpoint]())


@pytest.mark.parametrize("endpoint", BODIES)
def test_the_limit_cuts_a_text(wire: Wire, endpoint: str) -> None:
    plain = spoiled(wire, "length", endpoint)
    streamed = spoiled(wire, "length", endpoint, stream=True)
    last = [event for event in events(streamed.text) if event.get("type") != "message_stop"][-1]
    assert finish(endpoint, plain.json()) == finish(endpoint, last) == FINISH[endpoint]
    for response in (plain, streamed):
        assert "emu" in response.text
        assert "Hello" not in response.text


def halves(wire: Wire, endpoint: str, stream: bool) -> list[str]:
    """The arguments of the call that the limit cuts: of each piece of it, where it is streamed."""
    if endpoint == "responses":
        tool = {"type": "function", **TOOLS[0]["function"], "strict": False}
        told = spoiled(wire, "length", endpoint, stream=stream, input="Weather in Oslo?", tools=[tool])
        response = events(told.text)[-1]["response"] if stream else told.json()
        return [response["output"][-1]["arguments"]]
    messages = [{"role": "user", "content": "Weather in Oslo?"}]
    told = spoiled(wire, "length", endpoint, stream=stream, messages=messages, tools=TOOLS)
    choices = [event["choices"][0] for event in (events(told.text) if stream else [told.json()])]
    said = [choice.get("delta") or choice["message"] for choice in choices]
    return [call["function"]["arguments"] for message in said for call in message.get("tool_calls", [])]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["chat", "responses"])
def test_the_limit_cuts_a_tool_call(wire: Wire, endpoint: str, stream: bool) -> None:
    half = "".join(halves(wire, endpoint, stream))
    assert half.startswith("{")
    assert not half.endswith("}")


WHOLE_STREAMS = [
    "comments",
    "no-final-newline",
    "crlf",
    "cr",
    "byte-order-mark",
    "line-separators",
    "drip; seconds=0",
    "split-bytes",
    "slow; seconds=0.001",
    "no-done",
    "huge-event; bytes=1000",
]


@pytest.mark.parametrize("fault", WHOLE_STREAMS)
@pytest.mark.parametrize("endpoint", BODIES)
def test_odd_streams_say_the_same(wire: Wire, endpoint: str, fault: str) -> None:
    def text(stream: list[Json]) -> str:
        choices = [choice for event in stream for choice in event.get("choices", [])]
        pieces = [choice.get("delta", {}).get("content", "") for choice in choices]
        deltas = [event["delta"] for event in stream if "delta" in event]
        pieces += [delta if isinstance(delta, str) else delta.get("text", "") for delta in deltas]
        return "".join(pieces)

    assert "You said: Hello there" in text(events(spoiled(wire, fault, endpoint, stream=True).text))


def test_streams_end_too_early(wire: Wire) -> None:
    chunks = events(spoiled(wire, "end-mid-text", stream=True).text)
    assert chunks
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks)


def test_tool_fragments_of_every_make(wire: Wire) -> None:
    def fragments(fault: str) -> list[Json]:
        messages = [{"role": "user", "content": "Weather in Oslo?"}]
        chunks = events(spoiled(wire, fault, stream=True, messages=messages, tools=TOOLS).text)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        return [call for delta in deltas for call in delta.get("tool_calls", [])]

    assert {"name" in call["function"] for call in fragments("bare-fragments")[1:]} == {False}
    assert {call["function"]["name"] for call in fragments("repeated-fragments")} == {"get_weather"}
    assert not any("index" in call for call in fragments("no-index"))
    assert [call["function"]["name"] for call in fragments("slow; seconds=0")][:2] == ["get_weather", ""]


def test_usage_twice(wire: Wire) -> None:
    chunks = events(spoiled(wire, "usage-twice", stream=True, stream_options={"include_usage": True}).text)
    assert sum("usage" in chunk for chunk in chunks) == 2


def test_a_malformed_frame(wire: Wire) -> None:
    with pytest.raises(ValueError, match="Unterminated"):
        events(spoiled(wire, "malformed-frame", stream=True).text)


WAITING = {"latency", "drop", "drip", "stall", "stall-at-start", "stall-at-end", "slow"}


@pytest.mark.parametrize("endpoint", BODIES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - WAITING))
def test_every_fault_does_something_everywhere(wire: Wire, fault: str, stream: bool, endpoint: str) -> None:
    try:
        response = spoiled(wire, fault, endpoint, stream=stream)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError):
        return
    assert response.status_code in (200, 307, 403, 502)
