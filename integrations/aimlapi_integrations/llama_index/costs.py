"""The cost of an engine or agent, and a limit on it, as a LlamaIndex callback handler."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from typing_extensions import override

from ..costs import Ledger
from ..endpoints.shared.parsing import as_dict, parse_usage
from ..types import Cost


class AIMLAPICostHandler(BaseCallbackHandler):
    """Add up the cost of LLM calls, and refuse the next call once a limit is reached.

    Pass it to one model (`callback_manager=CallbackManager([handler])`) or to all (`Settings.callback_manager = …`).
    Streamed calls count once. A call that fails, or a stream that is left early, reports no usage and counts as
    nothing. LlamaIndex doesn't report the cost of embeddings: use `aimlapi_integrations.track_costs` for those.

    Args:
        max_cost_usd: The limit in US dollars. A string or Decimal is exact.
        max_tokens_total: The limit in tokens, input and output together.

    Attributes:
        ledger: The totals: `ledger.total`, `ledger.by_model`. `print` shows them, and `rich.print` shows a table.

    Raises:
        BudgetExceededError: From the engine or agent, before the first call after a limit was reached.

    Examples:
        >>> handler = AIMLAPICostHandler(max_cost_usd="0.10")
        >>> llm = AIMLAPI(callback_manager=CallbackManager([handler]))           # doctest: +SKIP
        >>> print(handler)
        total: $0 for 0 tokens (in 0, out 0) in 0 calls
    """

    def __init__(self, max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None) -> None:
        super().__init__(event_starts_to_ignore=[], event_ends_to_ignore=[])
        self.ledger = Ledger(max_cost_usd, max_tokens_total)

    @override
    def on_event_start(
        self,
        event_type: CBEventType,
        payload: dict[str, Any] | None = None,
        event_id: str = "",
        parent_id: str = "",
        **kwargs: Any,
    ) -> str:
        """Raise BudgetExceededError if a limit is reached."""
        if event_type in (CBEventType.LLM, CBEventType.EMBEDDING):
            self.ledger.check()
        return event_id

    @override
    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        """Add what a call used to the ledger."""
        response = (payload or {}).get(EventPayload.RESPONSE) or (payload or {}).get(EventPayload.COMPLETION)
        if event_type == CBEventType.LLM and isinstance(response, ChatResponse | CompletionResponse):
            self._record(response)

    def _record(self, response: ChatResponse | CompletionResponse) -> None:
        """Record a response of the gateway. Wrappers (structured LLMs) report the same call again, without it."""
        raw, cost = as_dict(response.raw), response.additional_kwargs.get("cost")
        if cost or raw.get("usage"):
            self.ledger.add(str(raw.get("model") or "?"), parse_usage(raw.get("usage")), _parse_cost(cost))

    @override
    def start_trace(self, trace_id: str | None = None) -> None:
        """Do nothing: the base class requires the method."""

    @override
    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        """Do nothing: the base class requires the method."""

    def __str__(self) -> str:
        return str(self.ledger)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ledger.total}>"

    def __rich__(self) -> Any:
        return self.ledger.__rich__()


def _parse_cost(cost: Any) -> Cost | None:
    """Read the cost as `additional_kwargs["cost"]` holds it."""
    return Cost(cost["usd"], cost.get("credits")) if isinstance(cost, Mapping) and "usd" in cost else None
