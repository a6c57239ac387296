"""Options under the names and with the values that a model lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...errors import UnsupportedParameterError
from ...models import MESSAGES, RESPONSES, Parameter
from ...types import Request
from .adapt_context import AdaptContext

Options = Mapping[str, Any]
OptionStep: TypeAlias = Callable[[Options, AdaptContext], Options]

# Dropped, these would change what the request means, so they do not go where nobody lists them.
_ESSENTIAL = frozenset({"background", "conversation", "instructions", "previous_response_id", "prompt"})

# What the encoder of an endpoint writes under another name: as `thinking` there, as `reasoning` here.
_TRANSLATED = {MESSAGES: frozenset({"reasoning_effort", "reasoning"}), RESPONSES: frozenset({"reasoning_effort"})}

# Effort words that the schemas do not list. The gateway has been seen to take `none`, and some vendors take the others.
_BEYOND = frozenset({"none", "xhigh", "max"})


def adapt_options(request: Request, case: AdaptContext) -> Request:
    """Options renamed, mended and checked."""
    return apply_option_steps(
        request, case, (drop_stream_options, rename_options, adapt_effort, raise_to_minimum, validate_options)
    )


def apply_option_steps(request: Request, case: AdaptContext, steps: Iterable[OptionStep]) -> Request:
    """The request with its options taken through `steps`; the very same one where nothing has to change."""
    if not request.options:
        return request
    options: Options = drop_unset(request.options)
    for step in steps:
        options = step(options, case)
    return request if options == request.options else replace(request, options=options)


def drop_unset(options: Options) -> Options:
    """Without what is None, and without stop words where there are none."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and not (name in ("stop", "stop_sequences") and not value)
    }


def drop_stream_options(options: Options, case: AdaptContext) -> Options:
    """Without what speaks of streams where none is asked for: endpoints refuse it there."""
    return options if case.stream else {name: value for name, value in options.items() if name != "stream_options"}


def drop_n(options: Options, case: AdaptContext) -> Options:
    """Without `n`, which chat completions alone has; raises where it asks for more than the one answer."""
    if options.get("n", 1) != 1:
        raise UnsupportedParameterError(
            f"n={options['n']!r}: {case.path} gives one answer. Ask for {case.asked} on chat completions."
        )
    return {name: value for name, value in options.items() if name != "n"}


# --- names --------------------------------------------------------------------------------------------------------


def _as_list(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def _only_effort(reasoning: Any) -> Any:
    match reasoning:
        case {"effort": effort, **rest} if not rest:
            return effort
    return None


def _same(value: Any) -> Any:
    return value


_NAMES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("stop", "stop_sequences", _as_list),
    ("stop_sequences", "stop", _same),
    ("max_completion_tokens", "max_tokens", _same),
    ("reasoning_effort", "reasoning", lambda effort: {"effort": effort}),
    ("reasoning", "reasoning_effort", _only_effort),
)


def rename_options(options: Options, case: AdaptContext) -> Options:
    """Under the name that the model lists, where another name has the same meaning."""
    for name, other, convert in _NAMES:
        if name in options and other not in options and case.listed(name) is None and case.listed(other) is not None:
            value = convert(options[name])
            if value is not None:
                options = {key: held for key, held in options.items() if key != name} | {other: value}
    return options


# --- values -------------------------------------------------------------------------------------------------------


def adapt_effort(options: Options, case: AdaptContext) -> Options:
    """Words of reasoning effort that the model does not take, as the nearest that it takes."""
    changed: dict[str, Any] = {}
    if "reasoning_effort" in options:
        changed["reasoning_effort"] = _effort(options["reasoning_effort"], "reasoning_effort", case)
    reasoning = options.get("reasoning")
    if isinstance(reasoning, Mapping) and "effort" in reasoning:
        changed["reasoning"] = {**reasoning, "effort": _effort(reasoning["effort"], "reasoning", case)}
    return {**options, **changed}


def _effort(word: Any, name: str, case: AdaptContext) -> Any:
    if case.listed(name) is None and name not in _TRANSLATED.get(case.path, ()):
        return word
    if word == "minimal":
        case.warn_or_raise(f"Reasoning effort 'minimal' is refused by the gateway: {case.asked} gets 'low'.")
        return "low"
    if word in ("xhigh", "max"):
        if case.model.developer in ("OpenAI", "Anthropic"):
            case.warn_or_raise(f"Reasoning effort {word!r} is refused for {case.asked}: it gets 'high'.")
            return "high"
        case.warn_or_raise(f"Reasoning effort {word!r} is not one that {case.asked} lists: it is sent as it is.")
    return word


def raise_to_minimum(options: Options, case: AdaptContext) -> Options:
    """`top_p` 0 and `seed` 0, which mean the same as the least that the model takes."""
    changed: dict[str, Any] = {}
    for name in ("top_p", "seed"):
        listed = case.listed(name)
        least = listed.minimum if listed else None
        if least is not None and is_number(options.get(name)) and 0 <= options[name] < least:
            case.warn_or_raise(f"{name}={options[name]!r} is below what {case.asked} takes: it gets {least!r}.")
            changed[name] = least
    return {**options, **changed} if changed else options


def is_number(value: Any) -> bool:
    """Whether it is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def validate_options(options: Options, case: AdaptContext) -> Options:
    """The same options; raises for a value out of range, and tells of names that are not listed."""
    for name, value in options.items():
        listed = case.listed(name)
        if listed is not None:
            validate_value(name, value, listed, case)
        elif name in _ESSENTIAL and value:
            raise UnsupportedParameterError(f"{name!r} is not for {case.path}: send the request through Responses.")
        elif name not in _TRANSLATED.get(case.path, ()):
            case.unsupported_parameter(name)
    return options


def validate_value(name: str, value: Any, listed: Parameter, case: AdaptContext) -> None:
    """Raises for a value that the model is known to refuse."""
    if case.model.known and not listed.accepts(_as_listed(name, value)):
        raise UnsupportedParameterError(f"{name}={value!r} is not taken by {case.asked}: it takes {describe(listed)}.")


def _as_listed(name: str, value: Any) -> Any:
    """With an effort word that no schema lists replaced by one that they all do."""
    if name == "reasoning_effort" and value in _BEYOND:
        return "high"
    if name == "reasoning" and isinstance(value, Mapping) and value.get("effort") in _BEYOND:
        return {**value, "effort": "high"}
    return value


def describe(listed: Parameter) -> str:
    """What a field takes, in words."""
    if listed.enum:
        return "one of " + ", ".join(repr(word) for word in listed.enum if word is not None)
    if listed.any_of:
        return " or ".join(describe(choice) for choice in listed.any_of if choice.types != ("null",))
    types = " or ".join(kind for kind in listed.types if kind != "null") or "a value"
    bounds = [
        f"{word} {bound}" for word, bound in (("from", listed.minimum), ("to", listed.maximum)) if bound is not None
    ]
    inner = [f"{key}: {describe(held)}" for key, held in listed.fields.items()]
    items = [f"of {describe(listed.items)}"] if listed.items else []
    return " ".join([types, *items, *bounds, *(["with " + "; ".join(inner)] if inner else [])])
