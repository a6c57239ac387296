"""The cost of each call in traces: OpenTelemetry, LangSmith, Langfuse.

>>> from opentelemetry.sdk.trace import TracerProvider
>>> from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
>>> from aimlapi_integrations.tracing import CostExporter
>>> provider = TracerProvider()
>>> provider.add_span_processor(BatchSpanProcessor(CostExporter(ConsoleSpanExporter())))  # doctest: +SKIP

`CostExporter` needs the extra `tracing`. `LangSmithTracer`, `langsmith_costs` and `langfuse_handler` are for LangChain
and need the extra `langchain`; `langfuse_handler` also needs Langfuse.
"""

from typing import TYPE_CHECKING

from .._utils.lazy_imports import lazy_getattr as _lazy_getattr

if TYPE_CHECKING:
    from ..langchain.costs import LangSmithTracer, langfuse_handler, langsmith_costs
    from .opentelemetry import CostExporter
else:
    __getattr__ = _lazy_getattr(
        __name__,
        {
            "CostExporter": "opentelemetry",
            **dict.fromkeys(("LangSmithTracer", "langfuse_handler", "langsmith_costs"), ".langchain.costs"),
        },
    )

__all__ = ["CostExporter", "LangSmithTracer", "langfuse_handler", "langsmith_costs"]
