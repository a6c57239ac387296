"""The subjects by name, and one face for both frameworks: ask, stream, and their async twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PROMPT = "Hello"


def _peer_kwargs(base_url: str) -> dict[str, Any]:
    return {"base_url": base_url, "api_key": "none"}


def _lc_ours(base_url: str, endpoint: str, model: str) -> Any:
    from aimlapi_integrations.langchain import ChatAIMLAPI

    return ChatAIMLAPI(model=model, use_responses_api=endpoint == "responses", **_peer_kwargs(base_url))


def _lc_floor(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_langchain import FloorChatModel

    return FloorChatModel(base_url=base_url, endpoint=endpoint, model=model)


def _lc_openai(base_url: str, endpoint: str, model: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=model, use_responses_api=endpoint == "responses", **_peer_kwargs(base_url))


def _lc_openrouter(base_url: str, endpoint: str, model: str) -> Any:
    from langchain_openrouter import ChatOpenRouter

    return ChatOpenRouter(model=model, timeout=60_000, **_peer_kwargs(base_url))


def _li_ours(base_url: str, endpoint: str, model: str) -> Any:
    from aimlapi_integrations.llama_index import AIMLAPI

    return AIMLAPI(model=model, use_responses_api=endpoint == "responses", api_base=base_url, api_key="none")


def _li_floor(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_llama_index import FloorLLM

    return FloorLLM(base_url=base_url, endpoint=endpoint, model=model)


def _li_openai_like(base_url: str, endpoint: str, model: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(model=model, is_chat_model=True, api_base=base_url, api_key="none")


def _li_responses(base_url: str, endpoint: str, model: str) -> Any:
    from llama_index.llms.openai import OpenAIResponses

    return OpenAIResponses(model=model, api_base=base_url, api_key="none", context_window=100_000)


@dataclass(frozen=True)
class Subject:
    """A model class to measure: how to make one, its framework, the endpoints it speaks."""

    name: str
    framework: str
    make: Callable[[str, str, str], Any]
    endpoints: tuple[str, ...] = ("chat_completions", "responses")


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("langchain floor", "langchain", _lc_floor),
        Subject("ChatAIMLAPI", "langchain", _lc_ours),
        Subject("ChatOpenAI", "langchain", _lc_openai),
        Subject("ChatOpenRouter", "langchain", _lc_openrouter, ("chat_completions",)),
        Subject("llama-index floor", "llama-index", _li_floor),
        Subject("AIMLAPI", "llama-index", _li_ours),
        Subject("OpenAILike", "llama-index", _li_openai_like, ("chat_completions",)),
        Subject("OpenAIResponses", "llama-index", _li_responses, ("responses",)),
    )
}


class LangChainDriver:
    def __init__(self, llm: Any) -> None:
        self.llm = llm

    def ask(self) -> None:
        assert self.llm.invoke(PROMPT).text

    def stream(self) -> int:
        return sum(1 for _ in self.llm.stream(PROMPT))

    async def aask(self) -> None:
        assert (await self.llm.ainvoke(PROMPT)).text

    async def astream(self) -> int:
        return sum([1 async for _ in self.llm.astream(PROMPT)])


class LlamaIndexDriver:
    def __init__(self, llm: Any) -> None:
        from llama_index.core.llms import ChatMessage

        self.llm, self.messages = llm, [ChatMessage(PROMPT)]

    def ask(self) -> None:
        assert self.llm.chat(self.messages).message.content

    def stream(self) -> int:
        return sum(1 for _ in self.llm.stream_chat(self.messages))

    async def aask(self) -> None:
        assert (await self.llm.achat(self.messages)).message.content

    async def astream(self) -> int:
        return sum([1 async for _ in await self.llm.astream_chat(self.messages)])


DRIVERS: dict[str, Callable[[Any], Any]] = {"langchain": LangChainDriver, "llama-index": LlamaIndexDriver}
