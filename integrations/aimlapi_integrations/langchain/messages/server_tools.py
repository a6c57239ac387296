"""Items of tools that the gateway runs <-> LangChain's standard `server_tool_call` and `server_tool_result` blocks.

The extras of a call's block contain the whole item, so that it is sent back unchanged. Items of blocks that another
integration wrote are rebuilt from their standard fields.
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
    "web_search_call": lambda item: {k: v for k, v in _as_dict(item.get("action")).items() if k != "sources"},
    "file_search_call": lambda item: {"queries": item.get("queries") or []},
    "code_interpreter_call": lambda item: {"code": item.get("code") or ""},
    "mcp_call": lambda item: _parse_object(item.get("arguments")),
    "mcp_list_tools": lambda _: {},
}
_OUTPUTS: dict[str, Callable[[Json], Any]] = {
    "web_search_call": lambda item: (
        {"sources": sources} if (sources := _as_dict(item.get("action")).get("sources")) else {}
    ),
    "file_search_call": lambda item: item.get("results"),
    "code_interpreter_call": lambda item: item.get("outputs"),
    "mcp_call": lambda item: item.get("output"),
    "mcp_list_tools": lambda item: item.get("tools"),
}
_STATUS = {"completed": "success", "failed": "error"}


def is_server_tool(kind: str) -> bool:
    """Return whether this is the type of a hosted tool's item."""
    return is_responses_item(kind)


def server_tool_blocks(hosted: HostedItem) -> list[Json]:
    """Return the standard blocks of an item: a call and its result, an image, or the item itself."""
    item = dict(hosted.item)
    if hosted.type in _NAMES:
        return _call_and_result(hosted.type, item)
    if is_messages_block(hosted.type) and (block := _claude_block(hosted.type, item)):
        return [block]
    if hosted.type == "image_generation_call" and item.get("result"):
        data = item.pop("result")
        image = {"base64": data, "mime_type": f"image/{item.get('output_format') or 'png'}", "id": item.get("id")}
        return [{"type": "image", **image, "extras": {"item": item}}]
    return [{"type": "non_standard", "value": item}]


def _call_and_result(kind: str, item: Json) -> list[Json]:
    call_id = str(item.get("id") or "")
    call: Json = {"type": "server_tool_call", "id": call_id, "name": _NAMES[kind], "args": _ARGUMENTS[kind](item)}
    result: Json = {"type": "server_tool_result", "tool_call_id": call_id, "status": _result_status(item)}
    if output := _OUTPUTS[kind](item):
        result["output"] = output
    if item.get("error"):
        result["extras"] = {"error": item["error"]}
    return [{**call, "extras": {"item": item}}, result]


def _result_status(item: Json) -> str:
    return "error" if item.get("error") else _STATUS.get(str(item.get("status")), "success")


# --- Anthropic's server tools ---------------------------------------------------------------------------------------

_STANDARD_NAMES = {"code_execution": "code_interpreter"}
_CLAUDE_NAMES = {standard: name for name, standard in _STANDARD_NAMES.items()}


def _claude_block(kind: str, item: Json) -> Json | None:
    """Return the standard block of a call or a result, which have separate items here; None for another block."""
    if kind in ("server_tool_use", "mcp_tool_use"):
        name = str(item.get("name") or "")
        fields = {"id": item.get("id"), "name": _STANDARD_NAMES.get(name, name), "args": _as_dict(item.get("input"))}
        return {"type": "server_tool_call", **fields, "extras": {"item": item}}
    if not kind.endswith("_tool_result"):
        return None
    content = item.get("content")
    failed = item.get("is_error") or _as_dict(content).get("error_code")
    fields = {"tool_call_id": item.get("tool_use_id"), "status": "error" if failed else "success", "output": content}
    return {"type": "server_tool_result", **fields, "extras": {"item": item}}


def is_claude_block(block: Mapping[str, Any]) -> bool:
    """Return whether a block is, or represents, a block of Anthropic's server tools."""
    item = _as_dict(_as_dict(block.get("extras")).get("item"))
    kinds = (str(block.get("type")), str(item.get("type")))
    call_id = str(block.get("id") or block.get("tool_call_id") or "")
    return any(map(is_messages_block, kinds)) or call_id.startswith(("srvtoolu_", "mcptoolu_"))


def parse_claude_item(block: Mapping[str, Any]) -> HostedItem | None:
    """Return the Anthropic block that a block is, or represents; None for another one.

    This package's standard blocks contain it in their extras; for those of other integrations it is rebuilt.
    """
    kind, extras = block.get("type"), _as_dict(block.get("extras"))
    if is_messages_block(str(kind)):
        return HostedItem(_join_stream_pieces(block))
    rebuild = _CLAUDE_REBUILDERS.get(str(kind))
    if rebuild is None:
        return None
    return HostedItem(_as_dict(extras.get("item")) or rebuild(block, extras))


def _join_stream_pieces(block: Mapping[str, Any]) -> Json:
    """Return a complete block, which another integration may have merged from a stream."""
    item = {key: value for key, value in block.items() if key not in ("index", "partial_json")}
    return {**item, "input": _parse_object(block["partial_json"])} if block.get("partial_json") else item


def _rebuild_claude_call(block: Mapping[str, Any], extras: Json) -> Json:
    mcp_tool, name = extras.get("tool_name"), str(block.get("name") or "")
    other_extras = {key: value for key, value in extras.items() if key != "tool_name"}
    own = {"type": "mcp_tool_use", "name": mcp_tool} if mcp_tool else {"type": "server_tool_use"}
    call = {"name": _CLAUDE_NAMES.get(name, name), "id": block.get("id"), "input": block.get("args") or {}}
    return {**call, **own, **other_extras}


def _rebuild_claude_result(block: Mapping[str, Any], extras: Json) -> Json:
    kind = extras.get("block_type") or "web_search_tool_result"
    other_extras = {key: value for key, value in extras.items() if key != "block_type"}
    error = {"is_error": True} if kind == "mcp_tool_result" and block.get("status") == "error" else {}
    content = block.get("output") or []
    return {"type": kind, "tool_use_id": block.get("tool_call_id"), "content": content, **error, **other_extras}


_CLAUDE_REBUILDERS = {"server_tool_call": _rebuild_claude_call, "server_tool_result": _rebuild_claude_result}


# --- hosted tools of Responses ------------------------------------------------------------------------------------


def parse_image_item(block: Mapping[str, Any]) -> HostedItem | None:
    """Return the item that an image block represents, if it was created from one."""
    item = _as_dict(block.get("extras")).get("item")
    return HostedItem({**item, "result": block["base64"]}) if isinstance(item, dict) and "base64" in block else None


def parse_server_tool(block: Mapping[str, Any], results: Mapping[str, Json]) -> HostedItem | None:
    """Return the item that a `server_tool_call` block represents; None for a tool that the gateway doesn't have.

    Args:
        block: the call.
        results: the `server_tool_result` blocks of the same message by the call's id.
    """
    extras = _as_dict(block.get("extras"))
    if isinstance(extras.get("item"), dict):
        return HostedItem(extras["item"])
    kind = _TYPES.get(str(block.get("name")))
    if kind is None:
        return None
    result = results.get(str(block.get("id")), {})
    status = "failed" if result.get("status") == "error" else "completed"
    fields = _REBUILDERS[kind](_as_dict(block.get("args")), result.get("output"), extras)
    return HostedItem({"type": kind, "id": block.get("id"), "status": status, **fields})


_REBUILDERS: dict[str, Callable[[Json, Any, Json], Json]] = {
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


def _as_dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _parse_object(text: Any) -> Json:
    try:
        return _as_dict(parse_json(text))
    except (TypeError, ValueError):
        return {}
