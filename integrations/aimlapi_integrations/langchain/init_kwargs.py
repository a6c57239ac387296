"""Constructor arguments by the names of other integrations -> this package's, so that changing the class is enough.

An argument that no field takes goes to `model_kwargs` with a warning, as in LangChain's own classes. A misspelled one
raises: with `ChatOpenAI`, only its first call does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from langchain_core.utils.pydantic import get_fields
from pydantic import BaseModel

from .._utils.diagnostics import closest, did_you_mean, misspelled, warn_once
from ..models import CHAT, EMBEDDINGS, MESSAGES, RESPONSES
from ..models.lookup import listed_parameters

_CREDENTIALS = {
    "openai_api_key": "aimlapi_api_key",
    "openai_api_base": "aimlapi_api_base",
    "openrouter_api_key": "aimlapi_api_key",
    "openrouter_api_base": "aimlapi_api_base",
}

CHAT_NAMES = {**_CREDENTIALS, "max_completion_tokens": "max_tokens", "chunk_timeout": "stream_chunk_timeout"}
EMBEDDING_NAMES = {**_CREDENTIALS, "model_name": "model"}

# Headers and query parameters may be secret: they go to the fields that are neither shown nor serialized.
_HEADERS_AND_QUERY = {"extra_headers": "default_headers", "headers": "default_headers", "extra_query": "default_query"}
_ATTRIBUTION_HEADERS = {"app_url": "HTTP-Referer", "app_title": "X-Title"}

# Fields that say how to send, not what: a misspelled one is not a parameter of the endpoint.
_CONNECTION = frozenset(
    {"aimlapi_api_base", "aimlapi_api_key", "api_key", "base_url", "default_headers", "default_query"}
    | {"http_async_client", "http_client", "limits", "max_retries", "on_retry", "request_timeout", "retry", "timeout"}
    | {"stream_chunk_timeout"}
)

# Arguments without an equivalent, each with the text that names the alternative, if there is one.
_IGNORED = {
    **dict.fromkeys(("organization", "openai_organization", "openai_api_type", "openai_api_version"), ""),
    **dict.fromkeys(("api_version", "deployment", "app_categories", "tiktoken_enabled", "tiktoken_model_name"), ""),
    **dict.fromkeys(("check_embedding_ctx_length", "embedding_ctx_length", "skip_empty"), ""),
    **dict.fromkeys(("allowed_special", "disallowed_special"), ""),
    **dict.fromkeys(("retry_min_seconds", "retry_max_seconds"), " Use retry=RetryPolicy(…) to set the delays."),
    "http_socket_options": " Use http_client=httpx.Client(transport=…) to set them.",
    "openrouter_provider": ' Use provider="openai" to select one provider.',
}

# Arguments that must not be ignored: without them, requests would take another route than the caller intended.
_REJECTED = {
    "openai_proxy": "Pass http_client=httpx.Client(proxy=…) and http_async_client=…, or set HTTPS_PROXY.",
    **dict.fromkeys(
        ("client", "async_client", "root_client", "root_async_client"),
        "Clients of other packages are not supported. Pass http_client=httpx.Client(…) and http_async_client=….",
    ),
}


def normalize_init_kwargs(
    cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]
) -> dict[str, Any]:
    """Rename arguments to the fields of `cls`, and move the rest to `model_kwargs`.

    Args:
        cls: the model class that the arguments are for.
        values: the constructor's arguments.
        other_names: fields by the names that other integrations use.

    Raises:
        ValueError: an argument was passed twice, or is not supported; the text says what to pass instead.
    """
    named = _rename(cls, values, other_names)
    unknown = {name: named.pop(name) for name in [*named] if name not in field_names(cls)}
    model_kwargs = {**(named.pop("model_kwargs", None) or {})}
    if duplicates := unknown.keys() & model_kwargs.keys():
        raise ValueError(f"{', '.join(sorted(duplicates))} was passed twice: as an argument and in model_kwargs.")
    sources = [
        _pop_arguments(model_kwargs, _HEADERS_AND_QUERY),
        _pop_arguments(unknown, _HEADERS_AND_QUERY),
        _attribution_headers(_pop_arguments(unknown, _ATTRIBUTION_HEADERS)),
    ]
    model_kwargs |= _select_parameters(cls, unknown)
    defaults = _merge_headers_and_query(named, sources)
    return {**named, **defaults, **({"model_kwargs": model_kwargs} if model_kwargs else {})}


def _rename(cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for argument, value in values.items():
        name = other_names.get(argument, argument)
        if name != argument and (name in named or name in values or field_aliases(cls).get(name) in values):
            raise ValueError(f"{name!r} was passed twice, by different names. Pass it once.")
        named[name] = value
    return named


def _pop_arguments(arguments: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Remove the arguments with these names and return those that are not None."""
    popped = {name: arguments.pop(name) for name in names if name in arguments}
    return {name: value for name, value in popped.items() if value is not None}


def _attribution_headers(arguments: Mapping[str, str]) -> dict[str, Any]:
    headers = {_ATTRIBUTION_HEADERS[name]: value for name, value in arguments.items()}
    return {"extra_headers": headers} if headers else {}


def _merge_headers_and_query(named: Mapping[str, Any], sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge headers and query parameters passed by other names over `default_headers` and `default_query`."""
    merged: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            field = _HEADERS_AND_QUERY[name]
            merged[field] = {**(merged.get(field) or named.get(field) or {}), **value}
    return merged


def _select_parameters(cls: type[BaseModel], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unknown arguments that may be parameters of the endpoint. Warn about each unknown argument."""
    for name in unknown.keys() & _REJECTED.keys():
        if unknown[name] is not None:
            raise ValueError(f"{name!r} is not a parameter of {cls.__name__}. {_REJECTED[name]}")
    for name, value in unknown.items():
        if name in _IGNORED and value is not None:
            warn_once(f"{name!r} has no effect in {cls.__name__} and is ignored.{_IGNORED[name]}")
        elif name not in _IGNORED and name not in _REJECTED:
            _warn_of_unknown(cls, name)
    return {name: value for name, value in unknown.items() if name not in _IGNORED and name not in _REJECTED}


def _warn_of_unknown(cls: type[BaseModel], name: str) -> None:
    """Warn that an argument goes to `model_kwargs`, and what it resembles.

    Raises:
        ValueError: it is a field that is misspelled, or resembles a setting of the connection, such as the key, which
            must not be sent as a parameter; or it is a field of the other class only.
    """
    names = field_names(cls)
    unknown = f"{name!r} is not a parameter of {cls.__name__}"
    if name not in listed_parameters(*((EMBEDDINGS,) if "dimensions" in names else (CHAT, RESPONSES, MESSAGES))):
        if typo := misspelled(name, names):
            raise ValueError(f"{unknown}. Did you mean {typo!r}? If not, pass it in model_kwargs.")
        if other := _class_with(name):
            raise ValueError(f"{unknown} but of {other}.")
        if closest(name, names) in _CONNECTION:
            raise ValueError(f"{unknown}.{did_you_mean(name, names)}")
    warn_once(f"{unknown}; it was moved to model_kwargs.{did_you_mean(name, names)}")


def _class_with(name: str) -> str | None:
    """Return the name of the class that has an argument, of the chat model and the embeddings."""
    from .chat_model import ChatAIMLAPI  # they import this module
    from .embeddings import AIMLAPIEmbeddings

    arguments = ((ChatAIMLAPI, CHAT_NAMES), (AIMLAPIEmbeddings, EMBEDDING_NAMES))
    return next((cls.__name__ for cls, names in arguments if {name, names.get(name)} & field_names(cls)), None)


@lru_cache(maxsize=64)
def field_aliases(cls: type[BaseModel]) -> Mapping[str, str]:
    """Return the aliases of the fields of `cls`, by field name."""
    return {name: field.alias for name, field in get_fields(cls).items() if field.alias}


@lru_cache(maxsize=64)
def plain_names(cls: type[BaseModel]) -> frozenset[str]:
    """Return the names of arguments that need no renaming and that no other argument can contradict."""
    return field_names(cls) - field_aliases(cls).keys() - {"model_kwargs"}


@lru_cache(maxsize=64)
def field_names(cls: type[BaseModel]) -> frozenset[str]:
    """Return every name that a field of `cls` can be passed by."""
    return frozenset((*get_fields(cls), *field_aliases(cls).values()))
