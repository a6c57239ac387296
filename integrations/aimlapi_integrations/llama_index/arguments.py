"""Arguments by the names that other classes give them -> those of the classes here. What is none is refused, and the
text says where it goes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from pydantic import BaseModel


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """`values` by the names that they have here.

    Raises:
        ValueError: a value was given twice, by different names.
    """
    known: dict[str, Any] = {}
    for given, value in values.items():
        name = names.get(given, given)
        if name in known:
            raise ValueError(f"{name!r} was given twice: also as {given!r}.")
        known[name] = value
    return known


def checked(cls: type[BaseModel], values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments by the names of the fields of `cls`.

    Raises:
        ValueError: one was given twice, or is none; the text says where it goes instead.
    """
    known = renamed(values, names)
    fields = {name for field, info in cls.model_fields.items() for name in (field, info.alias)}
    for name in known:
        if name not in fields:
            raise ValueError(f"{name!r} is no argument of {cls.__name__}: {_instead(name, fields)}.")
    return known


def _instead(name: str, fields: Container[str | None]) -> str:
    """What to do with an argument of another class."""
    if _CALLED.get(name, "") in fields:
        return f"it is called {_CALLED[name]}"
    return _ELSEWHERE.get(name, "parameters of the endpoint go into additional_kwargs")


_CALLED = {
    "base_url": "api_base",
    "openai_api_base": "api_base",
    "openai_api_key": "api_key",
    "metadata": "call_metadata",
    "order": "provider",
}
_NOTHING = "it has nothing to set here, leave it out"
_CLIENTS = "clients of other packages cannot be used, give http_client and async_http_client, which are httpx's"
_ELSEWHERE = {
    **dict.fromkeys(("api_version", "api_type", "engine", "deployment_name", "tokenizer", "mode"), _NOTHING),
    **dict.fromkeys(("openai_client", "async_openai_client"), _CLIENTS),
}
