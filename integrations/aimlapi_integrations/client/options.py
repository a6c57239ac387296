"""Options of one call: how to send it, as opposed to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from .._utils.json import drop_none
from ..errors import UnsupportedParameterError
from ..transport.retries import Timeout


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to send a call, as opposed to what. None means the client's setting.

    Attributes:
        endpoint: `chat_completions`, `responses` or `messages`; overrides the choice by model and request.
        use_responses_api: whether to use the Responses endpoint; None lets the model and the request decide.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`.
        chunk_timeout: seconds from one event of a stream to the next.
        headers, query: added to the client's.
        client_request_id: your own id of the call, 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
        stream_usage: whether a stream reports its token counts.
        strict_parameters: whether a parameter that the model doesn't list is an error instead of a warning.
        max_retries: retries of this call.
    """

    endpoint: str | None = None
    use_responses_api: bool | None = None
    timeout: Timeout = None
    chunk_timeout: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_request_id: str | None = None
    stream_usage: bool = True
    strict_parameters: bool = False
    max_retries: int | None = None


DEFAULT_OPTIONS = CallOptions()


# Arguments of other clients' calls that say how to send, not what: none of them is ever part of a body.
_HEADERS = ("default_headers", "headers", "http_headers")
_QUERY = ("default_query", "extra_query")
_API_KEYS = ("aimlapi_api_key", "openai_api_key", "openrouter_api_key", "api_key")
_SETTINGS = {"request_timeout": "timeout", "timeout": "timeout", "max_retries": "max_retries"}
_CLIENT_ARGUMENTS = frozenset(
    {"aimlapi_api_base", "api_base", "base_url", "openai_api_base", "openrouter_api_base"}
    | {"async_http_client", "http_async_client", "http_client", "limits", "on_retry", "retry"}
)

NOT_IN_BODY = frozenset({*_HEADERS, "extra_headers", *_QUERY, *_API_KEYS, *_SETTINGS, *_CLIENT_ARGUMENTS})
"""Names of call arguments that never go into a body, secret ones among them."""


def split_options(parameters: Mapping[str, Any], options: CallOptions) -> tuple[Mapping[str, Any], CallOptions]:
    """Move the parameters that aren't part of a body into the options of the call.

    Raises:
        UnsupportedParameterError: only a client takes one of them, such as `base_url`.

    >>> split_options({"seed": 1, "extra_headers": {"X-Team": "a"}}, DEFAULT_OPTIONS)[0]
    {'seed': 1}
    """
    names = NOT_IN_BODY & parameters.keys()
    if not names:
        return parameters, options
    values = {name: parameters[name] for name in names if parameters[name] is not None}
    if client_arguments := sorted(_CLIENT_ARGUMENTS & values.keys()):
        raise UnsupportedParameterError(
            f"{client_arguments[0]!r} is not an argument of a call: pass it to the client or model."
        )
    settings = {field: values[name] for name, field in _SETTINGS.items() if name in values}
    headers = {
        **_merge(values, _HEADERS),
        **options.headers,
        **_merge(values, ("extra_headers",)),
        **_authorization(values),
    }
    query = {**_merge(values, _QUERY), **options.query}
    body = {name: value for name, value in parameters.items() if name not in names}
    return body, replace(options, headers=headers, query=query, **settings)


def _merge(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Merge the mappings of these names, later over earlier, without items that are None."""
    return {key: value for name in names for key, value in drop_none(values.get(name) or {}).items()}


def _authorization(values: Mapping[str, Any]) -> dict[str, str]:
    api_key = next((values[name] for name in reversed(_API_KEYS) if name in values), None)
    if api_key is None:
        return {}
    return {"Authorization": f"Bearer {api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key}"}
