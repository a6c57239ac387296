"""The figures as a table, and the environment of a run."""

from __future__ import annotations

import os
import platform
from importlib.metadata import distributions

from rich.table import Table

from benchmarks.figures import Key, Results, medians, ratio
from benchmarks.subjects import FLOORS, STRICT_FLOORS, SUBJECTS

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


def results_table(results: Results) -> Table:
    """Return all figures, with processor and wall time as multiples of the plain floor's and the strict floor's."""
    table = Table(title="Medians, and multiples of the framework's floors")
    for column in ("scenario", "endpoint", "subject"):
        table.add_column(column)
    for column in ("cpu", "÷ floor", "÷ strict", "wall", "÷ floor", "other"):
        table.add_column(column, justify="right")
    for key in results:
        figures, ratios = medians(results, key), floor_ratios(results, key)
        cells = [
            _format_time(figures.get("cpu")),
            *(_format_ratio(ratios.get(f"cpu ÷ {name}")) for name in FLOOR_NAMES),
        ]
        cells += [_format_time(figures.get("wall")), _format_ratio(ratios.get("wall ÷ floor"))]
        other = ", ".join(f"{unit} {value:.1f}" for unit, value in figures.items() if unit not in ("cpu", "wall"))
        table.add_row(*key, *cells, other)
    return table


FLOOR_NAMES = ("floor", "strict floor")


def floor_ratios(results: Results, key: Key) -> dict[str, float]:
    """Return times as multiples of both floors'."""
    framework = SUBJECTS[key.subject].framework
    floors = dict(zip(FLOOR_NAMES, (FLOORS[framework], STRICT_FLOORS[framework]), strict=True))
    ratios = {
        f"{unit} ÷ {name}": ratio(results, key, key._replace(subject=floor), unit)
        for unit in ("cpu", "wall")
        for name, floor in floors.items()
    }
    return {name: value for name, value in ratios.items() if value is not None}


def _format_time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _format_ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def describe_environment() -> dict[str, str]:
    """Return the machine and the versions of the packages."""
    installed = {each.name: each.version for each in distributions()}
    packages = {package: installed.get(package, "not installed") for package in PACKAGES}
    machine = {"machine": platform.machine(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    return {**machine, **packages}
