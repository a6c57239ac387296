"""The file `models.json`: its format, the defaults of families, and merging a catalogue into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Table = dict[str, Any]

SECTIONS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
}
ORDER = (
    "by",
    "name",
    "context",
    "max_output",
    *SECTIONS,
    "dimensions",
    "status",
    "successor",
    "inputs",
    "outputs",
    "prices",
    "aliases",
    "efforts",
    "quirks",
)
DEVELOPERS = {
    "Open AI": "OpenAI",
    "X AI": "xAI",
    "Zhipu": "Zhipu AI",
    "Nvidia": "NVIDIA",
    "ByteDance Seed": "ByteDance",
    "DeepSeek AI": "DeepSeek",
    "Moonshot": "Moonshot AI",
    "switchpoint": "Switchpoint",
    "undi95": "Undi95",
}


def family(key: str, table: Table) -> dict[str, Any]:
    """Return what a new row inherits from the family of its id."""
    families = {prefix: row for prefixes, row in table["families"].items() for prefix in prefixes.split() or [""]}
    prefix = max((prefix for prefix in families if key.casefold().startswith(prefix)), key=len)
    return {name: item for name, item in families[prefix].items() if name in ("by", "efforts", "quirks")}


def merge_catalogue(table: Table, entries: Iterable[Mapping[str, Any]]) -> None:
    """Update context, output limit, aliases and prices of chat models; add unknown ones with their family's facts."""
    for entry in entries:
        if entry["id"] in table["models"] or entry["type"] == "openai/chat-completions":
            row = table["models"].setdefault(entry["id"], {"chat": ["*", "*"], **family(entry["id"], table)})
            row |= {key: value for key, value in catalogue_row(entry, row).items() if value}
    table["models"] = dict(sorted(table["models"].items()))


def catalogue_row(entry: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an entry of the catalogue to a row."""
    info = entry["info"]
    aliases = {*row.get("aliases", "").split(), *entry.get("aliases", ())} - {entry["id"]}
    return {
        "by": DEVELOPERS.get(info["developer"], info["developer"]),
        "name": info["name"],
        "context": info.get("contextLength"),
        "max_output": info.get("outputMax"),
        "prices": prices(entry.get("pricing") or {}),
        "aliases": " ".join(sorted(aliases)),
    }


def prices(pricing: Mapping[str, Any]) -> dict[str, float]:
    """Return US dollars per unit for fixed prices; the name of a unit includes its origin (`cached`)."""
    if pricing.get("kind") != "fixed":
        return {}
    names = (unit["name"] + (f".{unit['origin']}" if unit.get("origin") else "") for unit in pricing["units"])
    return {name: unit["price"] / unit["per"] for name, unit in zip(names, pricing["units"], strict=True)}


def render_table(table: Table) -> str:
    """Render the table as JSON with one line per fact that people edit."""
    models = {key: {name: row[name] for name in ORDER if name in row} for key, row in table["models"].items()}
    parts = {
        "about": table["about"],
        "quirks": table["quirks"],
        "parameters": {name: Block(rows) for name, rows in table["parameters"].items()},
        "capabilities": {name: Block(rows) for name, rows in table["capabilities"].items()},
        "families": {
            prefixes: {name: row[name] for name in ORDER if name in row} for prefixes, row in table["families"].items()
        },
        "models": models,
    }
    return json_lines(parts, 0) + "\n"


class Block(dict[str, Any]):
    """An object with every value on a line of its own."""


def json_lines(value: Mapping[str, Any], depth: int) -> str:
    """Render objects over several lines down to Blocks; everything below on one line."""
    pad = " " * depth
    nested = depth == 0 or any(isinstance(item, Block) for item in value.values())
    rows = (
        f"{pad} {json.dumps(key)}: "
        + (json_lines(item, depth + 1) if nested and isinstance(item, dict) else json.dumps(item, ensure_ascii=False))
        for key, item in value.items()
    )
    return "{\n" + ",\n".join(rows) + f"\n{pad}}}"
