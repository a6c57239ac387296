"""What the sync and the async client share: the configuration, and the requests built from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import httpx
from pydantic import SecretStr

from ..errors.parsing import redact_url
from ..version import __version__
from .event_stream import EventStream
from .pool import LIMITS
from .retries import HTTPRequest, OnRetry, RetryPolicy, Timeout
from .timeouts import CHUNK, DEFAULT_TIMEOUT, cap_timeouts, parse_timeout
from .validation import (
    HiddenHeaders,
    SecretHeaders,
    authorization_header,
    check_base_url,
    check_headers,
    check_settings,
    key_in,
)

GATEWAY_HOST = "api.aimlapi.com"

# Names the caller for the gateway's statistics. Only the gateway gets these, and the caller's own headers win.
ATTRIBUTION = {
    "X-Title": "aimlapi-integrations",
    "X-AIMLAPI-Source": "agent/aimlapi-integrations",
}

_ACCEPT = "application/json, text/event-stream"

_parse_url = lru_cache(maxsize=256)(httpx.URL)

BuildRequest = Callable[..., httpx.Request]


class BaseHTTPClient:
    """Configuration of a client. See `HTTPClient` for the arguments."""

    def __init__(
        self,
        api_key: str | SecretStr,
        base_url: str | SecretStr,
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
        api_key = api_key if isinstance(api_key, SecretStr) else SecretStr(api_key)
        base_url = base_url if isinstance(base_url, SecretStr) else SecretStr(base_url)
        default_headers = SecretHeaders(default_headers or {})
        check_settings(default_headers=default_headers, chunk_timeout=chunk_timeout, limits=limits, on_retry=on_retry)
        self._base_url = SecretStr(base_url.get_secret_value().rstrip("/"))
        self.timeout = parse_timeout(timeout, DEFAULT_TIMEOUT)
        self.retry = retry or RetryPolicy(max_retries=max_retries)
        self.chunk_timeout = chunk_timeout
        self.limits = limits or LIMITS
        self.on_retry = on_retry
        self._query = SecretHeaders(default_query or {})
        self._headers = HiddenHeaders({"User-Agent": f"aimlapi-integrations/{__version__}", "Accept": _ACCEPT})
        self._headers.update(ATTRIBUTION if check_base_url(self._base_url) == GATEWAY_HOST else {})
        self._headers.update(check_headers(default_headers))
        self._headers.setdefault("Authorization", authorization_header(api_key)["Authorization"])
        self._json_headers = self._headers.copy()
        self._json_headers["Content-Type"] = "application/json"
        self._api_key = key_in(self._headers["Authorization"])

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._base_url.get_secret_value()

    def __repr__(self) -> str:
        shown = redact_url(self.base_url) if hasattr(self, "_base_url") else "…"  # … where the constructor raised
        return f"{type(self).__name__}(base_url={shown!r})"

    def api_key_for(self, headers: Mapping[str, str]) -> SecretStr:
        """Return the key of a request: that of its own `headers`, or the client's."""
        own = (value for name, value in headers.items() if name.lower() == "authorization")
        return next(map(key_in, own), self._api_key)

    def retry_policy(self, request: HTTPRequest) -> RetryPolicy:
        """Return the retry policy of a request."""
        return self.retry if request.max_retries is None else replace(self.retry, max_retries=request.max_retries)

    def event_stream(self, response: httpx.Response, request: HTTPRequest) -> EventStream:
        """Return the events of a response."""
        chunk_timeout = self.chunk_timeout if request.chunk_timeout is None else request.chunk_timeout
        return EventStream(response, chunk_timeout, self.api_key_for(request.headers))

    def build_request(
        self, request: HTTPRequest, remaining: float | None, build: BuildRequest = httpx.Request
    ) -> httpx.Request:
        """Build the httpx request for one attempt.

        Args:
            request: what to send.
            remaining: the seconds that the attempt may take; None for no limit but its timeouts.
            build: `build_request` of the caller's httpx client, which adds that client's headers and cookies.
        """
        headers = self._headers if request.body is None or request.files else self._json_headers
        if request.headers:
            headers = headers.copy()
            headers.update(check_headers(request.headers))
        return build(
            request.method,
            self._url(request.path),
            params={**self._query, **request.query} or None,
            headers=headers,
            **_content(request),
            extensions={"timeout": cap_timeouts(parse_timeout(request.timeout, self.timeout), remaining)},
        )

    def _url(self, path: str) -> str | httpx.URL:
        """Return `path` below the base URL. A whole URL must be on the same server: no other gets the key."""
        if path.startswith("/"):
            return _parse_url(self.base_url + path)
        url, base_url = httpx.URL(path), httpx.URL(self.base_url)
        if (url.scheme, url.host, url.port) != (base_url.scheme, base_url.host, base_url.port):
            raise ValueError(f"{redact_url(path)!r} is not on the server of base_url={redact_url(self.base_url)!r}.")
        return path


_dump_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _content(request: HTTPRequest) -> dict[str, Any]:
    """Return the content of a request as arguments of httpx: JSON, or a form if it has files."""
    if not request.files:
        return {"content": None if request.body is None else encode_json(request.body)}
    files = [(each.part, (each.name, each.data, each.mime)) for each in request.files]
    return {"data": {name: _form_value(value) for name, value in (request.body or {}).items()}, "files": files}


def _form_value(value: Any) -> str | list[str]:
    """Return a field of a form: a list of texts as one field each, other lists and objects as JSON."""
    match value:
        case str():
            return value
        case [*texts] if texts and all(isinstance(text, str) for text in texts):
            return texts
    return _dump_json(value)


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Encode a body as compact JSON.

    Raises:
        ValueError: JSON can't hold a value; the text has the path to it.
    """
    try:
        return _dump_json(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        path = _invalid_path(body, ())
        where = ".".join(map(str, path)) if path else "it"
        raise ValueError(f"The request can't be encoded as JSON: {where}: {error}") from error


def _invalid_path(value: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the path to the innermost value that JSON can't hold; None if there is none, or too deep down."""
    if len(path) > 50 or _is_valid(value):
        return None
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if _is_list(value) else ()
    inner_paths = (_invalid_path(item, (*path, key)) for key, item in items)
    return next(filter(None, inner_paths), path)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_valid(value: Any) -> bool:
    try:
        _dump_json(value).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True
