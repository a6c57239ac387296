"""How a request is read: strict pydantic models, and their complaints in the words that the gateway uses.

Strict means that nothing is coerced and that a null is refused wherever a model does not say `| None`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from .ask import JSON
from .errors import GatewayError

M = TypeVar("M", bound=BaseModel)


class Open(BaseModel):
    """Unknown keys are dropped, as the gateway does."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())


class Closed(Open):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


def read(model: type[M], body: Any) -> M:
    """`body` as `model`, or the gateway's 400 that says what is wrong with it."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise refused(_details(error.errors(include_url=False), body)) from None


def refused(details: list[JSON]) -> GatewayError:
    return GatewayError(400, "Bad Request — Invalid payload provided", details=details)


def problem(path: str, reason: str, code: str = "custom") -> JSON:
    return {"path": path, "reason": reason, "code": code}


def _details(errors: list[ErrorDetails], body: Any) -> list[JSON]:
    """One complaint for each place. Where no branch of a union fits, the branch that got deepest speaks."""
    places: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(_path(error, body), []).append(error)
    deepest = [path for path in places if not any(_inside(other, path) for other in places)]
    return [_complaint(path, places[path]) for path in deepest]


def _inside(path: str, outer: str) -> bool:
    return path != outer and (outer == "" or path.startswith(f"{outer}."))


def _path(error: ErrorDetails, body: Any) -> str:
    """Where in the body: the error's location without the names of union branches."""
    kept: list[str] = []
    at, loc = body, error["loc"]
    for index, key in enumerate(loc):
        held = at if isinstance(at, dict) else dict(enumerate(at)) if isinstance(at, list) else {}
        if key in held:
            at = held[key]
        elif not (index == len(loc) - 1 and error["type"] == "missing"):
            continue
        kept.append(str(key))
    if error["type"] == "union_tag_invalid":
        kept.append("role" if "role" in error["ctx"]["discriminator"] else "type")
    return ".".join(kept)


def _complaint(path: str, errors: list[ErrorDetails]) -> JSON:
    first = errors[0]
    if len(errors) > 1 and first["input"] is not None:
        return problem(path, "Invalid input", "invalid_union")
    code, reason = WORDS.get(first["type"], _OTHER)
    return problem(path, reason(first), code)


def _received(value: Any) -> str:
    names = {type(None): "null", str: "string", bool: "boolean", int: "number", float: "float", list: "array"}
    return names.get(type(value), "object")


def _expected(kind: str) -> tuple[str, Callable[[ErrorDetails], str]]:
    return "invalid_type", lambda error: f"Expected {kind}, received {_received(error['input'])}"


def _bound(text: str, key: str, code: str) -> tuple[str, Callable[[ErrorDetails], str]]:
    return code, lambda error: text.format(error["ctx"][key])


def _enum(error: ErrorDetails) -> str:
    options = error["ctx"]["expected"].replace(" or ", " | ").replace(", ", " | ")
    if isinstance(error["input"], str):
        return f"Invalid enum value. Expected {options}, received '{error['input']}'"
    return f"Expected {options}, received {_received(error['input'])}"


def _tag(error: ErrorDetails) -> str:
    options = error["ctx"]["expected_tags"].replace(", ", " | ")
    return f"Invalid enum value. Expected {options}, received '{error['ctx']['tag']}'"


_OTHER: tuple[str, Callable[[ErrorDetails], str]] = ("custom", lambda error: error["msg"].removeprefix("Value error, "))

# pydantic's error type -> the gateway's code and words.
WORDS: dict[str, tuple[str, Callable[[ErrorDetails], str]]] = {
    "missing": ("invalid_type", lambda _error: "Required"),
    "string_type": _expected("string"),
    "int_type": _expected("integer"),
    "int_from_float": _expected("integer"),
    "float_type": _expected("number"),
    "bool_type": _expected("boolean"),
    "list_type": _expected("array"),
    "dict_type": _expected("object"),
    "model_type": _expected("object"),
    "model_attributes_type": _expected("object"),
    "literal_error": ("invalid_enum_value", _enum),
    "union_tag_invalid": ("invalid_union_discriminator", _tag),
    "union_tag_not_found": ("invalid_union", lambda _error: "Invalid input"),
    "extra_forbidden": ("unrecognized_keys", lambda error: f"Unrecognized key(s) in object: '{error['loc'][-1]}'"),
    "greater_than_equal": _bound("Number must be greater than or equal to {}", "ge", "too_small"),
    "less_than_equal": _bound("Number must be less than or equal to {}", "le", "too_big"),
    "string_too_short": _bound("String must contain at least {} character(s)", "min_length", "too_small"),
    "string_too_long": _bound("String must contain at most {} character(s)", "max_length", "too_big"),
    "too_short": _bound("Array must contain at least {} element(s)", "min_length", "too_small"),
    "too_long": _bound("Array must contain at most {} element(s)", "max_length", "too_big"),
    "string_pattern_mismatch": ("invalid_string", lambda _error: "Invalid"),
}
