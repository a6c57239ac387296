"""The chart: processor time as a multiple of the strict floor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Key, Results, ratio
from benchmarks.subjects import CHAT, FLOORS, STRICT_FLOORS, SUBJECTS

TITLES = {"call": "a call", "chunk": "a streamed chunk", "async call, 100 at once": "a call, 100 at once"}
FRAMEWORKS = {"langchain": "LangChain", "llama-index": "LlamaIndex"}
OURS, PEER, INK = "#0a7d5a", "#b8c2be", "#24302c"
MAX_WIDTH = 8.0  # multiples of the floor; longer bars are cut


def draw(results: Results, path: Path) -> None:
    """Write the chart. A bar that would dwarf the others is cut, and labeled with its length."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(FRAMEWORKS), len(TITLES), figsize=(11, 4.2), layout="constrained", squeeze=False)
    for row, framework in zip(axes, FRAMEWORKS, strict=True):
        for axis, scenario in zip(row, TITLES, strict=True):
            _bars(axis, _ratios(results, scenario, framework))
            axis.set_title(f"{FRAMEWORKS[framework]}: {TITLES[scenario]}", fontsize=10, loc="left", color=INK)
    figure.suptitle(
        "CPU as a multiple of httpx, JSON parsing and the framework's bare model (chat completions; less is better)",
        fontsize=10,
        color=INK,
    )
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _bars(axis: Any, ratios: Mapping[str, float]) -> None:
    names = list(reversed(ratios))
    widths = [min(ratios[name], MAX_WIDTH) for name in names]
    colors = [OURS if name in ("ChatAIMLAPI", "AIMLAPI") else PEER for name in names]
    bars = axis.barh(names, widths, color=colors, height=0.62)
    labels = [f"{ratios[name]:.1f}×" if ratios[name] < MAX_WIDTH else f"→ {ratios[name]:.0f}×" for name in names]
    axis.axvline(1, color=INK, linewidth=0.8, linestyle=":")
    for text in axis.bar_label(bars, labels, fontsize=8, padding=4, color=INK, zorder=3):
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    axis.set_xlim(0, MAX_WIDTH * 1.2)
    axis.tick_params(labelsize=8, length=0, colors=INK)
    axis.set_xticks([])
    axis.spines[:].set_visible(False)


def _ratios(results: Results, scenario: str, framework: str) -> dict[str, float]:
    floor = Key(scenario, CHAT, STRICT_FLOORS[framework])
    names = [name for name, each in SUBJECTS.items() if each.framework == framework and "call" not in each.skipped]
    ratios = {name: ratio(results, floor._replace(subject=name), floor, "cpu") for name in names}
    return {name: value for name, value in ratios.items() if value and name not in (floor.subject, FLOORS[framework])}
