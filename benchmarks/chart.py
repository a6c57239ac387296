"""The picture of the figures: cost as a multiple of the floor, ours beside the peers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.subjects import SUBJECTS

DRAWN = ("call", "chunk", "tool-call chunk", "async call, 100 at once")
COLOURS = {"ChatAIMLAPI": "#0a7d5a", "AIMLAPI": "#0a7d5a"}


def draw(results: Mapping[tuple[str, str, str], Mapping[str, float]], folder: Path) -> bool:
    """Write `results.png`; False where matplotlib is not installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        return False
    figure, axes = pyplot.subplots(1, len(DRAWN), figsize=(14, 4), layout="constrained")
    for axis, scenario in zip(axes, DRAWN, strict=True):
        bars = _bars(results, scenario)
        axis.barh(list(bars), list(bars.values()), color=[COLOURS.get(name, "#9aa5a1") for name in bars])
        axis.axvline(1, color="black", linewidth=1)
        axis.set_title(f"{scenario}: CPU ÷ floor", fontsize=10)
        axis.bar_label(axis.containers[0], fmt="%.1f×", fontsize=8)
    figure.suptitle("Cost over raw httpx plus the framework's bare model (chat completions; 1 = nothing added)")
    figure.savefig(folder / "results.png", dpi=110)
    return True


def _bars(results: Mapping[tuple[str, str, str], Mapping[str, float]], scenario: str) -> dict[str, float]:
    floors = {
        subject.framework: results.get((scenario, "chat_completions", name), {}).get("cpu")
        for name, subject in SUBJECTS.items()
        if name.endswith("floor")
    }
    found = {}
    for name, subject in reversed(SUBJECTS.items()):
        cpu, floor = results.get((scenario, "chat_completions", name), {}).get("cpu"), floors[subject.framework]
        if cpu and floor and not name.endswith("floor"):
            found[name] = cpu / floor
    return found
