"""Keep `strict` only where a schema can be strict."""

from __future__ import annotations

from dataclasses import replace

from ..._utils.strict_schema import strict_obstacle
from ...types import HostedTool, Request, Tool
from .adapt_context import AdaptContext


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
