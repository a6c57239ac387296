"""Build a value for a JSON schema: from a text where it has one, else a labeled placeholder."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from . import JSON, LABEL, UnprocessableInputError
from .texts import TextValues, shorten, split_identifier

_MAX_DEPTH = 8
_MAX_VALUES = 10_000
_MAX_VALUES_FROM_TEXT = 100
_MAX_OPTIONS = 200  # of an enum that are looked for in the text
_MAX_TEXT_LENGTH = 100_000
# Format -> placeholder.
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
# Format -> kind of value that a text can have for it.
_FORMAT_KINDS = {"date": "date", "date-time": "datetime", "email": "email", "uri": "url", "url": "url"}


def value_for_schema(schema: JSON, text: str) -> Any:
    """Build a value that is valid under `schema`, from what `text` contains where possible.

    >>> value_for_schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, "Add 3")
    {'a': 3}
    """
    try:
        return _ValueBuilder(schema, TextValues(shorten(text))).build(schema, "", 0)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UnprocessableInputError(f"invalid JSON schema ({type(error).__name__}: {error})") from error


class _ValueBuilder:
    def __init__(self, root: JSON, values: TextValues) -> None:
        self.root = root
        self.values = values
        self.unconsumed = values.copy()
        self.value_count = 0

    def build(self, schema: Any, name: str, depth: int) -> Any:
        self.count_value()
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.choose_option(schema["enum"])
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return self.choose_branch(schema, branches, name, depth)
        return self.build_by_type(schema, name, depth)

    def count_value(self) -> None:
        """Count a value that is built or looked for. After many use placeholders only, and after too many stop."""
        self.value_count += 1
        if self.value_count == _MAX_VALUES_FROM_TEXT:
            self.values = self.unconsumed = TextValues("")
        if self.value_count > _MAX_VALUES:
            raise UnprocessableInputError(f"the schema needs more than {_MAX_VALUES} values")

    def resolve(self, schema: Any) -> JSON:
        """Follow `$ref` and merge `allOf`. `true` and anything that isn't a schema becomes the empty schema."""
        if not isinstance(schema, dict):
            return {}
        if "$ref" in schema:
            target: Any = self.root
            for key in schema["$ref"].lstrip("#/").split("/"):
                target = target.get(key.replace("~1", "/").replace("~0", "~"), {}) if key else target
            return self.resolve(target) | {key: value for key, value in schema.items() if key != "$ref"}
        return self.merge_all_of(schema) if "allOf" in schema else schema

    def merge_all_of(self, schema: JSON) -> JSON:
        merged: JSON = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.resolve, schema["allOf"]):
            properties = merged.get("properties", {}) | part.get("properties", {})
            required = [*merged.get("required", []), *part.get("required", [])]
            merged = part | merged
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged

    def choose_option(self, options: list[Any]) -> Any:
        """The option that the text mentions, else the first."""
        texts = ((option, str(option)) for option in options[:_MAX_OPTIONS] if isinstance(option, (str, int)))
        return next((option for option, text in texts if self.values.mentions(text)), options[0])

    def choose_branch(self, schema: JSON, branches: list[Any], name: str, depth: int) -> Any:
        outer = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
        resolved = [self.resolve(branch) for branch in branches]
        not_null = [branch for branch in resolved if branch.get("type") != "null"]
        nullable = len(not_null) < len(resolved)
        if nullable and (depth >= _MAX_DEPTH or not any(self.has_value(branch, name) for branch in not_null)):
            return None
        scalars = [branch for branch in not_null if branch.get("type") not in ("object", "array")]
        branch = (scalars or not_null)[0] if depth >= _MAX_DEPTH else self.likeliest_branch(not_null, name)
        return self.build(_outer_keywords(outer) | branch, name, depth + 1)

    def likeliest_branch(self, branches: list[JSON], name: str) -> JSON:
        """The branch whose title or `const` the text mentions, else one that the text has a value for."""
        for branch in branches:
            if self.is_mentioned(branch):
                return branch
        return next((branch for branch in branches if self.has_value(branch, name)), branches[0])

    def is_mentioned(self, branch: JSON) -> bool:
        tags = [branch.get("title", ""), branch.get("const", "")]
        tags += [self.resolve(p).get("const", "") for p in branch.get("properties", {}).values()]
        return any(isinstance(tag, str) and tag and self.values.mentions(tag) for tag in tags)

    def has_value(self, schema: JSON, name: str) -> bool:
        """Whether the text has a value for a property of this name. Consumes nothing."""
        self.count_value()
        schema = self.resolve(schema)
        if "enum" in schema or "const" in schema:
            options = schema.get("enum") or [schema["const"]]
            return any(self.values.mentions(str(option)) for option in options[:_MAX_OPTIONS])
        values = self.unconsumed.copy()
        match _schema_type(schema):
            case "integer" | "number":
                return values.labeled_number(name) is not None
            case "string":
                return (values.labeled(name) or values.by_kind(name)) is not None
            case "boolean":
                return values.mentions(" ".join(split_identifier(name)))
            case "array" | "object":
                return any(values.mentions(word) for word in split_identifier(name))
            case _:
                return False

    def build_by_type(self, schema: JSON, name: str, depth: int) -> Any:
        match _schema_type(schema):
            case "object":
                return self.build_object(schema, depth)
            case "array":
                return self.build_array(schema, name, depth)
            case "integer":
                return self.build_number(schema, name, is_integer=True)
            case "number":
                return self.build_number(schema, name, is_integer=False)
            case "boolean":
                return self.build_boolean(schema, name)
            case "null":
                return None
            case _:
                return self.build_string(schema, name)

    def build_object(self, schema: JSON, depth: int) -> JSON:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        result = {}
        for name in [*properties, *(name for name in required if name not in properties)]:
            property_schema = properties.get(name, {})
            if name in required or (depth < _MAX_DEPTH and self.has_value(property_schema, name)):
                result[name] = self.build(property_schema, name, depth + 1)
        return result or self.build_mapping(schema, depth)

    def build_mapping(self, schema: JSON, depth: int) -> JSON:
        """A dict of arbitrary keys. It gets one entry, unless the schema says nothing about the entries."""
        value_schema = schema.get("additionalProperties")
        if (
            not isinstance(value_schema, dict)
            or not (value_schema or schema.get("minProperties"))
            or depth >= _MAX_DEPTH
        ):
            return {}
        count = max(1, schema.get("minProperties", 1))
        keys = [self.values.next_string() or f"key_{index + 1}" for index in range(count)]
        return {key: self.build(value_schema, key, depth + 1) for key in keys}

    def build_array(self, schema: JSON, name: str, depth: int) -> list[Any]:
        items = [self.build(item, name, depth + 1) for item in schema.get("prefixItems", [])]
        length = max(schema.get("minItems", 0), len(items) if items else self.item_count(schema, depth))
        length = min(length, schema.get("maxItems", length))
        singular = name[:-1] if name.endswith("s") else name
        result = items[:length]
        while len(result) < length:
            item = self.build(schema.get("items", {}), singular, depth + 1)
            result.append(_make_distinct(item, result) if schema.get("uniqueItems") else item)
        return result

    def item_count(self, schema: JSON, depth: int) -> int:
        """The number of items: as many as the text has numbers or quoted strings for, at least one."""
        if depth >= _MAX_DEPTH:
            return 0
        item = self.resolve(schema.get("items", {}))
        numbers, strings = len(self.values.numbers), len(self.values.strings)
        if _schema_type(item) == "object":
            types = [_schema_type(self.resolve(part)) for part in item.get("properties", {}).values()]
            numeric = types.count("integer") + types.count("number")
            return max(1, min(numbers // numeric, strings + len(self.values.names))) if numeric else 1
        counts = {"integer": numbers, "number": numbers, "string": strings}
        return max(1, counts.get(_schema_type(item), 1)) if "enum" not in item else 1

    def build_number(self, schema: JSON, name: str, *, is_integer: bool) -> int | float:
        value = self.values.labeled_number(name)
        value = self.values.next_number() if value is None else value
        value = schema.get("default", 1) if value is None else value
        return _within_bounds(value if isinstance(value, (int, float)) else 1, schema, is_integer=is_integer)

    def build_boolean(self, schema: JSON, name: str) -> bool:
        label = " ".join(split_identifier(name))
        if self.values.text and re.search(
            rf"\b(?:not|no|without|isn't|don't)\s+(?:\w+\s+)?{re.escape(label)}", self.values.text, re.I
        ):
            return False
        return bool(schema.get("default", True)) or self.values.mentions(label)

    def build_string(self, schema: JSON, name: str) -> str:
        format_name = schema.get("format", "")
        if format_name in _FORMATS:
            value = self.values.find(_FORMAT_KINDS[format_name]) if format_name in _FORMAT_KINDS else None
            return value or _FORMATS[format_name]
        value = self.values.labeled(name) or self.values.by_kind(name)
        if value is None and self.values.is_free_text(name):
            value = self.values.next_string() if self.values.strings else self.values.text.strip()
        value = value or schema.get("default") or self.values.next_string() or f"{LABEL} {name or 'text'}"
        return _fit_text(value if isinstance(value, str) else str(value), schema)


def _outer_keywords(schema: JSON) -> JSON:
    """The keywords next to an `anyOf` that can affect the value."""
    return {key: value for key, value in schema.items() if key in ("properties", "required", "default", "type")}


def _schema_type(schema: JSON) -> str:
    json_type = schema.get("type")
    if isinstance(json_type, list):
        json_type = next((option for option in json_type if option != "null"), "null")
    if json_type is None and "properties" in schema:
        return "object"
    if json_type is None and ("items" in schema or "prefixItems" in schema):
        return "array"
    return str(json_type or "string")


def _within_bounds(value: int | float, schema: JSON, *, is_integer: bool) -> int | float:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    step: int | float = schema.get("multipleOf") or (1 if is_integer else 0)
    step_size = step or 0.001
    low = max(low, _exclusive_minimum(schema, step_size))
    high = min(high, _exclusive_maximum(schema, step_size))
    value = min(max(value, low), high)
    if step:
        value = value // step * step
        value = value if value >= low else value + step
    return int(value) if is_integer else value


def _exclusive_minimum(schema: JSON, step_size: float) -> float:
    bound = schema.get("exclusiveMinimum")
    return -math.inf if bound is None or isinstance(bound, bool) else bound + step_size


def _exclusive_maximum(schema: JSON, step_size: float) -> float:
    bound = schema.get("exclusiveMaximum")
    return math.inf if bound is None or isinstance(bound, bool) else bound - step_size


def _make_distinct(item: Any, others: list[Any]) -> Any:
    """Change an item that the list already has, keeping its type."""
    number = 2
    distinct = item
    while distinct in others and isinstance(item, (str, int, float)):
        distinct = item + len(others) + number - 2 if isinstance(item, (int, float)) else f"{item} {number}"
        number += 1
    return distinct


def _fit_text(text: str, schema: JSON) -> str:
    """Cut or pad a text to the schema's length, and replace it if it doesn't match the pattern."""
    if pattern := schema.get("pattern"):
        text = text if _matches_pattern(text, pattern) else _text_for_pattern(pattern)
    text = text[: schema.get("maxLength", len(text))]
    return text.ljust(_checked_length(int(schema.get("minLength", 0))), ".")


def _checked_length(length: int) -> int:
    if length > _MAX_TEXT_LENGTH:
        raise UnprocessableInputError(f"the schema needs a text of more than {_MAX_TEXT_LENGTH} characters")
    return length


def _matches_pattern(text: str, pattern: str) -> bool:
    """Whether a text matches the caller's pattern. Pydantic's engine takes linear time; what it can't do is False."""
    try:
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)]).validate_python(text)
    except (SchemaError, ValidationError):
        return False
    return True


def _text_for_pattern(pattern: str) -> str:
    """The shortest text for a pattern of literals, classes and counts. Groups and alternatives aren't supported."""
    result = ""
    for atom, _, count in re.findall(r"(\[[^\]]+\]|\\.|[^\\])(\{(\d+)[^}]*\}|[+*?])?", pattern.strip("^$")):
        result += _char_for_atom(atom) * _checked_length(int(count) if count else 1)
    return result


def _char_for_atom(atom: str) -> str:
    if atom.startswith("["):
        return next((char for char in "aA0-_ .1b" if re.fullmatch(atom, char)), atom[1])
    return {"\\d": "0", "\\w": "a", "\\s": " ", ".": "a"}.get(atom) or atom.lstrip("\\")
