"""The API key and the base URL: an argument, or else a variable of the environment."""

from __future__ import annotations

import os
import re
from functools import lru_cache

from pydantic import SecretStr

from .._utils.user_warnings import warn_once
from ..errors import MissingAPIKeyError
from ..transport.validation import as_secret, check_api_key, inspect_base_url, is_loopback, reveal

DEFAULT_MODEL = "openai/gpt-5-mini-2025-08-07"
DEFAULT_EMBEDDING_MODEL = "text-embedding-3-small"
DEFAULT_BASE_URL = "https://api.aimlapi.com/v1"

API_KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")
BASE_URL_VARIABLES = ("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL")

# What people copy from examples of HTTP requests.
_ENDPOINT_PATH = re.compile(r"/(chat/completions|completions|responses|messages|embeddings|models)$")


def resolve_api_key(value: str | SecretStr | None = None) -> SecretStr:
    """Return the API key: `value`, or else `AIMLAPI_API_KEY`, or else `AIML_API_KEY`.

    Raises:
        MissingAPIKeyError: there is none.
        ValueError: it has characters that HTTP can't carry.
    """
    value = as_secret(value)
    api_key = None if value is None else SecretStr(value.get_secret_value().strip())
    api_key = api_key or _from_environment(API_KEY_VARIABLES)
    if api_key is None:
        raise MissingAPIKeyError(
            "No API key: pass api_key= or set AIMLAPI_API_KEY. Create a key at https://aimlapi.com/app/keys."
        )
    return check_api_key(api_key)


def resolve_base_url(value: str | SecretStr | None = None) -> str:
    """Return the base URL, without a slash at its end.

    That is `value`, or else `AIMLAPI_API_BASE`, or else `AIMLAPI_BASE_URL`, or else the gateway's. The path of an
    endpoint at its end is removed; `/v1` is added for the gateway and this machine if the URL has no path.

    Raises:
        ValueError: no request can be sent to it.
    """
    if isinstance(value, str) and "@" in value:
        value = SecretStr(value)  # it may hold a password, and tracebacks print local variables
    if value is None or not reveal(value).strip():
        value = _from_environment(BASE_URL_VARIABLES) or DEFAULT_BASE_URL
    normalized, problem = _normalize_base_url(value)
    if problem:
        warn_once(problem)
    return normalized.get_secret_value()


@lru_cache(maxsize=128)  # each model of a process has the same one
def _normalize_base_url(value: str | SecretStr) -> tuple[SecretStr, str | None]:
    """Return the URL, and what to warn of."""
    url = SecretStr(_ENDPOINT_PATH.sub("", reveal(value).strip().rstrip("/")))
    host, problem = inspect_base_url(url)
    if (host == "api.aimlapi.com" or is_loopback(host)) and not url.get_secret_value().partition("//")[2].count("/"):
        return SecretStr(f"{url.get_secret_value()}/v1"), problem
    return url, problem


def _from_environment(names: tuple[str, ...]) -> SecretStr | None:
    return next((SecretStr(value) for name in names if (value := os.environ.get(name, "").strip())), None)
