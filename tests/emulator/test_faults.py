"""Faults: failing on demand."""

from __future__ import annotations

import httpx
import pytest

from aimlapi_integrations.emulator.faults.table import FAULTS
from tests.emulator.gateway_client import JSON, MODEL, TOOLS, GatewayClient, parse_events

BODIES: dict[str, tuple[str, JSON]] = {
    "chat": ("chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": "Hello there"}]}),
    "responses": ("responses", {"model": MODEL, "input": "Hello there"}),
    "messages": (
        "messages",
        {"model": "anthropic/claude-opus-5", "messages": [{"role": "user", "content": "Hello there"}]},
    ),
}


def request_fault(client: GatewayClient, fault: str, endpoint: str = "chat", **body: object) -> httpx.Response:
    path, base = BODIES[endpoint]
    return client.post(path, {**base, **body}, x_emulator_fault=fault)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("shape", ["problem", "legacy", "tree", "upstream", "html", "text", "empty"])
def test_status_fault_answers_in_the_requested_body_shape(client: GatewayClient, status: int, shape: str) -> None:
    response = request_fault(client, f"status-{status}; body={shape}")
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


def test_status_fault_with_options_sends_them(client: GatewayClient) -> None:
    response = request_fault(client, "status-429; retry-after=7; message=Slow down")
    assert (response.headers["retry-after"], response.json()["message"]) == ("7", "Slow down")
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert request_fault(client, f"status-503; retry-after={date}").headers["retry-after"] == date


def test_out_of_credit_fault_answers_403_with_its_kind(client: GatewayClient) -> None:
    response = request_fault(client, "out-of-credit")
    assert response.status_code == 403
    assert response.json()["error"]["data"] == {"kind": "err_insufficent_credits"}


def test_fault_is_requested_by_model_suffix_or_emulator_model(client: GatewayClient) -> None:
    assert client.chat(model=f"{MODEL}#fault=status-503").status_code == 503
    assert client.chat(model="emulator/status-504").status_code == 504
    assert client.chat(model="emulator/anything").status_code == 200
    assert client.chat(model=f"{MODEL}#fault=status-503;times=0").json()["model"] == MODEL


def test_unknown_fault_in_the_header_answers_400_with_its_name(client: GatewayClient) -> None:
    response = request_fault(client, "nonsense")
    assert response.status_code == 400
    assert "nonsense" in response.json()["message"]


def test_fault_with_times_applies_that_often_per_client_request_id(client: GatewayClient) -> None:
    def statuses(request_id: str) -> list[int]:
        path, body = BODIES["chat"]
        fault = {"x_emulator_fault": "status-500; times=2", "x_client_request_id": request_id}
        return [client.post(path, body, **fault).status_code for _ in range(3)]

    assert statuses("a") == [500, 500, 200]
    assert statuses("b") == [500, 500, 200]
    client.gateway.reset()
    assert statuses("a") == [500, 500, 200]


def read_until_error(client: GatewayClient, fault: str, path: str, body: JSON) -> bytes:
    """Read a stream until an error ends it, and return what was received."""
    received = b""
    headers = {"x-emulator-fault": fault}
    timeout = httpx.Timeout(5, read=0.05 if "stall" in fault else 5)
    with client.http.stream("POST", path, json={**body, "stream": True}, headers=headers, timeout=timeout) as response:
        assert response.status_code == 200
        pieces = response.iter_bytes()
        with pytest.raises(httpx.ReadTimeout if "stall" in fault else httpx.RemoteProtocolError):
            received += b"".join(iter(lambda: next(pieces), None))
    return received


@pytest.mark.parametrize("endpoint", BODIES)
@pytest.mark.parametrize(
    "fault", ["cut-before-first", "cut-mid-text", "cut-mid-tool-call", "cut-body", "stall", "stall-at-end"]
)
def test_stream_with_a_breaking_fault_raises_in_the_client(client: GatewayClient, endpoint: str, fault: str) -> None:
    path, body = BODIES[endpoint]
    read_until_error(client, fault, path, body)


@pytest.mark.parametrize("fault", ["stall-at-start", "cut-before-first"])
def test_stream_cut_before_the_first_event_has_no_bytes(client: GatewayClient, fault: str) -> None:
    path, body = BODIES["chat"]
    assert read_until_error(client, fault, path, body) == b""


def test_plain_reply_with_cut_body_raises_in_the_client(client: GatewayClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        request_fault(client, "cut-body")


def test_drop_fault_closes_the_connection_once(client: GatewayClient) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        request_fault(client, "drop")
    assert client.chat().status_code == 200


@pytest.mark.parametrize("endpoint", BODIES)
def test_error_in_stream_fault_ends_with_an_error_event(client: GatewayClient, endpoint: str) -> None:
    *_, last = parse_events(request_fault(client, "error-in-stream", endpoint, stream=True).text)
    assert last.get("type") == "error" or "message" in last["error"]


def test_response_failed_fault_reports_status_failed(client: GatewayClient) -> None:
    plain = request_fault(client, "response-failed", "responses").json()
    assert (plain["status"], plain["error"]["code"]) == ("failed", "server_error")
    *_, last = parse_events(request_fault(client, "response-failed", "responses", stream=True).text)
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")


def test_error_in_200_fault_answers_only_an_error(client: GatewayClient) -> None:
    response = request_fault(client, "error-in-200")
    assert (response.status_code, list(response.json())) == (200, ["error"])
    assert list(parse_events(request_fault(client, "error-in-200", stream=True).text)[0]) == ["error"]


def test_refusal_fault_refuses_on_every_endpoint(client: GatewayClient) -> None:
    text = "[emulated] I can't help with that."
    message = request_fault(client, "refusal").json()["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("", text)
    deltas = [choice["delta"] for choice in stream_choices(request_fault(client, "refusal", stream=True))]
    assert "".join(delta.get("refusal") or "" for delta in deltas) == text
    reply = request_fault(client, "refusal", "responses").json()
    assert reply["output"][-1]["content"] == [{"type": "refusal", "refusal": text}]
    streamed = parse_events(request_fault(client, "refusal", "responses", stream=True).text)
    assert "".join(event["delta"] for event in streamed if event["type"] == "response.refusal.delta") == text
    assert request_fault(client, "refusal", "messages").json()["stop_reason"] == "refusal"


def stream_choices(response: httpx.Response) -> list[JSON]:
    """The choice of each event of a chat stream that has one: the event with the usage has none."""
    return [choice for event in parse_events(response.text) for choice in event["choices"]]


def test_content_filter_fault_sets_the_finish_reason(client: GatewayClient) -> None:
    assert request_fault(client, "content-filter").json()["choices"][0]["finish_reason"] == "content_filter"
    assert stream_choices(request_fault(client, "content-filter", stream=True))[-1]["finish_reason"] == "content_filter"
    last = parse_events(request_fault(client, "content-filter", "responses", stream=True).text)[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "content_filter"}


def test_plain_reply_with_a_fault_is_broken_as_named(client: GatewayClient) -> None:
    assert request_fault(client, "empty-choices").json()["choices"] == []
    assert request_fault(client, "empty-choices", "responses").json()["output"] == []
    assert request_fault(client, "null-message").json()["choices"][0]["message"] is None
    assert request_fault(client, "null-content").json()["choices"][0]["message"]["content"] is None
    assert request_fault(client, "null-usage").json()["usage"] is None
    assert request_fault(client, "wrong-content-type").headers["content-type"].startswith("text/plain")
    assert "<html>" in request_fault(client, "html-page").text
    assert (
        request_fault(client, "redirect; to=http://elsewhere.invalid/").headers["location"]
        == "http://elsewhere.invalid/"
    )
    assert len(request_fault(client, "huge-event; bytes=100000").content) > 100_000
    with pytest.raises(ValueError, match="Expecting"):
        request_fault(client, "not-json").json()


@pytest.mark.parametrize("stream", [False, True])
def test_body_with_a_wrong_header_or_prefix_arrives_so(client: GatewayClient, stream: bool) -> None:
    with pytest.raises(httpx.DecodingError):
        request_fault(client, "broken-gzip", stream=stream)
    assert request_fault(client, "byte-order-mark", stream=stream).content.startswith(b"\xef\xbb\xbf")
    assert "\x85\u2028\u2029" in request_fault(client, "line-separators", stream=stream).text
    assert request_fault(client, "wrong-content-type", stream=stream).headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("endpoint", BODIES)
def test_drip_fault_sends_the_reply_in_chunks(client: GatewayClient, endpoint: str) -> None:
    reply = request_fault(client, "drip; seconds=0", endpoint)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.json()["id"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", BODIES)
def test_reset_fault_raises_a_read_error(client: GatewayClient, endpoint: str, stream: bool) -> None:
    with pytest.raises(httpx.ReadError):
        request_fault(client, "reset", endpoint, stream=stream)


FINISH_REASONS = {"chat": "length", "responses": "max_output_tokens", "messages": "max_tokens"}


def finish_reason(endpoint: str, body: JSON) -> str:
    """The reason why a reply, or a stream with this last event, ended."""
    reasons = {
        "chat": lambda: body["choices"][0]["finish_reason"],
        "responses": lambda: body.get("response", body)["incomplete_details"]["reason"],
        "messages": lambda: body.get("delta", body)["stop_reason"],
    }
    return str(reasons[endpoint]())


@pytest.mark.parametrize("endpoint", BODIES)
def test_length_fault_truncates_the_text(client: GatewayClient, endpoint: str) -> None:
    plain = request_fault(client, "length", endpoint)
    streamed = request_fault(client, "length", endpoint, stream=True)
    ends = {"type": "message_stop"}, {"choices": []}  # the latter has the usage
    last = [event for event in parse_events(streamed.text) if not any(end.items() <= event.items() for end in ends)][-1]
    assert finish_reason(endpoint, plain.json()) == finish_reason(endpoint, last) == FINISH_REASONS[endpoint]
    for response in (plain, streamed):
        assert "emu" in response.text
        assert "Hello" not in response.text


def truncated_arguments(client: GatewayClient, endpoint: str, stream: bool) -> list[str]:
    """The arguments of a truncated call; in a stream, of each fragment."""
    if endpoint == "responses":
        tool = {"type": "function", **TOOLS[0]["function"], "strict": False}
        response = request_fault(client, "length", endpoint, stream=stream, input="Weather in Oslo?", tools=[tool])
        body = parse_events(response.text)[-1]["response"] if stream else response.json()
        return [body["output"][-1]["arguments"]]
    messages = [{"role": "user", "content": "Weather in Oslo?"}]
    response = request_fault(client, "length", endpoint, stream=stream, messages=messages, tools=TOOLS)
    choices = stream_choices(response) if stream else response.json()["choices"]
    deltas = [choice.get("delta") or choice["message"] for choice in choices]
    return [call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", [])]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["chat", "responses"])
def test_length_fault_truncates_the_tool_call(client: GatewayClient, endpoint: str, stream: bool) -> None:
    half = "".join(truncated_arguments(client, endpoint, stream))
    assert half.startswith("{")
    assert not half.endswith("}")


COMPLETE_STREAMS = [
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


@pytest.mark.parametrize("fault", COMPLETE_STREAMS)
@pytest.mark.parametrize("endpoint", BODIES)
def test_stream_with_an_unusual_encoding_has_the_same_text(client: GatewayClient, endpoint: str, fault: str) -> None:
    def text(stream: list[JSON]) -> str:
        choices = [choice for event in stream for choice in event.get("choices", [])]
        pieces = [choice.get("delta", {}).get("content", "") for choice in choices]
        deltas = [event["delta"] for event in stream if "delta" in event]
        pieces += [delta if isinstance(delta, str) else delta.get("text", "") for delta in deltas]
        return "".join(pieces)

    assert "You said: Hello there" in text(parse_events(request_fault(client, fault, endpoint, stream=True).text))


def test_end_mid_text_fault_has_no_finish_reason(client: GatewayClient) -> None:
    chunks = parse_events(request_fault(client, "end-mid-text", stream=True).text)
    assert chunks
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks)


def test_fragment_faults_change_ids_names_and_indexes(client: GatewayClient) -> None:
    def fragments(fault: str) -> list[JSON]:
        messages = [{"role": "user", "content": "Weather in Oslo?"}]
        chunks = parse_events(request_fault(client, fault, stream=True, messages=messages, tools=TOOLS).text)
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        return [call for delta in deltas for call in delta.get("tool_calls", [])]

    assert {"name" in call["function"] for call in fragments("bare-fragments")[1:]} == {False}
    assert {call["function"]["name"] for call in fragments("repeated-fragments")} == {"get_weather"}
    assert not any("index" in call for call in fragments("no-index"))
    assert [call["function"]["name"] for call in fragments("slow; seconds=0")][:2] == ["get_weather", ""]


def test_usage_twice_fault_sends_two_usage_chunks(client: GatewayClient) -> None:
    chunks = parse_events(
        request_fault(client, "usage-twice", stream=True, stream_options={"include_usage": True}).text
    )
    assert sum("usage" in chunk for chunk in chunks) == 2


def test_malformed_frame_fault_sends_invalid_json(client: GatewayClient) -> None:
    with pytest.raises(ValueError, match="Unterminated"):
        parse_events(request_fault(client, "malformed-frame", stream=True).text)


SLOW_FAULTS = {"latency", "drop", "drip", "stall", "stall-at-start", "stall-at-end", "slow"}


@pytest.mark.parametrize("endpoint", BODIES)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", sorted({"huge-event; bytes=100000", *FAULTS} - {"huge-event", *SLOW_FAULTS}))
def test_every_fault_on_every_endpoint_answers_or_breaks(
    client: GatewayClient, fault: str, stream: bool, endpoint: str
) -> None:
    try:
        response = request_fault(client, fault, endpoint, stream=stream)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError):
        return
    assert response.status_code in (200, 307, 403, 502)
