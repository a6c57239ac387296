"""Readable YAML: what fits on a line is on one line, and multi-line texts keep their lines."""

from __future__ import annotations

import json
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast loader, if PyYAML has it
_LINE = 100


class InlineMapping(dict[str, Any]):
    """A mapping that is always written on one line."""


class Event(dict[str, Any]):
    """An event of a stream, with one field per line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _fits_one_line(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return len(text) <= _LINE and "\\n" not in text


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=_fits_one_line(value))


def _inline_mapping(dumper: yaml.SafeDumper, value: InlineMapping) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _event(dumper: yaml.SafeDumper, value: Event) -> yaml.Node:
    fields = {name: InlineMapping(field) if isinstance(field, dict) else field for name, field in value.items()}
    return dumper.represent_mapping("tag:yaml.org,2002:map", fields.items(), flow_style=False)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    numbers = all(isinstance(item, int | float) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=numbers or _fits_one_line(value))


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(InlineMapping, _inline_mapping)
_Dumper.add_representer(Event, _event)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(str, _text)


def dump(document: dict[str, Any]) -> str:
    """Return a document as YAML, with its keys in order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def load(text: str) -> dict[str, Any]:
    """Parse a document."""
    document = yaml.load(text, Loader=_Loader)
    if not isinstance(document, dict):
        raise TypeError("A cassette is a mapping of provenance and interactions")
    return document
