"""What an LLM costs and holds, from the live catalogue, and what a call may cost before it is made."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from pydantic import Field
from typing_extensions import Self

from ..costs import Estimate, estimate
from ..endpoints.catalogue import CatalogueModel
from ..models import lookup
from ..tokens import estimate_tokens
from .request import as_tool
from .structured import StructuredPrediction
from .to_conversation import conversation


class Catalogued(StructuredPrediction):
    """An LLM that knows its prices."""

    prices: dict[str, float] | None = Field(
        default=None, description="US dollars per token, by `input` and `output`; None: what the model's data say."
    )

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """An LLM whose context window and prices are looked up in the gateway's live catalogue: one request, now.

        Args:
            model: the gateway's id of a model, or an alias.
            kwargs: as the constructor takes them; they go before what is looked up.

        Raises:
            NotFoundError: the catalogue has no such model.
        """
        llm = cls(model=model, **kwargs)
        return llm._as_listed(llm._client().models.get(model))

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """`from_catalogue`, async."""
        llm = cls(model=model, **kwargs)
        return llm._as_listed(await llm._async_client().models.get(model))

    def _as_listed(self, entry: CatalogueModel) -> Self:
        live = {"context_window": entry.context_length, "prices": entry.token_prices or None}
        return self.model_copy(update={name: fact for name, fact in live.items() if getattr(self, name) is None})

    def estimate_cost(self, messages: Sequence[ChatMessage] | str, tools: Sequence[Any] = ()) -> Estimate:
        """What a call with `messages` may cost, by an approximate count of their tokens; nothing is sent.

        Returns:
            `usd` for the input alone, `max_usd` with an answer of `max_tokens`, or of the model's longest. Both are
            None where no price is known, as in an LLM that was not made by `from_catalogue`, which looks it up.
        """
        known = lookup(self.model)
        asked = [ChatMessage(messages)] if isinstance(messages, str) else messages
        tokens = estimate_tokens(conversation(asked), [as_tool(tool) for tool in tools], self.model)
        prices = known.prices if self.prices is None else self.prices
        return estimate(tokens, self.max_tokens or known.max_output, prices)
