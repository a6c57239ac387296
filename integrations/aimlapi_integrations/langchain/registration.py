"""Register `ChatAIMLAPI` and `AIMLAPIEmbeddings` with LangChain's factories, its loader, and its standard blocks.

This module uses private tables of langchain and langchain-core, which have no public way to add a provider. As seen in
langchain 1.5.2 and langchain-core 1.8.3:

* `_BUILTIN_PROVIDERS` and the cached functions that read it:
  https://github.com/langchain-ai/langchain/blob/master/libs/langchain_v1/langchain/chat_models/base.py
  https://github.com/langchain-ai/langchain/blob/master/libs/langchain_v1/langchain/embeddings/base.py
* `ALL_SERIALIZABLE_MAPPINGS`, a handwritten list of the classes that `load(…, allowed_objects="all")` creates, and
  `_default_class_paths_cache`, which is derived from it:
  https://github.com/langchain-ai/langchain/blob/master/libs/core/langchain_core/load/load.py

If any of them changes, `register` raises `RegistrationError`; `tests/lc/test_upstream.py` fails first. Without
`register`, `load` accepts the class itself:
`load(data, allowed_objects=[ChatAIMLAPI], valid_namespaces=["aimlapi_integrations"])`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from ..errors import AIMLAPIError
from ..types import Json, ToolCall
from .messages.content_out import to_content_blocks
from .messages.decode import PROVIDER
from .messages.encode import encode_ai_message

_PACKAGE = __name__.rpartition(".")[0]
_LC_ID = ("aimlapi_integrations", "langchain", "ChatAIMLAPI")


class RegistrationError(AIMLAPIError, RuntimeError):
    """LangChain is not installed, or its tables of providers have changed."""


class _Factory(NamedTuple):
    """A factory of LangChain, and the class to register with it."""

    module: str
    function: str
    cached_function: str
    class_module: str
    class_name: str


_FACTORIES = (
    _Factory(
        "langchain.chat_models.base",
        "init_chat_model",
        "_get_chat_model_creator",
        f"{_PACKAGE}.chat_model",
        "ChatAIMLAPI",
    ),
    _Factory(
        "langchain.embeddings.base",
        "init_embeddings",
        "_get_embeddings_class_creator",
        f"{_PACKAGE}.embeddings",
        "AIMLAPIEmbeddings",
    ),
)


def register() -> None:
    """Add the provider `aimlapi` to `init_chat_model` and `init_embeddings`. Registering twice is harmless.

    It also allows `langchain_core.load.load(…, allowed_objects="all", valid_namespaces=["aimlapi_integrations"])` to
    create `ChatAIMLAPI`, as it does for the models in core's own list of partners.

    Raises:
        RegistrationError: `langchain` is not installed, has changed, or has another provider `aimlapi`. Nothing is
            registered then: use `ChatAIMLAPI(...)` and `AIMLAPIEmbeddings(...)` directly instead.

    Examples:
        >>> register()                                                           # doctest: +SKIP
        >>> init_chat_model("aimlapi:openai/gpt-5-mini-2025-08-07").invoke("Hi") # doctest: +SKIP
    """
    tables = [(_get_table(factory), factory) for factory in _FACTORIES]
    for table, factory in tables:
        _require_free(table, factory)
    for table, factory in tables:
        table[PROVIDER] = (factory.class_module, factory.class_name, _create)
    try:
        for factory in _FACTORIES:
            _test_factory(factory)
        if not _allow_loading():
            raise RegistrationError(
                "langchain_core.load no longer keeps its list of loadable classes where this version of "
                "aimlapi-integrations expects it. Use load(…, allowed_objects=[ChatAIMLAPI]) instead."
            )
    except BaseException:
        unregister()
        raise


def unregister() -> None:
    """Remove what `register` added. Does nothing if it wasn't called."""
    _disallow_loading()
    for factory in _FACTORIES:
        try:
            module = import_module(factory.module)
        except ImportError:
            continue
        if _is_registered(_providers(module).get(PROVIDER), factory):
            del _providers(module)[PROVIDER]
            getattr(getattr(module, factory.cached_function, None), "cache_clear", lambda: None)()


# --- factories --------------------------------------------------------------------------------------------------------


def _create(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)


def _get_table(factory: _Factory) -> dict[str, Any]:
    """Return the providers of a factory, if the table has the expected form."""
    try:
        module = import_module(factory.module)
    except ImportError as error:
        raise RegistrationError(f"{factory.module} can't be imported ({error}): pip install langchain") from error
    table = _providers(module)
    if not table or not all(map(_is_row, table.values())):
        raise _changed_error(factory)
    return table


def _providers(module: ModuleType) -> dict[str, Any]:
    table = getattr(module, "_BUILTIN_PROVIDERS", None)
    return table if isinstance(table, dict) else {}


def _is_row(row: Any) -> bool:
    match row:
        case (str(), str(), create) if callable(create):
            return True
    return False


def _is_registered(row: Any, factory: _Factory) -> bool:
    return isinstance(row, tuple) and row[:2] == (factory.class_module, factory.class_name)


def _require_free(table: dict[str, Any], factory: _Factory) -> None:
    row = table.get(PROVIDER)
    if row is not None and not _is_registered(row, factory):
        raise RegistrationError(
            f"LangChain already has a provider {PROVIDER!r}, {row[0]}.{row[1]}, which stays registered."
        )


def _test_factory(factory: _Factory) -> None:
    """Create a model by the public function, which sends nothing."""
    try:
        model = getattr(import_module(factory.module), factory.function)(f"{PROVIDER}:any", api_key="none")
    except Exception as error:
        raise _changed_error(factory) from error
    if type(model).__name__ != factory.class_name:
        raise _changed_error(factory)


def _changed_error(factory: _Factory) -> RegistrationError:
    return RegistrationError(
        f"{factory.module} no longer keeps its providers where this version of aimlapi-integrations expects them. "
        f"Use ChatAIMLAPI(...) and AIMLAPIEmbeddings(...) directly."
    )


# --- the loader -------------------------------------------------------------------------------------------------------


def _allow_loading() -> bool:
    """Add the class to core's list. Return whether core now allows it."""
    listed, derived = _loader_tables()
    listed[_LC_ID] = _LC_ID
    derived.clear()
    return _LC_ID in import_module("langchain_core.load.load").Reviver(allowed_objects="all").allowed_class_paths


def _disallow_loading() -> None:
    listed, derived = _loader_tables()
    if listed.pop(_LC_ID, None):
        derived.clear()


def _loader_tables() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Return core's list and its cache; empty dicts if it no longer has them."""
    module = import_module("langchain_core.load.load")
    return getattr(module, "ALL_SERIALIZABLE_MAPPINGS", {}), getattr(module, "_default_class_paths_cache", {})


# --- standard blocks --------------------------------------------------------------------------------------------------


def register_content_blocks() -> None:
    """Let core call the functions below for the `content_blocks` of this package's messages."""
    register_translator(PROVIDER, translate_content, translate_content_chunk)


def translate_content(message: AIMessage) -> list[ContentBlock]:
    """Return the standard blocks of a whole message, in the order in which the model wrote them."""
    return cast(list[ContentBlock], to_content_blocks(encode_ai_message(message)))


def translate_content_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    """Return the blocks of a chunk: those it was created with, or those of the message that it was merged to."""
    own = getattr(message, "blocks", None)
    if own is not None and _is_unedited(own, message):
        return cast(list[ContentBlock], [dict(block) for block in own])
    if message.chunk_position == "last" or not message.tool_call_chunks:
        return translate_content(message)
    parts = [part for part in encode_ai_message(message) if not isinstance(part, ToolCall)]
    blocks = [block for part in parts for block in to_content_blocks([part])]
    return cast(list[ContentBlock], blocks + [_to_block(chunk) for chunk in message.tool_call_chunks])


def _is_unedited(blocks: list[Json], message: AIMessageChunk) -> bool:
    """Return whether the blocks still match the message, which users can edit."""
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [block for block in blocks if block["type"] == "tool_call_chunk"]
    return message.content == "".join(texts) and len(calls) == len(message.tool_call_chunks)


def _to_block(chunk: Any) -> Json:
    return {"type": "tool_call_chunk", **{name: chunk.get(name) for name in ("id", "name", "args", "index")}}
