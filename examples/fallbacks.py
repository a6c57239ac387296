"""The cheapest model that answers: models from four vendors, tried in order of price.

pip install ".[langchain,emulator,cli]"
python examples/fallbacks.py
"""

from decimal import Decimal
from typing import Any

from common import console, gateway
from langchain_core.callbacks import BaseCallbackHandler
from rich.markup import escape
from rich.table import Table

from aimlapi_integrations import AIMLAPIError, Client
from aimlapi_integrations.langchain import ChatAIMLAPI, get_aimlapi_callback

CANDIDATES = (
    "openai/gpt-5-mini-2025-08-07",
    "anthropic/claude-haiku-4.5",
    "google/gemini-2.5-flash",
    "deepseek/deepseek-chat",
)
RETIRED = "openai/gpt-does-not-exist"  # comes first, so that there is something to fall back from


class AttemptPrinter(BaseCallbackHandler):
    """Print which model is called, and why it failed."""

    def on_chat_model_start(self, *_: Any, metadata: dict[str, Any], **__: Any) -> None:
        console.print(f"  calling [cyan]{metadata['ls_model_name']}[/]")

    def on_llm_error(self, error: BaseException, **_: Any) -> None:
        console.print(f"  [red]{type(error).__name__}[/] {escape(str(error))}")


def by_price() -> list[str]:
    """Sort the candidates by output price. The catalog lists prices in dollars per million tokens."""
    with Client() as client:
        prices_by_model = {model.id: model.prices for model in client.models.list(id=CANDIDATES, include="pricing")}
    ranked = sorted(CANDIDATES, key=lambda model: prices_by_model.get(model, {}).get("output", Decimal("Infinity")))
    table = Table("model", "input", "output", title="$ per million tokens")
    for model in ranked:
        prices = prices_by_model.get(model, {})
        cells = (f"{prices[unit]:.2f}" if unit in prices else "unknown" for unit in ("input", "output"))
        table.add_row(model, *cells)
    console.print(table)
    return ranked


def main() -> None:
    first, *others = [ChatAIMLAPI(model=model, max_tokens=2000) for model in (RETIRED, *by_price())]
    llm = first.with_fallbacks(others, exceptions_to_handle=(AIMLAPIError,))
    with get_aimlapi_callback() as costs:
        answer = llm.invoke("Name three rivers of Portugal.", {"callbacks": [AttemptPrinter()]})
    console.print(answer.text, markup=False)
    console.print(costs)


if __name__ == "__main__":
    with gateway():
        main()
