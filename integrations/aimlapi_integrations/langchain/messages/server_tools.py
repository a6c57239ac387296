"""Items of tools that the gateway runs <-> LangChain's standard `server_tool_call` and `server_tool_result` blocks.

An item of ours goes into the call block's extras whole, so that it comes back exactly. Blocks that another adapter
wrote are put together again from their standard fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..._utils.json import parse_json
from ...endpoints.shared.authorship import is_messages_block, is_responses_item
from ...types import HostedItem, Json

_NAMES = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "mcp_call": "remote_mcp",
    "mcp_list_tools": "mcp_list_tools",
}
_TYPES = {name: kind for kind, name in _NAMES.items()}

_ARGUMENTS: dict[str, Callable[[Json], Json]] = {
    "web_search_call": lambda item: {k: v for k, v in _obj(item.get("action")).items() if k != "sources"},
    "file_search_call": lambda item: {"queries": item.get("queries") or []},
    "code_interpreter_call": lambda item: {"code": item.get("code") or ""},
    "mcp_call": lambda item: _parsed(item.get("arguments")),
    "mcp_list_tools": lambda _: {},
}
_OUTPUTS: dict[str, Callable[[Json], Any]] = {
    "web_search_call": lambda item: (
        {"sources": sources} if (sources := _obj(item.get("action")).get("sources")) else {}
    ),
    "file_search_call": lambda item: item.get("results"),
    "code_interpreter_call": lambda item: item.get("outputs"),
    "mcp_call": lambda item: item.get("output"),
    "mcp_list_tools": lambda item: item.get("tools"),
}
_STATUS = {"completed": "success", "failed": "error"}


def is_server_tool(kind: str) -> bool:
    """Whether a block's type is that of an item which belongs to a hosted tool."""
    return is_responses_item(kind)


def server_tool_blocks(hosted: HostedItem) -> list[Json]:
    """The standard blocks that show an item: a call and its result, a picture, or the item itself as it is."""
    item = dict(hosted.item)
    if hosted.type in _NAMES:
        return _call_and_result(hosted.type, item)
    if is_messages_block(hosted.type) and (shown := _claude_block(hosted.type, item)):
        return [shown]
    if hosted.type == "image_generation_call" and item.get("result"):
        data = item.pop("result")
        shown = {"base64": data, "mime_type": f"image/{item.get('output_format') or 'png'}", "id": item.get("id")}
        return [{"type": "image", **shown, "extras": {"item": item}}]
    return [{"type": "non_standard", "value": item}]


def _call_and_result(kind: str, item: Json) -> list[Json]:
    call_id = str(item.get("id") or "")
    call: Json = {"type": "server_tool_call", "id": call_id, "name": _NAMES[kind], "args": _ARGUMENTS[kind](item)}
    result: Json = {"type": "server_tool_result", "tool_call_id": call_id, "status": _status(item)}
    if output := _OUTPUTS[kind](item):
        result["output"] = output
    if item.get("error"):
        result["extras"] = {"error": item["error"]}
    return [{**call, "extras": {"item": item}}, result]


# --- tools that Claude's vendor runs --------------------------------------------------------------------------------

_CLAUDE_NAMES = {"code_execution": "code_interpreter"}
_OWN_NAMES = {name: own for own, name in _CLAUDE_NAMES.items()}


def _claude_block(kind: str, item: Json) -> Json | None:
    """A call or a result, each of which stands where it came; None for another block."""
    if kind in ("server_tool_use", "mcp_tool_use"):
        name = str(item.get("name") or "")
        shown = {"id": item.get("id"), "name": _CLAUDE_NAMES.get(name, name), "args": _obj(item.get("input"))}
        return {"type": "server_tool_call", **shown, "extras": {"item": item}}
    if not kind.endswith("_tool_result"):
        return None
    content = item.get("content")
    failed = item.get("is_error") or _obj(content).get("error_code")
    shown = {"tool_call_id": item.get("tool_use_id"), "status": "error" if failed else "success", "output": content}
    return {"type": "server_tool_result", **shown, "extras": {"item": item}}


def is_claude(block: Mapping[str, Any]) -> bool:
    """Whether a block is or shows what Claude's vendor ran, by its form."""
    item = _obj(_obj(block.get("extras")).get("item"))
    kinds = (str(block.get("type")), str(item.get("type")))
    call_id = str(block.get("id") or block.get("tool_call_id") or "")
    return any(map(is_messages_block, kinds)) or call_id.startswith(("srvtoolu_", "mcptoolu_"))


def claude_item(block: Mapping[str, Any]) -> HostedItem | None:
    """The block of Claude's that a block is or shows; None where it is another.

    Standard blocks of ours have it whole in their extras, those of other adapters are put together again.
    """
    kind, extras = block.get("type"), _obj(block.get("extras"))
    if is_messages_block(str(kind)):
        return HostedItem(_without_pieces(block))
    rebuild = _REBUILT_FOR_CLAUDE.get(str(kind))
    if rebuild is None:
        return None
    return HostedItem(_obj(extras.get("item")) or rebuild(block, extras))


def _without_pieces(block: Mapping[str, Any]) -> Json:
    """A block as it came whole, where another adapter added it up from a stream."""
    item = {key: value for key, value in block.items() if key not in ("index", "partial_json")}
    return {**item, "input": _parsed(block["partial_json"])} if block.get("partial_json") else item


def _claude_call(block: Mapping[str, Any], extras: Json) -> Json:
    named, name = extras.get("tool_name"), str(block.get("name") or "")
    further = {key: value for key, value in extras.items() if key != "tool_name"}
    own = {"type": "mcp_tool_use", "name": named} if named else {"type": "server_tool_use"}
    call = {"name": _OWN_NAMES.get(name, name), "id": block.get("id"), "input": block.get("args") or {}}
    return {**call, **own, **further}


def _claude_result(block: Mapping[str, Any], extras: Json) -> Json:
    kind = extras.get("block_type") or "web_search_tool_result"
    further = {key: value for key, value in extras.items() if key != "block_type"}
    failed = {"is_error": True} if kind == "mcp_tool_result" and block.get("status") == "error" else {}
    content = block.get("output") or []
    return {"type": kind, "tool_use_id": block.get("tool_call_id"), "content": content, **failed, **further}


_REBUILT_FOR_CLAUDE = {"server_tool_call": _claude_call, "server_tool_result": _claude_result}


# --- tools of Responses -------------------------------------------------------------------------------------------


def _status(item: Json) -> str:
    return "error" if item.get("error") else _STATUS.get(str(item.get("status")), "success")


def image_item(block: Mapping[str, Any]) -> HostedItem | None:
    """The item that an image block shows, if it was made from one."""
    item = _obj(block.get("extras")).get("item")
    return HostedItem({**item, "result": block["base64"]}) if isinstance(item, dict) and "base64" in block else None


def parse_server_tool(block: Mapping[str, Any], results: Mapping[str, Json]) -> HostedItem | None:
    """The item that a `server_tool_call` block shows; None for a tool that is not the gateway's.

    Args:
        block: the call.
        results: the `server_tool_result` blocks of the same message by the call's id.
    """
    extras = _obj(block.get("extras"))
    if isinstance(extras.get("item"), dict):
        return HostedItem(extras["item"])
    kind = _TYPES.get(str(block.get("name")))
    if kind is None:
        return None
    result = results.get(str(block.get("id")), {})
    shared = {
        "type": kind,
        "id": block.get("id"),
        "status": "failed" if result.get("status") == "error" else "completed",
    }
    return HostedItem({**shared, **_REBUILT[kind](_obj(block.get("args")), result.get("output"), extras)})


_REBUILT: dict[str, Callable[[Json, Any, Json], Json]] = {
    "web_search_call": lambda args, output, _: {"action": {**args, **(output if isinstance(output, dict) else {})}},
    "file_search_call": lambda args, output, _: {"queries": args.get("queries", []), "results": output or []},
    "code_interpreter_call": lambda args, output, extras: {
        "code": args.get("code", ""),
        "outputs": output or [],
        **extras,
    },
    "mcp_call": lambda args, output, extras: {
        "name": extras.get("tool_name", ""),
        "server_label": extras.get("server_label", ""),
        "arguments": json.dumps(args, ensure_ascii=False),
        **({"output": output} if output else {}),
    },
    "mcp_list_tools": lambda _, output, extras: {
        "server_label": extras.get("server_label", ""),
        "tools": output or [],
    },
}


def _obj(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _parsed(text: Any) -> Json:
    try:
        return _obj(parse_json(text))
    except (TypeError, ValueError):
        return {}
