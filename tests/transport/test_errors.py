"""From the response of a failed request to an error with all of its details."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_integrations import errors
from aimlapi_integrations.errors import error_from

HEADERS = {"x-request-id": "r-1", "x-inference-id": "i-1", "x-client-request-id": "mine"}


def parse(body: Any, status: int = 400, headers: dict[str, str] | None = None) -> errors.APIError:
    return error_from(status, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.InsufficientCreditsError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (408, errors.RequestTimeoutError),
        (409, errors.ConflictError),
        (418, errors.APIStatusError),
        (422, errors.BadRequestError),
        (429, errors.RateLimitError),
        (500, errors.InternalServerError),
        (529, errors.InternalServerError),
    ],
)
def test_error_class_follows_the_status(status: int, kind: type[Exception]):
    assert type(parse({"message": "no"}, status)) is kind


PROBLEM = {"name": "PublicApiValidationException", "message": "Bad Request"}
TREE = {"_errors": [], "messages": {"0": {"_errors": [], "role": {"_errors": ["Invalid enum value"]}}, "_errors": []}}


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (
            {"message": "Too Many Requests", "path": "/v1", "requestId": "q-1", "statusCode": "429"},
            ["Too Many Requests"],
        ),
        ({"message": "Invalid input", "meta": TREE}, ["Invalid input: messages.0.role: Invalid enum value"]),
        (
            {
                "message": "Bad Request",
                "error": {**PROBLEM, "details": [{"path": "tools", "reason": "Expected array"}]},
            },
            ["Bad Request: tools: Expected array", "PublicApiValidationException"],
        ),
        (
            {"error": {**PROBLEM, "details": [{"path": ["messages", 2, "content"], "message": "Expected string"}]}},
            ["messages.2.content: Expected string"],
        ),
        ({"message": ["one", "two"]}, ["one; two"]),
        (
            {"error": {"message": "Bad value", "type": "invalid_request_error", "code": "bad", "param": "top_p"}},
            ["Bad value: param top_p", "invalid_request_error", "bad"],
        ),
        ({"error": "plain words"}, ["plain words"]),
        ({"message": '400 {"type": "error", "error": {"message": "inner"}}'}, ["400 inner"]),
        ({"detail": [{"loc": ["body", "model"], "msg": "field required"}]}, ["body.model: field required"]),
        ({"title": "Unauthorized", "status": 401}, ["Unauthorized"]),
        ({"code": 7, "msg": "too odd"}, ["too odd", "7"]),
        ({"errors": [{"path": "model", "message": "unknown"}]}, ["model: unknown"]),
    ],
)
def test_error_body_in_any_format_keeps_all_details(body: Any, parts: list[str]):
    text = str(parse(body))
    assert all(part in text for part in parts), text


def test_error_has_ids_kind_and_code():
    body = {"message": "no", "error": {"data": {"kind": "err_x"}, "name": "Forbidden", "code": "c-9"}}
    error = parse(body, 403, HEADERS)
    assert (error.kind, error.code) == ("err_x", "c-9")
    assert (error.request_id, error.inference_id, error.client_request_id) == ("r-1", "i-1", "mine")
    assert all(part in str(error) for part in ("403", "err_x", "c-9", "r-1", "i-1", "mine"))
    assert parse({"message": "no", "requestId": "q-1"}).request_id == "q-1"


@pytest.mark.parametrize("status", [402, 403])
@pytest.mark.parametrize(
    "body", [{"error": {"data": {"kind": "err_insufficent_credits"}}}, {"message": "You've run out of credits"}]
)
def test_out_of_credits_is_insufficient_credits_error(status: int, body: Any):
    error = parse(body, status)
    assert isinstance(error, errors.InsufficientCreditsError)
    assert not error.retryable


@pytest.mark.parametrize("status", [200, 400, 413, 422, 429])
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "too long", "code": "context_length_exceeded"}},
        {"message": "This model's maximum context length is 8192 tokens"},
        {"message": '400 {"error": {"message": "prompt is too long: 210000 tokens"}}'},
    ],
)
def test_context_overflow_at_any_status_is_context_overflow_error(status: int, body: Any):
    error = parse(body, status)
    assert type(error) is errors.ContextOverflowError
    assert not error.retryable


@pytest.mark.parametrize(
    ("inner", "plain", "streamed"),
    [
        ({"message": "x", "code": 429}, errors.RateLimitError, errors.RateLimitError),
        ({"message": "x", "type": "invalid_request_error"}, errors.BadRequestError, errors.BadRequestError),
        ({"message": "x", "type": "server_error"}, errors.InternalServerError, errors.StreamError),
        ("words", errors.APIResponseError, errors.StreamError),
    ],
)
def test_error_inside_a_200_has_the_class_of_its_own_status(
    inner: Any, plain: type[Exception], streamed: type[Exception]
):
    assert type(parse({"error": inner}, 200)) is plain
    assert type(parse({"error": inner}, 200, {"content-type": "text/event-stream"})) is streamed


def test_web_page_gives_its_title_and_base_url_advice():
    error = error_from(502, {}, b"<!DOCTYPE html><html><head><title>502 Bad &amp; Gateway</title></head>")
    assert "'502 Bad & Gateway'" in str(error)
    assert "base URL" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [(401, b"{}", "AIMLAPI_API_KEY"), (401, b"{}", "https://aimlapi.com/app/keys"), (404, b"", "base URL")],
)
def test_error_has_advice(status: int, body: bytes, hint: str):
    assert hint in str(error_from(status, {}, body))


@pytest.mark.parametrize(
    ("status", "message", "kind", "hint"),
    [
        (404, "No endpoints found for openai/gpt-9.", errors.NotFoundError, "Choose another"),
        (
            404,
            "0 endpoints out of 3 requested are available matching your guardrail restrictions and data policy",
            errors.NotFoundError,
            "data policy of the key",
        ),
        (400, "max_tokens must be greater than thinking_budget [8192]", errors.BadRequestError, "Raise max_tokens"),
        (400, "max_tokens or model output limit was reached", errors.BadRequestError, "Raise max_tokens"),
        (400, "Reasoning is mandatory for this endpoint and cannot be disabled.", errors.BadRequestError, "'none'"),
        (504, "Generation timeout", errors.InternalServerError, "Stream the answer"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda text: {"message": text}, lambda text: {"error": {"message": text}}])
def test_known_error_has_its_class_and_advice(status: int, message: str, kind: type[Exception], hint: str, wrap: Any):
    error = parse(wrap(message), status)
    assert type(error) is kind
    assert message.rstrip(".") in str(error)
    assert hint in str(error).removeprefix(message)


def test_web_page_with_401_advises_on_key_and_base_url():
    text = str(error_from(401, {"content-type": "text/html"}, b"<html><title>Log in</title></html>"))
    assert all(part in text for part in ("'Log in'", "AIMLAPI_API_KEY", "base URL"))


def test_404_about_a_model_has_no_base_url_advice():
    assert "base URL" not in str(parse({"message": "Model x not found"}, 404))


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.APIError)]
)
def test_pickled_error_keeps_its_attributes(kind: type[errors.APIError]):
    error = kind("no", status=400, body={"a": 1}, headers=HEADERS, partial="so far")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.partial, again.body, again.request_id) == (str(error), "so far", {"a": 1}, "r-1")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "meta", "details", "path", "code", "data", "kind", "_errors", "status", "detail"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.integers(200, 599))
def test_any_json_body_makes_an_error(body: Any, status: int):
    assert str(parse(body, status))


@given(st.binary(max_size=80), st.integers(200, 599))
def test_any_bytes_make_an_error(body: bytes, status: int):
    assert str(error_from(status, {}, body))
