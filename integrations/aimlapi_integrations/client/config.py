"""Where the key and the address come from: the argument first, then the environment."""

from __future__ import annotations

import os

from pydantic import SecretStr

from ..errors import MissingAPIKeyError

DEFAULT_MODEL = "openai/gpt-5-mini-2025-08-07"
DEFAULT_EMBEDDING_MODEL = "text-embedding-3-small"
DEFAULT_BASE_URL = "https://api.aimlapi.com/v1"

API_KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")
BASE_URL_VARIABLES = ("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL")


def resolve_api_key(value: str | SecretStr | None = None) -> SecretStr:
    """The key to use: `value`, else `AIMLAPI_API_KEY`, else `AIML_API_KEY`.

    Raises:
        MissingAPIKeyError: there is none.
    """
    given = value.get_secret_value() if isinstance(value, SecretStr) else value
    key = (given or _from_environment(API_KEY_VARIABLES) or "").strip()
    if not key:
        raise MissingAPIKeyError(
            "No API key: pass api_key= or set AIMLAPI_API_KEY. Keys are made at https://aimlapi.com/app/keys."
        )
    return SecretStr(key)


def resolve_base_url(value: str | None = None) -> str:
    """The address, without a slash at its end: `value`, else `AIMLAPI_API_BASE`, `AIMLAPI_BASE_URL`, the public one.

    Raises:
        ValueError: it is no http(s) address.
    """
    url = (value or _from_environment(BASE_URL_VARIABLES) or DEFAULT_BASE_URL).strip().rstrip("/")
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(f"base_url={url!r} is no http(s) address; the gateway's is {DEFAULT_BASE_URL}.")
    return url


def _from_environment(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), None)
