"""What the environment says of certificates and proxies, checked before it is used."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeVar
from urllib.request import getproxies

import httpx

from ..errors import ConfigurationError

T = TypeVar("T")

_SCHEMES = ("http", "https", "socks5", "socks5h")
_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@cache
def ssl_context() -> ssl.SSLContext:
    """The default TLS settings, made once: reading the certificates takes tens of milliseconds.

    Raises:
        ConfigurationError: the environment names certificates that cannot be read.
    """
    folder = os.environ.get("SSL_CERT_DIR")
    try:
        if folder and not os.environ.get("SSL_CERT_FILE") and not os.path.isdir(folder):
            raise NotADirectoryError(f"no such directory: {folder!r}")
        return httpx.create_ssl_context()
    except OSError as problem:
        named = [f"{name}={value!r}" for name in _TLS_VARIABLES if (value := os.environ.get(name))]
        where = f" Check {' and '.join(named)}, or unset it." if named else " Reinstall certifi."
        raise ConfigurationError(f"The TLS certificates cannot be loaded: {problem}.{where}") from problem


def proxies() -> dict[str, str]:
    """The proxies that the environment names, by scheme: `http`, `https`, `all`."""
    return {scheme: value for scheme, value in getproxies().items() if scheme in ("http", "https", "all")}


def through_proxies(make: Callable[[], T]) -> T:
    """The client that `make` makes, which takes its proxies from the environment.

    Raises:
        ConfigurationError: one of them is not usable; the text says what to set.
    """
    for scheme, value in proxies().items():
        if not _is_proxy(value):
            raise ConfigurationError(
                f"{scheme.upper()}_PROXY={_without_credentials(value)!r} is not the URL of a proxy: set it to one like "
                f"http://host:8080 or socks5://host:1080, or unset it."
            )
    try:
        return make()
    except ImportError as problem:
        raise ConfigurationError(
            "The environment names a SOCKS proxy, which needs another package: pip install 'httpx[socks]', or unset "
            "ALL_PROXY, HTTPS_PROXY or HTTP_PROXY."
        ) from problem
    except (ValueError, httpx.InvalidURL) as problem:
        no_proxy = getproxies().get("no", "")
        raise ConfigurationError(
            f"NO_PROXY={no_proxy!r} cannot be used: {problem}. Set it to host names separated by commas, or unset it."
        ) from problem


def _is_proxy(value: str) -> bool:
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        return False
    labels = url.raw_host.rstrip(b".").split(b".")
    possible = all(0 < len(label) < 64 for label in labels) and 0 < (url.port or 80) < 65536
    return url.scheme in _SCHEMES and possible and not re.search(r"\s", value)


def _without_credentials(value: str) -> str:
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)?.*@", r"\1***@", value, flags=re.DOTALL)
