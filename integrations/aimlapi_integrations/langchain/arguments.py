"""Arguments by the names that other classes give them -> those of the classes here, so that changing the class is the
whole migration. What is no argument at all goes to `model_kwargs`, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.utils.pydantic import get_fields
from pydantic import BaseModel

_CREDENTIALS = {
    "openai_api_key": "aimlapi_api_key",
    "openai_api_base": "aimlapi_api_base",
    "openrouter_api_key": "aimlapi_api_key",
    "openrouter_api_base": "aimlapi_api_base",
}

CHAT_NAMES = {**_CREDENTIALS, "max_completion_tokens": "max_tokens"}
EMBEDDING_NAMES = {**_CREDENTIALS, "model_name": "model"}

# What goes with every call beside the body, and may be secret: to the fields that are neither shown nor serialised.
_BESIDE = {"extra_headers": "default_headers", "headers": "default_headers", "extra_query": "default_query"}
_HEADERS = {"app_url": "HTTP-Referer", "app_title": "X-Title"}

# What has nothing to set here, and what does instead.
_MEANINGLESS = {
    **dict.fromkeys(("organization", "openai_organization", "openai_api_type", "openai_api_version"), ""),
    **dict.fromkeys(("api_version", "deployment", "app_categories", "tiktoken_enabled", "tiktoken_model_name"), ""),
    **dict.fromkeys(("check_embedding_ctx_length", "embedding_ctx_length", "skip_empty"), ""),
    **dict.fromkeys(("allowed_special", "disallowed_special"), ""),
    **dict.fromkeys(("retry_min_seconds", "retry_max_seconds"), ": retry=RetryPolicy(…) says how long to wait"),
    "http_socket_options": ": http_client=httpx.Client(transport=…) has such",
    "openrouter_provider": ': provider="openai" names one source',
}

# What must not be left out without a word, since calls would go another way than was meant.
_REFUSED = {
    "openai_proxy": "give http_client=httpx.Client(proxy=…) and http_async_client=…, or set HTTPS_PROXY",
    **dict.fromkeys(
        ("client", "async_client", "root_client", "root_async_client"),
        "clients of other packages cannot be used: give http_client=httpx.Client(…), http_async_client=…",
    ),
}


def gathered(cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]) -> dict[str, Any]:
    """The arguments by the names of the fields of `cls`, and the rest in `model_kwargs`; nothing twice.

    Raises:
        ValueError: something was given twice, or cannot be taken; the text says what to give instead.
    """
    named = _renamed(cls, values, other_names)
    unknown = {name: named.pop(name) for name in [*named] if name not in names_of(cls)}
    further = {**(named.pop("model_kwargs", None) or {})}
    if twice := unknown.keys() & further.keys():
        raise ValueError(f"{', '.join(sorted(twice))} was given twice: by itself and in model_kwargs.")
    beside = [_taken(further, _BESIDE), _taken(unknown, _BESIDE), _as_headers(_taken(unknown, _HEADERS))]
    further |= _parameters(cls, unknown)
    return {**named, **_with_every_call(named, beside), **({"model_kwargs": further} if further else {})}


def _renamed(cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for given, value in values.items():
        name = other_names.get(given, given)
        if name != given and (name in named or name in values or aliases(cls).get(name) in values):
            raise ValueError(f"{name!r} was given twice, by different names.")
        named[name] = value
    return named


def _taken(arguments: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the arguments that have these names, taken out of the rest; None says nothing."""
    found = {name: arguments.pop(name) for name in names if name in arguments}
    return {name: value for name, value in found.items() if value is not None}


def _as_headers(found: Mapping[str, str]) -> dict[str, Any]:
    return {"extra_headers": {_HEADERS[name]: value for name, value in found.items()}} if found else {}


def _with_every_call(named: Mapping[str, Any], beside: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The default headers and query with what was given for them by other names, which goes before."""
    found: dict[str, Any] = {}
    for given in beside:
        for name, value in given.items():
            field = _BESIDE[name]
            found[field] = {**(found.get(field) or named.get(field) or {}), **value}
    return found


def _parameters(cls: type[BaseModel], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the unknown arguments that may be parameters of the endpoint, each with a warning."""
    for name in unknown.keys() & _REFUSED.keys():
        if unknown[name] is not None:
            raise ValueError(f"{name!r} is no parameter of {cls.__name__}: {_REFUSED[name]}.")
    for name, value in unknown.items():
        if name in _MEANINGLESS and value is not None:
            _warn(f"{name!r} means nothing to {cls.__name__} and is left out{_MEANINGLESS[name]}.")
        elif name not in _MEANINGLESS and name not in _REFUSED:
            _warn(f"{name!r} is no parameter of {cls.__name__}; it goes to model_kwargs.")
    return {name: value for name, value in unknown.items() if name not in _MEANINGLESS and name not in _REFUSED}


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=_depth())


def _depth() -> int:
    """The calls between a warning and whoever calls the constructor, which core's classes lengthen."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, depth = frame.f_back, depth + 1
    return depth


_INSIDE = ("aimlapi_integrations", "pydantic", "langchain_core")


def aliases(cls: type[BaseModel]) -> dict[str, str]:
    """The other names that the fields of `cls` have, by the fields'."""
    return {name: field.alias for name, field in get_fields(cls).items() if field.alias}


def names_of(cls: type[BaseModel]) -> set[str]:
    """All names that the fields of `cls` are given by."""
    return {*get_fields(cls), *aliases(cls).values()}
