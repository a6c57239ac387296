"""Parses the body of an error in any of its formats, redacts secrets, and adds to errors on their way to the caller.

The gateway has used four formats: a flat one (`message`, `statusCode`), the same with a tree of validation errors
(`meta`), problem+json with an `error` object (`name`, `data.kind`, `details`), and one that wraps a provider's error as
text (`400 {"type": "error", …}`). Providers add OpenAI's and Anthropic's own, proxies add HTML and plain text.
https://docs.aimlapi.com/errors-and-messages/general-info
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import SecretStr
from pydantic_core import from_json

E = TypeVar("E", bound=Exception)

NO_SECRET = SecretStr("")

_PREVIEW = 500
_LONGEST = 4000

# Patterns for the first error: compiling all of them would take 2 ms of each import.
_HTML = r"(?i)\s*(<!doctype\s+html|<html|<head|<body|<\?xml)"
_TITLE = r"(?is)<(title|h1)[^>]*>(.*?)</\1"
_TAG = r"<[^>]*>"
_CHARSET = r"(?i)charset=[\"']?([\w-]+)"
_UPSTREAM = r"(?s)\s*(?:([45]\d\d)\s+)?(.*)"
_OVERFLOW = (
    r"(?i)context_length_exceeded|context_window_exceeded|maximum context length|exceed\w* .{0,20}context"
    r"|(prompt|input) is too long|reduce the length of the (messages|prompt)"
)
_UNKNOWN_ROUTE = r"(?i)cannot (get|post|delete) /"
_OUT_OF_CREDITS = r"(?i)insuffici?ent_credits|insufficient_quota|run out of credits"  # the gateway's has one i
_LOOKS_SECRET = r"(?i)(bearer\s+|api[ _-]?key(?: provided)?[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"

_KEY_ADVICE = "Check the key: AIMLAPI_API_KEY, or api_key=. Create a key at https://aimlapi.com/app/keys."
_BASE_URL_ADVICE = "Check the base URL: the gateway's is https://api.aimlapi.com/v1."

# What a message says, and what to do about it.
_ADVICE = {
    r"guardrail|data policy": "No provider of this model meets the guardrails and the data policy of the key. "
    "Change them in the account, or choose another model.",
    r"no endpoints found for": "The gateway has no provider for this model now. Choose another, or leave out "
    "`provider`. List models with: aimlapi models --live",
    r"must be greater than thinking_budget": "Raise max_tokens above the budget for thinking, or lower the budget "
    "or the effort.",
    r"reasoning is mandatory": "This model always reasons: leave out the effort 'none'.",
    r"max_tokens or model output limit was reached": "Raise max_tokens: reasoning counts too.",
    r"generation timeout": "The model took too long. Stream the answer, lower max_tokens or the effort, or use "
    "background=True on the Responses endpoint.",
}

# OpenAI's and Anthropic's names of errors inside a 200, with the status that the same error has elsewhere.
_KIND_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "api_error": 500,
    "overloaded_error": 529,
}


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The parsed body of an error.

    Attributes:
        message: the message with all details.
        kind, code: the names of the error.
        request_id: the gateway's id of the request.
        status: the status that the body has, as a number or by the name of the error.
        upstream_status: the status of a provider's error inside.
        html: whether the body is a web page.
        body: the JSON or text that was parsed.
    """

    message: str = ""
    kind: str | None = None
    code: str | None = None
    request_id: str | None = None
    status: int | None = None
    upstream_status: int | None = None
    html: bool = False
    body: Any = None

    def message_with_advice(self, status: int, headers: Mapping[str, str]) -> str:
        """Return the message, and what to do about the error if that is known."""
        if 300 <= status < 400:
            target = preview(headers.get("location", ""))
            return f"The server redirects to {target!r}, and redirects aren't followed.\n{_BASE_URL_ADVICE}"
        wrong_url = self.html or (status == 404 and self.is_unknown_route)
        advice = [*([_KEY_ADVICE] if status == 401 else []), *([_BASE_URL_ADVICE] if wrong_url else [])]
        advice += [text for pattern, text in _ADVICE.items() if re.search(pattern, self.message, re.IGNORECASE)]
        return "\n".join([self.message, *advice])

    @property
    def is_context_overflow(self) -> bool:
        """Whether the messages exceed the model's context."""
        return bool(re.search(_OVERFLOW, f"{self.code} {self.kind} {self.message}"))

    @property
    def is_unknown_route(self) -> bool:
        """Whether a 404 is about the path, not the model."""
        return not self.body or bool(re.match(_UNKNOWN_ROUTE, self.message))

    @property
    def is_out_of_credits(self) -> bool:
        """Whether the account can't pay."""
        return bool(re.search(_OUT_OF_CREDITS, f"{self.code} {self.kind} {self.message}"))


def parse_error_body(body: Any, headers: Mapping[str, str], secret: SecretStr = NO_SECRET) -> ErrorBody:
    """Parse a body in any format, and redact `secret` and whatever looks like a key.

    Args:
        body: bytes, text or parsed JSON.
        headers: of the response: the content type marks a web page without markup at its beginning.
        secret: the API key.
    """
    content_type = headers.get("content-type", "")
    redacted = redact_secrets(parse_body(body, content_type), secret)
    error = parse_error(redacted)
    is_page = error.html or (isinstance(redacted, str) and "html" in content_type)
    message = preview(error.message, _LONGEST) or "The response gives no reason."
    return replace(error, message=message, html=is_page, body=redacted)


def parse_body(body: Any, content_type: str = "") -> Any:
    """Return the JSON in bytes, or a preview of their text if they aren't JSON. Anything else is returned as it is."""
    if not isinstance(body, bytes):
        return body
    text = _decode_text(body, content_type)
    try:
        return from_json(text)
    except ValueError:
        return preview(text, _LONGEST)


def _decode_text(body: bytes, content_type: str) -> str:
    """Decode a body that may be in another charset, as pages of old proxies are."""
    with suppress(UnicodeDecodeError):
        return body.decode()
    charset = re.search(_CHARSET, content_type)
    with suppress(LookupError):
        return body.decode(charset[1] if charset else "utf-8", "replace")
    return body.decode("utf-8", "replace")


def preview(text: str, length: int = _PREVIEW) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= length else f"{text[:length]}…"


# --- redaction ----------------------------------------------------------------------------------------------------

_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
_REDACTED = "[redacted]"
_SHORTEST_KEY = 8
_PLACEHOLDER_KEY = "emulator"
"""The key that the documentation uses for the emulator: a word of error messages, and no secret."""


def redact(value: Any, secret: SecretStr) -> Any:
    """Redact `secret` in all strings of a JSON value."""
    return _map_strings(value, lambda text: redact_text(text, secret))


def redact_secrets(value: Any, secret: SecretStr = NO_SECRET) -> Any:
    """Redact `secret`, and whatever looks like an API key, in all strings of a JSON value."""
    return _map_strings(value, lambda text: re.sub(_LOOKS_SECRET, rf"\1{_REDACTED}", redact_text(text, secret)))


def redact_text(text: str, secret: SecretStr) -> str:
    """Redact `secret` in a text, unless it is too short for a key (`"none"`, for a test server) or the emulator's.

    >>> redact_text("No response from the emulator.", SecretStr("emulator"))
    'No response from the emulator.'
    """
    value = secret.get_secret_value()
    return text if len(value) < _SHORTEST_KEY or value == _PLACEHOLDER_KEY else text.replace(value, _REDACTED)


def redact_url(url: str) -> str:
    """Redact the user name and the password of a URL.

    >>> redact_url("https://ann:secret@example.com/v1")
    'https://***@example.com/v1'
    """
    return _CREDENTIALS.sub(r"\1***@", url)


def remove_credentials(url: str) -> str:
    """Return a URL without its user name and password.

    >>> remove_credentials("https://ann:secret@example.com/v1")
    'https://example.com/v1'
    """
    return _CREDENTIALS.sub(r"\1", url)


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {_map_strings(key, change): _map_strings(item, change) for key, item in value.items()}
        case list():
            return [_map_strings(item, change) for item in value]
    return value


# --- formats ------------------------------------------------------------------------------------------------------


def parse_error(body: Any) -> ErrorBody:
    """Parse JSON or text in any format. Returns an empty result if it is nested too deeply."""
    try:
        return _parse(body)
    except RecursionError:
        return ErrorBody()


def _parse(body: Any) -> ErrorBody:
    match body:
        case dict():
            return _parse_object(body)
        case list():
            return ErrorBody(_message_text(body))
        case None:
            return ErrorBody()
        case str() if re.match(_HTML, body):
            return ErrorBody(f"An HTML page instead of JSON: {_page_title(body)!r}", html=True)
    return ErrorBody(preview(str(body).strip()))


def _page_title(page: str) -> str:
    title = re.search(_TITLE, page)
    text = title[2] if title else re.sub(_TAG, " ", page)
    return preview(" ".join(html.unescape(text).split()), 200)


def _parse_object(body: dict[str, Any]) -> ErrorBody:
    error = body.get("error")
    inner = error if isinstance(error, dict) else {}
    details = list(_iter_details(body, inner))
    data = inner["data"] if isinstance(inner.get("data"), dict) else {}
    parsed = ErrorBody(
        kind=_first_name(data, "kind") or _first_name(inner, "name", "type") or _first_name(body, "kind"),
        code=_first_name(inner, "code")
        or _first_name(body, "code")
        or next((code for _, code in details if code), None),
        request_id=_first_name(body, "requestId", "request_id"),
        status=_find_status(body, inner),
    )
    message = _main_message(body, inner, error)
    upstream = _parse_upstream(message)
    if upstream is not None:
        parsed, message = _merge_upstream(parsed, upstream), upstream.message
    further = "; ".join(dict.fromkeys(text for text, _ in details if text not in message))
    return replace(parsed, message=": ".join(filter(None, [message.rstrip(".:") if further else message, further])))


def _merge_upstream(error: ErrorBody, upstream: ErrorBody) -> ErrorBody:
    return replace(
        error,
        kind=upstream.kind or error.kind,
        code=upstream.code or error.code,
        request_id=error.request_id or upstream.request_id,
        upstream_status=upstream.upstream_status,
    )


def _main_message(body: dict[str, Any], inner: dict[str, Any], error: Any) -> str:
    """Return the message from the fields that can hold it. If two of them differ, both."""
    outer_text = _message_text(body.get("message"))
    inner_text = _message_text(inner.get("message")) if inner else _message_text(error)
    if outer_text and inner_text and inner_text not in outer_text:
        return f"{outer_text}: {inner_text}"
    detail = body.get("detail") if isinstance(body.get("detail"), str) else ""
    texts = (outer_text, inner_text, detail, _message_text(body.get("title")), _message_text(body.get("msg")))
    return next(filter(None, texts), "")


def _message_text(value: Any) -> str:
    """Return a message that is a text, a list of texts, or an object."""
    match value:
        case str():
            return value.strip()
        case list():
            return "; ".join(filter(None, map(_message_text, value)))
        case dict():
            return parse_error(value).message or _message_text([v for v in value.values() if isinstance(v, str)])
    return ""


def _parse_upstream(text: str) -> ErrorBody | None:
    """Parse a provider's error that came as text: `400 {json}`, `{json}` or `400 words`."""
    match = re.match(_UPSTREAM, text)
    status, rest = (match[1], match[2]) if match else (None, text)
    body = parse_body(rest.encode("utf-8", "replace")) if rest.startswith("{") else None
    if not isinstance(body, dict):
        return ErrorBody(text, upstream_status=int(status)) if status else None
    error = parse_error(body)
    message = f"{status or ''} {error.message or preview(rest)}".strip()
    return replace(error, message=message, upstream_status=int(status) if status else error.status)


def _iter_details(body: dict[str, Any], inner: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield the text of each detail, `path: reason`, and its code."""
    for items in (inner.get("details"), body.get("details"), body.get("errors"), body.get("detail")):
        if items:
            yield from map(_parse_detail, items if isinstance(items, list) else [items])
    for text in _iter_tree_errors(body.get("meta"), ()):
        yield text, None
    if isinstance(inner.get("param"), str) and inner["param"]:
        yield f"param {inner['param']}", None


def _parse_detail(item: Any) -> tuple[str, str | None]:
    if not isinstance(item, dict):
        return str(item), None
    path = next((item[key] for key in ("path", "loc", "field") if item.get(key)), "")
    where = ".".join(map(str, path)) if isinstance(path, list) else str(path)
    reason = _first_name(item, "reason", "message", "msg") or ("" if where else _message_text(item))
    return ": ".join(filter(None, [where, reason])), _first_name(item, "code", "type")


def _iter_tree_errors(tree: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Yield the errors of a tree of zod's, whose leaves are lists named `_errors`."""
    if not isinstance(tree, dict):
        return
    errors = tree.get("_errors")
    for text in errors if isinstance(errors, list) else ():
        yield ": ".join(filter(None, [".".join(path), str(text)]))
    for key, branch in tree.items():
        yield from _iter_tree_errors(branch, (*path, str(key)))


def _first_name(fields: dict[str, Any], *keys: str) -> str | None:
    """Return the first of the fields that is a string or a number, as a string."""
    values = (fields.get(key) for key in keys)
    return next((str(v) for v in values if isinstance(v, (str, int)) and not isinstance(v, bool) and v != ""), None)


def _find_status(body: dict[str, Any], inner: dict[str, Any]) -> int | None:
    """Return the HTTP status that a body has. Older bodies have it as text."""
    fields = (body.get("statusCode"), body.get("status"), inner.get("status"), inner.get("code"))
    statuses = (int(value) for value in map(str, fields) if re.fullmatch(r"[1-5]\d\d", value))
    of_kinds = (_KIND_STATUSES.get(str(inner.get(key))) for key in ("type", "code"))
    return next(statuses, None) or next(filter(None, of_kinds), None)


# --- errors on their way ------------------------------------------------------------------------------------------


class OnError(Generic[E]):
    """Call a function with an error of some class that is raised inside, and let the error go on.

    A call enters several of these, and `contextlib.contextmanager` costs three times as much.

    >>> from contextlib import suppress
    >>> with suppress(ValueError), OnError(ValueError, print, "received:"):
    ...     int("x")
    received: invalid literal for int() with base 10: 'x'
    """

    __slots__ = ("_args", "_cls", "_handle")

    def __init__(self, cls: type[E], handle: Callable[..., object], *args: Any) -> None:
        self._cls, self._handle, self._args = cls, handle, args

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, self._cls):
            self._handle(*self._args, error)
