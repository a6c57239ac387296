"""What a chat model costs and can do, from the live catalogue, and what a call may cost before it is made."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from pydantic import Field
from typing_extensions import Self

from ..costs import Estimate, estimate
from ..endpoints.catalogue import CatalogueModel
from ..models import lookup
from .connected import Connected
from .profile import live_profile
from .tokens import count_tokens
from .tools import AnyTool


class Catalogued(Connected):
    """A chat model that knows its prices."""

    prices: Mapping[str, float] | None = Field(default=None, repr=False)
    """US dollars per token, by `input` and `output`; None: what the model's data say. Only estimates go by it."""

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """A model whose `profile` and `prices` are looked up in the gateway's live catalogue: one request, now.

        Args:
            model: the gateway's id of a model, or an alias.
            kwargs: as the constructor takes them; a `profile` or `prices` among them is kept.

        Raises:
            NotFoundError: the catalogue has no such model.
        """
        made = cls(model=model, **kwargs)
        return made._as_listed(made._connection().models.get(model), kwargs)

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """`from_catalogue`, async."""
        made = cls(model=model, **kwargs)
        return made._as_listed(await made._aconnection().models.get(model), kwargs)

    def _as_listed(self, entry: CatalogueModel, given: Mapping[str, Any]) -> Self:
        if "profile" not in given:
            self.profile = live_profile(entry, self.profile)
        if "prices" not in given:
            self.prices = entry.token_prices or None
        return self

    def estimate_cost(self, messages: LanguageModelInput, tools: Sequence[AnyTool] | None = None) -> Estimate:
        """What a call with `messages` may cost, by an approximate count of their tokens; nothing is sent.

        Returns:
            `usd` for the input alone, `max_usd` with an answer of `max_tokens`, or of the model's longest. Both are
            None where no price is known, as in a model that was not made by `from_catalogue`, which looks it up.

        Examples:
            >>> ChatAIMLAPI(prices={"input": 2.5e-07, "output": 2e-06}).estimate_cost("Hello").usd    # doctest: +SKIP
            Decimal('0.0000025')
        """
        known = lookup(self.model_name)
        asked = self._convert_input(messages).to_messages()
        longest = self.max_tokens or (self.profile or {}).get("max_output_tokens") or known.max_output
        prices = known.prices if self.prices is None else self.prices
        return estimate(count_tokens(asked, tools, self.model_name), longest, prices)
