"""Tools that the gateway runs itself: search in a few built-in pages, code that isn't run, MCP that isn't called.

Each states in its items that it is emulated.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import JSON, LABEL, ModelInput, ModelOutput, new_id
from .catalogue import sign
from .text_values import content_words
from .tool_choice import choose_calls

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
