"""A value for a JSON schema, out of what a prompt says where it says it, else a labelled placeholder."""

from __future__ import annotations

import math
import re
from typing import Any

from .ask import JSON
from .hints import Hints, words_of

_DEPTH = 8
_FORMATS = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "emulated@example.com",
    "uri": "https://example.com/emulated",
    "url": "https://example.com/emulated",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "hostname": "example.com",
}
_FORMAT_KINDS = {"date": "date", "date-time": "datetime", "email": "email", "uri": "url", "url": "url"}


def value_for(schema: JSON, text: str) -> Any:
    """A value valid under `schema`, with what `text` holds for it.

    >>> value_for({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, "Add 3")
    {'a': 3}
    """
    return _Writer(schema, Hints(text)).write(schema, "", 0)


class _Writer:
    def __init__(self, root: JSON, hints: Hints) -> None:
        self.root = root
        self.hints = hints

    def write(self, schema: Any, name: str, depth: int) -> Any:
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.member(schema["enum"])
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return self.branch(schema, branches, name, depth)
        return self.typed(schema, name, depth)

    def resolve(self, schema: Any) -> JSON:
        """Follows `$ref` and folds `allOf`; `true` and what is no schema at all is the empty schema."""
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            target: Any = self.root
            for key in schema["$ref"].lstrip("#/").split("/"):
                target = target.get(key.replace("~1", "/").replace("~0", "~"), {}) if key else target
            return self.resolve(target) | {key: value for key, value in schema.items() if key != "$ref"}
        return self.folded(schema) if "allOf" in schema else schema

    def folded(self, schema: JSON) -> JSON:
        merged: JSON = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.resolve, schema["allOf"]):
            properties = merged.get("properties", {}) | part.get("properties", {})
            required = [*merged.get("required", []), *part.get("required", [])]
            merged = part | merged
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged

    def member(self, options: list[Any]) -> Any:
        """The option that the prompt names, else the first."""
        named = (option for option in options if isinstance(option, (str, int)) and self.hints.mentions(str(option)))
        return next(named, options[0])

    def branch(self, schema: JSON, branches: list[Any], name: str, depth: int) -> Any:
        outer = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        resolved = [self.resolve(branch) for branch in branches]
        real = [branch for branch in resolved if branch.get("type") != "null"]
        nullable = len(real) < len(resolved)
        if nullable and (depth >= _DEPTH or not any(self.known(branch, name) for branch in real)):
            return None
        flat = [branch for branch in real if branch.get("type") not in ("object", "array")]
        pick = (flat or real)[0] if depth >= _DEPTH else self.likeliest(real, name)
        return self.write(_outer(outer) | pick, name, depth + 1)

    def likeliest(self, branches: list[JSON], name: str) -> JSON:
        """The branch whose title or `const` the prompt mentions, else one that the prompt has a value for."""
        return next(
            (b for b in branches if self.named(b)), next((b for b in branches if self.known(b, name)), branches[0])
        )

    def named(self, branch: JSON) -> bool:
        tags = [branch.get("title", ""), branch.get("const", "")]
        tags += [self.resolve(p).get("const", "") for p in branch.get("properties", {}).values()]
        return any(isinstance(tag, str) and tag and self.hints.mentions(tag) for tag in tags)

    def known(self, schema: JSON, name: str) -> bool:
        """Whether the prompt holds a value for a schema of that name. Looks without taking."""
        schema = self.resolve(schema)
        if "enum" in schema or "const" in schema:
            options = schema.get("enum") or [schema["const"]]
            return any(self.hints.mentions(str(option)) for option in options)
        look = Hints(self.hints.text)
        match _type(schema):
            case "integer" | "number":
                return look.labelled_number(name) is not None
            case "string":
                return (look.labelled(name) or look.by_kind(name)) is not None
            case "boolean":
                return look.mentions(" ".join(words_of(name)))
            case "array" | "object":
                return any(look.mentions(word) for word in words_of(name))
            case _:
                return False

    def typed(self, schema: JSON, name: str, depth: int) -> Any:
        match _type(schema):
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, name, depth)
            case "integer":
                return self.number(schema, name, whole=True)
            case "number":
                return self.number(schema, name, whole=False)
            case "boolean":
                return self.boolean(schema, name)
            case "null":
                return None
            case _:
                return self.string(schema, name)

    def object(self, schema: JSON, depth: int) -> JSON:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        made = {}
        for name in [*properties, *(name for name in required if name not in properties)]:
            wanted = properties.get(name, {})
            if name in required or (depth < _DEPTH and self.known(wanted, name)):
                made[name] = self.write(wanted, name, depth + 1)
        return made or self.mapping(schema, depth)

    def mapping(self, schema: JSON, depth: int) -> JSON:
        """A dict of free keys gets one entry, unless an empty one will do because the schema says nothing of them."""
        extra = schema.get("additionalProperties")
        if not isinstance(extra, dict) or not (extra or schema.get("minProperties")) or depth >= _DEPTH:
            return {}
        count = max(1, schema.get("minProperties", 1))
        keys = [self.hints.next_string() or f"key_{index + 1}" for index in range(count)]
        return {key: self.write(extra, key, depth + 1) for key in keys}

    def array(self, schema: JSON, name: str, depth: int) -> list[Any]:
        fixed = [self.write(item, name, depth + 1) for item in schema.get("prefixItems", [])]
        least = schema.get("minItems", 0)
        wanted = max(least, len(fixed) if fixed else self.amount(schema, depth))
        wanted = min(wanted, schema.get("maxItems", wanted))
        singular = name[:-1] if name.endswith("s") else name
        made = fixed[:wanted]
        while len(made) < wanted:
            item = self.write(schema.get("items", {}), singular, depth + 1)
            made.append(_distinct(item, made) if schema.get("uniqueItems") else item)
        return made

    def amount(self, schema: JSON, depth: int) -> int:
        """How many items: as many as the prompt has numbers or quoted strings for, and one at least."""
        if depth >= _DEPTH:
            return 0
        item = self.resolve(schema.get("items", {}))
        numbers, strings = len(self.hints.numbers), len(self.hints.strings)
        if _type(item) == "object":
            kinds = [_type(self.resolve(part)) for part in item.get("properties", {}).values()]
            counted = kinds.count("integer") + kinds.count("number")
            return max(1, min(numbers // counted, strings + len(self.hints.names))) if counted else 1
        held = {"integer": numbers, "number": numbers, "string": strings}
        return max(1, held.get(_type(item), 1)) if "enum" not in item else 1

    def number(self, schema: JSON, name: str, *, whole: bool) -> int | float:
        found = self.hints.labelled_number(name)
        found = self.hints.next_number() if found is None else found
        found = schema.get("default", 1) if found is None else found
        if not isinstance(found, (int, float)):
            found = 1
        return _bounded(float(found) if not whole and isinstance(found, float) else found, schema, whole=whole)

    def boolean(self, schema: JSON, name: str) -> bool:
        label = " ".join(words_of(name))
        if re.search(rf"\b(?:not|no|without|isn't|don't)\s+(?:\w+\s+)?{re.escape(label)}", self.hints.text, re.I):
            return False
        return bool(schema.get("default", True)) or self.hints.mentions(label)

    def string(self, schema: JSON, name: str) -> str:
        fmt = schema.get("format", "")
        if fmt in _FORMATS:
            return (self.hints.find(_FORMAT_KINDS[fmt]) if fmt in _FORMAT_KINDS else None) or _FORMATS[fmt]
        found = self.hints.labelled(name) or self.hints.by_kind(name)
        if found is None and self.hints.is_free(name):
            found = self.hints.next_string() if self.hints.strings else self.hints.text.strip()
        found = found or schema.get("default") or self.hints.next_string() or f"[emulated] {name or 'text'}"
        return _fitted(found if isinstance(found, str) else str(found), schema)


def _outer(schema: JSON) -> JSON:
    """What stands beside an `anyOf` and may bear on the value."""
    return {key: value for key, value in schema.items() if key in ("properties", "required", "default", "type")}


def _type(schema: JSON) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None and "properties" in schema:
        return "object"
    if kind is None and ("items" in schema or "prefixItems" in schema):
        return "array"
    return str(kind or "string")


def _bounded(value: int | float, schema: JSON, *, whole: bool) -> int | float:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    step: int | float = schema.get("multipleOf") or (1 if whole else 0)
    nudge = step or 0.001
    low = max(low, _above(schema, nudge))
    high = min(high, _below(schema, nudge))
    value = min(max(value, low), high)
    if step:
        value = value // step * step
        value = value if value >= low else value + step
    return int(value) if whole else value


def _above(schema: JSON, nudge: float) -> float:
    bound = schema.get("exclusiveMinimum")
    return -math.inf if bound is None or isinstance(bound, bool) else bound + nudge


def _below(schema: JSON, nudge: float) -> float:
    bound = schema.get("exclusiveMaximum")
    return math.inf if bound is None or isinstance(bound, bool) else bound - nudge


def _distinct(item: Any, others: list[Any]) -> Any:
    """Another value of the same type, where a list takes no equal ones."""
    number = 2
    fresh = item
    while fresh in others and isinstance(item, (str, int, float)):
        fresh = item + len(others) + number - 2 if isinstance(item, (int, float)) else f"{item} {number}"
        number += 1
    return fresh


def _fitted(text: str, schema: JSON) -> str:
    """Cut or filled to the schema's length, and of its pattern where a simple one is asked for."""
    if pattern := schema.get("pattern"):
        text = text if re.search(pattern, text) else _of_pattern(pattern)
    text = text[: schema.get("maxLength", len(text))]
    return text.ljust(int(schema.get("minLength", 0)), ".")


def _of_pattern(pattern: str) -> str:
    """The shortest text for a pattern made of literals, classes and counts. Groups and choices are beyond it."""
    made = ""
    for atom, _, least in re.findall(r"(\[[^\]]+\]|\\.|[^\\])(\{(\d+)[^}]*\}|[+*?])?", pattern.strip("^$")):
        made += _one_of(atom) * (int(least) if least else 1)
    return made


def _one_of(atom: str) -> str:
    if atom.startswith("["):
        return next((char for char in "aA0-_ .1b" if re.fullmatch(atom, char)), atom[1])
    return {"\\d": "0", "\\w": "a", "\\s": " ", ".": "a"}.get(atom) or atom.lstrip("\\")
