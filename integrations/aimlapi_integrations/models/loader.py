"""Reads `models.json`: its named shapes and sets of parameters, decoded when first asked for and then kept.

The file says each fact once. A row of `models` names its shapes; a set of parameters is another set `with` some fields
and `without` others; a field that comes in variants is written `temperature/2`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from .capabilities import (
    ChatCapabilities,
    EmbeddingsCapabilities,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
    Words,
)


@cache
def load() -> dict[str, Any]:
    """The whole table, as the file has it."""
    return dict(json.loads(files(__package__).joinpath("models.json").read_text(encoding="utf-8")))


def words(text: str) -> Words:
    """`"a b"` as a set."""
    return frozenset(text.split())


@cache
def chat_capabilities(shape: str, parameters: str) -> ChatCapabilities:
    """The chat shape of one name with the set of parameters of another."""
    return ChatCapabilities(**_facts(load()["shapes"]["chat"][shape]), parameters=parameter_set(parameters))


@cache
def responses_capabilities(shape: str) -> ResponsesCapabilities:
    """The Responses shape of that name."""
    return ResponsesCapabilities(**_facts(load()["shapes"]["responses"][shape]))


@cache
def embeddings_capabilities(shape: str) -> EmbeddingsCapabilities:
    """The embeddings shape of that name."""
    return EmbeddingsCapabilities(**_facts(load()["shapes"]["embeddings"][shape]))


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _fact(name, value) for name, value in row.items()}


def _fact(name: str, value: Any) -> Any:
    match name, value:
        case (("dialect" | "form"), _):
            return value
        case "parameters", str():
            return parameter_set(value)
        case "tools", dict():
            return ToolCapabilities(**_facts(value))
        case "closed", dict():
            return {role: words(keys) for role, keys in value.items()}
        case _, str():
            return words(value)
    return value


@cache
def parameter_set(name: str) -> Mapping[str, Parameter]:
    """The set of that name, by field."""
    row = load()["parameters"]["sets"][name]
    listed = dict(parameter_set(row["like"])) if "like" in row else {}
    for gone in row.get("without", "").split():
        del listed[gone]
    return listed | {label.partition("/")[0]: _kind(label) for label in row.get("with", "").split()}


@cache
def _kind(label: str) -> Parameter:
    return _parameter(load()["parameters"]["kinds"][label])


def _parameter(row: Mapping[str, Any]) -> Parameter:
    return Parameter(
        types=tuple(row.get("type", "").split()),
        minimum=row.get("min"),
        maximum=row.get("max"),
        enum=tuple(row.get("enum", ())),
        pattern=row.get("pattern"),
        default=row.get("default"),
        items=_parameter(row["items"]) if "items" in row else None,
        fields={name: _parameter(held) for name, held in row.get("fields", {}).items()},
        values=_parameter(row["values"]) if "values" in row else None,
        required=tuple(row.get("required", "").split()),
        any_of=tuple(map(_parameter, row.get("any", ()))),
    )
