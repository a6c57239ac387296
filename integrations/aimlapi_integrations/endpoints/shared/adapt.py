"""The steps of adapting a request that several endpoints share, and the context of each step.

What the model would refuse is changed where its meaning survives. What it does not list but the gateway drops is sent
with a `ParameterWarning`. Anything else raises before the call. Each adaptation is one step; the endpoints list theirs
in `ADAPT_STEPS`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..._utils.diagnostics import did_you_mean, warn_once
from ..._utils.json import drop_none
from ..._utils.json_schema import strict_obstacle
from ...errors import UnsupportedParameterError
from ...models import CHAT, MESSAGES, RESPONSES, ChatCapabilities, Model, Parameter, ResponsesCapabilities, lookup
from ...models.capabilities import ANYTHING
from ...models.loader import table_cache
from ...types import HostedTool, Request, Tool
from .parsing import as_dict

# --- the context ------------------------------------------------------------------------------------------------------


class ParameterWarning(UserWarning):
    """A parameter that the model does not list was sent, or one was changed to a value that the model accepts."""


class ContentWarning(UserWarning):
    """Content of an earlier message was left out or sent as text, because the endpoint has no form for it."""


@dataclass(frozen=True, slots=True)
class AdaptContext:
    """A model on an endpoint.

    Attributes:
        model_id: the model's id as the caller wrote it.
        endpoint: the name of the endpoint.
        strict: whether to raise instead of warning.
        stream: whether the response is streamed.
        served: whether the model is known to be served there. If not, nothing is known of what it accepts.
        chat: the model's chat capabilities; the defaults if it has none.
        responses: the model's Responses capabilities; None if they are unknown.
        quiet: whether to keep silent, in a trial run.
    """

    model_id: str
    model: Model
    endpoint: str
    strict: bool
    stream: bool
    served: bool
    chat: ChatCapabilities
    responses: ResponsesCapabilities | None
    quiet: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """Return what the field accepts; None if it is not listed."""
        return self.model.parameter(name, self.endpoint) if self.served else ANYTHING

    def warn_or_raise(self, text: str) -> None:
        """Warn that the request was changed; raise if `strict`."""
        if self.strict:
            raise UnsupportedParameterError(text)
        if not self.quiet:
            warn_once(text, ParameterWarning)

    def warn_content(self, text: str) -> None:
        """Warn that content of the history is not sent as is. That is never an error, even if `strict`."""
        warn_once(text, ContentWarning)

    def unsupported_parameter(self, name: str) -> None:
        """Warn that an unlisted field is sent; raise if `strict` or if the model refuses unlisted fields."""
        text = f"{name!r} is not a parameter that {self.model_id} lists"
        similar = did_you_mean(name, self.model.parameters(self.endpoint))
        if self.endpoint == CHAT and self.chat.closed_body:
            raise UnsupportedParameterError(f"{text}, and it refuses any other: leave it out.{similar}")
        self.warn_or_raise(f"{text}: it is sent, and the gateway drops it.{similar}")


AdaptStep: TypeAlias = Callable[[Request, AdaptContext], Request]
"""One step of adapting a request. It returns the same request if there is nothing to adapt."""

_DEFAULT_CHAT = ChatCapabilities()


@table_cache
def get_context(model_id: str, endpoint: str, strict: bool, stream: bool) -> AdaptContext:
    """Return the context of a model on an endpoint."""
    model = lookup(model_id)
    served = {CHAT: model.chat is not None, RESPONSES: model.responses is not None, MESSAGES: model.messages}[endpoint]
    chat, responses = model.chat or _DEFAULT_CHAT, model.responses if model.known else None
    return AdaptContext(model_id, model, endpoint, strict, stream, served, chat, responses)


# --- options ----------------------------------------------------------------------------------------------------------

Options = Mapping[str, Any]
OptionStep: TypeAlias = Callable[[Options, AdaptContext], Options]

# Without these a request would mean something else, so they are not sent where no model lists them.
_ESSENTIAL = frozenset({"background", "conversation", "instructions", "previous_response_id", "prompt"})

# What the encoder of an endpoint writes under another name: as `thinking` on messages, as `reasoning` on Responses.
_RENAMED_BY_ENCODER = {
    MESSAGES: frozenset({"reasoning_effort", "reasoning"}),
    RESPONSES: frozenset({"reasoning_effort"}),
}

_LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Levels of reasoning effort, lowest first."""

# Levels that no schema lists. The gateway accepts `none` for most models, and each of the others for some.
_UNLISTED_LEVELS = frozenset({"none", "minimal", "xhigh", "max"})


def adapt_options(request: Request, ctx: AdaptContext) -> Request:
    """Rename, correct and validate the options."""
    return apply_option_steps(
        request, ctx, (drop_stream_options, rename_options, adapt_effort, raise_to_minimum, validate_options)
    )


def apply_option_steps(request: Request, ctx: AdaptContext, steps: Iterable[OptionStep]) -> Request:
    """Apply `steps` to the options of a request. Return the same request if nothing has to change."""
    if not request.options:
        return request
    options: Options = drop_unset(request.options)
    for step in steps:
        options = step(options, ctx)
    return request if options == request.options else replace(request, options=options)


def drop_unset(options: Options) -> Options:
    """Drop options that are None, and empty lists of stop sequences."""
    return {
        name: value
        for name, value in options.items()
        if value is not None and not (name in ("stop", "stop_sequences") and not value)
    }


def drop_stream_options(options: Options, ctx: AdaptContext) -> Options:
    """Drop `stream_options` unless the response is streamed: endpoints refuse it elsewhere."""
    return options if ctx.stream else {name: value for name, value in options.items() if name != "stream_options"}


def drop_n(options: Options, ctx: AdaptContext) -> Options:
    """Drop `n`, which only chat completions has. Raise if it requests more than one answer."""
    if options.get("n", 1) != 1:
        raise UnsupportedParameterError(
            f"n={options['n']!r}: {ctx.endpoint} gives one answer. Ask for {ctx.model_id} on chat completions."
        )
    return {name: value for name, value in options.items() if name != "n"}


# --- names --------------------------------------------------------------------------------------------------------


def _as_list(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


def _effort_only(reasoning: Any) -> Any:
    match reasoning:
        case {"effort": effort, **others} if not others:
            return effort
    return None


def _unchanged(value: Any) -> Any:
    return value


_SYNONYMS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("stop", "stop_sequences", _as_list),
    ("stop_sequences", "stop", _unchanged),
    ("max_completion_tokens", "max_tokens", _unchanged),
    ("reasoning_effort", "reasoning", lambda effort: {"effort": effort}),
    ("reasoning", "reasoning_effort", _effort_only),
)


def rename_options(options: Options, ctx: AdaptContext) -> Options:
    """Rename options to the listed name that has the same meaning."""
    for name, other, convert in _SYNONYMS:
        if name not in options or other in options or ctx.parameter(name) is not None or ctx.parameter(other) is None:
            continue
        value = convert(options[name])
        if value is not None:
            options = {key: held for key, held in options.items() if key != name} | {other: value}
    return options


# --- values -------------------------------------------------------------------------------------------------------


def adapt_effort(options: Options, ctx: AdaptContext) -> Options:
    """Map unsupported levels of reasoning effort to the nearest supported one."""
    changed: dict[str, Any] = {}
    if "reasoning_effort" in options:
        changed["reasoning_effort"] = _supported_level(options["reasoning_effort"], "reasoning_effort", ctx)
    reasoning = options.get("reasoning")
    if isinstance(reasoning, Mapping) and "effort" in reasoning:
        changed["reasoning"] = {**reasoning, "effort": _supported_level(reasoning["effort"], "reasoning", ctx)}
    return {**options, **changed}


def _supported_level(level: Any, name: str, ctx: AdaptContext) -> Any:
    if ctx.parameter(name) is None and name not in _RENAMED_BY_ENCODER.get(ctx.endpoint, ()):
        return level
    model = ctx.model
    if "effort_ignored" in model.quirks and ctx.endpoint == CHAT:
        ctx.warn_or_raise(f"{ctx.model_id} accepts reasoning effort and ignores it on chat completions.")
    if level not in _LEVELS or _is_supported(level, model):
        return level
    if not model.efforts and level != "minimal":
        ctx.warn_or_raise(f"Reasoning effort {level!r} is not one that {ctx.model_id} lists: it is sent as is.")
        return level
    nearest = _nearest_level(level, model.effort_levels or ("low",))
    ctx.warn_or_raise(f"Reasoning effort {level!r} is not supported by {ctx.model_id}: it gets {nearest!r}.")
    return nearest


def _is_supported(level: str, model: Model) -> bool:
    if level == "none":
        return "reasoning_mandatory" not in model.quirks
    listed = model.efforts or model.effort_levels or ("low", "medium", "high")
    return level in listed


def _nearest_level(level: str, supported: Iterable[str]) -> str:
    """Return the highest supported level up to `level`, else the lowest one. Reasoning is never turned off.

    >>> _nearest_level("xhigh", ("low", "medium", "high", "max")), _nearest_level("minimal", ("none", "low", "high"))
    ('high', 'low')
    """
    levels = sorted((each for each in supported if each != "none"), key=_LEVELS.index)
    lower = [each for each in levels if _LEVELS.index(each) <= _LEVELS.index(level)]
    return lower[-1] if lower else levels[0]


def raise_to_minimum(options: Options, ctx: AdaptContext) -> Options:
    """Raise a `top_p` or `seed` of 0 to the minimum that the model accepts, which means the same."""
    changed: dict[str, Any] = {}
    for name in ("top_p", "seed"):
        parameter = ctx.parameter(name)
        minimum = parameter.minimum if parameter else None
        if minimum is not None and is_number(options.get(name)) and 0 <= options[name] < minimum:
            ctx.warn_or_raise(f"{name}={options[name]!r} is below what {ctx.model_id} takes: it gets {minimum!r}.")
            changed[name] = minimum
    return {**options, **changed} if changed else options


def is_number(value: Any) -> bool:
    """Return whether a value is a number. True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def validate_options(options: Options, ctx: AdaptContext) -> Options:
    """Raise for a value out of range, and warn of unlisted names."""
    for name, value in options.items():
        parameter = ctx.parameter(name)
        if parameter is not None:
            validate_value(name, value, parameter, ctx)
        elif name in _ESSENTIAL and value:
            raise UnsupportedParameterError(f"{name!r} is not for {ctx.endpoint}: send the request through Responses.")
        elif name not in _RENAMED_BY_ENCODER.get(ctx.endpoint, ()):
            ctx.unsupported_parameter(name)
    return options


def validate_value(name: str, value: Any, parameter: Parameter, ctx: AdaptContext) -> None:
    """Raise for a value that the model is known to refuse."""
    if ctx.model.known and not parameter.accepts(_with_listed_level(name, value)):
        raise UnsupportedParameterError(
            f"{name}={value!r} is not accepted by {ctx.model_id}: it takes {describe(parameter)}."
        )


def _with_listed_level(name: str, value: Any) -> Any:
    """Replace a level of effort that no schema lists with one that they all list."""
    if name == "reasoning_effort" and value in _UNLISTED_LEVELS:
        return "high"
    if name == "reasoning" and isinstance(value, Mapping) and value.get("effort") in _UNLISTED_LEVELS:
        return {**value, "effort": "high"}
    return value


_TYPE_NAMES = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def describe(parameter: Parameter) -> str:
    """Describe what a field accepts, for an error."""
    if parameter.enum:
        return "one of " + ", ".join(repr(value) for value in parameter.enum if value is not None)
    if parameter.any_of:
        return " or ".join(describe(choice) for choice in parameter.any_of if choice.types != ("null",))
    types = " or ".join(_TYPE_NAMES.get(name, name) for name in parameter.types if name != "null") or "a value"
    bounds = (("from", parameter.minimum), ("to", parameter.maximum))
    limits = [f"{word} {bound}" for word, bound in bounds if bound is not None]
    keys = [f"{key}: {describe(item)}" for key, item in parameter.fields.items()]
    items = [f"(each item: {describe(parameter.items)})"] if parameter.items else []
    return " ".join([types, *items, *limits, *(["with " + "; ".join(keys)] if keys else [])])


# --- strict schemas ---------------------------------------------------------------------------------------------------


def adapt_strict(request: Request, ctx: AdaptContext) -> Request:
    """Set `strict` to False for tools and a response format whose schemas have no strict form."""
    tools = tuple(_adapt_tool(tool, ctx) for tool in request.tools)
    if any(tool is not before for tool, before in zip(tools, request.tools, strict=True)):
        request = replace(request, tools=tools)
    form = request.response_format
    if form and form.strict and form.schema and (obstacle := strict_obstacle(form.schema)):
        _warn_not_strict(form.name, obstacle, ctx)
        request = replace(request, response_format=replace(form, strict=False))
    return request


def _adapt_tool(tool: Tool | HostedTool, ctx: AdaptContext) -> Tool | HostedTool:
    if isinstance(tool, HostedTool) or not tool.strict or not tool.parameters:
        return tool
    obstacle = strict_obstacle(tool.parameters)
    if obstacle is None:
        return tool
    _warn_not_strict(tool.name, obstacle, ctx)
    return replace(tool, strict=False)


def _warn_not_strict(name: str, obstacle: str, ctx: AdaptContext) -> None:
    ctx.warn_or_raise(
        f"strict=True cannot hold for the schema of {name!r}, where {obstacle}: it is sent with strict=False."
    )


# --- thinking ---------------------------------------------------------------------------------------------------------


def thinking_enabled(options: Mapping[str, Any]) -> bool:
    """Return whether thinking is requested, by effort, budget or `thinking`.

    >>> thinking_enabled({"reasoning_effort": "low"}), thinking_enabled({"reasoning_effort": "none"})
    (True, False)
    """
    enabled = as_dict(options.get("thinking")).get("type", "disabled") != "disabled"
    return enabled or effort_requested(options)


def effort_requested(options: Mapping[str, Any]) -> bool:
    """Return whether reasoning is requested by a level of effort or by `reasoning.max_tokens`."""
    reasoning = as_dict(options.get("reasoning"))
    effort = options.get("reasoning_effort") or reasoning.get("effort") or "none"
    return effort != "none" or "max_tokens" in reasoning


# --- endpoints that take few options ----------------------------------------------------------------------------------


def listed_options(
    options: Mapping[str, Any], listed: Collection[str], model: str, *, strict: bool = False
) -> dict[str, Any]:
    """Return the options without those that are None, and report those that the model doesn't list.

    Raises:
        UnsupportedParameterError: `strict`, and the model doesn't list one.
    """
    passed = drop_none(options)
    for name in passed:
        if listed and name not in listed:
            text = f"{model} doesn't list {name!r} (it lists: {', '.join(sorted(listed))})"
            warn_or_raise(f"{text}: it is sent, and the gateway drops it.", strict=strict)
    return passed


def warn_or_raise(text: str, *, strict: bool) -> None:
    """Report an argument that a model doesn't take: raise if `strict`, else warn."""
    if strict:
        raise UnsupportedParameterError(text)
    warnings.warn(text, ParameterWarning, stacklevel=1)
