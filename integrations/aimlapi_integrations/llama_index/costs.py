"""What an engine or an agent costs, and a limit to it: a callback handler, and a context manager around one."""

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
    """Sums what the calls of models cost that it is given to, and stops the next one where a limit is reached.

    Give it to a model (`callback_manager=CallbackManager([handler])`) or to all (`Settings.callback_manager = …`).
    Streamed calls count once. A call that fails, or a stream left early, names no counts and adds none; LlamaIndex does
    not tell what embeddings cost: `aimlapi_integrations.track_costs` does.

    Args:
        max_cost_usd: dollars that may be spent; a string or Decimal is taken exactly.
        max_tokens_total: tokens that may be used, in and out.

    Attributes:
        ledger: the sums: `ledger.total`, `ledger.by_model`; `print` shows them, and `rich.print` as a table.

    Raises:
        BudgetExceededError: from the engine or agent, before a call that comes after a limit was reached.

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
        """Raises BudgetExceededError where nothing more may be spent."""
        if event_type in (CBEventType.LLM, CBEventType.EMBEDDING):
            self.ledger.check()
        return event_id

    @override
    def on_event_end(
        self, event_type: CBEventType, payload: dict[str, Any] | None = None, event_id: str = "", **kwargs: Any
    ) -> None:
        """Enters what a call used."""
        answer = (payload or {}).get(EventPayload.RESPONSE) or (payload or {}).get(EventPayload.COMPLETION)
        if event_type == CBEventType.LLM and isinstance(answer, ChatResponse | CompletionResponse):
            self._enter(answer)

    def _enter(self, answer: ChatResponse | CompletionResponse) -> None:
        """Only answers of the gateway count: wrappers, as for structured answers, tell of the same call once more."""
        raw, price = as_dict(answer.raw), answer.additional_kwargs.get("cost")
        if price or raw.get("usage"):
            self.ledger.add(str(raw.get("model") or "?"), parse_usage(raw.get("usage")), _cost(price))

    @override
    def start_trace(self, trace_id: str | None = None) -> None:
        """Traces are of no interest."""

    @override
    def end_trace(self, trace_id: str | None = None, trace_map: dict[str, list[str]] | None = None) -> None:
        """Likewise."""

    def __str__(self) -> str:
        return str(self.ledger)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ledger.total}>"

    def __rich__(self) -> Any:
        return self.ledger.__rich__()


def _cost(price: Any) -> Cost | None:
    """The price as `additional_kwargs["cost"]` has it."""
    return Cost(price["usd"], price.get("credits")) if isinstance(price, Mapping) and "usd" in price else None
