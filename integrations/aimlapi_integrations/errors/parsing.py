"""What an error's body says, in any of the forms that it comes in.

The gateway has had four over time: a flat one (`message`, `statusCode`), the same with a tree of validation errors
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
from typing import Any

from pydantic import SecretStr
from pydantic_core import from_json

_PREVIEW = 500
_LONGEST = 4000
_HTML = re.compile(r"\s*(<!doctype\s+html|<html|<head|<body|<\?xml)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)
_UPSTREAM = re.compile(r"\s*(?:([45]\d\d)\s+)?(.*)", re.DOTALL)
_SECRETS = re.compile(r"(bearer\s+|api[ _-]?key(?: provided)?[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+", re.IGNORECASE)
_REDACTED = "[redacted]"
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)
NO_SECRET = SecretStr("")
_SHORTEST_KEY = 8


_OVERFLOW = re.compile(
    r"context_length_exceeded|context_window_exceeded|maximum context length|exceed\w* .{0,20}context"
    r"|(prompt|input) is too long|reduce the length of the (messages|prompt)",
    re.IGNORECASE,
)
_NO_ROUTE = re.compile(r"cannot (get|post|delete) /", re.IGNORECASE)
_KEY = "Check the key: AIMLAPI_API_KEY, or api_key=. Keys are made at https://aimlapi.com/app/keys."
_BASE_URL = "Check the base URL: the gateway's is https://api.aimlapi.com/v1."

# What errors inside a 200 are called, by OpenAI and by Anthropic, as the status that they would else have had.
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

# The gateway spells `insufficient` without its second i.
_OUT_OF_CREDITS = re.compile(r"insuffici?ent_credits|insufficient_quota|run out of credits", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What a body says: `status` by its own account, in a number or in the error's name; `body` as parsed."""

    message: str = ""
    kind: str | None = None
    code: str | None = None
    request_id: str | None = None
    status: int | None = None
    upstream_status: int | None = None
    html: bool = False
    body: Any = None

    def advised(self, status: int, headers: Mapping[str, str]) -> str:
        """The message, and what to do about it where that is known."""
        if 300 <= status < 400:
            target = preview(headers.get("location", ""))
            return f"A redirect to {target!r}, which is not followed.\n{_BASE_URL}"
        astray = self.html or (status == 404 and self.no_such_route)
        return "\n".join([self.message, *([_KEY] if status == 401 else []), *([_BASE_URL] if astray else [])])

    @property
    def overflows(self) -> bool:
        """Whether the messages did not fit the model's context."""
        return bool(_OVERFLOW.search(f"{self.code} {self.kind} {self.message}"))

    @property
    def no_such_route(self) -> bool:
        """Whether the path is unknown, rather than the model."""
        return not self.body or bool(_NO_ROUTE.match(self.message))

    @property
    def out_of_credits(self) -> bool:
        """Whether the account cannot pay."""
        return bool(_OUT_OF_CREDITS.search(f"{self.code} {self.kind} {self.message}"))


def parse_error_body(body: Any, headers: Mapping[str, str], secret: SecretStr = NO_SECRET) -> ErrorBody:
    """What a body says, whatever its form, without `secret` and without what looks like a key.

    `headers` tell a web page that has no markup at its beginning.
    """
    known = redact_secrets(parse_body(body, headers.get("content-type", "")), secret)
    said = parse_error(known)
    page = said.html or (isinstance(known, str) and "html" in headers.get("content-type", ""))
    message = preview(said.message, _LONGEST) or "The answer gives no reason."
    return replace(said, message=message, html=page, body=known)


def parse_body(body: Any, content_type: str = "") -> Any:
    """The JSON in `body` if it is bytes and holds any, else its text, cut to a preview; anything else as it is."""
    if not isinstance(body, bytes):
        return body
    text = _decoded(body, content_type)
    try:
        return from_json(text)
    except ValueError:
        return preview(text, _LONGEST)


def _decoded(body: bytes, content_type: str) -> str:
    """The text of a body that may be in another charset, as old proxies' pages are."""
    with suppress(UnicodeDecodeError):
        return body.decode()
    named = _CHARSET.search(content_type)
    with suppress(LookupError):
        return body.decode(named[1] if named else "utf-8", "replace")
    return body.decode("utf-8", "replace")


def preview(text: str, length: int = _PREVIEW) -> str:
    """The beginning of `text`."""
    return text if len(text) <= length else f"{text[:length]}…"


def redact_secrets(value: Any, secret: SecretStr = NO_SECRET) -> Any:
    """`value` with everything taken out that is `secret` or looks like an API key."""
    return _changed(value, lambda text: _SECRETS.sub(rf"\1{_REDACTED}", redact_text(text, secret)))


def redact(value: Any, secret: SecretStr) -> Any:
    """`value` with `secret` taken out, wherever in it that is."""
    return _changed(value, lambda text: redact_text(text, secret))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case dict():
            return {_changed(key, change): _changed(item, change) for key, item in value.items()}
        case list():
            return [_changed(item, change) for item in value]
    return value


def redact_text(text: str, secret: SecretStr) -> str:
    """`text` without `secret`; one too short to be a key (`"none"`, for a test server) is left alone."""
    return text.replace(secret.get_secret_value(), _REDACTED) if len(secret) >= _SHORTEST_KEY else text


def redact_url(url: str) -> str:
    """Redact the user name and the password of a URL.

    >>> redact_url("https://ann:secret@example.com/v1")
    'https://***@example.com/v1'
    """
    return _CREDENTIALS.sub(r"\1***@", url)


def parse_error(body: Any) -> ErrorBody:
    """What a body says, whatever its form; nothing, where it is nested deeper than the stack has room."""
    try:
        return _read(body)
    except RecursionError:
        return ErrorBody()


def _read(body: Any) -> ErrorBody:
    match body:
        case dict():
            return _read_object(body)
        case list():
            return ErrorBody(_words(body))
        case None:
            return ErrorBody()
        case str() if _HTML.match(body):
            return ErrorBody(f"An HTML page where JSON was due: {_title(body)!r}", html=True)
    return ErrorBody(preview(str(body).strip()))


def _title(page: str) -> str:
    found = _TITLE.search(page)
    text = found[2] if found else _TAG.sub(" ", page)
    return preview(" ".join(html.unescape(text).split()), 200)


def _read_object(body: dict[str, Any]) -> ErrorBody:
    error = body.get("error")
    inner = error if isinstance(error, dict) else {}
    found = list(_details(body, inner))
    named = inner.get("data")
    data = named if isinstance(named, dict) else {}
    said = ErrorBody(
        kind=_name(data, "kind") or _name(inner, "name", "type") or _name(body, "kind"),
        code=_name(inner, "code") or _name(body, "code") or next((code for _, code in found if code), None),
        request_id=_name(body, "requestId", "request_id"),
        status=_status(body, inner),
    )
    lead = _lead(body, inner, error)
    upstream = _upstream(lead)
    if upstream is not None:
        said, lead = _passed_on(said, upstream), upstream.message
    told = "; ".join(dict.fromkeys(text for text, _ in found if text not in lead))
    return replace(said, message=": ".join(filter(None, [lead.rstrip(".:") if told else lead, told])))


def _passed_on(said: ErrorBody, upstream: ErrorBody) -> ErrorBody:
    return replace(
        said,
        kind=upstream.kind or said.kind,
        code=upstream.code or said.code,
        request_id=said.request_id or upstream.request_id,
        upstream_status=upstream.upstream_status,
    )


def _lead(body: dict[str, Any], inner: dict[str, Any], error: Any) -> str:
    """The message itself, of the places where it may be; both of two that differ."""
    outer = _words(body.get("message"))
    words = _words(inner.get("message")) if inner else _words(error)
    if outer and words and words not in outer:
        return f"{outer}: {words}"
    detail = body.get("detail")
    said = (outer, words, detail if isinstance(detail, str) else "", _words(body.get("title")), _words(body.get("msg")))
    return next(filter(None, said), "")


def _words(value: Any) -> str:
    """A message: text, or a list of texts."""
    match value:
        case str():
            return value.strip()
        case list():
            return "; ".join(filter(None, map(_words, value)))
        case dict():
            return parse_error(value).message or _words([each for each in value.values() if isinstance(each, str)])
    return ""


def _upstream(text: str) -> ErrorBody | None:
    """A provider's error that came as text: `400 {json}`, `{json}` or `400 words`."""
    found = _UPSTREAM.match(text)
    status, rest = (found[1], found[2]) if found else (None, text)
    inner = parse_body(rest.encode("utf-8", "replace")) if rest.startswith("{") else None
    if not isinstance(inner, dict):
        return ErrorBody(text, upstream_status=int(status)) if status else None
    said = parse_error(inner)
    told = f"{status or ''} {said.message or preview(rest)}".strip()
    return replace(said, message=told, upstream_status=int(status) if status else said.status)


def _details(body: dict[str, Any], inner: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Every detail as its text, `path: reason`, and its code."""
    for items in (inner.get("details"), body.get("details"), body.get("errors"), body.get("detail")):
        if items:
            yield from map(_detail, items if isinstance(items, list) else [items])
    for text in _leaves(body.get("meta"), ()):
        yield text, None
    if isinstance(inner.get("param"), str) and inner["param"]:
        yield f"param {inner['param']}", None


def _detail(item: Any) -> tuple[str, str | None]:
    if not isinstance(item, dict):
        return str(item), None
    path = next((item[key] for key in ("path", "loc", "field") if item.get(key)), "")
    where = ".".join(map(str, path)) if isinstance(path, list) else str(path)
    reason = _name(item, "reason", "message", "msg") or ("" if where else _words(item))
    return ": ".join(filter(None, [where, reason])), _name(item, "code", "type")


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The errors in zod's tree, whose leaves are lists called `_errors`."""
    if not isinstance(tree, dict):
        return
    errors = tree.get("_errors")
    for text in errors if isinstance(errors, list) else ():
        yield ": ".join(filter(None, [".".join(path), str(text)]))
    for key, branch in tree.items():
        yield from _leaves(branch, (*path, str(key)))


def _name(fields: dict[str, Any], *keys: str) -> str | None:
    """The first of the fields that holds a word or a number."""
    values = (fields.get(key) for key in keys)
    return next((str(v) for v in values if isinstance(v, (str, int)) and not isinstance(v, bool) and v != ""), None)


def _status(body: dict[str, Any], inner: dict[str, Any]) -> int | None:
    """The HTTP status that the body names; older bodies have it as text."""
    candidates = (body.get("statusCode"), body.get("status"), inner.get("status"), inner.get("code"))
    found = (int(value) for value in map(str, candidates) if re.fullmatch(r"[1-5]\d\d", value))
    named = (_KIND_STATUSES.get(str(inner.get(key))) for key in ("type", "code"))
    return next(found, None) or next(filter(None, named), None)
