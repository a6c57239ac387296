"""LlamaIndex's chat engines and memories on `AIMLAPI`, sync and async, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import (
    ChatMemoryBuffer,
    ChatSummaryMemoryBuffer,
    FactExtractionMemoryBlock,
    Memory,
    SimpleComposableMemory,
    StaticMemoryBlock,
    VectorMemory,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # core leaves its memory's database open
]

QUESTION = "Which river flows through Porto?"


@pytest.mark.parametrize("mode", ["context", "condense_question", "condense_plus_context", "best"])
def test_chat_engine_of_any_mode_responds(index: VectorStoreIndex, llm: Any, run: Any, mode: str) -> None:
    engine = index.as_chat_engine(llm=llm, chat_mode=mode, similarity_top_k=1)
    first = run(engine, "chat", QUESTION)
    assert "Douro flows through Porto" in str(first)
    assert "Douro" in first.source_nodes[0].text
    second = run(engine, "stream_chat", "And which one through Lisbon?")
    assert run.text(second).startswith("[emulated]")
    assert [message.role.value for message in engine.chat_history] == ["user", "assistant"] * 2
    assert engine.chat_history[-1].content == str(second)


def test_simple_chat_engine_without_index_responds(llm: Any, emulator: Any, run: Any) -> None:
    engine = SimpleChatEngine.from_defaults(llm=llm, system_prompt="Be brief.")
    assert str(run(engine, "chat", "Hello")) == "[emulated] You said: Hello"
    assert run.text(run(engine, "stream_chat", "Again")) == "[emulated] You said: Again"
    last = emulator.requests[-1].json
    assert "Be brief." in str(last)
    assert [part in str(last) for part in ("Hello", "[emulated] You said: Hello", "Again")] == [True] * 3


def _composed(llm: Any, embedding: Any) -> SimpleComposableMemory:
    return SimpleComposableMemory.from_defaults(
        primary_memory=ChatMemoryBuffer.from_defaults(llm=llm),
        secondary_memory_sources=[VectorMemory.from_defaults(embed_model=embedding)],
    )


MEMORIES = {
    "buffer": lambda llm, embedding: ChatMemoryBuffer.from_defaults(llm=llm),
    "summary": lambda llm, embedding: ChatSummaryMemoryBuffer.from_defaults(llm=llm, token_limit=30),
    "composed": _composed,
}


@pytest.mark.parametrize("kind", MEMORIES)
def test_chat_engine_with_memory_remembers(llm: Any, embedding: Any, run: Any, kind: str) -> None:
    memory = MEMORIES[kind](llm, embedding)
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
    for word in ("Porto", "Lisbon", "Faro"):
        assert str(run(engine, "chat", f"I was in {word} in spring, and it rained all the time.")).startswith("[emul")
    assert "Faro" in str(memory.get("Where was I in spring?"))


def test_memory_block_with_llm_extracts_facts(llm: Any, current_loop: Any) -> None:
    blocks = [StaticMemoryBlock(static_content="I am Ann"), FactExtractionMemoryBlock(llm=llm)]
    memory = Memory.from_defaults(
        session_id="one", token_limit=60, chat_history_token_ratio=0.5, token_flush_size=20, memory_blocks=blocks
    )
    for number in range(6):
        message = ChatMessage(f"Message {number}, which is long enough for the memory to put it away.")
        current_loop.run_until_complete(memory.aput(message))
    [facts, *recent] = current_loop.run_until_complete(memory.aget())
    assert "I am Ann" in str(facts.content)
    assert len(recent) < 6
