"""What both colours of client share: the configuration, and the requests that it makes."""

from __future__ import annotations

import ipaddress
import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import httpx
from pydantic import SecretStr

from ..version import __version__
from .event_stream import EventStream
from .pool import LIMITS
from .retries import HTTPRequest, OnRetry, RetryPolicy, SubmitOncePolicy, Timeout
from .timeouts import CHUNK, DEFAULT_TIMEOUT, cap_timeouts, parse_timeout

GATEWAY_HOST = "api.aimlapi.com"

# Who calls, for the gateway's statistics; sent to the gateway alone, and the caller's own headers win.
ATTRIBUTION = {
    "X-Title": "aimlapi-integrations",
    "X-AIMLAPI-Source": "agent/aimlapi-integrations",
}

_parsed = lru_cache(maxsize=256)(httpx.URL)
_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([!-~]([ -~\t]*[!-~])?)?")

_ACCEPT = "application/json, text/event-stream"

BuildRequest = Callable[..., httpx.Request]


class BaseHTTPClient:
    """Configuration of a client. See `HTTPClient` for the arguments."""

    def __init__(
        self,
        api_key: str | SecretStr,
        base_url: str,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        key = api_key if isinstance(api_key, SecretStr) else SecretStr(api_key)
        self.base_url = base_url.rstrip("/")
        self.timeout = parse_timeout(timeout, DEFAULT_TIMEOUT)
        self.retry = retry or RetryPolicy(max_retries=max_retries)
        self.chunk_timeout = chunk_timeout
        self.limits = limits or LIMITS
        self.on_retry = on_retry
        self._query = dict(default_query or {})
        host = _checked_host(self.base_url)
        self._headers = httpx.Headers({"User-Agent": f"aimlapi-integrations/{__version__}", "Accept": _ACCEPT})
        self._headers.update(ATTRIBUTION if host == GATEWAY_HOST else {})
        self._headers.update(_checked(default_headers or {}))
        self._headers.setdefault("Authorization", _authorization(key))
        self._json_headers = self._headers.copy()
        self._json_headers["Content-Type"] = "application/json"
        self._key = _key_in(self._headers["Authorization"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def secret_of(self, headers: Mapping[str, str]) -> SecretStr:
        """The key of a call with these `headers`: its own, where they have one."""
        own = (value for name, value in headers.items() if name.lower() == "authorization")
        return next(map(_key_in, own), self._key)

    def policy(self, call: HTTPRequest) -> RetryPolicy:
        """The retry policy of one call."""
        policy = self.retry if call.max_retries is None else replace(self.retry, max_retries=call.max_retries)
        return policy if call.repeatable else SubmitOncePolicy.of(policy)

    def events(self, response: httpx.Response, call: HTTPRequest) -> EventStream:
        """The events of the answer to a call."""
        silence = self.chunk_timeout if call.chunk_timeout is None else call.chunk_timeout
        return EventStream(response, silence, self.secret_of(call.headers))

    def request(self, call: HTTPRequest, left: float | None, build: BuildRequest = httpx.Request) -> httpx.Request:
        """The HTTP request of a call; a fresh one for each try, which may take the seconds that are `left`."""
        headers = self._headers if call.body is None or call.files else self._json_headers
        if call.headers:
            headers = headers.copy()
            headers.update(_checked(call.headers))
        return build(
            call.method,
            self._url(call.path),
            params={**self._query, **call.query} or None,
            headers=headers,
            **_content(call),
            extensions={"timeout": cap_timeouts(parse_timeout(call.timeout, self.timeout), left)},
        )

    def _url(self, path: str) -> str | httpx.URL:
        """`path` below the base URL, or as it is where it is a whole URL of the same server: no other gets the key."""
        if path.startswith("/"):
            return _parsed(self.base_url + path)
        asked, known = httpx.URL(path), httpx.URL(self.base_url)
        if (asked.scheme, asked.host, asked.port) != (known.scheme, known.host, known.port):
            raise ValueError(f"{path!r} is not on the server of base_url {self.base_url!r}.")
        return path


def _content(call: HTTPRequest) -> dict[str, Any]:
    """The content of a request, as httpx takes it: JSON, or a form if it has files."""
    if not call.files:
        return {"content": None if call.body is None else encoded(call.body)}
    files = [(each.part, (each.name, each.data, each.mime)) for each in call.files]
    return {"data": {name: _form_value(value) for name, value in (call.body or {}).items()}, "files": files}


def _form_value(value: Any) -> str | list[str]:
    """A field of a form: a list of texts as one field each, other lists and objects as JSON."""
    match value:
        case str():
            return value
        case [*texts] if texts and all(isinstance(text, str) for text in texts):
            return texts
    return _as_json(value)


_as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encoded(body: Mapping[str, Any]) -> bytes:
    """The body as compact JSON. ValueError, with the place, for what JSON does not have."""
    try:
        return _as_json(body).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        place = _unwritable(body, ())
        where = ".".join(map(str, place)) if place else "it"
        raise ValueError(f"The request cannot be written as JSON: {where}: {problem}") from problem


def _unwritable(value: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The way to the innermost value that cannot be written; None where all can, or where it goes too deep."""
    if len(path) > 50 or _writable(value):
        return None
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if _is_list(value) else ()
    inner = (_unwritable(item, (*path, key)) for key, item in items)
    return next((found for found in inner if found), path)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _writable(value: Any) -> bool:
    try:
        _as_json(value).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that inject nothing. The errors name the header and keep its value to themselves."""
    for name, value in headers.items():
        if not isinstance(value, str):
            raise TypeError(f"Header {name!r} is no text but {type(value).__name__}.")
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError(f"Header {name!r} takes printable ASCII: no line breaks, and no white space at its ends.")
        if name.lower() == "x-client-request-id" and not _CLIENT_REQUEST_ID.fullmatch(value):
            raise ValueError(
                f"X-Client-Request-Id {value!r}: takes 1 to 128 of A-Z a-z 0-9 . _ : -; the gateway drops others."
            )
    return dict(headers)


def _authorization(key: SecretStr) -> str:
    return _checked({"Authorization": f"Bearer {key.get_secret_value()}"})["Authorization"]


def _key_in(authorization: str) -> SecretStr:
    return SecretStr(authorization.partition(" ")[2] or authorization)


def _checked_host(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as problem:
        raise ValueError(f"base_url {base_url!r} is no URL: {problem}") from problem
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"base_url {base_url!r} is no http or https URL.")
    if (url.port or 0) > 65535 or not all(0 < len(label) < 64 for label in url.raw_host.rstrip(b".").split(b".")):
        raise ValueError(f"base_url {base_url!r} names a host or a port that cannot be.")
    if url.query or url.fragment:
        raise ValueError(f"base_url {base_url!r} ends in more than a path: default_query takes parameters.")
    if url.scheme == "http" and not _loopback(url.host):
        warnings.warn(f"base_url {base_url!r} sends the API key over plain http.", UserWarning, stacklevel=5)
    return url.host


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
