"""Checks of a client's configuration.

They raise from frames whose local variables hold no secret, since tracebacks and error trackers print these.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import httpx
from pydantic import SecretStr

from .._utils.user_warnings import warn_once
from ..errors.parsing import redact_url

_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"([!-~]([ -~\t]*[!-~])?)?")


class SecretHeaders(dict[str, str]):
    """Headers whose repr shows their names only."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self)})"


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


def authorization_header(api_key: SecretStr) -> SecretHeaders:
    """Return the header that carries the key. ValueError if a header can't carry it."""
    if not _HEADER_VALUE.fullmatch(f"Bearer {api_key.get_secret_value()}"):
        raise ValueError(
            "api_key: the header 'Authorization' can't carry it. Expected printable ASCII without line breaks and "
            "without white space at either end; check how the key was copied."
        )
    return SecretHeaders(Authorization=f"Bearer {api_key.get_secret_value()}")


def key_in(authorization: str) -> SecretStr:
    """Return the key of an `Authorization` header."""
    return SecretStr(authorization.partition(" ")[2] or authorization)


def check_base_url(base_url: SecretStr) -> str:
    """Return the host of a base URL, which may hold a password.

    Raises:
        ValueError: no request can be sent to it.
    """
    shown = redact_url(base_url.get_secret_value())
    url = _parse_url(base_url, shown)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"base_url={shown!r}: expected an http or https URL.")
    if not can_connect(url):
        raise ValueError(f"base_url={shown!r}: no such host or port can exist.")
    if url.query or url.fragment:
        raise ValueError(f"base_url={shown!r}: expected a URL that ends in a path. Parameters go to default_query.")
    if url.scheme == "http" and not is_loopback(url.host):
        warn_once(f"base_url={shown!r} sends the API key over plain http.")
    return url.host


@lru_cache(maxsize=128)  # each model of a process has the same one
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
