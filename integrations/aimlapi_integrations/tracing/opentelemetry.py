"""An OpenTelemetry span exporter that adds the cost of each call."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from typing import Any

from ..costs import token_price

try:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.trace import get_current_span
except ModuleNotFoundError as error:
    raise ImportError(
        f'CostExporter needs {error.name}: pip install "aimlapi-integrations[tracing]"', name=error.name
    ) from error

_KIND = "openinference.span.kind"
_TOTAL, _PROMPT, _COMPLETION = "llm.cost.total", "llm.cost.prompt", "llm.cost.completion"
_GEN_AI_COST = "gen_ai.usage.cost"
_MAX_OPEN_SPANS = 10_000
_ROUNDING = Decimal("0.01")


class CostExporter(SpanExporter):
    """Add the cost of each call to OpenInference's LLM spans, and pass all spans to another exporter.

    It sets two attributes, both in US dollars: `llm.cost.total`, which Phoenix and Arize read, and `gen_ai.usage.cost`,
    which Langfuse reads. A span with `llm.cost.total` stays as it is.

    The cost of a LangChain call is in the span's `output.value`. So a span has no cost if OpenInference hides outputs,
    or if a limit truncates attributes. The span of a LlamaIndex call doesn't contain it; there the cost comes from
    LlamaIndex's events.

    Args:
        exporter: any OpenTelemetry span exporter.
        prices: dollars per token by unit, for each model, in the form of the catalog's `token_prices`:
            `{"gpt-4o": {"input_tokens": 2.5e-06, "output_tokens": 1e-05}}`. The gateway reports the total only. If
            these prices and the span's token counts add up to it within 1%, the span also gets `llm.cost.prompt` and
            `llm.cost.completion`.

    Examples:
        >>> from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        >>> exporter = CostExporter(InMemorySpanExporter())

        With the prices of the catalog:

        >>> from aimlapi_integrations import Client
        >>> models = Client().models.list(include="pricing")
        >>> exporter = CostExporter(InMemorySpanExporter(), {model.id: model.token_prices for model in models})
    """

    def __init__(self, exporter: SpanExporter, prices: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._exporter = exporter
        self._prices = prices or {}
        _listen_to_llama_index()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans`, with costs where they are known."""
        return self._exporter.export([self._with_cost(span) for span in spans])

    def shutdown(self) -> None:
        """Shut down the other exporter."""
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
        return _SpanWithCost(span, {**attributes, **costs})

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


class _SpanWithCost(ReadableSpan):
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
    """Return the cost in the output of a LangChain span, which is an `LLMResult` as JSON."""
    try:
        generations = json.loads(output)["generations"]
        messages = [generation["message"]["kwargs"] for choices in generations for generation in choices]
        costs = [message.get("response_metadata", {}).get("cost") for message in messages]
        prices = [Decimal(cost["usd"]) for cost in costs if cost]
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return sum(prices, Decimal(0)) if prices else None


# --- LlamaIndex, whose spans don't contain the cost ------------------------------------------------------------------

_SpanId = tuple[int, int]


class _SpanCosts:
    """What the calls in OpenTelemetry spans cost, from LlamaIndex's events.

    The start event of a call is sent while the call's span is OpenTelemetry's current span. The end event of a stream
    isn't, and OpenInference ends the span when it receives it. So this class must receive it first.
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
    """Add an entry. Beyond the limit, drop the oldest one: a stream that is left early never ends."""
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
    """Receive LlamaIndex's events before OpenInference does. This small package isn't LlamaIndex itself."""
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
        """Passes events of LLM calls to `_SpanCosts`."""

        @classmethod
        def class_name(cls) -> str:
            return "AIMLAPICostListener"

        def handle(self, event: BaseEvent, **_: Any) -> None:
            if handle_event := _ON_EVENT.get(event.class_name()):
                handle_event(event)

    return CostListener()
