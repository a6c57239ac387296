"""A data set through a model: the classes that Ray Data's `map_batches` is given, to ask or to embed row by row.

    rows.map_batches(
        Answers,
        fn_constructor_args=[lambda: ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").ainvoke],
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=2),
        num_cpus=0,
    )

A row that fails says so in its column `error` and costs no other. What would fail every row, as a wrong key does, is
raised and stops the job. Workers, progress, restarts and checkpoints are Ray's own. Needs the extra `ray`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from .costs import Spending, track_costs
from .errors import (
    AIMLAPIError,
    AuthenticationError,
    BudgetExceededError,
    MissingAPIKeyError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedParameterError,
)
from .types import Embeddings, Reply

try:
    import pyarrow as pa
except ImportError as missing:
    raise ImportError('Ray Data is missing: pip install "aimlapi-integrations[ray]"', name="pyarrow") from missing

__all__ = ["Answers", "Vectors"]

Row = dict[str, Any]
Make = Callable[[], Callable[[Any], Awaitable[Any]]]

_STOPPING = (
    MissingAPIKeyError,
    AuthenticationError,
    PermissionDeniedError,  # out of credits is one
    NotFoundError,
    UnsupportedParameterError,
    BudgetExceededError,
)

# Types are told, not guessed: each block becomes a Parquet file, and one without errors must be like one with.
_DECIMALS = 18
_SPENT = {
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "cost_usd": pa.decimal128(38, _DECIMALS),
    "error": pa.string(),
}
_ANSWER = {"answer": pa.string(), "reasoning": pa.string(), **_SPENT}
_VECTOR = {"vector": pa.list_(pa.float32()), **_SPENT}


class _Worker:
    """What Ray makes in each of its workers."""

    def __init__(self, make: Make, column: str = "text", limiter: Any = None) -> None:
        self._ask = make()
        self._column = column
        self._limiter = limiter

    async def _leave(self) -> None:
        if self._limiter is not None:
            await self._limiter.aacquire.remote()


class Answers(_Worker):
    """Asks about each row, all rows of a batch at once, and adds `answer`, `reasoning`, tokens, `cost_usd` and `error`.

    Args:
        make: called once in each worker; returns the async function that is asked: `ChatAIMLAPI(…).ainvoke`, that of a
            chain, `AIMLAPI(…).acomplete`, `AsyncClient().chat` or your own. It is what travels, so that the key is read
            where the worker is. It may return a text, a message or reply of either framework, or a pydantic model.
        column: whose values are asked.
        limiter: a Ray actor of a LangChain rate limiter, which is asked for leave before each row.

    Raises:
        AIMLAPIError: one that every further row would meet: no key or a wrong one, no credits, an unknown model or
            parameter, a spent budget.
    """

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with its answers."""
        rows = await asyncio.gather(*map(self._row, batch[self._column].to_pylist()))
        return _with_columns(batch, rows, _ANSWER)

    async def _row(self, value: Any) -> Row:
        await self._leave()
        with track_costs() as costs:
            try:
                told = _told(await self._ask(value))
            except AIMLAPIError as error:
                told = _kept(error)
        return told | _shares(costs.total, 1)[0]


class Vectors(_Worker):
    """Embeds a column, a batch at a time, and adds `vector`, its share of tokens and `cost_usd`, and `error`.

    Args:
        make: as in `Answers`; the function takes a list of texts: `AIMLAPIEmbeddings(…).aembed_documents`,
            `AIMLAPIEmbedding(…).aget_text_embedding_batch` or `AsyncClient().embed`.
        column: whose texts are embedded.
        limiter: as in `Answers`; asked before each batch.

    Raises:
        AIMLAPIError: as `Answers`.
    """

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with its vectors."""
        with track_costs() as costs:
            rows = await self._rows(batch[self._column].to_pylist())
        shares = _shares(costs.total, len(rows)) if rows else []
        return _with_columns(batch, [row | share for row, share in zip(rows, shares, strict=True)], _VECTOR)

    async def _rows(self, texts: list[str]) -> list[Row]:
        """What cannot be embedded together is embedded one by one."""
        if not texts:
            return []
        await self._leave()
        try:
            return [{"vector": vector} for vector in _vectors(await self._ask(texts))]
        except AIMLAPIError as error:
            failed = _kept(error)
            if len(texts) == 1 or error.retryable:
                return [failed] * len(texts)
        return [row for text in texts for row in await self._rows([text])]


def _kept(error: AIMLAPIError) -> Row:
    if isinstance(error, _STOPPING):
        raise error
    return {"error": f"{type(error).__name__}: {error}"}


def _with_columns(batch: pa.Table, rows: Sequence[Row], types: Mapping[str, pa.DataType]) -> pa.Table:
    made = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()}
    return pa.table({**{name: batch[name] for name in batch.column_names}, **made})


# --- what came back -------------------------------------------------------------------------------------------------


def _told(answer: Any) -> Row:
    match answer:
        case str():
            return {"answer": answer}
        case Reply(text=text, reasoning=reasoning):
            return {"answer": text, "reasoning": reasoning}
        case object(text=text, content_blocks=blocks):  # a message of LangChain
            thoughts = (block.get("reasoning") for block in blocks if block["type"] == "reasoning")
            return {"answer": str(text), "reasoning": _joined(thoughts)}
        case object(message=object(content=text, blocks=blocks)):  # a chat response of LlamaIndex
            thoughts = (block.content for block in blocks if block.block_type == "thinking")
            return {"answer": text, "reasoning": _joined(thoughts)}
        case object(text=text, additional_kwargs=_):  # a completion of LlamaIndex
            return {"answer": text}
        case BaseModel():
            return {"answer": answer.model_dump_json()}
    return {"answer": json.dumps(answer)}


def _joined(thoughts: Iterable[str | None]) -> str:
    return "\n".join(thought for thought in thoughts if thought)


def _vectors(found: Any) -> Iterable[Sequence[float]]:
    return found.vectors if isinstance(found, Embeddings) else found


def _shares(spent: Spending, count: int) -> list[Row]:
    """What each of `count` rows cost: shares that add up to exactly the whole. No price where none was named."""
    units = _divided(int(spent.usd.scaleb(_DECIMALS)), count)
    prices = [None if spent.unpriced else Decimal(unit).scaleb(-_DECIMALS) for unit in units]
    tokens_in, tokens_out = _divided(spent.input_tokens, count), _divided(spent.output_tokens, count)
    columns = ("input_tokens", "output_tokens", "cost_usd")
    return [dict(zip(columns, row, strict=True)) for row in zip(tokens_in, tokens_out, prices, strict=True)]


def _divided(total: int, count: int) -> list[int]:
    share, left = divmod(total, count)
    return [share + (place < left) for place in range(count)]
