"""The figures as a table, and what they were taken on."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import distributions

from rich.table import Table

from benchmarks.subjects import FLOORS, SUBJECTS

PACKAGES = (
    "httpx",
    "langchain-core",
    "langchain-openai",
    "langchain-openrouter",
    "llama-index-core",
    "llama-index-llms-openai",
    "llama-index-llms-openai-like",
    "openai",
)

Figures = Mapping[str, float]


def table(results: Mapping[tuple[str, str, str], Figures]) -> Table:
    """All figures, and each as a multiple of the framework's floor."""
    shown = Table(title="Medians; × is the multiple of the framework's floor")
    for column in ("scenario", "endpoint", "subject"):
        shown.add_column(column)
    for column in ("cpu", "×", "wall", "×", "other"):
        shown.add_column(column, justify="right")
    for (scenario, endpoint, name), figures in results.items():
        floor = results.get((scenario, endpoint, FLOORS[SUBJECTS[name].framework]), {})
        cells = [cell for unit in ("cpu", "wall") for cell in (_time(figures.get(unit)), _ratio(figures, floor, unit))]
        other = ", ".join(f"{key} {value:.1f}" for key, value in figures.items() if key not in ("cpu", "wall"))
        shown.add_row(scenario, endpoint, name, *cells, other)
    return shown


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _ratio(figures: Figures, floor: Figures, unit: str) -> str:
    return f"{figures[unit] / floor[unit]:.2f}" if figures.get(unit) and floor.get(unit) else ""


def about() -> dict[str, str]:
    """What the figures were taken on."""
    installed = {each.name: each.version for each in distributions()}
    packages = {package: installed.get(package, "not installed") for package in PACKAGES}
    machine = {"machine": platform.machine(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    return {**machine, **packages}
