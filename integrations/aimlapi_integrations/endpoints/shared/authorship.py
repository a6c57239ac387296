"""Who wrote a message of the history, and which endpoint an item of a hosted tool belongs to."""

from __future__ import annotations

import re

from ...models import vendor
from ...types import Reasoning

_RESPONSES_SUFFIXES = ("_call", "_output", "_response", "_request")
_RESPONSES_TYPES = frozenset({"mcp_list_tools", "compaction", "item_reference"})
_LANGCHAIN_TYPES = frozenset({"tool_call", "invalid_tool_call", "server_tool_call"})
_MESSAGES_TYPES = frozenset({"server_tool_use", "mcp_tool_use", "container_upload", "compaction"})

# https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
_CLAUDE_TOOL = re.compile(
    r"(web_search|web_fetch|computer)_\d{8}|mcp_toolset"
    r"|(code_execution|tool_search_tool(_bm25|_regex)?|memory|text_editor|bash)(_\d{8})?"
)

# Prefixes of the formats of reasoning details, and the vendors that write them:
# https://openrouter.ai/docs/use-cases/reasoning-tokens
_VENDORS_BY_FORMAT = {"anthropic": "Anthropic", "google": "Google", "openai": "OpenAI", "xai": "xAI"}


def is_responses_item(item_type: str) -> bool:
    """Return whether items of that type belong to the Responses endpoint."""
    is_known = item_type in _RESPONSES_TYPES or item_type.endswith(_RESPONSES_SUFFIXES)
    return is_known and item_type not in _LANGCHAIN_TYPES


def is_messages_block(block_type: str) -> bool:
    """Return whether blocks of that type, the calls and results of server tools, belong to the messages endpoint."""
    is_result = block_type.endswith("_tool_result") and block_type != "server_tool_result"
    return is_result or block_type in _MESSAGES_TYPES


def is_foreign(author: str | None, model: str, vendor_by_form: str | None = None) -> bool:
    """Return whether something was written by another vendor than that of `model`.

    Args:
        author: the model or vendor that wrote it, if recorded.
        model: the requested model.
        vendor_by_form: the vendor that the form of a signature implies, for messages without an author.
    """
    if author == model:
        return False
    requested = vendor(model)
    if writer := vendor(author):
        return writer != requested
    return vendor_by_form is not None and requested is not None and vendor_by_form != requested


def reasoning_vendor(part: Reasoning) -> str | None:
    """Infer who wrote reasoning from the form of its signature; None if the form does not say.

    >>> reasoning_vendor(Reasoning("Hm.", signature="s")), reasoning_vendor(Reasoning("", id="rs_1", encrypted="e"))
    ('Anthropic', 'OpenAI')
    """
    for detail in part.details:
        if name := _VENDORS_BY_FORMAT.get(str(detail.get("format")).partition("-")[0]):
            return name
    if part.encrypted:
        return "OpenAI" if part.id else "Anthropic"
    if part.signature:
        return "Anthropic" if part.text else "Google"
    return None


def is_claude_tool(tool_type: str) -> bool:
    """Return whether a tool of that type is one of Claude's, which only the messages endpoint runs.

    >>> is_claude_tool("web_search_20250305"), is_claude_tool("web_search_preview_2025_03_11")
    (True, False)
    """
    return _CLAUDE_TOOL.fullmatch(tool_type) is not None
