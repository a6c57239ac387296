"""Tools that the gateway runs itself: search in a few built-in pages, code that is not run, MCP that is not called.

Each says in its items that it is emulated.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from .ask import JSON, Answer, Ask, new_id
from .tool_choice import choose_calls
from .web import look_up

SIGN = "[emulated]"


@dataclass(frozen=True)
class Plan:
    """What hosted tools did before the model spoke: their items, the text they lead to, and its sources."""

    items: tuple[JSON, ...] = ()
    text: str | None = None
    annotations: tuple[JSON, ...] = ()

    def answer(self, said: Answer) -> Answer:
        return said if self.text is None else replace(said, text=self.text)


def plan(body: JSON, ask: Ask) -> Plan | None:
    """The hosted tool that answers this request; None where the model answers it itself."""
    if decision := _decision(body):
        return decision
    tools = [tool for tool in body.get("tools", []) if tool["type"] in TOOLS]
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        tools = [tool for tool in tools if tool["type"] == choice["type"]]
    elif choice == "none" or choose_calls(ask) or not _asks_for_work(ask):
        return None
    wanted = [tool for tool in tools if SIGNS[tool["type"]] & set(ask.prompt.lower().split())] or tools
    return TOOLS[wanted[0]["type"]](wanted[0], ask, body) if wanted else None


def _asks_for_work(ask: Ask) -> bool:
    structured = ask.schema is not None or ask.json_mode
    return ask.last.role == "user" and not structured and ("?" in ask.prompt or len(ask.prompt.split()) > 3)


def _web_search(_tool: JSON, ask: Ask, _body: JSON) -> Plan:
    page = look_up(ask.prompt)
    link = f"[{page.title}]({page.url})"
    text = f"{SIGN} {page.text} ({link})"
    start = text.index(link)
    note = {"type": "url_citation", "url": page.url, "title": page.title}
    action = {"type": "search", "query": ask.prompt}
    item = {"id": new_id("ws_"), "type": "web_search_call", "status": "completed", "action": action}
    return Plan((item,), text, (note | {"start_index": start, "end_index": start + len(link)},))


def _code(_tool: JSON, ask: Ask, body: JSON) -> Plan:
    shown = "code_interpreter_call.outputs" in (body.get("include") or [])
    item = {
        "id": new_id("ci_"),
        "type": "code_interpreter_call",
        "status": "completed",
        "container_id": new_id("cntr_"),
        "code": f"print({SIGN!r})",
        "outputs": [{"type": "logs", "logs": f"{SIGN}\n"}] if shown else None,
    }
    return Plan((item,), f"{SIGN} No code was run; this would be the answer to: {ask.prompt}")


def _mcp(tool: JSON, ask: Ask, _body: JSON) -> Plan:
    allowed = tool.get("allowed_tools")
    names = allowed.get("tool_names", []) if isinstance(allowed, dict) else allowed or []
    listed = {"name": names[0] if names else "emulated_tool", "description": f"{SIGN} a tool", "annotations": None}
    listed["input_schema"] = {"type": "object", "properties": {"query": {"type": "string"}}}
    listing = {"id": new_id("mcpl_"), "type": "mcp_list_tools", "server_label": tool["server_label"], "error": None}
    call = {"server_label": tool["server_label"], "name": listed["name"]}
    call["arguments"] = json.dumps({"query": ask.prompt}, ensure_ascii=False)
    head = listing | {"tools": [listed]}
    if tool.get("require_approval") == "never":
        return Plan((head, _mcp_call(call)), f"{SIGN} The MCP server was not called; its answer is made up.")
    return Plan((head, call | {"id": new_id("mcpr_"), "type": "mcp_approval_request"}), "")


def _mcp_call(call: JSON) -> JSON:
    kept = {key: call[key] for key in ("server_label", "name", "arguments")}
    return kept | {"id": new_id("mcp_"), "type": "mcp_call", "output": f"{SIGN} nothing was called", "error": None}


def _decision(body: JSON) -> Plan | None:
    """What follows from the user's word on an MCP call, where that is the last thing in the input."""
    last = body["input"][-1] if isinstance(body["input"], list) and body["input"] else {}
    if last.get("type") != "mcp_approval_response":
        return None
    asked = [item for item in body["input"] if item.get("type") == "mcp_approval_request"]
    request = next((item for item in asked if item["id"] == last["approval_request_id"]), None)
    if not last["approve"] or request is None:
        return Plan((), f"{SIGN} The call was not approved, and not made.")
    return Plan((_mcp_call(request),), f"{SIGN} The MCP server was not called; its answer is made up.")


TOOLS: dict[str, Callable[[JSON, Ask, JSON], Plan]] = {
    "web_search_preview": _web_search,
    "web_search_preview_2025_03_11": _web_search,
    "web_search": _web_search,
    "x_search": _web_search,
    "code_interpreter": _code,
    "mcp": _mcp,
}
_SEARCH = frozenset({"search", "web", "news", "find", "latest", "today"})
SIGNS: dict[str, frozenset[str]] = {
    **{name: _SEARCH for name in TOOLS if "search" in name},
    "code_interpreter": frozenset({"code", "python", "compute", "calculate", "run", "solve", "plot"}),
    "mcp": frozenset({"mcp", "server", "repository", "repo"}),
}
