"""The model classes to measure, and one interface to all of them: call, stream, embed, sync and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what a subject imports is measured
    from benchmarks.floors import RawHTTP

PROMPT = "Hello"
CHAT, RESPONSES = "chat_completions", "responses"


def _settings(base_url: str) -> dict[str, Any]:
    return {"base_url": base_url, "api_key": "none"}


def _lc_ours(base_url: str, endpoint: str, model: str) -> Any:
    from aimlapi_integrations.langchain import ChatAIMLAPI

    return ChatAIMLAPI(model=model, use_responses_api=endpoint == RESPONSES, **_settings(base_url))


def _lc_aiohttp(base_url: str, endpoint: str, model: str) -> Any:
    import httpx
    from httpx_aiohttp import AiohttpTransport

    from aimlapi_integrations.langchain import ChatAIMLAPI

    client = httpx.AsyncClient(transport=AiohttpTransport())
    return ChatAIMLAPI(
        model=model, use_responses_api=endpoint == RESPONSES, http_async_client=client, **_settings(base_url)
    )


def _lc_ours_embedding(base_url: str) -> Any:
    from aimlapi_integrations.langchain import AIMLAPIEmbeddings

    return AIMLAPIEmbeddings(model="text-embedding-3-small", **_settings(base_url))


def _lc_floor(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_langchain import FloorChatModel

    return FloorChatModel(base_url=base_url, endpoint=endpoint, model=model)


def _lc_bare(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_langchain import BareChatModel

    return BareChatModel(model=model)


def _lc_floor_embedding(base_url: str) -> Any:
    from benchmarks.floor_langchain import FloorEmbeddings

    return FloorEmbeddings(base_url)


def _lc_openai(base_url: str, endpoint: str, model: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=model, use_responses_api=endpoint == RESPONSES, **_settings(base_url))


def _lc_openai_embedding(base_url: str) -> Any:
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(check_embedding_ctx_length=False, chunk_size=2048, **_settings(base_url))


def _lc_openrouter(base_url: str, endpoint: str, model: str) -> Any:
    from langchain_openrouter import ChatOpenRouter

    return ChatOpenRouter(model=model, timeout=60_000, **_settings(base_url))


def _li_ours(base_url: str, endpoint: str, model: str) -> Any:
    from aimlapi_integrations.llama_index import AIMLAPI

    return AIMLAPI(model=model, use_responses_api=endpoint == RESPONSES, api_base=base_url, api_key="none")


def _li_ours_embedding(base_url: str) -> Any:
    from aimlapi_integrations.llama_index import AIMLAPIEmbedding

    return AIMLAPIEmbedding(
        model_name="text-embedding-3-small", api_base=base_url, api_key="none", embed_batch_size=2048
    )


def _li_floor(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_llama_index import FloorLLM

    return FloorLLM(base_url=base_url, endpoint=endpoint, model=model)


def _li_bare(base_url: str, endpoint: str, model: str) -> Any:
    from benchmarks.floor_llama_index import BareLLM

    return BareLLM(model=model)


def _li_floor_embedding(base_url: str) -> Any:
    from benchmarks.floor_llama_index import FloorEmbedding

    return FloorEmbedding(base_url=base_url, embed_batch_size=2048)


def _li_openai_like(base_url: str, endpoint: str, model: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(model=model, is_chat_model=True, api_base=base_url, api_key="none")


def _li_openai(base_url: str, endpoint: str, model: str) -> Any:
    from llama_index.llms.openai import OpenAI

    return OpenAI(model="gpt-4o", additional_kwargs={"model": model}, api_base=base_url, api_key="none")


def _li_openai_embedding(base_url: str) -> Any:
    from llama_index.embeddings.openai import OpenAIEmbedding

    return OpenAIEmbedding(api_base=base_url, api_key="none", embed_batch_size=2048)


def _li_responses(base_url: str, endpoint: str, model: str) -> Any:
    from llama_index.llms.openai import OpenAIResponses

    return OpenAIResponses(model=model, api_base=base_url, api_key="none", context_window=100_000)


# --- drivers ----------------------------------------------------------------------------------------------------------


class LangChainDriver:
    def __init__(self, llm: Any) -> None:
        self.llm = llm

    def call(self) -> None:
        assert self.llm.invoke(PROMPT).text

    def chunks(self) -> Iterator[Any]:
        return self.llm.stream(PROMPT)

    async def acall(self) -> None:
        assert (await self.llm.ainvoke(PROMPT)).text

    async def achunks(self) -> AsyncIterator[Any]:
        return self.llm.astream(PROMPT)

    @staticmethod
    def embed(model: Any, texts: list[str]) -> list[list[float]]:
        return model.embed_documents(texts)


class LlamaIndexDriver:
    def __init__(self, llm: Any) -> None:
        from llama_index.core.llms import ChatMessage

        self.llm, self.messages = llm, [ChatMessage(PROMPT)]

    def call(self) -> None:
        assert self.llm.chat(self.messages).message.content

    def chunks(self) -> Iterator[Any]:
        return self.llm.stream_chat(self.messages)

    async def acall(self) -> None:
        assert (await self.llm.achat(self.messages)).message.content

    async def achunks(self) -> AsyncIterator[Any]:
        return await self.llm.astream_chat(self.messages)

    @staticmethod
    def embed(model: Any, texts: list[str]) -> list[list[float]]:
        return model.get_text_embedding_batch(texts)


class StrictDriver:
    """Does what the floor over raw httpx does and what the bare model does, one after the other."""

    def __init__(self, bare: LangChainDriver | LlamaIndexDriver, raw: RawHTTP) -> None:
        self._bare, self._raw = bare, raw

    def call(self) -> None:
        self._raw.post()
        self._bare.call()

    def chunks(self) -> Iterator[Any]:
        for _, chunk in zip_longest(self._raw.events(), self._bare.chunks()):
            yield chunk

    async def acall(self) -> None:
        await self._raw.apost()
        await self._bare.acall()

    async def achunks(self) -> AsyncIterator[Any]:
        async def chunks() -> AsyncIterator[Any]:
            bare = await self._bare.achunks()
            async for _ in self._raw.aevents():
                yield await anext(bare, None)
            async for chunk in bare:
                yield chunk

        return chunks()


DRIVERS: dict[str, Any] = {"langchain": LangChainDriver, "llama-index": LlamaIndexDriver}


# --- subjects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Subject:
    """A model class to measure.

    Attributes:
        name: the class, or one of the floors.
        framework: whose class it is.
        make: creates a model from a base URL, an endpoint and a model id.
        embedding: creates an embedding model from a base URL, if it has one.
        needs: a module that must be installed.
        endpoints: the endpoints that it supports.
        skipped: scenarios that it isn't measured in.
    """

    name: str
    framework: str
    make: Callable[[str, str, str], Any]
    embedding: Callable[[str], Any] | None = None
    needs: str = "httpx"
    endpoints: tuple[str, ...] = (CHAT, RESPONSES)
    skipped: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        try:
            return find_spec(self.needs) is not None
        except ModuleNotFoundError:
            return False

    def driver(self, base_url: str, endpoint: str, model: str) -> Any:
        driver = DRIVERS[self.framework](self.make(base_url, endpoint, model))
        if self.name not in STRICT_FLOORS.values():
            return driver
        from benchmarks.floors import RawHTTP

        return StrictDriver(driver, RawHTTP(base_url, endpoint, model, PROMPT))


FLOORS = {"langchain": "langchain floor", "llama-index": "llama-index floor"}
STRICT_FLOORS = {"langchain": "langchain strict floor", "llama-index": "llama-index strict floor"}

# Scenarios that take minutes with the slowest subjects, and those without concurrency.
SLOW = (
    "chunk, 4 per packet",
    "chunk, 16 per packet",
    "chunk at 20,000",
    "chunk of 1,000 characters",
    "async call, 1 at once",
    "async call, 20 at once",
    "async call, 500 at once",
    "chunk, 1 async stream",
    "chunk, 20 async streams",
    "chunk, 200 async streams",
    "memory per open stream",
    "leaks",
)
SYNC = (
    "import and construct",
    "second instance",
    "call",
    "chunk",
    "chunk, 4 per packet",
    "chunk, 16 per packet",
    "chunk of 1,000 characters",
    "chunk at 20,000",
    "tool-call chunk",
    "first chunk",
    "peak memory",
    "leaks",
)

_ALL = (
    Subject("langchain floor", "langchain", _lc_floor, _lc_floor_embedding),
    Subject("langchain strict floor", "langchain", _lc_bare),
    Subject("ChatAIMLAPI", "langchain", _lc_ours, _lc_ours_embedding),
    Subject("ChatAIMLAPI on aiohttp", "langchain", _lc_aiohttp, None, "httpx_aiohttp", (CHAT,), SYNC),
    Subject("ChatOpenAI", "langchain", _lc_openai, _lc_openai_embedding, "langchain_openai"),
    Subject("ChatOpenRouter", "langchain", _lc_openrouter, None, "langchain_openrouter", (CHAT,), SLOW),
    Subject("llama-index floor", "llama-index", _li_floor, _li_floor_embedding),
    Subject("llama-index strict floor", "llama-index", _li_bare),
    Subject("AIMLAPI", "llama-index", _li_ours, _li_ours_embedding),
    Subject("OpenAILike", "llama-index", _li_openai_like, None, "llama_index.llms.openai_like", (CHAT,)),
    Subject("OpenAI", "llama-index", _li_openai, _li_openai_embedding, "llama_index.embeddings.openai", (CHAT,)),
    Subject("OpenAIResponses", "llama-index", _li_responses, None, "llama_index.llms.openai", (RESPONSES,)),
)
SUBJECTS = {subject.name: subject for subject in _ALL}
