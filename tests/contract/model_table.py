"""The file `models.json`: how it is written, what a family lends to a new row, how a catalogue is merged into it."""

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
    """What a new row takes from the family that its id belongs to."""
    families = {prefix: row for prefixes, row in table["families"].items() for prefix in prefixes.split() or [""]}
    prefix = max((prefix for prefix in families if key.casefold().startswith(prefix)), key=len)
    return {name: held for name, held in families[prefix].items() if name in ("by", "efforts", "quirks")}


def merge_catalogue(table: Table, entries: Iterable[Mapping[str, Any]]) -> None:
    """Takes context, output limit, aliases and prices of chat models; a new one gets its family's capabilities."""
    for entry in entries:
        if entry["id"] in table["models"] or entry["type"] == "openai/chat-completions":
            row = table["models"].setdefault(entry["id"], {"chat": ["*", "*"], **family(entry["id"], table)})
            row |= {key: value for key, value in stated(entry, row).items() if value}
    table["models"] = dict(sorted(table["models"].items()))


def stated(entry: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """What one entry of the catalogue says, as a row says it."""
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
    """US dollars per unit, where the price is fixed; a unit of another origin (`cached`) is named after that too."""
    if pricing.get("kind") != "fixed":
        return {}
    names = (unit["name"] + (f".{unit['origin']}" if unit.get("origin") else "") for unit in pricing["units"])
    return {name: unit["price"] / unit["per"] for name, unit in zip(names, pricing["units"], strict=True)}


def written(table: Table) -> str:
    """JSON with one line per fact that a person may want to mend."""
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
    """An object of which every value stands on a line of its own."""


def json_lines(value: Mapping[str, Any], depth: int) -> str:
    """Objects broken open down to Blocks; everything below them on one line."""
    pad = " " * depth
    nested = depth == 0 or any(isinstance(held, Block) for held in value.values())
    rows = (
        f"{pad} {json.dumps(key)}: "
        + (json_lines(held, depth + 1) if nested and isinstance(held, dict) else json.dumps(held, ensure_ascii=False))
        for key, held in value.items()
    )
    return "{\n" + ",\n".join(rows) + f"\n{pad}}}"
