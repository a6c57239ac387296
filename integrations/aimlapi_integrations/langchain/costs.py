"""The cost of a chain, an agent or a graph, a limit on it, and the cost of each call in LangSmith and in Langfuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.tracers.context import register_configure_hook, tracing_v2_callback_var
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.schemas import Run
from typing_extensions import override

from ..costs import Ledger
from ..types import Cost, Usage
from .errors import translate_errors


class AIMLAPICallbackHandler(BaseCallbackHandler):
    """Add up the cost of chat model calls, and stop before the next call once a limit is reached.

    It covers the calls of whatever it is passed to: a model (`callbacks=[handler]`), or one run and everything below it
    (`config={"callbacks": [handler]}`), in threads too. A streamed call counts once, as does one with `n` responses;
    cached responses count nothing. A call that fails, or a stream that is left early, reports no usage and adds none.

    Args:
        max_cost_usd: the limit in dollars; a string or Decimal is exact.
        max_tokens_total: the limit in tokens, input and output.

    Attributes:
        ledger: the sums: `ledger.total`, `ledger.by_model`; `print` shows them, and `rich.print` as a table.

    Raises:
        BudgetExceededError: from the run, before the first call after a limit was reached. No middleware retries it.

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
        self._outer: AIMLAPICallbackHandler | None = None
        self._ended = False
        self._running: set[UUID] = set()

    @override
    def on_chat_model_start(
        self, serialized: Mapping[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Raise BudgetExceededError if a limit was reached."""
        for handler in self._with_outer_handlers():
            handler._check_limits()
            handler._running.add(run_id)

    @override
    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Add the usage of the call."""
        for handler in self._with_outer_handlers():
            if run_id in handler._running:
                handler._running.discard(run_id)
                handler._add_usage(response)

    @override
    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Discard a call that failed."""
        for handler in self._with_outer_handlers():
            handler._running.discard(run_id)

    def _with_outer_handlers(self) -> Iterator[AIMLAPICallbackHandler]:
        """Yield this handler, and those of the enclosing blocks: core passes a run only the innermost."""
        if not self._ended:
            yield self
        if self._outer:
            yield from self._outer._with_outer_handlers()

    def _check_limits(self) -> None:
        with translate_errors():
            self.ledger.check()

    def _add_usage(self, response: LLMResult) -> None:
        for generations in response.generations:
            message = _message_with_usage(generations)
            if message and not _is_cached(message):
                metadata = message.response_metadata
                self.ledger.add(
                    str(metadata.get("model_name") or "?"), _usage(message), _parse_cost(metadata.get("cost"))
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
    """Add up the cost of every chat model call inside the block, whatever makes the call.

    The handler follows context variables: into tasks, coroutines and the threads of `batch` and of graphs. Threads that
    you start yourself need the handler in their `config`. Blocks can be nested: each of them counts, and each can stop
    a call. A block inside a generator ends with the generator, whatever closes it.

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
    handler._outer = _innermost.get()
    token = _innermost.set(handler)
    try:
        yield handler
    finally:
        _remove(handler, token)


def _remove(handler: AIMLAPICallbackHandler, token: Token[AIMLAPICallbackHandler | None]) -> None:
    """Remove the handler from the context, even if other blocks have begun in it since.

    A generator may be closed in another context than it ran in, where the handler remains: it is marked as ended.
    """
    innermost = inner = _innermost.get()
    try:
        _innermost.reset(token)
    except ValueError:
        handler._ended = True
    while inner and inner is not handler:
        if inner._outer is handler:
            inner._outer = handler._outer
        inner = inner._outer
    _innermost.set(handler._outer if innermost is handler else innermost)


def _message_with_usage(generations: list[Any]) -> AIMessage | None:
    """Return the message with the token counts of a call: one of its responses has them."""
    messages = [message for generation in generations if (message := _message(generation))]
    return next((message for message in messages if message.usage_metadata), messages[0] if messages else None)


def _message(generation: Generation) -> AIMessage | None:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None


def _is_cached(message: AIMessage) -> bool:
    """Return whether the message is a cached response, which core gives a total cost of 0.

    See `BaseChatModel._convert_cached_generations` in langchain-core 1.8.3; tests/lc/test_upstream.py checks it:
    https://github.com/langchain-ai/langchain/blob/master/libs/core/langchain_core/language_models/chat_models.py
    """
    return dict(message.usage_metadata or {}).get("total_cost") == 0


def _usage(message: AIMessage) -> Usage | None:
    counts = message.usage_metadata
    return counts and Usage(
        input=counts["input_tokens"],
        output=counts["output_tokens"],
        total=counts["total_tokens"],
        input_details=_int_counts(counts.get("input_token_details")),
        output_details=_int_counts(counts.get("output_token_details")),
    )


def _int_counts(details: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: count for name, count in (details or {}).items() if isinstance(count, int)}


def _parse_cost(cost: Any) -> Cost | None:
    """Return the cost in the form of `response_metadata["cost"]`."""
    return Cost(cost["usd"], cost.get("credits")) if isinstance(cost, Mapping) and "usd" in cost else None


# --- LangSmith and Langfuse ---------------------------------------------------------------------------------------

# Both read costs from fields of their own. `usage_metadata` of the message can't hold them: langchain-core adds up
# usages, which raises an error for anything but integers. So each cost is added to the platform's own copy of the run.


class LangSmithTracer(LangChainTracer):
    """LangChain's tracer for LangSmith, which also reports what calls of AI/ML API cost.

    LangSmith reads `usage_metadata["total_cost"]` of a run, and shows it instead of a cost from its own table of prices
    (https://docs.langchain.com/langsmith/log-llm-trace). Pass the tracer to a model or to a run
    (`config={"callbacks": [LangSmithTracer()]}`). It replaces the tracer that `LANGSMITH_TRACING=true` adds.
    `langsmith_costs` does the same for everything inside a block.

    Args:
        kwargs: the arguments of `LangChainTracer`: `project_name`, `client`, `tags`, `metadata`.
    """

    @staticmethod
    @override
    def _update_run_single(run: Run) -> None:
        """Send the end of a run. langchain-core has added its usages up by now."""
        generations = (run.outputs or {}).get("generations") if run.run_type in _LLM_RUNS else None
        if isinstance(generations, list):
            _add_total_costs(run, [generation.get("message") for choices in generations for generation in choices])
        LangChainTracer._update_run_single(run)


_LLM_RUNS = ("llm", "chat_model")


def _add_total_costs(run: Run, messages: list[Any]) -> None:
    """Add costs to the usage of each serialized message, and their sum to the usage of the run."""
    fields = [message["kwargs"] for message in messages if isinstance(message, dict) and "kwargs" in message]
    costs = [_parse_cost(each.get("response_metadata", {}).get("cost")) for each in fields]
    for each, cost in zip(fields, costs, strict=True):
        if cost and each.get("usage_metadata"):
            each["usage_metadata"] = {**each["usage_metadata"], "total_cost": float(cost.usd)}
    usage = run.extra.get("metadata", {}).get("usage_metadata")
    if usage and any(costs):
        total = sum(Decimal(cost.usd) for cost in costs if cost)
        run.extra["metadata"]["usage_metadata"] = {**usage, "total_cost": float(total)}


@contextmanager
def langsmith_costs(**kwargs: Any) -> Iterator[LangSmithTracer]:
    """Trace every run inside the block to LangSmith, with costs: langchain-core's `tracing_v2_enabled` with costs.

    Args:
        kwargs: the arguments of `LangSmithTracer`.

    Examples:
        >>> with langsmith_costs(project_name="rivers"):                                     # doctest: +SKIP
        ...     model.invoke("Name a river.")
    """
    tracer = LangSmithTracer(**kwargs)
    token = tracing_v2_callback_var.set(tracer)
    try:
        yield tracer
    finally:
        tracing_v2_callback_var.reset(token)


def langfuse_handler(**kwargs: Any) -> BaseCallbackHandler:
    """Return Langfuse's callback handler for LangChain, extended to report what calls of AI/ML API cost.

    Langfuse's own handler reads token counts, but no cost. This one sets `cost_details`, which Langfuse shows instead
    of a cost from its own table of prices.

    Args:
        kwargs: the arguments of `langfuse.langchain.CallbackHandler`.

    Raises:
        ImportError: Langfuse isn't installed.

    Examples:
        >>> chain.invoke(question, config={"callbacks": [langfuse_handler()]})               # doctest: +SKIP
    """
    handler: BaseCallbackHandler = _langfuse_class()(**kwargs)
    return handler


@cache
def _langfuse_class() -> Any:
    try:
        from langfuse.langchain import CallbackHandler
    except ModuleNotFoundError as error:
        raise ImportError(f"langfuse_handler needs {error.name}: pip install langfuse", name=error.name) from error

    class LangfuseHandler(CallbackHandler):  # type: ignore[misc,unused-ignore]
        """Langfuse's handler, with costs."""

        @override
        def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> Any:
            """Set the cost of the generation before it ends."""
            usd = _total_cost(response)
            runs: Mapping[UUID, Any] = getattr(self, "_runs", None) or getattr(self, "runs", {})  # before 4.0
            if usd is not None and run_id in runs:
                runs[run_id].update(cost_details={"total": float(usd)})
            return super().on_llm_end(response, run_id=run_id, **kwargs)

    return LangfuseHandler


def _total_cost(response: LLMResult) -> Decimal | None:
    messages = [_message_with_usage(generations) for generations in response.generations]
    costs = [_parse_cost(message.response_metadata.get("cost")) for message in messages if message]
    prices = [Decimal(cost.usd) for cost in costs if cost]
    return sum(prices, Decimal(0)) if prices else None
