"""TypedDicts as pydantic reads them, on every Python.

LangChain's own way goes through pydantic 1, which knows no `NotRequired` and no classes of pydantic 2; pydantic 2 takes
no `typing.TypedDict` before Python 3.12, and warns of `ReadOnly`. So each is rebuilt as one of `typing_extensions`, and
LangChain's `Annotated[type, default, "description"]` as pydantic's fields.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Field
from typing_extensions import (
    NotRequired,
    ReadOnly,
    Required,
    TypedDict,
    get_type_hints,
    is_typeddict,
)

_QUALIFIERS = (Required, NotRequired, ReadOnly)


def is_typed_dict(schema: Any) -> bool:
    """Whether `schema` is a TypedDict class, or a generic one with its types (`Page[int]`)."""
    return is_typeddict(schema) or is_typeddict(get_origin(schema))


def rebuilt(annotation: Any, known: dict[Any, Any] | None = None) -> Any:
    """`annotation` with each TypedDict in it as pydantic takes it.

    Args:
        annotation: a TypedDict class, or any type that may contain some.
        known: those that have been rebuilt already, also while this is at work: they may contain themselves.

    Raises:
        NameError: an annotation that names what cannot be resolved.
        TypeError: a description that is no text.
    """
    known = {} if known is None else known
    if is_typed_dict(annotation):
        return known[annotation] if annotation in known else _rebuilt_class(annotation, known)
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if not arguments or origin is None:
        return annotation
    if origin is Annotated:
        return Annotated[(rebuilt(arguments[0], known), *arguments[1:])]
    changed = tuple(rebuilt(each, known) for each in arguments)
    if all(new is old for new, old in zip(changed, arguments, strict=True)):
        return annotation
    if origin in (Union, types.UnionType):
        return Union[changed]  # noqa: UP007  # not known before
    return annotation.copy_with(changed) if hasattr(annotation, "copy_with") else origin[changed]


def _rebuilt_class(typed_dict: Any, known: dict[Any, Any]) -> Any:
    origin = get_origin(typed_dict) or typed_dict
    new: Any = TypedDict(_class_name(typed_dict), {})  # type: ignore[misc]
    new.__doc__, described = docstring_parts(origin)
    known[typed_dict] = new
    variables = dict(zip(getattr(origin, "__parameters__", ()), get_args(typed_dict), strict=False))
    hints = {
        name: _field(_filled(hint, variables), name in origin.__required_keys__, described.get(name), known)
        for name, hint in get_type_hints(origin, include_extras=True).items()
    }
    new.__annotations__ = hints
    new.__required_keys__ = frozenset(name for name, hint in hints.items() if get_origin(hint) is not NotRequired)
    new.__optional_keys__ = frozenset(hints) - new.__required_keys__
    return new


def _class_name(typed_dict: Any) -> str:
    arguments = ", ".join(getattr(each, "__name__", str(each)) for each in get_args(typed_dict))
    name: str = (get_origin(typed_dict) or typed_dict).__name__
    return f"{name}[{arguments}]" if arguments else name


def _filled(hint: Any, variables: Mapping[Any, Any]) -> Any:
    """`hint` with the types that a generic class was given."""
    if hint in variables:
        return variables[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(variables.get(each, each) for each in parameters)] if parameters and variables else hint


def _field(hint: Any, required: bool, description: str | None, known: dict[Any, Any]) -> Any:
    """A field's type, whether it must be there told by `NotRequired` alone."""
    hint, qualifiers, metadata = _parted(hint)
    required = Required in qualifiers or (required and NotRequired not in qualifiers)
    kind = rebuilt(hint, known)
    if metadata and any(_is_pydantics(each) for each in metadata):
        kind = Annotated[(kind, *metadata)]
    elif metadata or description:
        default, told = (*metadata, ..., None)[:2] if len(metadata) < 2 else metadata[:2]
        if told is not None and not isinstance(told, str):
            raise TypeError(f"Annotated's third argument describes the field: it must be text, not {told!r}.")
        required = required and default is ...
        extra = None if default is ... else {"default": default}
        kind = Annotated[kind, Field(description=description or told, json_schema_extra=extra)]
    return kind if required else NotRequired[kind]


def _parted(hint: Any) -> tuple[Any, list[Any], tuple[Any, ...]]:
    """The type itself, its qualifiers, and what `Annotated` says of it, however they enclose each other."""
    qualifiers: list[Any] = []
    metadata: tuple[Any, ...] = ()
    while (origin := get_origin(hint)) in (*_QUALIFIERS, Annotated):
        if origin is Annotated:
            metadata = (*hint.__metadata__, *metadata)
            hint = hint.__origin__
        else:
            qualifiers.append(origin)
            [hint] = get_args(hint)
    return hint, qualifiers, metadata


def _is_pydantics(metadata: Any) -> bool:
    """Whether it is meant for pydantic: a `Field`, or a constraint."""
    return type(metadata).__module__.partition(".")[0] in ("pydantic", "annotated_types")


def docstring_parts(described: Any) -> tuple[str | None, dict[str, str]]:
    """What a class's own docstring says of it, and under `Args:`, as Google writes them, of its fields."""
    text = inspect.cleandoc(described.__doc__ or "")
    if not text or text == inspect.cleandoc(dict.__doc__ or ""):
        return None, {}
    blocks = text.split("\n\n")
    places = [place for place, block in enumerate(blocks) if block.startswith(("Args:", "Returns:", "Example:"))]
    description = " ".join(blocks[: places[0]] if places else blocks).strip()
    arguments = next((block for block in blocks if block.startswith("Args:")), "")
    return description or None, _argument_texts(arguments.split("\n")[1:])


def _argument_texts(lines: list[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    name = ""
    for line in lines:
        head, colon, text = line.partition(":")
        if colon and head.strip():
            name = head.split("(")[0].strip()
            texts[name] = text.strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}"
    return texts
