"""The price of each call in LangSmith and in Langfuse.

Both read prices from fields of their own. Neither can be `usage_metadata` of the message itself: core adds usages up,
which raises on anything but ints. So the price is added where each tool has its own copy of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import tracing_v2_callback_var
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.schemas import Run
from typing_extensions import override

from .costs import counted_message, parse_cost

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler


class LangSmithTracer(LangChainTracer):
    """LangChain's tracer for LangSmith, which also reports what calls of AI/ML API cost.

    LangSmith reads `usage_metadata["total_cost"]` of a run. It shows that price instead of one from its own table. Pass
    the tracer to a model or to a run (`config={"callbacks": [LangSmithTracer()]}`): it takes the place of the one that
    `LANGSMITH_TRACING=true` adds. `langsmith_costs` does it for a block.

    Args:
        kwargs: as `LangChainTracer` takes them: `project_name`, `client`, `tags`, `metadata`.
    """

    @override
    def _on_llm_end(self, run: Run) -> None:
        for generations in (run.outputs or {}).get("generations") or ():
            for generation in generations:
                _add_total_cost(generation.get("message"))
        super()._on_llm_end(run)


def _add_total_cost(message: Any) -> None:
    """Add the price to the usage of a serialized message: a copy that is this tracer's own."""
    fields = message.get("kwargs") if isinstance(message, dict) else None
    if not isinstance(fields, dict) or not isinstance(fields.get("usage_metadata"), dict):
        return
    cost = parse_cost((fields.get("response_metadata") or {}).get("cost"))
    if cost:
        message["kwargs"] = {**fields, "usage_metadata": {**fields["usage_metadata"], "total_cost": float(cost.usd)}}


@contextmanager
def langsmith_costs(**kwargs: Any) -> Iterator[LangSmithTracer]:
    """Trace every run inside the block to LangSmith, with prices. The counterpart of core's `tracing_v2_enabled`.

    Args:
        kwargs: as `LangSmithTracer` takes them.

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
    """Langfuse's callback handler for LangChain, which also reports what calls of AI/ML API cost.

    Langfuse's own handler takes token counts from a reply and no price. This one fills `cost_details`, which Langfuse
    shows instead of a price from its own table.

    Args:
        kwargs: as `langfuse.langchain.CallbackHandler` takes them.

    Raises:
        ImportError: Langfuse is missing.

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
        """Langfuse's handler, with prices."""

        @override
        def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> Any:
            usd = _total_cost(response)
            runs: Mapping[UUID, Any] = getattr(self, "_runs", None) or getattr(self, "runs", {})  # before 4.0
            if usd is not None and run_id in runs:
                runs[run_id].update(cost_details={"total": usd})
            return super().on_llm_end(response, run_id=run_id, **kwargs)

    return LangfuseHandler


def _total_cost(response: LLMResult) -> float | None:
    messages = [counted_message(generations) for generations in response.generations]
    costs = [parse_cost(message.response_metadata.get("cost")) for message in messages if message]
    prices = [float(cost.usd) for cost in costs if cost]
    return sum(prices) if prices else None
