"""Private parts and bugs of LangChain that this package depends on. A failure here means that upstream has changed.

Each test names the module that depends on the fact; update that module, and the version that it names.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import langchain.chat_models.base as chat_base
import langchain.embeddings.base as embeddings_base
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages import ai as core_ai
from langchain_core.messages.tool import tool_call_chunk

from aimlapi_integrations.langchain.messages.stream import AIMessageChunk as OwnChunk


@pytest.mark.parametrize(
    ("module", "cached_function"),
    [(chat_base, "_get_chat_model_creator"), (embeddings_base, "_get_embeddings_class_creator")],
)
def test_providers_of_langchain_are_rows_of_module_class_and_creator(module: Any, cached_function: str):
    """langchain/registration.py"""
    assert module._BUILTIN_PROVIDERS
    for row in module._BUILTIN_PROVIDERS.values():
        home, class_name, create = row
        assert isinstance(home, str)
        assert isinstance(class_name, str)
        assert callable(create)
    assert callable(getattr(module, cached_function).cache_clear)


def test_loader_of_core_reads_its_mapping_through_a_cache():
    """langchain/registration.py"""
    core_load = import_module("langchain_core.load.load")  # the package has a function of this name
    assert isinstance(core_load.ALL_SERIALIZABLE_MAPPINGS, dict)
    assert isinstance(core_load._default_class_paths_cache, dict)
    assert all(isinstance(lc_id, tuple) for lc_id in core_load.ALL_SERIALIZABLE_MAPPINGS)


def test_truncated_call_at_the_end_of_a_stream_is_repaired_by_core():
    """langchain/messages/stream.py: once this fails, the issue that it links to is fixed."""
    chunk = tool_call_chunk(name="add", args='{"a": 1, "b', id="c1", index=0)
    message = AIMessageChunk(content="", tool_call_chunks=[chunk], chunk_position="last")
    assert message.tool_calls
    assert not message.invalid_tool_calls


def test_merged_chunk_becomes_an_instance_of_the_first_base():
    """langchain/messages/stream.py"""
    assert "__mro__[1]" in inspect.getsource(message_chunk_to_message)
    assert type(message_chunk_to_message(OwnChunk(content="Hi"))) is AIMessage
    assert callable(core_ai.add_ai_message_chunks)


def test_chunk_has_the_name_that_checkpoints_accept():
    """langchain/messages/stream.py: langgraph restores only listed classes, found by module and name."""
    serde = pytest.importorskip("langgraph.checkpoint.serde._msgpack")
    assert (OwnChunk.__module__, OwnChunk.__name__) in serde.SAFE_MSGPACK_TYPES


def test_model_of_core_has_the_private_hooks_that_are_overridden():
    """langchain/chat_model.py, langchain/connection.py and langchain/fields.py"""
    for name in (
        "_add_version",
        "_combine_llm_outputs",
        "_convert_cached_generations",
        "_convert_input",
        "_get_invocation_params",
        "_get_llm_string",
        "_get_ls_params",
        "_resolve_model_profile",
    ):
        assert callable(getattr(BaseChatModel, name)), name
    assert "_serialized" in vars(BaseChatModel)
