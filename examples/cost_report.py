"""Ask models from four vendors the same questions, and compare tokens and dollars in a table and a chart.

pip install ".[examples]"
python examples/cost_report.py
"""

from pathlib import Path

import matplotlib
from common import console, gateway
from matplotlib.figure import Figure
from rich.progress import track

from aimlapi_integrations.costs import Ledger, Spending
from aimlapi_integrations.langchain import ChatAIMLAPI, get_aimlapi_callback

matplotlib.use("Agg")  # renders to a file, needs no display

MODELS = (
    "openai/gpt-5-mini-2025-08-07",
    "anthropic/claude-haiku-4.5",
    "google/gemini-2.5-flash",
    "deepseek/deepseek-chat",
)
TOPICS = ("tides", "rainbows", "glaciers", "volcanoes", "auroras", "deserts")
QUESTIONS = [f"Explain {topic} to a child in three sentences." for topic in TOPICS]
CHART = Path("example-data/cost_report.png")


def ask_all() -> Ledger:
    """Ask every model every question, four at a time. The ledger counts all calls inside the block."""
    with get_aimlapi_callback(max_cost_usd="1.00") as costs:
        for name in track(MODELS, "Asking", console=console):
            ChatAIMLAPI(model=name, max_tokens=1000).batch(QUESTIONS, {"max_concurrency": 4})
    return costs.ledger


def token_counts(spending: Spending) -> dict[str, int]:
    """Split the tokens by kind. Output tokens include reasoning tokens."""
    reasoning = spending.reasoning_tokens
    return {"input": spending.input_tokens, "reasoning": reasoning, "answer": spending.output_tokens - reasoning}


def draw(ledger: Ledger, path: Path) -> None:
    """Draw the dollars and tokens of each model."""
    by_model = dict(sorted(ledger.by_model.items(), key=lambda item: item[1].usd))
    names = [name.rpartition("/")[2] for name in by_model]
    figure = Figure(figsize=(11, 4), layout="constrained")
    dollars, tokens = figure.subplots(1, 2, sharey=True)

    bars = dollars.barh(names, [float(spending.usd) for spending in by_model.values()], color="tab:purple")
    dollars.bar_label(bars, [f"${spending.usd:.6f}" for spending in by_model.values()], padding=3)
    dollars.set(title=f"Cost of {len(QUESTIONS)} answers", xlabel="USD")
    dollars.margins(x=0.25)

    left = [0] * len(names)
    for kind in ("input", "reasoning", "answer"):
        counts = [token_counts(spending)[kind] for spending in by_model.values()]
        tokens.barh(names, counts, left=left, label=kind)
        left = [start + count for start, count in zip(left, counts, strict=True)]
    tokens.set(title="Tokens", xlabel="tokens")
    tokens.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)


def main() -> None:
    ledger = ask_all()
    console.print(ledger)
    draw(ledger, CHART)
    console.print(f"[green]The chart is in {CHART}[/]")


if __name__ == "__main__":
    with gateway():
        main()
