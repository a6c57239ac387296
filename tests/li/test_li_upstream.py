"""Private parts of LlamaIndex that this package depends on. A failure here means that upstream has changed.

Each test names the module that depends on the fact; update that module, and the version that it names.
"""

from __future__ import annotations

import inspect

import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.llms.function_calling import FunctionCallingLLM


@pytest.mark.parametrize(
    ("public", "private"),
    [
        ("stream_structured_predict", "_structured_stream_call"),
        ("astream_structured_predict", "_structured_astream_call"),
        ("chat_with_tools", "_prepare_chat_with_tools"),
        ("achat_with_tools", "_validate_chat_with_tools_response"),
    ],
)
def test_public_method_of_core_calls_the_private_hook_that_is_overridden(public: str, private: str) -> None:
    """llama_index/llm.py"""
    owner = LLM if hasattr(LLM, public) else FunctionCallingLLM
    assert f"self.{private}" in inspect.getsource(getattr(owner, public))
    assert callable(getattr(FunctionCallingLLM, private))


@pytest.mark.parametrize("method", ["structured_predict", "_structured_stream_call", "_structured_astream_call"])
def test_structured_method_of_core_has_the_arguments_that_are_passed_on(method: str) -> None:
    """llama_index/llm.py"""
    assert [*inspect.signature(getattr(LLM, method)).parameters] == [
        "self",
        "output_cls",
        "prompt",
        "llm_kwargs",
        "prompt_args",
    ]


def test_messages_of_a_prompt_come_from_a_method_of_core() -> None:
    """llama_index/llm.py"""
    assert [*inspect.signature(LLM._get_messages).parameters] == ["self", "prompt", "prompt_args"]


@pytest.mark.parametrize(
    "method",
    [
        *("_get_query_embedding", "_get_text_embedding", "_get_text_embeddings"),
        *("_aget_query_embedding", "_aget_text_embedding", "_aget_text_embeddings"),
    ],
)
def test_embedding_of_core_has_the_private_hook_that_is_overridden(method: str) -> None:
    """llama_index/embedding.py"""
    assert callable(getattr(BaseEmbedding, method))
