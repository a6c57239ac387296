"""The price of each call in traces: OpenTelemetry, LangSmith, Langfuse.

>>> from opentelemetry.sdk.trace import TracerProvider
>>> from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
>>> provider = TracerProvider()
>>> provider.add_span_processor(BatchSpanProcessor(CostExporter(ConsoleSpanExporter())))  # doctest: +SKIP

`CostExporter` needs the extra `tracing`. `LangSmithTracer`, `langsmith_costs` and `langfuse_handler` are for LangChain
and need its extra; the last one needs Langfuse, too.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ._utils.lazy_imports import lazy_getattr as _lazy_getattr
from .costs import token_price

try:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import get_current_span
except ModuleNotFoundError as error:
    raise ImportError(
        f'Tracing needs {error.name}: pip install "aimlapi-integrations[tracing]"', name=error.name
    ) from error

if TYPE_CHECKING:
    from .langchain.tracing import LangSmithTracer, langfuse_handler, langsmith_costs
else:
    __getattr__ = _lazy_getattr(
        __package__,
        dict.fromkeys(("LangSmithTracer", "langfuse_handler", "langsmith_costs"), "langchain.tracing"),
    )

__all__ = ["CostExporter", "LangSmithTracer", "langfuse_handler", "langsmith_costs"]

_KIND = "openinference.span.kind"
_TOTAL, _PROMPT, _COMPLETION = "llm.cost.total", "llm.cost.prompt", "llm.cost.completion"
_GEN_AI_COST = "gen_ai.usage.cost"
_MAX_OPEN_SPANS = 10_000
_ROUNDING = Decimal("0.01")


class CostExporter(SpanExporter):
    """Add the price of each call to OpenInference's LLM spans, and hand all spans to another exporter.

    The attributes, in US dollars: `llm.cost.total`, which Phoenix and Arize read, and the same in `gen_ai.usage.cost`,
    which Langfuse reads from spans of OpenInference. A span that has `llm.cost.total` already is left alone.

    A LangChain span has the price in its `output.value`, so it has none where OpenInference hides outputs or where a
    limit cuts attributes off. A LlamaIndex span has none in itself; the price comes from LlamaIndex's events.

    Args:
        exporter: any OpenTelemetry span exporter.
        prices: dollars per token by unit, for each model, as `token_prices` of the catalogue has them:
            `{"gpt-4o": {"input_tokens": 2.5e-06, "output_tokens": 1e-05}}`. Where these and the token counts of a span
            add up to what the gateway charged, within 1%, the span also gets `llm.cost.prompt` and
            `llm.cost.completion`. The gateway reports the total only, so without prices the split isn't known.

    Examples:
        >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        >>> exporter = CostExporter(InMemorySpanExporter())
    """

    def __init__(self, exporter: SpanExporter, prices: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._exporter = exporter
        self._prices = prices or {}
        _listen_to_llama_index()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans`, those of priced calls with their price."""
        return self._exporter.export([self._with_cost(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)

    def _with_cost(self, span: ReadableSpan) -> ReadableSpan:
        attributes = span.attributes or {}
        if attributes.get(_KIND) != "LLM" or _TOTAL in attributes:
            return span
        usd = _COSTS.get(span) if span.context else None
        usd = _cost_in_output(attributes.get("output.value")) if usd is None else usd
        if usd is None:
            return span
        costs = {_TOTAL: float(usd), _GEN_AI_COST: float(usd), **self._split(usd, attributes)}
        return _PricedSpan(span, {**attributes, **costs})

    def _split(self, usd: Decimal, attributes: Mapping[str, Any]) -> dict[str, float]:
        prices = self._prices.get(str(attributes.get("llm.model_name")), {})
        prompt_price, completion_price = token_price(prices, "input"), token_price(prices, "output")
        if prompt_price is None or completion_price is None:
            return {}
        prompt = prompt_price * int(attributes.get("llm.token_count.prompt", 0))
        completion = completion_price * int(attributes.get("llm.token_count.completion", 0))
        if abs(prompt + completion - usd) > usd * _ROUNDING:
            return {}
        return {_PROMPT: float(prompt), _COMPLETION: float(completion)}


class _PricedSpan(ReadableSpan):
    """A finished span with other attributes."""

    def __init__(self, span: ReadableSpan, attributes: Mapping[str, Any]) -> None:
        super().__init__(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            events=span.events,
            links=span.links,
            kind=span.kind,
            status=span.status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )
        self._dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)

    @property
    def dropped_attributes(self) -> int:
        return self._dropped[0]

    @property
    def dropped_events(self) -> int:
        return self._dropped[1]

    @property
    def dropped_links(self) -> int:
        return self._dropped[2]


def _cost_in_output(output: Any) -> Decimal | None:
    """The price in the output of a LangChain span, which is an `LLMResult` as JSON."""
    try:
        generations = json.loads(output)["generations"]
        metadata = [
            each["message"]["kwargs"].get("response_metadata", {}) for choices in generations for each in choices
        ]
        prices = [Decimal(each["cost"]["usd"]) for each in metadata if each.get("cost")]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return sum(prices, Decimal(0)) if prices else None


# --- LlamaIndex, whose spans have no price in them --------------------------------------------------------------------

_SpanId = tuple[int, int]


class _SpanCosts:
    """What the calls inside of OpenTelemetry spans cost, out of LlamaIndex's events.

    An LLM's start event is sent while the LLM's span is OpenTelemetry's current one. Its end event isn't, in streams,
    and ends OpenInference's span: so it has to come here first.
    """

    def __init__(self) -> None:
        self._running: OrderedDict[str, _SpanId] = OrderedDict()
        self._costs: OrderedDict[_SpanId, Decimal] = OrderedDict()

    def get(self, span: ReadableSpan) -> Decimal | None:
        return self._costs.get((span.context.trace_id, span.context.span_id))

    def start(self, event: Any) -> None:
        context = get_current_span().get_span_context()
        if event.span_id and context.is_valid:
            _put(self._running, event.span_id, (context.trace_id, context.span_id))

    def end(self, event: Any) -> None:
        span_id = self._running.pop(event.span_id or "", None)
        cost = getattr(event.response, "additional_kwargs", {}).get("cost")
        if span_id and isinstance(cost, Mapping) and "usd" in cost:
            _put(self._costs, span_id, self._costs.get(span_id, Decimal(0)) + Decimal(cost["usd"]))


def _put(entries: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    """Add an entry; the oldest goes once there are too many: streams left early never end."""
    entries[key] = value
    while len(entries) > _MAX_OPEN_SPANS:
        entries.popitem(last=False)


_COSTS = _SpanCosts()
_ON_EVENT = {
    "LLMChatStartEvent": _COSTS.start,
    "LLMCompletionStartEvent": _COSTS.start,
    "LLMChatEndEvent": _COSTS.end,
    "LLMCompletionEndEvent": _COSTS.end,
}


def _listen_to_llama_index() -> None:
    """Hear of LlamaIndex's events, before OpenInference does. That package is small: it doesn't load LlamaIndex."""
    if find_spec("llama_index_instrumentation") is None:
        return
    from llama_index_instrumentation import get_dispatcher

    handlers = get_dispatcher().event_handlers
    if _listener() not in handlers:
        handlers.insert(0, _listener())


@cache
def _listener() -> Any:
    from llama_index_instrumentation.base import BaseEvent
    from llama_index_instrumentation.event_handlers import BaseEventHandler

    class CostListener(BaseEventHandler):
        """Hands events of LLM calls to `_SpanCosts`."""

        @classmethod
        def class_name(cls) -> str:
            return "AIMLAPICostListener"

        def handle(self, event: BaseEvent, **_: Any) -> None:
            if act := _ON_EVENT.get(event.class_name()):
                act(event)

    return CostListener()
