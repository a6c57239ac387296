"""Checks of a client's configuration.

They raise from frames whose local variables hold no secret, since tracebacks and error trackers print these.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import httpx
from pydantic import SecretStr

from .._utils.diagnostics import misspelled, warn_once
from ..errors.parsing import redact_url
from .timeouts import DEFAULT_TIMEOUT, parse_timeout

_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_API_KEY = re.compile(r"[!-~]([ -~\t]*[!-~])?")
_HEADER_VALUE = re.compile(r"([!-~]([ -~\t]*[!-~])?)?")


class SecretHeaders(dict[str, Any]):
    """Headers, or query parameters, whose repr shows their names only."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self))})"


class HiddenHeaders(httpx.Headers):
    """Headers of requests, whose repr shows their names only. Those of httpx hide the key alone."""

    def copy(self) -> HiddenHeaders:
        return HiddenHeaders(self, self.encoding)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


# Secret arguments of the classes of this package and of those that they replace: keys, URLs with a password, headers.
_SECRET_ARGUMENTS = frozenset(
    {"api_key", "aimlapi_api_key", "openai_api_key", "openrouter_api_key"}
    | {"base_url", "api_base", "aimlapi_api_base", "openai_api_base", "openrouter_api_base"}
    | {"default_headers", "headers", "extra_headers", "http_headers", "default_query", "extra_query"}
)
_PARAMETER_ARGUMENTS = frozenset({"model_kwargs", "additional_kwargs", "query_kwargs"})


def hide_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Replace the secret values of keyword arguments, in place, by forms whose repr hides them.

    A constructor calls this before anything can raise: tracebacks and error trackers print local variables, and the
    `errors()` of pydantic have the arguments. A misspelled name counts, since its value is a secret all the same.

    >>> hide_arguments({"api_key": "sk-1", "default_headers": {"X-Token": "t"}, "model": "gpt-4o"})
    {'api_key': SecretStr('**********'), 'default_headers': SecretHeaders(X-Token), 'model': 'gpt-4o'}
    """
    for name in arguments:
        if _is_secret(name):
            arguments[name] = _hide(arguments[name])
        elif name in _PARAMETER_ARGUMENTS and isinstance(arguments[name], dict):
            arguments[name] = hide_arguments(dict(arguments[name]))
    return arguments


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return name in _SECRET_ARGUMENTS or misspelled(name, _SECRET_ARGUMENTS) is not None


def _hide(value: Any) -> Any:
    match value:
        case str():
            return SecretStr(value)
        case SecretStr() | SecretHeaders():
            return value
        case Mapping():
            return SecretHeaders(value)
    return value


def reveal(value: Any) -> Any:
    """Return the text of a SecretStr, and anything else as it is."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def as_secret(value: str | SecretStr | None) -> SecretStr | None:
    """Return a string as a SecretStr."""
    return value if value is None or isinstance(value, SecretStr) else SecretStr(value)


def hide_secrets(
    api_key: str | SecretStr | None,
    base_url: str | SecretStr | None,
    default_headers: Mapping[str, str] | None,
    default_query: Mapping[str, Any] | None,
) -> tuple[SecretStr | None, SecretStr | None, SecretHeaders | None, SecretHeaders | None]:
    """Return the secret arguments of a client in forms whose repr hides them, before one of them can raise."""
    headers, query = _hide(default_headers), _hide(default_query)
    for name, value in (("api_key", api_key), ("base_url", base_url)):
        if not (value is None or isinstance(value, str | SecretStr)):
            raise TypeError(f"{name}: expected a string, received {type(value).__name__}.")
    for name, value in (("default_headers", headers), ("default_query", query)):
        if not (value is None or isinstance(value, SecretHeaders)):
            raise TypeError(f"{name}: expected a mapping, received {type(reveal(value)).__name__}.")
    return as_secret(api_key), as_secret(base_url), headers, query


def check_settings(
    *,
    default_headers: Mapping[str, str] | None = None,
    timeout: Any = None,
    chunk_timeout: Any = None,
    limits: Any = None,
    on_retry: Any = None,
    client_request_id: str | None = None,
) -> None:
    """Raise if one of the settings of a connection can't be used, whose names are those of `Client`.

    Raises:
        TypeError: one has the wrong type.
        ValueError: a header can't be sent, or a timeout is negative.
    """
    if default_headers:
        default_headers = SecretHeaders(default_headers)  # before anything can raise
        check_headers(default_headers)
    if timeout is not None:
        parse_timeout(timeout, DEFAULT_TIMEOUT)
    if not (chunk_timeout is None or (isinstance(chunk_timeout, (int, float)) and chunk_timeout >= 0)):
        raise ValueError(f"chunk_timeout={chunk_timeout!r}: expected seconds, or 0 for no limit.")
    if limits is not None and not hasattr(limits, "max_keepalive_connections"):
        raise TypeError(f"limits: expected an httpx.Limits, received {type(limits).__name__}.")
    if on_retry is not None and not callable(on_retry):
        raise TypeError(f"on_retry: expected a function, received {type(on_retry).__name__}.")
    if client_request_id is not None:
        check_headers({"X-Client-Request-Id": client_request_id})


def check_headers(headers: Mapping[str, str]) -> SecretHeaders:
    """Return a copy of `headers` if all of them can be sent. Errors name a header and don't show its value.

    Raises:
        TypeError: a value isn't a string.
        ValueError: a name or a value could inject other headers, or the gateway would drop it.
    """
    headers = SecretHeaders(headers)
    for name in headers:
        if not isinstance(headers[name], str):
            raise TypeError(f"Header {name!r}: expected a string, received {type(headers[name]).__name__}.")
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(headers[name])):
            raise ValueError(
                f"Header {name!r}: expected printable ASCII without line breaks and without white space at either end."
            )
        if name.lower() == "x-client-request-id" and not _CLIENT_REQUEST_ID.fullmatch(headers[name]):
            raise ValueError(
                f"X-Client-Request-Id: expected 1 to 128 characters of A-Z a-z 0-9 . _ : -, received "
                f"{headers[name]!r}. The gateway drops other ids."
            )
    return headers


def can_send_api_key(api_key: SecretStr) -> bool:
    """Return whether a header can carry the key as it is."""
    return _API_KEY.fullmatch(api_key.get_secret_value()) is not None


def check_api_key(api_key: SecretStr) -> SecretStr:
    """Return the key. ValueError if a header can't carry it."""
    if not can_send_api_key(api_key):
        raise ValueError(
            "api_key: the header 'Authorization' can't carry it. Expected printable ASCII without line breaks and "
            "without white space at either end; check how the key was copied."
        )
    return api_key


def authorization_header(api_key: SecretStr) -> SecretHeaders:
    """Return the header that carries the key. ValueError if a header can't carry it."""
    check_api_key(api_key)
    return SecretHeaders(Authorization=f"Bearer {api_key.get_secret_value()}")


def key_in(authorization: str) -> SecretStr:
    """Return the key of an `Authorization` header."""
    return SecretStr(authorization.partition(" ")[2] or authorization)


def check_base_url(base_url: SecretStr) -> str:
    """Return the host of a base URL, which may hold a password. Warn if it isn't encrypted.

    Raises:
        ValueError: no request can be sent to it.
    """
    host, problem = inspect_base_url(base_url)
    if problem:
        warn_once(problem)
    return host


@lru_cache(maxsize=128)
def inspect_base_url(base_url: SecretStr) -> tuple[str, str | None]:
    """Return the host of a base URL, and what to warn of. Raises like `check_base_url`."""
    shown = redact_url(base_url.get_secret_value())
    url = _parse_url(base_url, shown)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"base_url={shown!r}: expected an http or https URL.")
    if not can_connect(url):
        raise ValueError(f"base_url={shown!r}: no such host or port can exist.")
    if url.query or url.fragment:
        raise ValueError(f"base_url={shown!r}: expected a URL that ends in a path. Parameters go to default_query.")
    is_plain = url.scheme == "http" and not is_loopback(url.host)
    return url.host, f"base_url={shown!r} sends the API key over plain http." if is_plain else None


def _parse_url(base_url: SecretStr, shown: str) -> httpx.URL:
    problem = ""
    try:
        return httpx.URL(base_url.get_secret_value())
    except httpx.InvalidURL as error:
        problem = "" if "@" in base_url.get_secret_value() else f": {error}"  # it may quote a password
    raise ValueError(f"base_url={shown!r} is not a URL{problem}")


def can_connect(url: httpx.URL) -> bool:
    """Return whether the host and the port of a URL can exist."""
    labels: Iterable[bytes] = url.raw_host.rstrip(b".").split(b".")
    return all(0 < len(label) < 64 for label in labels) and 0 < (url.port or 80) < 65536


@lru_cache(maxsize=128)
def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
