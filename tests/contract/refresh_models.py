"""Update `models.json` from the request schemas that the vendor publishes, and from the live catalogue.

    python tests/contract/refresh_models.py --contract DIR --out integrations/aimlapi_integrations/models/models.json
    python tests/contract/refresh_models.py --catalogue FILE --out integrations/aimlapi_integrations/models/models.json

`--contract` is a folder with `contract.json.gz` (`{"source", "endpoints": {path: {id: {"request": key}}}, "shapes":
{key: JSON schema}}`) and `models.jsonl` (a `{"id", "developer", "name", "context", "listed"}` per line). `--catalogue`
is the response of `GET /v1/models?include=all`. Both can be combined. Derived facts replace the old ones; facts that no
schema contains stay: quirks, families, rows named `*`, and the keys in MANUAL_FIELDS.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import date
from pathlib import Path
from typing import Any

from model_table import DEVELOPERS, SECTIONS, Table, family, merge_catalogue, render_table
from schema_chat import chat_facts
from schema_facts import Facts, Schema, embeddings_facts, parameter_facts, responses_facts

from aimlapi_integrations.models.capabilities import (
    ChatCapabilities,
    EmbeddingsCapabilities,
    ResponsesCapabilities,
    ToolCapabilities,
)

CAPABILITIES: dict[str, tuple[type, Callable[[Schema], Facts]]] = {
    "chat": (ChatCapabilities, chat_facts),
    "responses": (ResponsesCapabilities, responses_facts),
    "embeddings": (EmbeddingsCapabilities, embeddings_facts),
}
MANUAL_FIELDS = (
    "max_output",
    "dimensions",
    "status",
    "successor",
    "inputs",
    "outputs",
    "messages",
    "prices",
    "aliases",
)
MANUAL_FIELDS += ("efforts", "quirks")
NAMELESS = (None, "\N{EN DASH}", "Coming Soon")
COMMON = 100
"""Unknown models are assumed to have the fields that at least this many chat models list."""


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--contract", type=Path, help="folder with contract.json.gz and models.jsonl")
    cli.add_argument("--catalogue", type=Path, help="an answer to GET /v1/models?include=all")
    cli.add_argument("--out", type=Path, required=True, help="the table to refresh")
    cli.add_argument("--date", default=date.today().isoformat(), help="the day of the source, today unless given")
    args = cli.parse_args()
    table = json.loads(args.out.read_text(encoding="utf-8"))
    if args.contract:
        table = from_contract(args.contract, table)
    if args.catalogue:
        merge_catalogue(table, json.loads(args.catalogue.read_text(encoding="utf-8"))["data"])
    table["about"]["date"] = args.date
    args.out.write_text(render_table(table), encoding="utf-8")
    print(f"{args.out}: {len(table['models'])} models, {args.out.stat().st_size / 1000:.0f} KB")
    return 0


def from_contract(folder: Path, old: Table) -> Table:
    """Derive the table from the schemas, with the manual facts of the old one."""
    with gzip.open(folder / "contract.json.gz") as file:
        contract = json.load(file)
    lines = (folder / "models.jsonl").read_text(encoding="utf-8").splitlines()
    entries = sorted(map(json.loads, lines), key=lambda entry: entry["id"])
    schemas = {name: requests(contract, path) for name, path in SECTIONS.items()}
    naming = Naming(old, {entry["id"] for entry in entries if entry["listed"]})
    rows = {entry["id"]: model_row(entry, old) for entry in entries}
    kinds, sets = parameters(schemas, naming)
    capabilities: dict[str, dict[str, Facts]] = {}
    for section, (kind, facts_of) in CAPABILITIES.items():
        facts = {key: non_defaults(kind, cached(facts_of, schema)) for key, schema in schemas[section].items()}
        if section != "chat":
            facts = {key: {**held, "parameters": sets.of[section][key]} for key, held in facts.items()}
        names = naming.named(facts, old["capabilities"][section])
        capabilities[section] = starred_first(
            old["capabilities"][section], {name: facts[key] for key, name in names.items()}
        )
        for key, name in names.items():
            rows[key][section] = [name, sets.of["chat"][key]] if section == "chat" else name
    for key, name in sets.of["messages"].items():
        rows[key]["messages"] = name
    return {
        "about": {**old["about"], "source": contract["source"]},
        "quirks": old["quirks"],
        "parameters": {"kinds": kinds, "sets": starred_first(old["parameters"]["sets"], sets.written)},
        "capabilities": capabilities,
        "families": old["families"],
        "models": rows,
    }


def requests(contract: Table, path: str) -> dict[str, Schema]:
    """Return the request schema of each model id."""
    return {key: contract["shapes"][parts["request"]] for key, parts in contract["endpoints"][path].items()}


def model_row(entry: Mapping[str, Any], old: Table) -> dict[str, Any]:
    """Return a row without its capabilities."""
    before = old["models"].get(entry["id"])
    usual = family(entry["id"], old)
    row = (
        usual
        if before is None
        else {"by": usual.get("by")} | {key: before[key] for key in MANUAL_FIELDS if key in before}
    )
    published = {"by": entry["developer"], "name": entry["name"], "context": entry["context"]}
    row |= {key: value for key, value in published.items() if value not in NAMELESS}
    row["by"] = DEVELOPERS.get(str(row.get("by")), row.get("by"))
    return {key: value for key, value in row.items() if value}


def non_defaults(kind: type, facts: Facts) -> Facts:
    """Return the facts that differ from the defaults of their dataclass."""
    defaults = {field.name: plain(field) for field in fields(kind)}
    if facts.get("tools") and kind is ChatCapabilities:
        facts = {**facts, "tools": non_defaults(ToolCapabilities, facts["tools"])}
        defaults["tools"] = {}
    return {name: held for name, held in facts.items() if held != defaults[name]}


def plain(field: Field[Any]) -> Any:
    """Return a default in the form of the table."""
    default = field.default if field.default is not MISSING else {}
    return " ".join(sorted(default)) if isinstance(default, frozenset) else default


_memo: dict[tuple[str, int], Facts] = {}


def cached(facts_of: Callable[[Schema], Facts], schema: Schema) -> Facts:
    """Cache by schema object: many models share one."""
    where = (facts_of.__name__, id(schema))
    if where not in _memo:
        _memo[where] = facts_of(schema)
    return _memo[where]


def starred_first(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> dict[str, Facts]:
    """Return the new rows after the handwritten ones, whose names end in a star."""
    kept = {name: facts for name, facts in old.items() if name.endswith("*") and name not in new}
    starred = {name: facts for name, facts in new.items() if name.endswith("*")}
    return {**dict(sorted((kept | starred).items())), **new}


class Naming:
    """Names what models share after one of them: the previous one, otherwise a listed one with a short id."""

    def __init__(self, old: Table, listed: set[str]) -> None:
        self.old, self.listed = old, listed

    def named(self, held: Mapping[str, Any], before: Iterable[str], prefix: str = "") -> dict[str, str]:
        """Return a name for each model id; models with the same value have the same name."""
        groups: dict[str, list[str]] = defaultdict(list)
        for key, value in held.items():
            groups[json.dumps(value, sort_keys=True)].append(key)
        earlier = {name.removeprefix(prefix) for name in before if name.startswith(prefix)}
        names: dict[str, str] = {}
        for keys in groups.values():
            chosen = min(keys, key=lambda key: (key not in earlier, key not in self.listed, len(key), key))
            names |= dict.fromkeys(keys, prefix + chosen)
        return names


class Sets:
    """Sets of parameters: which model has which (`of`), and how the table writes them."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, str]] = {}
        self.labels: dict[str, frozenset[str]] = {}

    @property
    def written(self) -> dict[str, dict[str, str]]:
        """Return each set in full, or as its difference to the nearest set in full."""
        whole: dict[str, frozenset[str]] = {}
        rows: dict[str, dict[str, str]] = {}
        uses = Counter(name for section in self.of.values() for name in section.values())
        for name in sorted(self.labels, key=lambda name: (-uses[name], name)):
            near = min(whole, key=lambda base: (cost(self.labels[name], whole[base]), base), default=None)
            if near is None or cost(self.labels[name], whole[near]) > len(self.labels[name]) // 2:
                whole[name] = self.labels[name]
                rows[name] = {"with": " ".join(sorted(self.labels[name]))}
            else:
                rows[name] = {"like": near, **difference(self.labels[name], whole[near])}
        return rows


def cost(mine: frozenset[str], base: frozenset[str]) -> int:
    """Return the number of words of the difference between two sets."""
    return len(mine ^ base)


def difference(mine: frozenset[str], base: frozenset[str]) -> dict[str, str]:
    """Return `with` and `without`; a field in another variant needs only the first."""
    more, fewer = mine - base, base - mine
    kept = {label.partition("/")[0] for label in more}
    gone = {label.partition("/")[0] for label in fewer} - kept
    return {key: " ".join(sorted(words)) for key, words in (("with", more), ("without", gone)) if words}


def parameters(schemas: Mapping[str, Mapping[str, Schema]], naming: Naming) -> tuple[dict[str, Facts], Sets]:
    """Return every kind of field by its label (`temperature`, `temperature/2` for a rarer one), and their sets."""
    held = {
        name: {key: cached(parameter_facts, s) for key, s in listed_fields.items()}
        for name, listed_fields in schemas.items()
    }
    uses = Counter(
        (field, json.dumps(facts, sort_keys=True))
        for section in held.values()
        for listed in section.values()
        for field, facts in listed.items()
    )
    labels: dict[tuple[str, str], str] = {}
    variants: Counter[str] = Counter()
    for kind in sorted(uses, key=lambda kind: (kind[0], -uses[kind], kind[1])):
        variants[kind[0]] += 1
        labels[kind] = kind[0] if variants[kind[0]] == 1 else f"{kind[0]}/{variants[kind[0]]}"
    sets = Sets()
    for section, listed in held.items():
        words = {
            key: sorted(labels[field, json.dumps(facts, sort_keys=True)] for field, facts in listed_fields.items())
            for key, listed_fields in listed.items()
        }
        prefix = "" if section == "chat" else f"{section}:"
        sets.of[section] = naming.named(words, naming.old["parameters"]["sets"], prefix)
        sets.labels |= {name: frozenset(words[key]) for key, name in sets.of[section].items()}
    common = Counter(field for listed in held["chat"].values() for field in listed)
    sets.labels["*"] = frozenset(field for field, count in common.items() if count >= COMMON)
    sets.labels |= {f"{section}:*": union(sets, section) for section in ("responses", "embeddings")}
    return {label: json.loads(kind[1]) for kind, label in labels.items()}, sets


def union(sets: Sets, section: str) -> frozenset[str]:
    """Return every field that some model lists on an endpoint, in its most common kind."""
    words = {label for name in set(sets.of[section].values()) for label in sets.labels[name]}
    return frozenset(min(same) for same in by_field(words).values())


def by_field(labels: Iterable[str]) -> dict[str, list[str]]:
    """Return the kinds of each field."""
    listed_fields: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        listed_fields[label.partition("/")[0]].append(label)
    return listed_fields


if __name__ == "__main__":
    raise SystemExit(main())
