"""Puts `ChatAIMLAPI` on langchain-core's list of the classes that `load(…, allowed_objects="all")` makes.

Core wrote the list by hand, of its partners' classes. Without it `load` takes the class itself:
`load(data, allowed_objects=[ChatAIMLAPI], valid_namespaces=["aimlapi_integrations"])`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from ..errors import AIMLAPIError

_ID = ("aimlapi_integrations", "langchain", "ChatAIMLAPI")


def allow() -> bool:
    """Adds the class; whether core now finds it allowed."""
    listed, derived = _tables()
    listed[_ID] = _ID
    derived.clear()
    return _ID in import_module("langchain_core.load.load").Reviver(allowed_objects="all").allowed_class_paths


def disallow() -> None:
    """Takes it out again."""
    listed, derived = _tables()
    if listed.pop(_ID, None):
        derived.clear()


def _tables() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Core's list, and what it has derived from it; stand-ins where it no longer keeps them so."""
    module = import_module("langchain_core.load.load")
    return getattr(module, "ALL_SERIALIZABLE_MAPPINGS", {}), getattr(module, "_default_class_paths_cache", {})


_PROVIDER = "aimlapi"
_PACKAGE = __name__.rpartition(".")[0]


class _Entry(NamedTuple):
    """Where a class of ours goes: LangChain's module, its public function, and the cached one behind that."""

    module: str
    function: str
    cached: str
    home: str
    class_name: str


_ENTRIES = (
    _Entry(
        "langchain.chat_models.base",
        "init_chat_model",
        "_get_chat_model_creator",
        f"{_PACKAGE}.chat_model",
        "ChatAIMLAPI",
    ),
    _Entry(
        "langchain.embeddings.base",
        "init_embeddings",
        "_get_embeddings_class_creator",
        f"{_PACKAGE}.embeddings",
        "AIMLAPIEmbeddings",
    ),
)


class RegistrationError(AIMLAPIError, RuntimeError):
    """LangChain is not installed, or no longer keeps its providers where this version of ours looks for them."""


def register() -> None:
    """Adds the provider `aimlapi` to `init_chat_model` and `init_embeddings`. Once is enough; twice does no harm.

    It also lets `langchain_core.load.load(…, allowed_objects="all", valid_namespaces=["aimlapi_integrations"])` make
    `ChatAIMLAPI`, as it makes the models of core's own list of partners.

    Raises:
        RegistrationError: `langchain` is not installed, or has changed, or knows another `aimlapi`. Nothing is left
            half done: build `ChatAIMLAPI(...)` and `AIMLAPIEmbeddings(...)` themselves instead.

    Examples:
        >>> register()                                                           # doctest: +SKIP
        >>> init_chat_model("aimlapi:openai/gpt-5-mini-2025-08-07").invoke("Hi") # doctest: +SKIP
    """
    tables = [(_table(entry), entry) for entry in _ENTRIES]
    for table, entry in tables:
        _check_free(table, entry)
    for table, entry in tables:
        table[_PROVIDER] = (entry.home, entry.class_name, _create)
    try:
        for entry in _ENTRIES:
            _try_out(entry)
        if not allow():
            raise RegistrationError("langchain_core.load no longer lists the classes that it makes as it did.")
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    """Takes out what `register` added. Does nothing where it has not been called."""
    disallow()
    for entry in _ENTRIES:
        try:
            module = import_module(entry.module)
        except ImportError:
            continue
        if _is_ours(_providers(module).get(_PROVIDER), entry):
            del _providers(module)[_PROVIDER]
            getattr(getattr(module, entry.cached, None), "cache_clear", lambda: None)()


def _create(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)


def _table(entry: _Entry) -> dict[str, Any]:
    """The providers of one of LangChain's modules, if they look as they did."""
    try:
        module = import_module(entry.module)
    except ImportError as error:
        raise RegistrationError(f"{entry.module} cannot be imported ({error}): pip install langchain") from error
    table = _providers(module)
    if not table or not all(map(_is_row, table.values())):
        raise _changed(entry)
    return table


def _providers(module: ModuleType) -> dict[str, Any]:
    table = getattr(module, "_BUILTIN_PROVIDERS", None)
    return table if isinstance(table, dict) else {}


def _is_row(row: Any) -> bool:
    match row:
        case (str(), str(), create) if callable(create):
            return True
    return False


def _is_ours(row: Any, entry: _Entry) -> bool:
    return isinstance(row, tuple) and row[:2] == (entry.home, entry.class_name)


def _check_free(table: dict[str, Any], entry: _Entry) -> None:
    row = table.get(_PROVIDER)
    if row is not None and not _is_ours(row, entry):
        raise RegistrationError(f"LangChain knows {_PROVIDER!r} already, as {row[0]}.{row[1]}: it is left as it is.")


def _try_out(entry: _Entry) -> None:
    """Asks the public function for a model, which sends nothing."""
    try:
        made = getattr(import_module(entry.module), entry.function)(f"{_PROVIDER}:any", api_key="none")
    except Exception as error:
        raise _changed(entry) from error
    if type(made).__name__ != entry.class_name:
        raise _changed(entry)


def _changed(entry: _Entry) -> RegistrationError:
    return RegistrationError(
        f"{entry.module} no longer keeps its providers as this version of aimlapi-integrations expects. "
        f"Use ChatAIMLAPI(...) and AIMLAPIEmbeddings(...) directly."
    )
