"""Tools: which the model calls, and what those return that the gateway runs itself.

The model chooses by the words that prompt and tool share, and builds the arguments from the prompt. Hosted tools search
in a few built-in pages, run no code and call no MCP server. Each states in its items that it is emulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from . import JSON, LABEL, ModelCall, ModelInput, ModelOutput, ModelTool, new_id
from .catalogue import sign
from .schema_values import value_for_schema
from .texts import PROPERTY_KINDS, STOP_WORDS, TextValues, content_words, shorten, split_identifier

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


# --- the pages that search knows ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    url: str
    title: str
    date: str
    text: str


PAGES = (
    Page(
        "https://example.com/emulated/vienna",
        "Vienna (emulated page)",
        "2025-01-15",
        "Vienna is the capital of Austria and lies on the Danube.",
    ),
    Page(
        "https://example.com/emulated/honey",
        "Honey (emulated page)",
        "2025-02-03",
        "Honey keeps for years in a closed jar because it holds little water and much sugar.",
    ),
    Page(
        "https://example.com/emulated/weather",
        "Weather today (emulated page)",
        "2025-03-21",
        "The weather today is mild and dry, with light wind from the west.",
    ),
    Page(
        "https://example.com/emulated/python",
        "Python releases (emulated page)",
        "2025-10-07",
        "A new release of the Python programming language appears every October.",
    ),
    Page(
        "https://example.com/emulated/news",
        "News of the day (emulated page)",
        "2025-04-02",
        "A positive news story today: the town library opened its new reading room.",
    ),
)


def search_pages(query: str) -> Page:
    """The page that has the most words in common with the query."""
    query_words = content_words(query)
    return max(PAGES, key=lambda page: len(content_words(f"{page.title} {page.text}") & query_words))


# --- the tools ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HostedToolResult:
    """What a hosted tool did: its items, the text that follows from them, and the text's citations."""

    items: tuple[JSON, ...] = ()
    text: str | None = None
    annotations: tuple[JSON, ...] = ()

    def apply_to(self, output: ModelOutput) -> ModelOutput:
        """Replace the text of an output by the text that the tool led to."""
        return output if self.text is None else replace(output, text=self.text)


def run_hosted_tool(body: JSON, model_input: ModelInput) -> HostedToolResult | None:
    """Run the hosted tool that answers a Responses request. None if the model answers without one."""
    if result := _answer_approval(body):
        return result
    tools = [tool for tool in body.get("tools", []) if tool["type"] in HOSTED_TOOLS]
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        tools = [tool for tool in tools if tool["type"] == choice["type"]]
    elif choice == "none" or choose_calls(model_input) or not needs_work(model_input):
        return None
    prompt_words = set(model_input.prompt.lower().split())
    matching = [tool for tool in tools if TRIGGER_WORDS[tool["type"]] & prompt_words] or tools
    return HOSTED_TOOLS[matching[0]["type"]](matching[0], model_input, body) if matching else None


def needs_work(model_input: ModelInput) -> bool:
    """Whether the last turn is a request by the user that a tool may help with, and not a greeting."""
    structured = model_input.schema is not None or model_input.json_mode
    is_request = "?" in model_input.prompt or len(model_input.prompt.split()) > 3
    return model_input.last_turn.role == "user" and not structured and is_request


def _search_web(_tool: JSON, model_input: ModelInput, _body: JSON) -> HostedToolResult:
    page = search_pages(model_input.prompt)
    link = f"[{page.title}]({page.url})"
    text = f"{LABEL} {page.text} ({link})"
    start = text.index(link)
    note = {"type": "url_citation", "url": page.url, "title": page.title}
    action = {"type": "search", "query": model_input.prompt}
    item = {"id": new_id("ws_"), "type": "web_search_call", "status": "completed", "action": action}
    return HostedToolResult((item,), text, (note | {"start_index": start, "end_index": start + len(link)},))


# --- Claude's web search ------------------------------------------------------------------------------------------


def run_server_tool(body: JSON, model_input: ModelInput) -> list[JSON] | None:
    """The content blocks with which a Claude model answers by web search. None if it answers without.

    A turn that ends with the results of a search (see `pause_turn`) is continued: it gets the text only.
    """
    last = body["messages"][-1]
    if last["role"] == "assistant" and isinstance(last["content"], list) and last["content"]:
        block = last["content"][-1]
        if block["type"] == "web_search_tool_result" and isinstance(block["content"], list) and block["content"]:
            return [_cited_text(_page_at(block["content"][0]["url"]))]
    if not any(str(tool.get("type", "")).startswith("web_search_") for tool in body.get("tools", [])):
        return None
    if model_input.tool_choice == "none" or choose_calls(model_input) or not needs_work(model_input):
        return None
    page, tool_use_id = search_pages(model_input.prompt), new_id("srvtoolu_")
    use = {"type": "server_tool_use", "id": tool_use_id, "name": "web_search", "input": {"query": model_input.prompt}}
    result = {"type": "web_search_result", "url": page.url, "title": page.title, "page_age": page.date}
    result["encrypted_content"] = sign(page.url)
    results = {"type": "web_search_tool_result", "tool_use_id": tool_use_id, "content": [result]}
    return [use, results, _cited_text(page)]


def _page_at(url: str) -> Page:
    return next((page for page in PAGES if page.url == url), PAGES[0])


def _cited_text(page: Page) -> JSON:
    citation = {"type": "web_search_result_location", "url": page.url, "title": page.title, "cited_text": page.text}
    citation["encrypted_index"] = sign(f"{page.url}#0")
    return {"type": "text", "text": f"{LABEL} {page.text}", "citations": [citation]}


def _interpret_code(_tool: JSON, model_input: ModelInput, body: JSON) -> HostedToolResult:
    include_outputs = "code_interpreter_call.outputs" in (body.get("include") or [])
    item = {
        "id": new_id("ci_"),
        "type": "code_interpreter_call",
        "status": "completed",
        "container_id": new_id("cntr_"),
        "code": f"print({LABEL!r})",
        "outputs": [{"type": "logs", "logs": f"{LABEL}\n"}] if include_outputs else None,
    }
    return HostedToolResult((item,), f"{LABEL} No code was run; this would be the answer to: {model_input.prompt}")


def _use_mcp_server(tool: JSON, model_input: ModelInput, _body: JSON) -> HostedToolResult:
    allowed = tool.get("allowed_tools")
    names = allowed.get("tool_names", []) if isinstance(allowed, dict) else allowed or []
    definition = {"name": names[0] if names else "emulated_tool", "description": f"{LABEL} a tool", "annotations": None}
    definition["input_schema"] = {"type": "object", "properties": {"query": {"type": "string"}}}
    label = tool["server_label"]
    listing = {"id": new_id("mcpl_"), "type": "mcp_list_tools", "server_label": label, "error": None}
    listing["tools"] = [definition]
    arguments = json.dumps({"query": model_input.prompt}, ensure_ascii=False)
    call = {"server_label": label, "name": definition["name"], "arguments": arguments}
    if tool.get("require_approval") == "never":
        return HostedToolResult((listing, _mcp_call_item(call)), _MCP_TEXT)
    return HostedToolResult((listing, call | {"id": new_id("mcpr_"), "type": "mcp_approval_request"}), "")


_MCP_TEXT = f"{LABEL} The MCP server was not called; its answer is made up."


def _mcp_call_item(call: JSON) -> JSON:
    fields = {key: call[key] for key in ("server_label", "name", "arguments")}
    return fields | {"id": new_id("mcp_"), "type": "mcp_call", "output": f"{LABEL} nothing was called", "error": None}


def _answer_approval(body: JSON) -> HostedToolResult | None:
    """The result of approving or rejecting an MCP call, if that is the last item of the input."""
    last = body["input"][-1] if isinstance(body["input"], list) and body["input"] else {}
    if last.get("type") != "mcp_approval_response":
        return None
    requests = [item for item in body["input"] if item.get("type") == "mcp_approval_request"]
    request = next((item for item in requests if item["id"] == last["approval_request_id"]), None)
    if not last["approve"] or request is None:
        return HostedToolResult((), f"{LABEL} The call was not approved, and not made.")
    return HostedToolResult((_mcp_call_item(request),), _MCP_TEXT)


HOSTED_TOOLS: dict[str, Callable[[JSON, ModelInput, JSON], HostedToolResult]] = {
    "web_search_preview": _search_web,
    "web_search_preview_2025_03_11": _search_web,
    "web_search": _search_web,
    "x_search": _search_web,
    "code_interpreter": _interpret_code,
    "mcp": _use_mcp_server,
}
_SEARCH_WORDS = frozenset({"search", "web", "news", "find", "latest", "today"})
# Words of a prompt that call for a tool.
TRIGGER_WORDS: dict[str, frozenset[str]] = {
    **{name: _SEARCH_WORDS for name in HOSTED_TOOLS if "search" in name},
    "code_interpreter": frozenset({"code", "python", "compute", "calculate", "run", "solve", "plot"}),
    "mcp": frozenset({"mcp", "server", "repository", "repo"}),
}
