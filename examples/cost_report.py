"""The same questions to models of four vendors: what each took in tokens and dollars, as a table and as a chart.

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

matplotlib.use("Agg")  # draws into a file, needs no screen

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
    """Every question to every model, four at once. The ledger counts what runs inside the block."""
    with get_aimlapi_callback(max_cost_usd="1.00") as costs:
        for name in track(MODELS, "Asking", console=console):
            ChatAIMLAPI(model=name, max_tokens=1000).batch(QUESTIONS, {"max_concurrency": 4})
    return costs.ledger


def parts(one: Spending) -> dict[str, int]:
    """The tokens by what they were for. Those of the output hold the reasoning."""
    thoughts = one.reasoning_tokens
    return {"input": one.input_tokens, "reasoning": thoughts, "answer": one.output_tokens - thoughts}


def draw(ledger: Ledger, path: Path) -> None:
    """Dollars per model, and the tokens they were paid for."""
    spent = dict(sorted(ledger.by_model.items(), key=lambda item: item[1].usd))
    names = [name.rpartition("/")[2] for name in spent]
    figure = Figure(figsize=(11, 4), layout="constrained")
    dollars, tokens = figure.subplots(1, 2, sharey=True)

    bars = dollars.barh(names, [float(one.usd) for one in spent.values()], color="tab:purple")
    dollars.bar_label(bars, [f"${one.usd:.6f}" for one in spent.values()], padding=3)
    dollars.set(title=f"What {len(QUESTIONS)} answers of each model cost", xlabel="USD")
    dollars.margins(x=0.25)

    left = [0] * len(names)
    for kind in ("input", "reasoning", "answer"):
        counts = [parts(one)[kind] for one in spent.values()]
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
    console.print(f"[green]{CHART} is drawn[/]")


if __name__ == "__main__":
    with gateway():
        main()
