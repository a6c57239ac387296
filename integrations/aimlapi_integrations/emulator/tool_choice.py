"""Which tools the emulated model calls, and with what: by the words that a prompt and a tool have in common."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .ask import Ask, Call, Tool
from .hints import KINDS, Hints, words_of
from .schema_values import value_for
from .stop_words import COMMON

# Other words for what a tool's name says.
_SYNONYMS = {
    "add": ("plus", "sum", "+"),
    "subtract": ("minus", "difference"),
    "multiply": ("times", "product", "multiplied", "*", "×"),
    "divide": ("over", "divided", "quotient", "/", "÷"),
    "weather": ("temperature", "forecast", "rain", "raining", "sunny"),
    "calculator": ("calculate", "compute", "plus", "times", "+", "*"),
    "time": ("clock", "o'clock"),
    "search": ("find", "look", "lookup"),
}


@dataclass(frozen=True)
class _Fit:
    """How well a tool fits a prompt: the words of its name that the prompt holds, and weaker signs."""

    tool: Tool
    named: frozenset[str]
    score: float
    position: int


def choose_calls(ask: Ask) -> tuple[Call, ...]:
    """The calls of the next turn; none where the model would answer in text."""
    if not ask.tools or ask.choice == "none":
        return ()
    if ask.forced is not None:
        return _calls([_fit(tool, ask.prompt) for tool in ask.tools if tool.name == ask.forced], ask)
    if ask.choice == "required":
        return _calls(_required(ask), ask)
    return _calls(_wanted(ask), ask) if ask.last.role == "user" or _handed_over(ask) else ()


def _handed_over(ask: Ask) -> bool:
    """Whether another agent is to answer the open request: LlamaIndex and LangGraph hand over by a tool's result."""
    result = ask.results[-1][1] if ask.results else ""
    return "continue with the current request" in result or result.startswith("Successfully transferred to ")


def best_tool(tools: tuple[Tool, ...], prompt: str) -> Tool:
    return _ranked(tools, prompt)[0].tool


def arguments(tool: Tool, text: str) -> str:
    return json.dumps(value_for(tool.parameters, text), ensure_ascii=False)


def _ranked(tools: tuple[Tool, ...], prompt: str) -> list[_Fit]:
    return sorted((_fit(tool, prompt) for tool in tools), key=lambda fit: -fit.score)


def _required(ask: Ask) -> list[_Fit]:
    """Some tool must be called: one that was not yet, and a plain function before a shape to answer in."""
    done = {name for name, _ in ask.results}
    ranked = _ranked(tuple(tool for tool in ask.tools if tool.name not in done) or ask.tools, ask.prompt)
    functions = [fit for fit in ranked if not _is_shape(fit.tool) and fit.score > 0]
    shapes = [fit for fit in ranked if _is_shape(fit.tool)]
    return _mentioned(functions) or functions[:1] or shapes[:1] or ranked[:1]


def _is_shape(tool: Tool) -> bool:
    """Classes that stand for an answer's form are written `LikeThis`, functions `like_this`."""
    return tool.name[:1].isupper()


def _wanted(ask: Ask) -> list[_Fit]:
    """The tools that the prompt plausibly asks for, when the model is free to choose."""
    done = {name for name, _ in ask.results}
    ranked = _ranked(tuple(tool for tool in ask.tools if tool.name not in done), ask.prompt)
    if not ranked:
        return []
    if mentioned := _mentioned(ranked):
        return mentioned
    if ask.schema is not None or ask.json_mode:
        return []
    if ranked[0].score > 0:
        return ranked[:1]
    return [fit for fit in ranked if _could_serve(fit.tool, ask.prompt)][:1]


def _mentioned(ranked: list[_Fit]) -> list[_Fit]:
    """Tools named in the prompt, each by a word that no better one was named by; in the order of the prompt."""
    taken: set[str] = set()
    found = []
    for fit in ranked:
        if fit.named - taken:
            found.append(fit)
            taken |= fit.named
    return sorted(found, key=lambda fit: fit.position)


def _could_serve(tool: Tool, prompt: str) -> bool:
    """A request in words, not a greeting, to a tool that takes words."""
    asks = "?" in prompt or len(prompt.split()) > 3
    names = tool.parameters.get("required") or list(tool.parameters.get("properties", {}))
    return asks and any(KINDS.get(word) == "free" for name in names for word in words_of(name))


def _stem(word: str) -> str:
    word = word.lower()
    return re.sub(r"(ing|ed|s)$", "", word) if len(word) > 4 else word


def _fit(tool: Tool, prompt: str) -> _Fit:
    said = {_stem(word): match.start() for match in re.finditer(r"[^\W_]+|[+*/×÷]", prompt) for word in [match[0]]}
    spots: dict[str, int] = {}
    for word in words_of(tool.name):
        forms = [_stem(form) for form in (word, *_SYNONYMS.get(word, ())) if word not in COMMON]
        spots.update((word, said[form]) for form in forms if form in said)
    if tool.name in prompt:
        spots[tool.name] = prompt.index(tool.name)
    described = {_stem(word) for word in words_of(tool.description) if word not in COMMON and len(word) > 2}
    score = 3 * len(spots) + min(2, len(described & set(said))) + _fillable(tool, prompt)
    return _Fit(tool, frozenset(spots), score, min(spots.values(), default=len(prompt)))


def _required_types(tool: Tool) -> list[str]:
    properties = tool.parameters.get("properties", {})
    names = tool.parameters.get("required", [])
    return [str(properties.get(name, {}).get("type")) for name in names]


def _fillable(tool: Tool, prompt: str) -> float:
    """Half a point for a tool whose numbers are all in the prompt."""
    wanted = sum(kind in ("integer", "number") for kind in _required_types(tool))
    return 0.5 if 0 < wanted <= len(Hints(prompt).numbers) else 0.0


def _calls(fits: list[_Fit], ask: Ask) -> tuple[Call, ...]:
    if not fits:
        return ()
    if len(fits) == 1 or not ask.parallel:
        return _one_tool(fits[0].tool, ask)
    ends = [fit.position for fit in fits[1:]] + [len(ask.prompt)]
    starts = [0] + [fit.position for fit in fits[1:]]
    clauses = [ask.prompt[start:end] for start, end in zip(starts, ends, strict=True)]
    return tuple(
        Call(fit.tool.name, arguments(fit.tool, _text_for(fit.tool, clause, ask.prompt)))
        for fit, clause in zip(fits, clauses, strict=True)
    )


def _text_for(tool: Tool, clause: str, whole: str) -> str:
    """The clause that names the tool, where it holds what the tool needs, else the whole prompt."""
    kinds = _required_types(tool)
    hints = Hints(clause)
    numbers = sum(kind in ("integer", "number") for kind in kinds)
    enough = len(hints.numbers) >= numbers and ("string" not in kinds or hints.next_string() is not None)
    return clause if enough else whole


def _one_tool(tool: Tool, ask: Ask) -> tuple[Call, ...]:
    """One call, or one for each of several places where the tool takes one place."""
    text = ask.known
    required = tool.parameters.get("required", [])
    places = Hints(text).places() if ask.parallel and len(required) == 1 else []
    if places and any(KINDS.get(word) == "place" for word in words_of(required[0])):
        made = value_for(tool.parameters, text)
        return tuple(Call(tool.name, json.dumps(made | {required[0]: place}, ensure_ascii=False)) for place in places)
    return (Call(tool.name, arguments(tool, text)),)
