"""A worker of a bulk job with one batch, without Ray around it. Run by `make ray`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason="the extra `ray` is not installed")

from langchain_core.exceptions import OutputParserException
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from aimlapi_integrations import AsyncClient, AuthenticationError, InsufficientCreditsError, NotFoundError
from aimlapi_integrations.bulk import Answers, Vectors
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

THINKING = "deepseek/deepseek-reasoner"


@pytest.fixture
def gateway(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, set as the gateway in the environment."""
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "key")
    return gateway


def table(*texts: str | None, **columns: list[Any]) -> pa.Table:
    return pa.table({"id": range(len(texts)), "text": list(texts), **columns})


def rows(worker: Any, batch: pa.Table) -> list[dict[str, Any]]:
    async def work() -> pa.Table:
        return await worker(batch)

    return asyncio.run(work()).to_pylist()


# --- answers ----------------------------------------------------------------------------------------------------------


def llama_index_chat() -> Any:
    llm = AIMLAPI(model=THINKING)

    async def call(text: str) -> Any:
        return await llm.achat([ChatMessage(text)])

    return call


async def _client_chat(text: str) -> Any:
    return await AsyncClient().chat(text, model=THINKING, extra_body={})


WITH_REASONING = {
    "LangChain": lambda: ChatAIMLAPI(model=THINKING).ainvoke,
    "LlamaIndex": llama_index_chat,
    "bare": lambda: _client_chat,
}


@pytest.mark.parametrize("make", WITH_REASONING.values(), ids=WITH_REASONING)
def test_answers_add_answer_reasoning_tokens_and_cost_to_each_row(gateway, make):
    first, second = rows(Answers(make), table("Name a river.", "How long is the Douro?"))
    assert (first["id"], first["answer"]) == (0, "[emulated] You said: Name a river.")
    assert (second["id"], second["answer"]) == (1, "[emulated] You said: How long is the Douro?")
    assert "[emulated]" in first["reasoning"]
    bodies = [asyncio.run(_client_chat(row["text"])) for row in (first, second)]
    assert [row["cost_usd"] for row in (first, second)] == [Decimal(body.cost.usd) for body in bodies]
    assert [row["output_tokens"] for row in (first, second)] == [body.usage.output for body in bodies]
    assert first["error"] is second["error"] is None


class River(BaseModel):
    text: str


PLAIN = {
    "completion": (lambda: AIMLAPI().acomplete, "[emulated] You said: Name a river."),
    "structured": (lambda: ChatAIMLAPI().with_structured_output(River).ainvoke, '{"text":'),
    "dict": (lambda: ChatAIMLAPI().with_structured_output(River.model_json_schema()).ainvoke, '{"text":'),
}


@pytest.mark.parametrize(("make", "answer"), PLAIN.values(), ids=PLAIN)
def test_answers_accept_other_results(gateway, make, answer):
    [row] = rows(Answers(make), table("Name a river."))
    assert row["answer"].startswith(answer)
    assert row["cost_usd"] > 0


def test_answers_sum_all_calls_of_a_row(gateway):
    def make() -> Any:
        client = AsyncClient()

        async def call(text: str) -> str:
            return (await client.chat((await client.chat(text)).text)).text

        return call

    [row] = rows(Answers(make), table("Name a river."))
    first, second = (
        asyncio.run(AsyncClient().chat(text))
        for text in ("Name a river.", row["answer"][len("[emulated] You said: ") :])
    )
    assert row["cost_usd"] == Decimal(first.cost.usd) + Decimal(second.cost.usd)


def faulty(fault: str) -> Any:
    async def call(text: str) -> Any:
        return await AsyncClient(max_retries=0).chat(text, model=f"gpt-4o#fault={fault}" if text == "bad" else "gpt-4o")

    return lambda: call


@pytest.mark.parametrize(("fault", "kind"), [("status-500", "InternalServerError"), ("status-400", "BadRequestError")])
def test_failed_row_leaves_other_rows_unaffected(gateway, fault, kind):
    good, bad, last = rows(Answers(faulty(fault)), table("good", "bad", "last"))
    assert good["answer"]
    assert last["answer"]
    assert bad["error"].startswith(f"{kind}: ")
    assert (bad["answer"], bad["reasoning"], bad["cost_usd"]) == (None, None, 0)


def parsing_chain() -> Any:
    def parse(message: Any) -> str:
        if "bad" in message.text:
            raise OutputParserException("No number in the answer.")
        return message.text

    return (ChatAIMLAPI(model="gpt-4o") | parse).ainvoke


def raising(error: Exception) -> Any:
    async def call(text: str) -> Any:
        if text == "bad":
            raise error
        return text

    return lambda: call


@pytest.mark.parametrize(
    ("make", "text", "error"),
    [
        (lambda: ChatAIMLAPI(model="gpt-4o").ainvoke, None, "ValueError"),
        (lambda: AIMLAPI(model="gpt-4o").acomplete, None, ""),
        (lambda: AsyncClient().chat, None, ""),
        (parsing_chain, "bad", "OutputParserException: No number"),
        (raising(KeyError("city")), "bad", "KeyError: 'city'"),
        (raising(RecursionError("too deep")), "bad", "RecursionError: too deep"),
        (raising(TimeoutError()), "bad", "TimeoutError: "),
    ],
)
def test_any_exception_of_a_row_is_its_error(gateway, make, text, error):
    good, bad, last = rows(Answers(make), table("good", text, "last"))
    assert good["answer"]
    assert last["answer"]
    assert bad["error"].startswith(error)
    assert bad["error"]
    assert bad["answer"] is None


def test_answer_that_the_parser_rejects_is_paid(gateway):
    [bad] = rows(Answers(parsing_chain), table("bad"))
    assert bad["cost_usd"] > 0
    assert bad["output_tokens"] > 0


FATAL = {"status-401": AuthenticationError, "out-of-credit": InsufficientCreditsError, "status-404": NotFoundError}


@pytest.mark.parametrize("fault", FATAL)
def test_error_that_every_row_would_have_is_raised(gateway, fault):
    with pytest.raises(FATAL[fault]):
        rows(Answers(faulty(fault)), table("good", "bad"))


@pytest.mark.parametrize("error", [AuthenticationError("Wrong key", status=401), ImportError("No module named 'x'")])
def test_error_that_every_row_would_have_is_raised_after_the_other_calls(error):
    ended: list[str] = []

    async def call(text: str) -> str:
        if text == "bad":
            raise RuntimeError("The workflow failed.") from error
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append(text)
        return text

    with pytest.raises(RuntimeError, match="workflow"):
        rows(Answers(lambda: call), table("bad", "good", "last"))
    assert ended == ["good", "last"]


def test_function_that_is_not_async_is_rejected():
    with pytest.raises(TypeError, match="is not async"):
        rows(Answers(lambda: str.upper), table("good"))


def test_blocks_with_and_without_errors_have_the_same_schema(gateway):
    worker = Answers(faulty("status-500"))

    async def work() -> list[Any]:
        return [(await worker(batch)).schema for batch in (table("good"), table("bad"), table("good").slice(0, 0))]

    first, *others = asyncio.run(work())
    assert others == [first, first]


def test_failed_rows_can_be_processed_again(gateway):
    [row] = rows(Answers(faulty("status-500")), table("good", error=["InternalServerError: busy"], answer=[None]))
    assert row["answer"]
    assert row["error"] is None


# --- vectors ----------------------------------------------------------------------------------------------------------

EMBEDDING = {
    "LangChain": lambda: AIMLAPIEmbeddings(dimensions=4).aembed_documents,
    "LlamaIndex": lambda: AIMLAPIEmbedding(dimensions=4).aget_text_embedding_batch,
    "bare": lambda: lambda texts: AsyncClient().embed(texts, dimensions=4),
}


@pytest.mark.parametrize("make", EMBEDDING.values(), ids=EMBEDDING)
def test_vectors_of_a_batch_are_one_request_with_exact_shares(gateway, make):
    texts = ["The Douro", "Rhubarb is a plant that is eaten cooked", "Porto"]
    embedded = rows(Vectors(make), table(*texts))
    assert len(gateway.requests) == 1
    expected = asyncio.run(AsyncClient().embed(texts, dimensions=4))
    assert [row["vector"] for row in embedded] == [pytest.approx(vector, rel=1e-6) for vector in expected.vectors]
    assert sum(row["cost_usd"] for row in embedded) == Decimal(expected.cost.usd)
    assert sum(row["input_tokens"] for row in embedded) == expected.usage.input


@pytest.mark.parametrize("make", EMBEDDING.values(), ids=EMBEDDING)
def test_text_that_cannot_be_embedded_leaves_other_rows_unaffected(gateway, make):
    good, bad, last = rows(Vectors(make), table("The Douro", "", "Porto"))
    assert len(good["vector"]) == len(last["vector"]) == 4
    assert bad["vector"] is None
    assert "UnsupportedContentError" in bad["error"]


def test_failed_request_is_billed_to_its_rows(gateway):
    def make() -> Any:
        client = AsyncClient()

        async def call(texts: list[str]) -> Any:
            embedded = await client.embed([text or "empty" for text in texts], dimensions=4)
            if "" in texts:
                raise ValueError("An empty text.")
            return embedded

        return call

    embedded = rows(Vectors(make), table("The Douro", "Rhubarb is eaten cooked", "Porto", ""))
    assert [row["error"] for row in embedded] == [None, None, None, "ValueError: An empty text."]
    sent = [request.json["input"] for request in gateway.requests]
    assert [1 if isinstance(each, str) else len(each) for each in sent] == [4, 2, 2, 1, 1]
    replies = [
        asyncio.run(AsyncClient().embed([each] if isinstance(each, str) else each, dimensions=4)) for each in sent
    ]
    assert sum(row["cost_usd"] for row in embedded) == sum(Decimal(reply.cost.usd) for reply in replies)
    assert sum(row["input_tokens"] for row in embedded) == sum(reply.usage.input for reply in replies)


def test_null_in_a_batch_is_an_error_of_its_row(gateway):
    good, null, last = rows(Vectors(EMBEDDING["bare"]), table("The Douro", None, "Porto"))
    assert len(good["vector"]) == len(last["vector"]) == 4
    assert null["error"].startswith("TypeError: text is NoneType")
    assert null["cost_usd"] == 0


def test_batch_with_a_retryable_error_is_not_split(gateway):
    def make() -> Any:
        return lambda texts: AsyncClient(max_retries=0).embed(texts, model="text-embedding-3-small#fault=status-503")

    embedded = rows(Vectors(make), table("The Douro", "Porto"))
    assert ["InternalServerError" in row["error"] for row in embedded] == [True, True]
    assert len(gateway.requests) == 1


def test_empty_batch_sends_no_request(gateway):
    empty = table("The Douro").slice(0, 0)
    assert rows(Vectors(EMBEDDING["bare"]), empty) == rows(Answers(lambda: _client_chat), empty) == []
    assert not gateway.requests


# --- the module -------------------------------------------------------------------------------------------------------


def test_bulk_module_imports_no_framework_and_not_ray():
    code = "import sys, aimlapi_integrations.bulk; print({'ray', 'langchain_core', 'llama_index'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
