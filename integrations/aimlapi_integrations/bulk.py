"""Bulk work on Ray Data: classes for `map_batches` that prompt a model with each row, or embed it.

    rows.map_batches(
        Answers,
        fn_constructor_args=[lambda: ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").ainvoke],
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=2),
        num_cpus=0,
    )

A row that fails has the error in its column `error` and affects no other row. An error that every row would have, such
as a wrong key, is raised and stops the job. Ray provides workers, progress, restarts and checkpoints. Needs the extra
`ray`.
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
Factory = Callable[[], Callable[[Any], Awaitable[Any]]]

_FATAL_ERRORS = (
    MissingAPIKeyError,
    AuthenticationError,
    PermissionDeniedError,  # includes out of credits
    NotFoundError,
    UnsupportedParameterError,
    BudgetExceededError,
)

# Explicit types: each block becomes a Parquet file, and a block without errors must have the same schema as others.
_DECIMALS = 18
_SPENDING_COLUMNS = {
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "cost_usd": pa.decimal128(38, _DECIMALS),
    "error": pa.string(),
}
_ANSWER_COLUMNS = {"answer": pa.string(), "reasoning": pa.string(), **_SPENDING_COLUMNS}
_VECTOR_COLUMNS = {"vector": pa.list_(pa.float32()), **_SPENDING_COLUMNS}


class _Worker:
    """The object that Ray creates in each of its workers."""

    def __init__(self, make: Factory, column: str = "text", limiter: Any = None) -> None:
        self._call = make()
        self._column = column
        self._limiter = limiter

    async def _acquire(self) -> None:
        if self._limiter is not None:
            await self._limiter.aacquire.remote()


class Answers(_Worker):
    """Prompts a model with each row, all rows of a batch concurrently.

    Adds the columns `answer`, `reasoning`, `input_tokens`, `output_tokens`, `cost_usd` and `error`.

    Args:
        make: called once per worker; returns the async function to call with each value: `ChatAIMLAPI(…).ainvoke`,
            `ainvoke` of a chain, `AIMLAPI(…).acomplete`, `AsyncClient().chat` or your own. Ray pickles `make`, so the
            key is read in the worker. The function may return a text, a message or reply of either framework, or a
            pydantic model.
        column: the values to call it with.
        limiter: a Ray actor of a LangChain rate limiter, acquired before each row.

    Raises:
        AIMLAPIError: one that every row would have: a missing or wrong key, no credits, an unknown model or parameter,
            an exceeded budget.
    """

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the batch with its answers."""
        rows = await asyncio.gather(*map(self._row, batch[self._column].to_pylist()))
        return _add_columns(batch, rows, _ANSWER_COLUMNS)

    async def _row(self, value: Any) -> Row:
        await self._acquire()
        with track_costs() as costs:
            try:
                row = _answer_row(await self._call(value))
            except AIMLAPIError as error:
                row = _error_row(error)
        return row | _split_spending(costs.total, 1)[0]


class Vectors(_Worker):
    """Embeds a column, a batch per request.

    Adds the columns `vector`, `input_tokens`, `output_tokens`, `cost_usd` and `error`. Tokens and cost of a batch are
    divided among its rows.

    Args:
        make: see `Answers`; the function takes a list of texts: `AIMLAPIEmbeddings(…).aembed_documents`,
            `AIMLAPIEmbedding(…).aget_text_embedding_batch` or `AsyncClient().embed`.
        column: the texts to embed.
        limiter: see `Answers`; acquired before each batch.

    Raises:
        AIMLAPIError: see `Answers`.
    """

    async def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the batch with its vectors."""
        with track_costs() as costs:
            rows = await self._rows(batch[self._column].to_pylist())
        shares = _split_spending(costs.total, len(rows)) if rows else []
        return _add_columns(batch, [row | share for row, share in zip(rows, shares, strict=True)], _VECTOR_COLUMNS)

    async def _rows(self, texts: list[str]) -> list[Row]:
        """Embed the texts together, or one by one if the batch fails."""
        if not texts:
            return []
        await self._acquire()
        try:
            return [{"vector": vector} for vector in _vectors(await self._call(texts))]
        except AIMLAPIError as error:
            error_row = _error_row(error)
            if len(texts) == 1 or error.retryable:
                return [error_row] * len(texts)
        return [row for text in texts for row in await self._rows([text])]


def _error_row(error: AIMLAPIError) -> Row:
    if isinstance(error, _FATAL_ERRORS):
        raise error
    return {"error": f"{type(error).__name__}: {error}"}


def _add_columns(batch: pa.Table, rows: Sequence[Row], types: Mapping[str, pa.DataType]) -> pa.Table:
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()}
    return pa.table({**{name: batch[name] for name in batch.column_names}, **columns})


# --- results ----------------------------------------------------------------------------------------------------------


def _answer_row(result: Any) -> Row:
    match result:
        case str():
            return {"answer": result}
        case Reply(text=text, reasoning=reasoning):
            return {"answer": text, "reasoning": reasoning}
        case object(text=text, content_blocks=blocks):  # a message of LangChain
            thoughts = (block.get("reasoning") for block in blocks if block["type"] == "reasoning")
            return {"answer": str(text), "reasoning": _join_lines(thoughts)}
        case object(message=object(content=text, blocks=blocks)):  # a chat response of LlamaIndex
            thoughts = (block.content for block in blocks if block.block_type == "thinking")
            return {"answer": text, "reasoning": _join_lines(thoughts)}
        case object(text=text, additional_kwargs=_):  # a completion of LlamaIndex
            return {"answer": text}
        case BaseModel():
            return {"answer": result.model_dump_json()}
    return {"answer": json.dumps(result)}


def _join_lines(texts: Iterable[str | None]) -> str:
    return "\n".join(filter(None, texts))


def _vectors(result: Any) -> Iterable[Sequence[float]]:
    return result.vectors if isinstance(result, Embeddings) else result


def _split_spending(spending: Spending, count: int) -> list[Row]:
    """Divide tokens and cost into `count` shares with exactly the same sum. No cost if any call has no price."""
    units = _split_evenly(int(spending.usd.scaleb(_DECIMALS)), count)
    prices = [None if spending.unpriced else Decimal(unit).scaleb(-_DECIMALS) for unit in units]
    tokens_in, tokens_out = _split_evenly(spending.input_tokens, count), _split_evenly(spending.output_tokens, count)
    columns = ("input_tokens", "output_tokens", "cost_usd")
    return [dict(zip(columns, row, strict=True)) for row in zip(tokens_in, tokens_out, prices, strict=True)]


def _split_evenly(total: int, count: int) -> list[int]:
    share, remainder = divmod(total, count)
    return [share + (index < remainder) for index in range(count)]
