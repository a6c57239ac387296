"""`strict` where it can hold: a schema that no strict one can express goes without it."""

from __future__ import annotations

from dataclasses import replace

from ..._utils.strict_schema import strict_obstacle
from ...types import HostedTool, Request, Tool
from .adapt_context import AdaptContext


def adapt_strict(request: Request, case: AdaptContext) -> Request:
    """Tools and a form of answer that are called strict only where their schemas can be."""
    tools = tuple(_tool(tool, case) for tool in request.tools)
    if any(tool is not before for tool, before in zip(tools, request.tools, strict=True)):
        request = replace(request, tools=tools)
    wanted = request.response_format
    if wanted and wanted.strict and wanted.schema and (obstacle := strict_obstacle(wanted.schema)):
        _note(wanted.name, obstacle, case)
        request = replace(request, response_format=replace(wanted, strict=False))
    return request


def _tool(tool: Tool | HostedTool, case: AdaptContext) -> Tool | HostedTool:
    if isinstance(tool, HostedTool) or not tool.strict or not tool.parameters:
        return tool
    obstacle = strict_obstacle(tool.parameters)
    if obstacle is None:
        return tool
    _note(tool.name, obstacle, case)
    return replace(tool, strict=False)


def _note(name: str, obstacle: str, case: AdaptContext) -> None:
    case.warn_or_raise(
        f"strict=True cannot hold for the schema of {name!r}, where {obstacle}: it is sent with strict=False."
    )
