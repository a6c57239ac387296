"""An MCP server over stdio, with valid but rare names, schemas and results.

Each result begins with the name by which the tool was called, so that a test sees that it was the right one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import ContentBlock, EmbeddedResource, ImageContent, TextContent, TextResourceContents, Tool
from pydantic import AnyUrl

Json = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LONG = "look_up_a_word_in_the_dictionary_of_the_language_that_the_user_speaks_"
RECORDS = [{"type": "file", "path": "/a.txt", "size": 3}, {"type": "search_result", "score": 0.5, "text": None}]


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


TEXT: Json = {"type": "string"}
NODE = {
    "type": "object",
    "properties": {"name": TEXT, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
    "required": ["name"],
}
TREE = {**_object(root={"$ref": "#/$defs/Node"}), "$defs": {"Node": NODE}}

SCHEMAS: dict[str, tuple[str, Json]] = {
    "jobs.start": ("Starts a job.", _object(job=TEXT, priority={"type": "integer"})),
    "mcp/files:read": ("Reads a file.", _object(path=TEXT)),
    "поиск": ("Ищет.", _object(запрос=TEXT)),
    "_private_": ("Is private.", _object()),
    "Box[int]": ("Opens a box.", _object(number={"type": "integer"})),
    f"{LONG}archive": ("Looks in the archive.", _object(word=TEXT)),
    f"{LONG}library": ("Looks in the library.", _object(word=TEXT)),
    "count_tree": ("Counts a tree.", TREE),
    "records": ("Gives records.", _object()),
    "picture": ("Gives a picture.", _object()),
    "lines": ("Gives lines.", _object()),
    "resource": ("Gives a resource.", _object()),
    "fail": ("Fails.", _object()),
}


def _text(*texts: str) -> list[ContentBlock]:
    return [TextContent(type="text", text=text) for text in texts]


def _size(node: Json) -> int:
    return 1 + sum(map(_size, node.get("children") or []))


def _failure(_: Json) -> list[ContentBlock]:
    raise ValueError("The disk is full")


RESULTS: dict[str, Callable[[Json], list[ContentBlock]]] = {
    "count_tree": lambda arguments: _text(f"count_tree: {_size(arguments['root'])}"),
    "records": lambda _: _text(json.dumps(RECORDS)),
    "picture": lambda _: [
        *_text("picture: a dot"),
        ImageContent(type="image", data=PNG, mimeType="image/png"),
    ],
    "lines": lambda _: _text("lines: first", "second", "third"),
    "resource": lambda _: [
        EmbeddedResource(
            type="resource",
            resource=TextResourceContents(uri=AnyUrl("file:///a.md"), mimeType="text/markdown", text="resource: # A"),
        )
    ],
    "fail": _failure,
}


def build() -> Server[Any, Any]:
    server: Server[Any, Any] = Server("odd")

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_tools() -> list[Tool]:
        return [Tool(name=name, description=text, inputSchema=schema) for name, (text, schema) in SCHEMAS.items()]

    @server.call_tool()  # type: ignore[untyped-decorator]
    async def call_tool(name: str, arguments: Json) -> list[ContentBlock]:
        return RESULTS[name](arguments) if name in RESULTS else _text(f"{name}: {json.dumps(arguments)}")

    return server


async def main() -> None:
    server = build()
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
