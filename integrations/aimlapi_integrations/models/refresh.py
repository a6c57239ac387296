"""Turn what the gateway publishes about its models into rows of the table: `aimlapi models refresh`.

`request_schema` reads a model's request schema out of a document of `GET /docs-json`: without references, and as one
object that lists every field. `schema_facts` derives capabilities from it. `merge_models` adds them to a table, which
is the parsed `models.json`: rows that share capabilities, sets of parameters and kinds of field. What two models share
is written once and named after the first of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields
from itertools import count
from typing import Any

from .capabilities import ChatCapabilities, EmbeddingsCapabilities, ResponsesCapabilities, ToolCapabilities
from .schema_facts import Facts, Schema, chat_facts, embeddings_facts, parameter_facts, responses_facts

__all__ = ["LiveModel", "SchemaError", "Table", "merge_models", "prune", "request_schema", "write_table"]

Table = dict[str, Any]

SECTIONS = ("chat", "responses", "embeddings", "messages")
_CAPABILITIES: dict[str, tuple[type, Callable[[Schema], Facts]]] = {
    "chat": (ChatCapabilities, chat_facts),
    "responses": (ResponsesCapabilities, responses_facts),
    "embeddings": (EmbeddingsCapabilities, embeddings_facts),
}
_ROW_KEYS = (
    *("by", "name", "context", "max_output", *SECTIONS, "dimensions", "status", "successor", "retires"),
    *("inputs", "outputs", "prices", "aliases", "efforts", "quirks"),
)

_MAX_DEPTH = 40
"""Deeper schemas are cut off, which accepts anything. References may be circular."""


class SchemaError(ValueError):
    """A request schema has a form that no capabilities can be derived from."""


@dataclass(frozen=True)
class LiveModel:
    """What the gateway states about a model.

    Attributes:
        row: what the catalog states, such as `name` and `context`, as in a row of the table. None is for what it lacks.
        schemas: request schemas by section: `chat`, `responses`, `messages`, `embeddings`.
    """

    id: str
    row: Mapping[str, Any] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)


def merge_models(table: Table, models: Iterable[LiveModel], namespace: str = "") -> dict[str, str]:
    """Write what the gateway states about models into a table. Everything else in their rows stays.

    Args:
        table: changed in place. An empty one is fine: rows may refer to capabilities of the shipped table.
        models: what to write.
        namespace: put before each new name, so that the table can be laid over another one.

    Returns:
        Why the schema of a model could not be used, by `id section`. Such a section of a row stays as it is.
    """
    builder = TableBuilder(table, namespace)
    problems: dict[str, str] = {}
    for model in models:
        row = table["models"].setdefault(model.id, {})
        aliases = {*row.get("aliases", "").split(), *model.row.get("aliases", "").split()}
        row.update(model.row)
        if aliases:
            row["aliases"] = " ".join(sorted(aliases))
        for section, schema in model.schemas.items():
            with _collect(problems, f"{model.id} {section}"):
                row[section] = builder.add(section, model.id, schema)
    return problems


@contextmanager
def _collect(problems: dict[str, str], name: str) -> Iterator[None]:
    try:
        yield
    except SchemaError as error:
        problems[name] = str(error)


class TableBuilder:
    """Adds capabilities and sets of parameters to a table, or finds the names of equal ones.

    Args:
        table: changed in place.
        namespace: put before each new name.
    """

    def __init__(self, table: Table, namespace: str = "") -> None:
        for section in _CAPABILITIES:
            table.setdefault("capabilities", {}).setdefault(section, {})
        parameters = table.setdefault("parameters", {"kinds": {}, "sets": {}})
        self._capabilities: dict[str, dict[str, Facts]] = table["capabilities"]
        self._kinds: dict[str, Facts] = parameters["kinds"]
        self._sets: dict[str, dict[str, str]] = parameters["sets"]
        self._namespace = namespace
        self._labels: dict[tuple[str, str], str] = {
            (label.partition("/")[0], _text(kind)): label for label, kind in self._kinds.items()
        }
        self._set_names = {(_section(name), _labels_of(self._sets, name)): name for name in reversed(self._sets)}
        self._derived: dict[str, tuple[Facts, Facts]] = {}
        self._names = {
            section: {_text(facts): name for name, facts in rows.items()}
            for section, rows in self._capabilities.items()
        }

    def add(self, section: str, model: str, schema: Schema) -> Any:
        """Add what a schema states and return the value of the row's `section`.

        Raises:
            SchemaError: the schema has an unknown form. Nothing is added.
        """
        facts, parameters = self._derive(section, schema)
        parameter_set = self._add_set(section, model, parameters)
        if section == "messages":
            return parameter_set
        if section != "chat":
            facts = {**facts, "parameters": parameter_set}
        names, rows = self._names[section], self._capabilities[section]
        name = names.setdefault(_text(facts), _unused(self._namespace + model, rows))
        rows[name] = facts
        return [name, parameter_set] if section == "chat" else name

    def _derive(self, section: str, schema: Schema) -> tuple[Facts, Facts]:
        """Return the facts and the parameters that a schema states. Models often share all but their own name."""
        properties = {name: field for name, field in schema["properties"].items() if name != "model"}
        key = _text([section, {**schema, "properties": properties}])
        if key not in self._derived:
            self._derived[key] = _derive(section, schema)
        return self._derived[key]

    def _add_set(self, section: str, model: str, parameters: Mapping[str, Facts]) -> str:
        labels = frozenset(self._label(name, facts) for name, facts in parameters.items())
        prefix = "" if section == "chat" else f"{section}:"
        unused = _unused(f"{prefix}{self._namespace}{model}", self._sets)
        name: str = self._set_names.setdefault((prefix, labels), unused)
        if name not in self._sets:
            self._sets[name] = self._as_change(labels)
        return name

    def _label(self, name: str, facts: Facts) -> str:
        """Return the label of a kind of field: `temperature`, or `temperature/2` for another kind of it."""
        key = (name, _text(facts))
        if key not in self._labels:
            labels = (f"{name}/{self._namespace}{number}" for number in count(1 if self._namespace else 2))
            label = next(label for label in labels if label not in self._kinds)
            self._labels[key] = label if self._namespace or name in self._kinds else name
            self._kinds[self._labels[key]] = facts
        return self._labels[key]

    def _as_change(self, labels: frozenset[str]) -> dict[str, str]:
        """Write a set in full, or as a change to the nearest set that is written in full if that is shorter."""
        full = {name: _labels_of(self._sets, name) for name, row in self._sets.items() if "like" not in row}
        nearest = min(full, key=lambda name: (len(labels ^ full[name]), name), default=None)
        if nearest is None or len(labels ^ full[nearest]) > len(labels) // 2:
            return {"with": " ".join(sorted(labels))}
        return {"like": nearest, **_difference(labels, full[nearest])}


def _derive(section: str, schema: Schema) -> tuple[Facts, Facts]:
    try:
        if section == "messages":
            return {}, parameter_facts(schema)
        kind, derive = _CAPABILITIES[section]
        return _without_defaults(kind, derive(schema)), parameter_facts(schema)
    except Exception as error:  # a validator fails in many ways on a schema that is none
        raise SchemaError(f"{type(error).__name__}: {error}"[:300]) from error


def prune(table: Table) -> None:
    """Remove what no row uses any more: capabilities, sets and kinds. Names that end in `*` are defaults, and stay."""
    rows = [*table["models"].values(), *table.get("families", {}).values()]
    for section, capabilities in table["capabilities"].items():
        used = {row[section][0] if section == "chat" else row[section] for row in rows if row.get(section)}
        _keep(capabilities, used)
    sets = table["parameters"]["sets"]
    used = {row["chat"][1] for row in rows if row.get("chat")} | {
        row["messages"] for row in rows if row.get("messages")
    }
    used |= {
        facts["parameters"]
        for rows in table["capabilities"].values()
        for facts in rows.values()
        if "parameters" in facts
    }
    used |= {
        sets[name]["like"] for name in used | {name for name in sets if name.endswith("*")} if "like" in sets[name]
    }
    _keep(sets, used)
    _keep(table["parameters"]["kinds"], {label for name in sets for label in _labels_of(sets, name)})


def _keep(rows: dict[str, Any], used: set[str]) -> None:
    for name in [name for name in rows if name not in used and not name.endswith("*")]:
        del rows[name]


def write_table(table: Table) -> str:
    """Return a table as JSON with one line for each fact that a person may want to correct."""
    ordered = {
        key: {name: row[name] for name in _ROW_KEYS if name in row} for key, row in sorted(table["models"].items())
    }
    families = {key: {name: row[name] for name in _ROW_KEYS if name in row} for key, row in table["families"].items()}
    sections = {**table, "families": families, "models": ordered}
    return _write(sections, ("parameters", "capabilities")) + "\n"


def _write(sections: Mapping[str, Any], nested: Iterable[str]) -> str:
    lines = []
    for name, rows in sections.items():
        if name in nested:
            blocks = [f"  {json.dumps(key)}: {_block(block, '   ')}" for key, block in rows.items()]
            text = "{\n" + ",\n".join(blocks) + "\n }"
        else:
            text = _block(rows, "  ")
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}"


def _block(rows: Mapping[str, Any], indent: str) -> str:
    if not rows:
        return "{}"
    lines = (f"{indent}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in rows.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent[:-1]}}}"


# --- names and sets -----------------------------------------------------------------------------------------------


def _unused(name: str, rows: Mapping[str, Any]) -> str:
    """Return a name that no row has: models may have shared what they no longer share."""
    candidates = (name if number == 1 else f"{name}~{number}" for number in count(1))
    return next(candidate for candidate in candidates if candidate not in rows)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _section(name: str) -> str:
    """Return the prefix of a set's name: `responses:`, or nothing for chat completions."""
    section = name.partition(":")[0]
    return f"{section}:" if section in SECTIONS else ""


def _labels_of(sets: Mapping[str, Mapping[str, str]], name: str) -> frozenset[str]:
    row = sets[name]
    added, base = set(row.get("with", "").split()), _labels_of(sets, row["like"]) if "like" in row else frozenset()
    replaced = {label.partition("/")[0] for label in added} | set(row.get("without", "").split())
    return frozenset(added | {label for label in base if label.partition("/")[0] not in replaced})


def _difference(labels: frozenset[str], base: frozenset[str]) -> dict[str, str]:
    """Return `with` and `without`. A field in another variant needs only the first."""
    added = labels - base
    replaced = {label.partition("/")[0] for label in added}
    removed = {label.partition("/")[0] for label in base - labels} - replaced
    return {key: " ".join(sorted(names)) for key, names in (("with", added), ("without", removed)) if names}


def _without_defaults(kind: type, facts: Facts) -> Facts:
    """Return the facts that differ from the defaults of their dataclass."""
    defaults = {each.name: _written_default(each) for each in fields(kind)}
    if facts.get("tools") and kind is ChatCapabilities:
        facts = {**facts, "tools": _without_defaults(ToolCapabilities, facts["tools"])}
        defaults["tools"] = {}
    return {name: value for name, value in facts.items() if value != defaults[name]}


def _written_default(each: Field[Any]) -> Any:
    """Return a default as the table writes it."""
    default = each.default if each.default is not MISSING else {}
    return " ".join(sorted(default)) if isinstance(default, frozenset) else default


# --- request schemas ----------------------------------------------------------------------------------------------


def request_schema(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of the only request that a document of `GET /docs-json` describes.

    A body may be a union with a variant for each of the gateway's fallback providers. Their union is returned.

    Raises:
        ValueError: the document describes no JSON request, or the request is not an object with fields.
    """
    try:
        [operation] = [methods["post"] for methods in document["paths"].values() if "post" in methods]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("The document describes no JSON request.") from None
    variants = list(_object_variants(_resolve(schema, document, 0)))
    if not variants:
        raise ValueError("The request is not an object with fields.")
    return _union(variants)


def _resolve(node: Any, document: Mapping[str, Any], depth: int) -> Any:
    """Replace references by what they refer to, and `nullable` of OpenAPI 3.0 by a type."""
    if depth > _MAX_DEPTH:
        return {}
    if isinstance(node, list):
        return [_resolve(item, document, depth + 1) for item in node]
    if not isinstance(node, Mapping):
        return node
    if isinstance(node.get("$ref"), str):
        return _resolve(_target(node["$ref"], document), document, depth + 1)
    resolved = {key: _resolve(value, document, depth + 1) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [resolved, {"type": "null"}]} if node.get("nullable") is True else resolved


def _target(reference: str, document: Mapping[str, Any]) -> Any:
    """Return what a local reference (`#/components/schemas/Message`) refers to."""
    target: Any = document
    for key in reference.removeprefix("#/").split("/"):
        if not isinstance(target, Mapping) or key not in target:
            raise ValueError(f"The reference {reference!r} leads nowhere.")
        target = target[key]
    return target


def _object_variants(schema: Any) -> Iterable[Schema]:
    """Yield the objects of a union, however it is nested; the parts of an `allOf` are one object."""
    if not isinstance(schema, Mapping):
        return
    for keyword in ("anyOf", "oneOf"):
        for variant in schema.get(keyword, ()):
            yield from _object_variants(variant)
    parts = [schema, *schema.get("allOf", ())]
    properties = {name: field for part in parts for name, field in part.get("properties", {}).items()}
    if properties:
        required = [name for part in parts for name in part.get("required", ())]
        closed = any(part.get("additionalProperties") is False for part in parts)
        yield {
            "type": "object",
            "properties": properties,
            "required": required,
            **({"additionalProperties": False} if closed else {}),
        }


def _union(variants: list[Schema]) -> dict[str, Any]:
    names = {name: None for variant in variants for name in variant["properties"]}
    required = set.intersection(*(set(variant["required"]) for variant in variants))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field_union(name, variants) for name in names},
        "required": [name for name in names if name in required],
    }
    closed = all(variant.get("additionalProperties") is False for variant in variants)
    return {**schema, "additionalProperties": False} if closed else schema


def _field_union(name: str, variants: list[Schema]) -> Any:
    """Return the schema of a field that accepts what any variant accepts; unions within are flattened."""
    fields = [variant["properties"][name] for variant in variants if name in variant["properties"]]
    different = list({json.dumps(field, sort_keys=True): field for field in fields}.values())
    if len(different) == 1:
        return different[0]
    choices = [choice for field in different for choice in (field.get("anyOf") or [field])]
    return {"anyOf": sorted(choices, key=_lists_tool_role)}


def _lists_tool_role(schema: Schema) -> bool:
    """Return whether these are messages in OpenAI's form, which is listed last as in the gateway's own unions."""
    return '"tool"' in json.dumps(schema)
