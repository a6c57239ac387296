"""The cost of each call in LangSmith and in Langfuse.

Both read costs from fields of their own. `usage_metadata` of the message can't hold them: langchain-core adds up
usages, which raises an error for anything but integers. So each cost is added to the platform's own copy of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import tracing_v2_callback_var
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.schemas import Run
from typing_extensions import override

from .costs import message_with_usage, parse_cost


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
    costs = [parse_cost(each.get("response_metadata", {}).get("cost")) for each in fields]
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
    messages = [message_with_usage(generations) for generations in response.generations]
    costs = [parse_cost(message.response_metadata.get("cost")) for message in messages if message]
    prices = [Decimal(cost.usd) for cost in costs if cost]
    return sum(prices, Decimal(0)) if prices else None
