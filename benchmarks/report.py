"""The figures as a table, and what they were taken on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import distributions

from rich.table import Table

from benchmarks.figures import Key, Results, medians, ratio
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


def table(results: Results) -> Table:
    """All figures, and each as a multiple of the framework's floor."""
    shown = Table(title="Medians; × is the multiple of the framework's floor")
    for column in ("scenario", "endpoint", "subject"):
        shown.add_column(column)
    for column in ("cpu", "×", "wall", "×", "other"):
        shown.add_column(column, justify="right")
    for key in results:
        figures, times = medians(results, key), times_floor(results, key)
        cells = [_time(figures.get("cpu")), _times(times.get("cpu ÷ floor"))]
        cells += [_time(figures.get("wall")), _times(times.get("wall ÷ floor"))]
        other = ", ".join(f"{unit} {value:.1f}" for unit, value in figures.items() if unit not in ("cpu", "wall"))
        shown.add_row(*key, *cells, other)
    return shown


def times_floor(results: Results, key: Key) -> dict[str, float]:
    """Time as a multiple of the floor's."""
    floor = key._replace(subject=FLOORS[SUBJECTS[key.subject].framework])
    found = {f"{unit} ÷ floor": ratio(results, key, floor, unit) for unit in ("cpu", "wall")}
    return {name: value for name, value in found.items() if value is not None}


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def about() -> dict[str, str]:
    """What the figures were taken on."""
    installed = {each.name: each.version for each in distributions()}
    packages = {package: installed.get(package, "not installed") for package in PACKAGES}
    machine = {"machine": platform.machine(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    return {**machine, **packages}
