"""What becomes of one row: the same on Ray and on asyncio."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import BaseModel
from typing_extensions import Self

from ..costs import Spending, track_costs
from ..errors import (
    AIMLAPIError,
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    MissingAPIKeyError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedParameterError,
)
from ..types import Embeddings, Reply

Row = dict[str, Any]
Table = Any
"""A `pyarrow.Table`. Type hints must resolve without pyarrow, which only Ray and Parquet need."""
Factory = Callable[[], Callable[[Any], Awaitable[Any]]]

# Errors that every row would have.
_FATAL_ERRORS = (
    MissingAPIKeyError,
    ConfigurationError,
    AuthenticationError,
    PermissionDeniedError,  # includes out of credits
    NotFoundError,
    UnsupportedParameterError,
    BudgetExceededError,
    ImportError,
)

DECIMALS = 18
_NANO_DOLLAR = Decimal("1e-9")
_SPENDING_COLUMNS = {
    "input_tokens": "int64",
    "output_tokens": "int64",
    "cost_usd": "decimal",
    "error": "string",
}


class Worker:
    """Calls an async function with the values of a column. Ray creates one in each of its workers.

    Attributes:
        columns: the columns that are added, and their types. They are explicit, because each block becomes a Parquet
            file, and a block without errors must have the same schema as others.
        batch_size: how many rows `process` passes at once.
    """

    columns: ClassVar[Mapping[str, str]]
    batch_size: int = 1

    def __init__(self, make: Factory, column: str = "text", limiter: Any = None) -> None:
        self._call = make()
        if not callable(self._call):
            raise TypeError(f"make() returned {type(self._call).__name__}: expected an async function.")
        self.column = column
        self._limiter = limiter

    def with_limiter(self, limiter: Any) -> Self:
        """Return a copy that acquires `limiter` before each request."""
        worker = copy.copy(self)
        worker._limiter = limiter
        return worker

    async def __call__(self, batch: Table) -> Table:
        """Return a batch of Ray's with the added columns."""
        return _add_columns(batch, await self.process(batch[self.column].to_pylist()), self.columns)

    async def process(self, values: Sequence[Any]) -> list[Row]:
        """Return the added columns of each value. All calls have ended when an error is raised."""
        raise NotImplementedError

    async def _run(self, value: Any) -> Any:
        """Call the function.

        Raises:
            NotAsyncError: it is not async, for no row.
        """
        await self._acquire()
        result = self._call(value)
        if not inspect.isawaitable(result):
            raise NotAsyncError(f"The function that make() returns is not async: it returned {type(result).__name__}.")
        return await result

    async def _acquire(self) -> None:
        acquire = getattr(self._limiter, "aacquire", None)
        if acquire is not None:
            await (acquire.remote() if hasattr(acquire, "remote") else acquire())


class NotAsyncError(AIMLAPIError, TypeError):
    """The function to call with each value is not async."""


class Answers(Worker):
    """Prompts a model with each row, all rows of a batch concurrently.

    Adds the columns `answer`, `reasoning`, `input_tokens`, `output_tokens`, `cost_usd` and `error`. Any exception of a
    row becomes its `error`, such as `BadRequestError: …`; the other columns are empty then, but for the cost.

    Args:
        make: called once per worker; returns the async function to call with each value: `ChatAIMLAPI(…).ainvoke`,
            `ainvoke` of a chain, `AIMLAPI(…).acomplete`, `AsyncClient().chat` or your own. Ray pickles `make`, so the
            key is read in the worker. The function may return a text, a message or reply of either framework, or a
            pydantic model.
        column: the values to call it with.
        limiter: acquired before each row: a `RateLimiter`, a rate limiter of LangChain, or a Ray actor of either.

    Raises:
        AIMLAPIError: one that every row would have: a missing or wrong key, no credits, an unknown model or parameter,
            an exceeded budget.
    """

    columns: ClassVar[Mapping[str, str]] = {"answer": "string", "reasoning": "string", **_SPENDING_COLUMNS}

    async def process(self, values: Sequence[Any]) -> list[Row]:
        """Call the function with each value, concurrently, and return the added columns of each."""
        rows = await asyncio.gather(*map(self._row, values), return_exceptions=True)
        return list(map(_row_or_raise, rows))

    async def _row(self, value: Any) -> Row:
        with track_costs() as costs:
            try:
                row = _answer_row(await self._run(value))
            except Exception as error:  # noqa: BLE001  # whatever a chain raises belongs to its row
                row = _error_row(error)
        return row | _split_spending(costs.total, 1)[0]


class Vectors(Worker):
    """Embeds a column, a batch per request.

    Adds the columns `vector`, `input_tokens`, `output_tokens`, `cost_usd` and `error`. Tokens and cost of a request are
    divided among the rows that it was for. If a batch fails, its halves are sent, down to the row that fails.

    Args:
        make: see `Answers`; the function takes a list of texts: `AIMLAPIEmbeddings(…).aembed_documents`,
            `AIMLAPIEmbedding(…).aget_text_embedding_batch` or `AsyncClient().embed`.
        column: the texts to embed.
        limiter: see `Answers`; acquired before each request.
        batch_size: the texts per request in `process`; in Ray, each block is a batch.

    Raises:
        AIMLAPIError: see `Answers`.
    """

    columns: ClassVar[Mapping[str, str]] = {"vector": "vector", **_SPENDING_COLUMNS}

    def __init__(self, make: Factory, column: str = "text", limiter: Any = None, batch_size: int = 100) -> None:
        super().__init__(make, column, limiter)
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size!r}: expected a number from 1 up.")
        self.batch_size = batch_size

    async def process(self, values: Sequence[Any]) -> list[Row]:
        """Embed the texts together, or each half of them if they fail together, and return the added columns."""
        if not values:
            return []
        with track_costs() as costs:
            rows, failed = await self._embed(values)
        if failed:
            middle = len(values) // 2
            rows = [*await self.process(values[:middle]), *await self.process(values[middle:])]
        shares = _split_spending(costs.total, len(values))
        return [_add_spending(row, share) for row, share in zip(rows, shares, strict=True)]

    async def _embed(self, texts: Sequence[Any]) -> tuple[list[Row], bool]:
        """Return the rows of a request, and whether it failed and may succeed in parts."""
        try:
            vectors = [list(map(float, vector)) for vector in _vectors(await self._run(list(texts)))]
        except Exception as error:  # noqa: BLE001  # see `Answers`
            row = _error_row(error, self.column if len(texts) == 1 else None)
            can_split = len(texts) > 1 and not getattr(error, "retryable", False)
            return [dict(row) for _ in texts], can_split
        if len(vectors) != len(texts):  # then none of them can be assigned to a row
            problem = f"ValueError: the function returned {len(vectors)} vectors for {len(texts)} texts."
            return [{"error": problem} for _ in texts], False
        return [{"vector": vector} for vector in vectors], False


# --- errors -------------------------------------------------------------------------------------------------------


def _error_row(error: Exception, column: str | None = None) -> Row:
    """Return the row of an error that only this row has.

    Args:
        error: what was raised.
        column: the name for `texts[0]` in the text of the error, where it was about one text.

    Raises:
        Exception: the error, if every row would have it.
    """
    if isinstance(error, NotAsyncError) or any(isinstance(each, _FATAL_ERRORS) for each in _causes(error)):
        raise error
    text = str(error)
    return {"error": f"{type(error).__name__}: {text.replace('texts[0]', column) if column else text}"}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those it was raised from: chains and workflows wrap errors."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__


def _row_or_raise(row: Row | BaseException) -> Row:
    if isinstance(row, BaseException):
        raise row
    return row


# --- results ------------------------------------------------------------------------------------------------------


def _add_columns(batch: Table, rows: Sequence[Row], kinds: Mapping[str, str]) -> Table:
    import pyarrow as pa

    types = arrow_types(kinds)
    columns = {name: pa.array([row.get(name) for row in rows], kind) for name, kind in types.items()}
    return pa.table({**{name: batch[name] for name in batch.column_names}, **columns})


def arrow_types(kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return the Arrow types of added columns."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int64": pa.int64(),
        "decimal": pa.decimal128(38, DECIMALS),
        "vector": pa.list_(pa.float32()),
    }
    return {name: types[kind] for name, kind in kinds.items()}


def _answer_row(result: Any) -> Row:
    match result:
        case str() | None:
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
    return {"answer": json.dumps(result, default=str)}


def _join_lines(texts: Iterable[str | None]) -> str:
    return "\n".join(filter(None, texts))


def _vectors(result: Any) -> Iterable[Sequence[float]]:
    return result.vectors if isinstance(result, Embeddings) else result


# --- spending -----------------------------------------------------------------------------------------------------


def _split_spending(spending: Spending, count: int) -> list[Row]:
    """Divide tokens and cost into `count` shares with exactly the same sum. No cost if any call has no price."""
    units = _split_evenly(int(spending.usd.scaleb(DECIMALS)), count)
    prices = [None if spending.unpriced else _trim_decimals(Decimal(unit).scaleb(-DECIMALS)) for unit in units]
    tokens_in, tokens_out = _split_evenly(spending.input_tokens, count), _split_evenly(spending.output_tokens, count)
    columns = ("input_tokens", "output_tokens", "cost_usd")
    return [dict(zip(columns, row, strict=True)) for row in zip(tokens_in, tokens_out, prices, strict=True)]


def _trim_decimals(dollars: Decimal) -> Decimal:
    """Drop the zeros after the nine decimals of the gateway's prices.

    >>> _trim_decimals(Decimal("0.000105000000000000")), _trim_decimals(Decimal("0.000000000333333333"))
    (Decimal('0.000105000'), Decimal('3.33333333E-10'))
    """
    nine = dollars.quantize(_NANO_DOLLAR)
    return nine if nine == dollars else dollars


def _split_evenly(total: int, count: int) -> list[int]:
    share, remainder = divmod(total, count)
    return [share + (index < remainder) for index in range(count)]


def _add_spending(row: Row, share: Row) -> Row:
    """Add a share of a request's spending to that of the requests for parts of its rows."""
    return {**row, **{name: _add(row.get(name, 0), amount) for name, amount in share.items()}}


def _add(first: Any, second: Any) -> Any:
    return None if first is None or second is None else first + second
