"""Faults of plain responses: a 2xx without an answer, or with an unusual one. A table."""

from __future__ import annotations

import json
from typing import Any

from aimlapi_integrations import errors
from tests.faults.faults_before import Fault, legacy, problem
from tests.support.fault_server import ECHO, Hang, head, reply
from tests.support.replies import TEXT, Json, call_item, chat_body, dumps, message_item, responses_body, sse

PAGE = b"<html><head><title>Welcome</title></head><body>Welcome</body></html>"
FAILED = {"error": {"message": f"the provider failed. {ECHO}", "type": "server_error", "code": "upstream_error"}}
CUT = '{"city": "Lis'


def _no_answer(
    name: str, body: Any, *in_message: str, content_type: str | None = "application/json", **attributes: Any
) -> Fault:
    act = (reply(body, 200, content_type),)
    return Fault(name, (act,), errors.APIResponseError, 1, in_message, (("status", 200), *attributes.items()))


def _error(name: str, body: Any, error: type[errors.APIError], *in_message: str) -> Fault:
    return Fault(name, ((reply(body),),), error, 1, in_message)


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
    _no_answer("deep-10,000", b'{"choices":' * 10_000 + b"1" + b"}" * 10_000),
    _no_answer("true", b"true"),
    _no_answer("two-values", dumps(chat_body()) * 2),
    _no_answer("words-after-it", dumps(chat_body()) + b" Done!"),
    _no_answer("single-quotes", b"{'choices': []}"),
    _no_answer("half-of-json", dumps(chat_body())[:-40]),
    _no_answer("line-breaks-in-text", dumps(chat_body()).replace(b"aus", b"\n")),
    _no_answer("invalid-utf-8", dumps(chat_body()).replace(b"aus", b"\xff\xfe")),
    _no_answer("a-number-of-5,000-digits", b'{"choices": ' + b"9" * 5_000 + b"}"),
    _no_answer("html-as-json", PAGE, "Welcome", "base URL"),
    _no_answer("xml", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "AccessDenied"),
    _no_answer("white-space", b" \r\n ", "empty"),
    Fault("204", ((head(204, None),),), errors.APIResponseError, 1, ("empty",), (("status", 204),)),
    Fault("205", ((reply(b"", 205),),), errors.APIResponseError, 1, ("empty",), (("status", 205),)),
    _no_answer("deep-900", b'{"choices":' + b"[" * 900 + b"]" * 900 + b"}"),
    _no_answer("deep-output", b'{"output":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}"),
    _no_answer("empty-object", {}),
    _error("error-in-200", {"error": {"message": "it said no"}}, errors.APIResponseError, "it said no"),
    _error("server-error-in-200", FAILED, errors.InternalServerError, "the provider failed"),
    _error("error-as-text", {"error": "the provider failed"}, errors.APIResponseError, "the provider failed"),
    _error("401-in-200", {"error": {"message": "no key"}, "status": 401}, errors.AuthenticationError, "no key"),
    _error("429-in-200", {"message": "slow down", "statusCode": 429}, errors.RateLimitError, "slow down"),
    _error("problem-in-200", problem(401), errors.AuthenticationError, "It was refused."),
    _error("problem-of-a-title-in-200", {"title": "Unauthorized", "status": 401}, errors.AuthenticationError),
    _error("legacy-in-200", legacy("429"), errors.RateLimitError, "It was refused."),
    _error("list-in-200", legacy(400, ["one thing", "another"]), errors.BadRequestError, "one thing; another"),
    _error("tree-in-200", legacy(400, "No", meta={"_errors": ["Odd"]}), errors.BadRequestError, "No: Odd"),
    _error("nested-in-200", legacy(500, '400 {"error": {"message": "odd"}}'), errors.InternalServerError, "400 odd"),
    _error("detail-in-200", {"detail": "Not Found"}, errors.APIResponseError, "Not Found"),
    _error("errors-in-200", {"errors": [{"message": "too odd"}]}, errors.APIResponseError, "too odd"),
    _error("msg-in-200", {"code": 5, "msg": "too odd"}, errors.APIResponseError, "too odd"),
    _error(
        "overflow-in-200",
        {"error": {"message": "prompt is too long: 210000 tokens", "type": "invalid_request_error"}},
        errors.ContextOverflowError,
    ),
    _error("no-credits-in-200", problem(403, "You've run out of credits."), errors.InsufficientCreditsError),
    Fault("no-body", ((head(200, content_length="100"), Hang()),), errors.APIConnectionError, 3),
    Fault("cut-body", ((reply(chat_body())[:-100], Hang()),), errors.APIConnectionError, 3),
    Fault("reset-in-body", ((reply(chat_body())[:-100], Hang(reset=True)),), errors.APIConnectionError, 3),
    Fault(
        "broken-gzip", ((reply(b"no gzip", 200, content_encoding="gzip"),),), errors.APIResponseError, 1, ("compress",)
    ),
    Fault("cut-body-once", ((head(200, content_length="100"), Hang()), None), None, 2),
]


def usages(*names: str) -> list[Json]:
    """Counts of tokens that are none, by the names of either endpoint."""
    values: list[Any] = [None, "many", -5, 1.5, 1e300, 10**30, [1], {"a": 1}, True, "7"]
    return [dict.fromkeys(names, value) for value in values]


ODD_USAGES: dict[str, list[Any]] = {
    "chat": [None, "many", [1], 5, {}, *usages("prompt_tokens", "completion_tokens", "total_tokens")],
    "responses": [None, "many", [1], 5, {}, *usages("input_tokens", "output_tokens", "total_tokens")],
}


def _chat(name: str, **further: Any) -> Fault:
    return _no_answer(name, {**chat_body(), **further}, "choices")


_CHOICE = {"index": 0, "finish_reason": "stop"}

CHAT = [
    _chat("choices-empty", choices=[]),
    _chat("choices-null", choices=None),
    _chat("choices-text", choices="Hello"),
    _chat("choices-of-nulls", choices=[None]),
    _chat("choice-of-nothing", choices=[{}]),
    _chat("choice-without-message-or-reason", choices=[{"index": 0, "message": None, "finish_reason": None}]),
    _chat("message-text", choices=[{**_CHOICE, "message": "Hello"}]),
    _chat("message-array", choices=[{**_CHOICE, "message": [{"content": "Hello"}]}]),
    _no_answer("calls-of-nulls", chat_body("", "tool_calls", tool_calls=[None]), "tool_calls[0]: expected object"),
    _no_answer("a-call-that-is-text", chat_body(TEXT, "tool_calls", tool_calls=["add"]), "tool_calls[0]"),
    _no_answer("called-but-what", chat_body("", "tool_calls"), "tool_calls: expected at least one"),
    _no_answer("malformed-call", chat_body("", "malformed_function_call"), "malformed function call"),
    _no_answer(
        "malformed-call-and-message-null",
        {**chat_body(), "choices": [{**_CHOICE, "finish_reason": "MALFORMED_FUNCTION_CALL", "message": None}]},
        "malformed function call",
    ),
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
_SAID = {**_CHOICE, "message": {"role": "assistant", "content": TEXT}}
CHAT_GOOD = [
    _good("text/plain", _COMPLETE, "text/plain"),
    _good("no-content-type", _COMPLETE, None),
    _good("bom", b"\xef\xbb\xbf" + _COMPLETE, "application/json"),
    _good("white-space", b"\r\n\r\n " + _COMPLETE + b"\n", "application/json"),
    _good("twice-the-same-key", b'{"choices": null, ' + _COMPLETE[1:], "application/json"),
    _good("utf-16", json.dumps(chat_body()).encode("utf-16"), "application/json; charset=utf-16"),
    _good("a-charset-of-nowhere", _COMPLETE, "application/json; charset=martian"),
    _good("as-html", _COMPLETE, "text/html"),
    _good("null-fields", dumps({**chat_body(), "id": None, "model": None, "created": None, "usage": None}), None),
    _good("ids-that-are-none", dumps({**chat_body(), "id": 5, "model": [], "created": "now", "meta": 1}), None),
    _good("no-role", dumps({**chat_body(), "choices": [{**_CHOICE, "message": {"content": TEXT}}]}), None),
    _good("an-index-of-nowhere", dumps({**chat_body(), "choices": [{**_SAID, "index": -7}]}), None),
    _good("two-choices", dumps({**chat_body(), "choices": [_SAID, {**_SAID, "index": 1}]}), None),
    _good("text-in-parts", dumps(chat_body([{"type": "text", "text": TEXT}, None, {"type": "x"}])), None),
    _good("nothing-called", dumps(chat_body(tool_calls=None, function_call=None, annotations=None, audio=None)), None),
    _good(
        "odd-extras",
        dumps(
            chat_body(
                tool_calls="x",
                annotations=[5],
                images=[{"image_url": 5}, {"image_url": "x"}, {"image_url": {"url": "http://["}}],
                audio=[],
            )
        ),
        None,
    ),
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
    _good("null-fields", dumps(responses_body(id=None, model=None, created_at=None, usage=None)), None),
    _good("items-that-are-none", dumps(responses_body(None, 5, {}, {"type": "new"}, message_item(TEXT))), None),
    _good("parts-that-are-none", dumps(responses_body(message_item(TEXT), {"type": "message", "content": 5})), None),
    _good("utf-16", json.dumps(responses_body()).encode("utf-16"), "application/json"),
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
