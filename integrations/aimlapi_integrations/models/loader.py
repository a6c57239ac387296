"""Read `models.json`: decode its named capabilities and sets of parameters on first use, then cache them.

The file states each fact once. A row of `models` names its capabilities. A set of parameters is another set `with` some
fields and `without` others. A field that has variants is written `temperature/2`.
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
)


@cache
def load_table() -> dict[str, Any]:
    """Return the whole table as parsed JSON."""
    return dict(json.loads(files(__package__).joinpath("models.json").read_text(encoding="utf-8")))


def split_words(text: str) -> frozenset[str]:
    """Split `"a b"` into a set."""
    return frozenset(text.split())


@cache
def chat_capabilities(name: str, parameters: str) -> ChatCapabilities:
    """Return the chat capabilities called `name` with the set of parameters called `parameters`."""
    return ChatCapabilities(**_decode_row(_capabilities("chat", name)), parameters=parameter_set(parameters))


@cache
def responses_capabilities(name: str) -> ResponsesCapabilities:
    """Return the Responses capabilities called `name`."""
    return ResponsesCapabilities(**_decode_row(_capabilities("responses", name)))


@cache
def embeddings_capabilities(name: str) -> EmbeddingsCapabilities:
    """Return the embeddings capabilities called `name`."""
    return EmbeddingsCapabilities(**_decode_row(_capabilities("embeddings", name)))


def _capabilities(section: str, name: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] = load_table()["capabilities"][section][name]
    return row


def _decode_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _decode_fact(name, value) for name, value in row.items()}


def _decode_fact(name: str, value: Any) -> Any:
    match name, value:
        case (("dialect" | "form"), _):
            return value
        case "parameters", str():
            return parameter_set(value)
        case "tools", dict():
            return ToolCapabilities(**_decode_row(value))
        case "closed", dict():
            return {role: split_words(keys) for role, keys in value.items()}
        case _, str():
            return split_words(value)
    return value


@cache
def parameter_set(name: str) -> Mapping[str, Parameter]:
    """Return the set of parameters called `name`, by field."""
    row = load_table()["parameters"]["sets"][name]
    parameters = dict(parameter_set(row["like"])) if "like" in row else {}
    for removed in row.get("without", "").split():
        del parameters[removed]
    return parameters | {label.partition("/")[0]: _parameter(label) for label in row.get("with", "").split()}


@cache
def _parameter(label: str) -> Parameter:
    return _decode_parameter(load_table()["parameters"]["kinds"][label])


def _decode_parameter(row: Mapping[str, Any]) -> Parameter:
    return Parameter(
        types=tuple(row.get("type", "").split()),
        minimum=row.get("min"),
        maximum=row.get("max"),
        enum=tuple(row.get("enum", ())),
        pattern=row.get("pattern"),
        default=row.get("default"),
        items=_decode_parameter(row["items"]) if "items" in row else None,
        fields={name: _decode_parameter(item) for name, item in row.get("fields", {}).items()},
        values=_decode_parameter(row["values"]) if "values" in row else None,
        required=tuple(row.get("required", "").split()),
        any_of=tuple(map(_decode_parameter, row.get("any", ()))),
    )
