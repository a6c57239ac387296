"""How to ask, beside what."""

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
    """How to ask, beside what. None leaves it to the client.

    Attributes:
        endpoint: `chat_completions`, `responses` or `messages`, whatever the model and the request.
        use_responses_api: whether to use the Responses endpoint; None: the model and the request decide.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`.
        chunk_timeout: seconds from one event of a stream to the next.
        headers, query: added to the client's.
        client_request_id: your own id of the call, 1 to 128 of `A-Z a-z 0-9 . _ : -`.
        stream_usage: whether a stream tells its token counts.
        strict_parameters: whether a parameter that the model does not list is an error instead of a warning.
        max_retries: further tries of this call.
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
_KEYS = ("aimlapi_api_key", "openai_api_key", "openrouter_api_key", "api_key")
_SETTINGS = {"request_timeout": "timeout", "timeout": "timeout", "max_retries": "max_retries"}
_OF_CLIENTS = frozenset(
    {"aimlapi_api_base", "api_base", "base_url", "openai_api_base", "openrouter_api_base"}
    | {"async_http_client", "http_async_client", "http_client", "limits", "on_retry", "retry"}
)

NOT_IN_BODY = frozenset({*_HEADERS, "extra_headers", *_QUERY, *_KEYS, *_SETTINGS, *_OF_CLIENTS})
"""Names of call arguments that never go into a body; those that can be secret are among them."""


def split_options(parameters: Mapping[str, Any], options: CallOptions) -> tuple[Mapping[str, Any], CallOptions]:
    """Parameters of the body, and the options of the call with what else was among the parameters.

    Raises:
        UnsupportedParameterError: one that only a client takes, such as `base_url`.

    >>> split_options({"seed": 1, "extra_headers": {"X-Team": "a"}}, DEFAULT_OPTIONS)[0]
    {'seed': 1}
    """
    named = NOT_IN_BODY & parameters.keys()
    if not named:
        return parameters, options
    given = {name: parameters[name] for name in named if parameters[name] is not None}
    if of_client := sorted(_OF_CLIENTS & given.keys()):
        raise UnsupportedParameterError(
            f"{of_client[0]!r} is not an argument of a call: give it to the client or model."
        )
    settings = {field: given[name] for name, field in _SETTINGS.items() if name in given}
    headers = {**_merged(given, _HEADERS), **options.headers, **_merged(given, ("extra_headers",)), **_key(given)}
    query = {**_merged(given, _QUERY), **options.query}
    body = {name: value for name, value in parameters.items() if name not in named}
    return body, replace(options, headers=headers, query=query, **settings)


def _merged(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The mappings of these names, later ones over earlier; None in them says nothing."""
    return {key: value for name in names for key, value in drop_none(given.get(name) or {}).items()}


def _key(given: Mapping[str, Any]) -> dict[str, str]:
    key = next((given[name] for name in reversed(_KEYS) if name in given), None)
    if key is None:
        return {}
    return {"Authorization": f"Bearer {key.get_secret_value() if isinstance(key, SecretStr) else key}"}
