"""Choose the tools that the model calls, by the words that prompt and tool share, and build their arguments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from . import ModelCall, ModelInput, ModelTool
from .schema_values import value_for_schema
from .text_values import PROPERTY_KINDS, STOP_WORDS, TextValues, shorten, split_identifier

# Words in a prompt that mean the same as a word in a tool's name.
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
class _ToolMatch:
    """How well a tool matches a prompt.

    `name_words` are the words of its name that the prompt contains, `position` is where the first of them stands.
    """

    tool: ModelTool
    name_words: frozenset[str]
    score: float
    position: int


def choose_calls(model_input: ModelInput) -> tuple[ModelCall, ...]:
    """Choose the calls of the next turn. Empty if the model answers in text."""
    if not model_input.tools or model_input.tool_choice == "none":
        return ()
    model_input = _shortened(model_input)
    prompt = model_input.prompt
    if model_input.forced_tool is not None:
        forced = [tool for tool in model_input.tools if tool.name == model_input.forced_tool]
        return _build_calls([_match_tool(tool, prompt) for tool in forced], model_input)
    if model_input.tool_choice == "required":
        return _build_calls(_match_required(model_input), model_input)
    if model_input.last_turn.role == "user" or _is_handoff(model_input):
        return _build_calls(_match_freely(model_input), model_input)
    return ()


def _shortened(model_input: ModelInput) -> ModelInput:
    """Shorten long turns, and drop tools beyond the 256th, to keep the work small."""
    turns = tuple(replace(turn, text=shorten(turn.text)) for turn in model_input.turns)
    return replace(model_input, turns=turns, tools=model_input.tools[:256])


def _is_handoff(model_input: ModelInput) -> bool:
    """Whether another agent takes over an open request. LlamaIndex and LangGraph hand over by a tool's result."""
    result = model_input.tool_results[-1][1] if model_input.tool_results else ""
    return "continue with the current request" in result or result.startswith("Successfully transferred to ")


def best_tool(tools: tuple[ModelTool, ...], prompt: str) -> ModelTool:
    return _rank_tools(tools, prompt)[0].tool


def build_arguments(tool: ModelTool, text: str) -> str:
    return json.dumps(value_for_schema(tool.parameters, text), ensure_ascii=False)


# --- selecting ----------------------------------------------------------------------------------------------------


def _rank_tools(tools: tuple[ModelTool, ...], prompt: str) -> list[_ToolMatch]:
    return sorted((_match_tool(tool, prompt) for tool in tools), key=lambda match: -match.score)


def _uncalled_tools(model_input: ModelInput) -> tuple[ModelTool, ...]:
    called = {name for name, _ in model_input.tool_results}
    return tuple(tool for tool in model_input.tools if tool.name not in called)


def _match_required(model_input: ModelInput) -> list[_ToolMatch]:
    """Select at least one tool: one that wasn't called yet, and functions before output schemas."""
    ranked = _rank_tools(_uncalled_tools(model_input) or model_input.tools, model_input.prompt)
    functions = [match for match in ranked if not _is_output_schema(match.tool) and match.score > 0]
    schemas = [match for match in ranked if _is_output_schema(match.tool)]
    return _mentioned(functions) or functions[:1] or schemas[:1] or ranked[:1]


def _is_output_schema(tool: ModelTool) -> bool:
    """Whether a tool stands for the answer's schema. Those have class names (`LikeThis`), functions `like_this`."""
    return tool.name[:1].isupper()


def _match_freely(model_input: ModelInput) -> list[_ToolMatch]:
    """Select the tools that the prompt plausibly asks for."""
    ranked = _rank_tools(_uncalled_tools(model_input), model_input.prompt)
    if not ranked:
        return []
    if mentioned := _mentioned(ranked):
        return mentioned
    if model_input.schema is not None or model_input.json_mode:
        return []
    if ranked[0].score > 0:
        return ranked[:1]
    return [match for match in ranked if _accepts_free_text(match.tool, model_input.prompt)][:1]


def _mentioned(ranked: list[_ToolMatch]) -> list[_ToolMatch]:
    """The tools named in the prompt, each by a word that no better match used, in the order of the prompt."""
    used_words: set[str] = set()
    mentioned = []
    for match in ranked:
        if match.name_words - used_words:
            mentioned.append(match)
            used_words |= match.name_words
    return sorted(mentioned, key=lambda match: match.position)


def _accepts_free_text(tool: ModelTool, prompt: str) -> bool:
    """Whether the prompt is more than a greeting, and the tool takes any text."""
    is_request = "?" in prompt or len(prompt.split()) > 3
    names = tool.parameters.get("required") or list(tool.parameters.get("properties", {}))
    return is_request and any(PROPERTY_KINDS.get(word) == "free" for name in names for word in split_identifier(name))


def _stem(word: str) -> str:
    word = word.lower()
    return re.sub(r"(ing|ed|s)$", "", word) if len(word) > 4 else word


@lru_cache(maxsize=16)
def _stem_positions(prompt: str) -> dict[str, int]:
    """The stems of the words of a prompt, and where each stands last."""
    return {_stem(match[0]): match.start() for match in re.finditer(r"[^\W_]+|[+*/×÷]", prompt)}


def _match_tool(tool: ModelTool, prompt: str) -> _ToolMatch:
    prompt_stems = _stem_positions(prompt)
    positions: dict[str, int] = {}
    for word in split_identifier(tool.name):
        stems = [_stem(synonym) for synonym in (word, *_SYNONYMS.get(word, ())) if word not in STOP_WORDS]
        positions.update((word, prompt_stems[stem]) for stem in stems if stem in prompt_stems)
    if tool.name in prompt:
        positions[tool.name] = prompt.index(tool.name)
    description = [word for word in split_identifier(tool.description) if word not in STOP_WORDS and len(word) > 2]
    description_matches = len(set(map(_stem, description)) & set(prompt_stems))
    score = 3 * len(positions) + min(2, description_matches) + _number_score(tool, prompt)
    return _ToolMatch(tool, frozenset(positions), score, min(positions.values(), default=len(prompt)))


def _required_types(tool: ModelTool) -> list[str]:
    properties = tool.parameters.get("properties", {})
    names = tool.parameters.get("required", [])
    return [str(properties.get(name, {}).get("type")) for name in names]


@lru_cache(maxsize=16)
def _number_count(prompt: str) -> int:
    return len(TextValues(prompt).numbers)


def _number_score(tool: ModelTool, prompt: str) -> float:
    """Half a point for a tool if the prompt has all the numbers that it needs."""
    needed = sum(json_type in ("integer", "number") for json_type in _required_types(tool))
    return 0.5 if 0 < needed <= _number_count(prompt) else 0.0


# --- calling ------------------------------------------------------------------------------------------------------


def _build_calls(matches: list[_ToolMatch], model_input: ModelInput) -> tuple[ModelCall, ...]:
    if not matches:
        return ()
    if len(matches) == 1 or not model_input.parallel_calls:
        return _calls_of_one_tool(matches[0].tool, model_input)
    prompt = model_input.prompt
    starts = [0] + [match.position for match in matches[1:]]
    ends = [match.position for match in matches[1:]] + [len(prompt)]
    clauses = [prompt[start:end] for start, end in zip(starts, ends, strict=True)]
    return tuple(
        ModelCall(match.tool.name, build_arguments(match.tool, _argument_text(match.tool, clause, prompt)))
        for match, clause in zip(matches, clauses, strict=True)
    )


def _argument_text(tool: ModelTool, clause: str, prompt: str) -> str:
    """The clause that names the tool if it has the values that the tool needs, else the whole prompt."""
    types = _required_types(tool)
    values = TextValues(clause)
    needed_numbers = sum(json_type in ("integer", "number") for json_type in types)
    has_strings = "string" not in types or values.next_string() is not None
    return clause if len(values.numbers) >= needed_numbers and has_strings else prompt


def _calls_of_one_tool(tool: ModelTool, model_input: ModelInput) -> tuple[ModelCall, ...]:
    """One call; or one call for each place, if the tool takes a place and the text lists several."""
    text = model_input.source_text
    required = tool.parameters.get("required", [])
    places = TextValues(text).places() if model_input.parallel_calls and len(required) == 1 else []
    if places and any(PROPERTY_KINDS.get(word) == "place" for word in split_identifier(required[0])):
        arguments = value_for_schema(tool.parameters, text)
        return tuple(
            ModelCall(tool.name, json.dumps(arguments | {required[0]: place}, ensure_ascii=False)) for place in places
        )
    return (ModelCall(tool.name, build_arguments(tool, text)),)
