"""Faults of plain answers: a 2xx that is no answer, or an odd one. A table."""

from __future__ import annotations

from typing import Any

from aimlapi_integrations import errors

from .fault_server import Hang, head, reply
from .faults_before import Fault
from .replies import TEXT, call_item, chat_body, dumps, message_item, responses_body, sse

PAGE = b"<html><head><title>Welcome</title></head><body>Welcome</body></html>"
FAILED = {"error": {"message": "the provider failed", "type": "server_error", "code": "upstream_error"}}
CUT = '{"city": "Lis'


def _no_answer(name: str, body: Any, *says: str, content_type: str | None = "application/json", **facts: Any) -> Fault:
    act = (reply(body, 200, content_type),)
    return Fault(name, (act,), errors.APIResponseError, 1, says, (("status", 200), *facts.items()))


def _error(name: str, body: Any, error: type[errors.APIError], *says: str) -> Fault:
    return Fault(name, ((reply(body),),), error, 1, says)


def _good(name: str, content: bytes, content_type: str | None) -> Fault:
    return Fault(name, ((reply(content, 200, content_type),),), None)


EVERYWHERE = [
    _no_answer("html-200", PAGE, "Welcome", "base URL", content_type="text/html"),
    _no_answer("empty-200", b"", "empty", content_type=None),
    _no_answer("null", b"null"),
    _no_answer("number", b"17"),
    _no_answer("string", b'"Hello"'),
    _no_answer("array", b"[]"),
    _no_answer("not-json", b"Hello"),
    _no_answer("binary", bytes(range(256))),
    _no_answer("a-stream-where-json-was-due", sse([FAILED]), "stream"),
    _no_answer("very-deep", b'{"choices":' + b"[" * 100_000),
    _no_answer("deep-900", b'{"choices":' + b"[" * 900 + b"]" * 900 + b"}"),
    _no_answer("deep-output", b'{"output":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}"),
    _no_answer("empty-object", {}),
    _error("error-in-200", {"error": {"message": "it said no"}}, errors.APIResponseError, "it said no"),
    _error("server-error-in-200", FAILED, errors.InternalServerError, "the provider failed"),
    _error("error-as-text", {"error": "the provider failed"}, errors.APIResponseError, "the provider failed"),
    _error("401-in-200", {"error": {"message": "no key"}, "status": 401}, errors.AuthenticationError, "no key"),
    _error("429-in-200", {"message": "slow down", "statusCode": 429}, errors.RateLimitError, "slow down"),
    Fault("no-body", ((head(200, content_length="100"), Hang()),), errors.APIConnectionError, 3),
    Fault("cut-body", ((reply(chat_body())[:-100], Hang()),), errors.APIConnectionError, 3),
    Fault("reset-in-body", ((reply(chat_body())[:-100], Hang(reset=True)),), errors.APIConnectionError, 3),
    Fault(
        "broken-gzip", ((reply(b"no gzip", 200, content_encoding="gzip"),),), errors.APIResponseError, 1, ("compress",)
    ),
    Fault("cut-body-once", ((head(200, content_length="100"), Hang()), None), None, 2),
]


def _chat(name: str, **further: Any) -> Fault:
    return _no_answer(name, {**chat_body(), **further}, "choices")


_CHOICE = {"index": 0, "finish_reason": "stop"}

CHAT = [
    _chat("choices-empty", choices=[]),
    _chat("choices-null", choices=None),
    _chat("choices-text", choices="Hello"),
    _chat("choices-of-nulls", choices=[None]),
    _no_answer("choices-missing", {key: value for key, value in chat_body().items() if key != "choices"}, "choices"),
    _chat("content-number", choices=[{**_CHOICE, "message": {"role": "assistant", "content": 17}}]),
    _error("choice-error", {"choices": [{"error": {"message": "it failed"}}]}, errors.APIResponseError, "it failed"),
    _error(
        "choice-that-ends-in-error",
        {"choices": [{**_CHOICE, "finish_reason": "error", "message": {"content": "half"}}]},
        errors.APIResponseError,
    ),
]
_COMPLETE = dumps(chat_body())
CHAT_GOOD = [
    _good("text/plain", _COMPLETE, "text/plain"),
    _good("no-content-type", _COMPLETE, None),
    _good("bom", b"\xef\xbb\xbf" + _COMPLETE, "application/json"),
    _good("white-space", b"\r\n\r\n " + _COMPLETE + b"\n", "application/json"),
    _good("nan", _COMPLETE[:-1] + b', "score": NaN}', "application/json"),
    _good("ten-megabytes", dumps({**chat_body(), "padding": "x" * 10_000_000}), "application/json"),
]

RESPONSES = [
    _no_answer("output-missing", {"id": "resp_1", "object": "response"}, "output"),
    _no_answer("output-text", {"id": "resp_1", "output": "Hello"}, "output"),
    _no_answer("output-number", {"id": "resp_1", "output": 17}, "output"),
    _error(
        "response-failed",
        responses_body(status="failed", error={"code": "server_error", "message": "it failed"}, output=[]),
        errors.ResponseFailedError,
        "resp_1",
        "it failed",
    ),
    _error("response-cancelled", responses_body(status="cancelled"), errors.ResponseFailedError, "cancelled"),
]
_RESPONSE = dumps(responses_body())
RESPONSES_GOOD = [
    _good("text/plain", _RESPONSE, "text/plain"),
    _good("no-content-type", _RESPONSE, None),
    _good("output-text-alone", dumps(responses_body(output=[], output_text=TEXT)), "application/json"),
    _good("status-missing", dumps(responses_body(status=None)), "application/json"),
]

CUT_CALLS = {
    "chat": chat_body(
        None,
        "length",
        tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": CUT}}],
    ),
    "responses": responses_body(
        call_item("call_1", "get_weather", CUT, status="incomplete"),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
}
CUT_TEXTS = {
    "chat": chat_body("Half an ans", "length"),
    "responses": responses_body(
        message_item("Half an ans"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
}
NO_MESSAGE = {
    "chat": {**chat_body(), "choices": [{"index": 0, "message": None, "finish_reason": "stop"}]},
    "responses": responses_body(output=[]),
}
