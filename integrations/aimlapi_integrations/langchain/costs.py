"""What a chain, an agent or a graph costs, and a limit to it: a callback handler, and a context manager around one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from decimal import Decimal
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.tracers.context import register_configure_hook
from typing_extensions import override

from ..costs import Ledger
from ..types import Cost, Usage
from .errors import translate_errors


class AIMLAPICallbackHandler(BaseCallbackHandler):
    """Sums what the calls that it hears of cost, and stops the next one where a limit is reached.

    It hears of the calls of whatever it is given to: a model (`callbacks=[handler]`), or one run and all below it
    (`config={"callbacks": [handler]}`), in threads too. Streamed calls count once, as do `n` answers to one call;
    answers out of a cache count nothing. A call that fails, or a stream left early, names no counts and adds none.

    Args:
        max_cost_usd: dollars that may be spent; a string or Decimal is taken exactly.
        max_tokens_total: tokens that may be used, in and out.

    Attributes:
        ledger: the sums: `ledger.total`, `ledger.by_model`; `print` shows them, and `rich.print` as a table.

    Raises:
        BudgetExceededError: from the run, before a call that comes after a limit was reached. No middleware retries it.

    Examples:
        >>> handler = AIMLAPICallbackHandler(max_cost_usd="0.10")
        >>> agent.invoke(question, config={"callbacks": [handler]})              # doctest: +SKIP
        >>> print(handler)
        total: $0 for 0 tokens (in 0, out 0) in 0 calls
    """

    raise_error = True
    run_inline = True

    def __init__(self, max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None) -> None:
        super().__init__()
        self.ledger = Ledger(max_cost_usd, max_tokens_total)
        self._around: AIMLAPICallbackHandler | None = None
        self._ended = False
        self._running: set[UUID] = set()

    @override
    def on_chat_model_start(
        self, serialized: Mapping[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Raises BudgetExceededError where nothing more may be spent."""
        for handler in self._all():
            handler._check()
            handler._running.add(run_id)

    @override
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Enters what the call used."""
        for handler in self._all():
            if run_id in handler._running:
                handler._running.discard(run_id)
                handler._enter(response)

    @override
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Forgets a call that failed."""
        for handler in self._all():
            handler._running.discard(run_id)

    def _all(self) -> Iterator[AIMLAPICallbackHandler]:
        """This handler, and those of the blocks around its own: core hands a run no more than the innermost."""
        if not self._ended:
            yield self
        if self._around:
            yield from self._around._all()

    def _check(self) -> None:
        with translate_errors():
            self.ledger.check()

    def _enter(self, response: LLMResult) -> None:
        for generations in response.generations:
            message = counted_message(generations)
            if message and not _from_cache(message):
                metadata = message.response_metadata
                self.ledger.add(
                    str(metadata.get("model_name") or "?"), _usage(message), parse_cost(metadata.get("cost"))
                )

    def __str__(self) -> str:
        return str(self.ledger)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ledger.total}>"

    def __rich__(self) -> Any:
        return self.ledger.__rich__()


_innermost: ContextVar[AIMLAPICallbackHandler | None] = ContextVar("aimlapi_callback", default=None)
register_configure_hook(_innermost, inheritable=True)


@contextmanager
def get_aimlapi_callback(
    max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None
) -> Iterator[AIMLAPICallbackHandler]:
    """A handler that hears of every call of a chat model inside the block, whatever runs it.

    It goes where context variables go: into tasks, coroutines and the threads of `batch` and of graphs. Threads that
    are started by hand need the handler in their `config`. Blocks nest: each counts, and each can stop. One inside a
    generator ends with it, whoever closes the generator.

    Args:
        max_cost_usd: see `AIMLAPICallbackHandler`.
        max_tokens_total: see `AIMLAPICallbackHandler`.

    Examples:
        >>> with get_aimlapi_callback(max_cost_usd=0.10) as costs:               # doctest: +SKIP
        ...     agent.invoke({"messages": "Plan a week in Lisbon"})
        >>> print(costs)                                                         # doctest: +SKIP
        openai/gpt-5-mini-2025-08-07: $0.001240000 for 907 tokens (in 4, out 903) in 1 call
    """
    handler = AIMLAPICallbackHandler(max_cost_usd, max_tokens_total)
    handler._around = _innermost.get()
    token = _innermost.set(handler)
    try:
        yield handler
    finally:
        _end(handler, token)


def _end(handler: AIMLAPICallbackHandler, token: Token[AIMLAPICallbackHandler | None]) -> None:
    """Take the handler out of the context, whether or not others have begun in it since.

    A generator may be closed in another context than it ran in, where the handler stays behind: it is marked as ended.
    """
    innermost = inner = _innermost.get()
    try:
        _innermost.reset(token)
    except ValueError:
        handler._ended = True
    while inner and inner is not handler:
        if inner._around is handler:
            inner._around = handler._around
        inner = inner._around
    _innermost.set(handler._around if innermost is handler else innermost)


def counted_message(generations: list[Any]) -> AIMessage | None:
    """The message that carries the counts of a call: they are on one of its answers."""
    messages = [_message(generation) for generation in generations]
    return next(
        (message for message in messages if message and message.usage_metadata), messages[0] if messages else None
    )


def _message(generation: Generation) -> AIMessage | None:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None


def _from_cache(message: AIMessage) -> bool:
    """Core says of an answer out of its cache that it cost nothing: `BaseChatModel._convert_cached_generations`."""
    return dict(message.usage_metadata or {}).get("total_cost") == 0


def _usage(message: AIMessage) -> Usage | None:
    counts = message.usage_metadata
    return counts and Usage(
        input=counts["input_tokens"],
        output=counts["output_tokens"],
        total=counts["total_tokens"],
        input_details=_counts(counts.get("input_token_details")),
        output_details=_counts(counts.get("output_token_details")),
    )


def _counts(details: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: count for name, count in (details or {}).items() if isinstance(count, int)}


def parse_cost(price: Any) -> Cost | None:
    """The price as `response_metadata["cost"]` has it."""
    return Cost(price["usd"], price.get("credits")) if isinstance(price, Mapping) and "usd" in price else None
