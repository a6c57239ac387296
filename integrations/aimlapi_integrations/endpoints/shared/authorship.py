"""Who wrote a turn of the history, and which endpoint an item of a hosted tool belongs to."""

from __future__ import annotations

from ...models import vendor
from ...types import HostedItem, Message, Reasoning

_RESPONSES_SUFFIXES = ("_call", "_output", "_response", "_request")
_RESPONSES_TYPES = frozenset({"mcp_list_tools", "compaction", "item_reference"})
_NOT_RESPONSES = frozenset({"tool_call", "invalid_tool_call", "server_tool_call"})  # LangChain's own names
_MESSAGES_TYPES = frozenset({"server_tool_use", "mcp_tool_use", "container_upload", "compaction"})

# Who writes reasoning details of a format: https://openrouter.ai/docs/use-cases/reasoning-tokens
_FORMATS = {"anthropic": "Anthropic", "google": "Google", "openai": "OpenAI", "xai": "xAI"}


def is_responses_item(kind: str) -> bool:
    """Whether an item of that type is one of the responses endpoint."""
    known = kind in _RESPONSES_TYPES or kind.endswith(_RESPONSES_SUFFIXES)
    return known and kind not in _NOT_RESPONSES


def is_messages_block(kind: str) -> bool:
    """Whether a block of that type is one that only the messages endpoint has: a server tool's call or result."""
    return kind in _MESSAGES_TYPES or (kind.endswith("_tool_result") and kind != "server_tool_result")


def is_foreign(author: str | None, model: str, by_form: str | None = None) -> bool:
    """Whether another vendor than that of `model` wrote something.

    Args:
        author: the model or vendor that wrote it, where that is recorded.
        model: the model that is asked.
        by_form: the vendor that the form of a proof names, for turns without an author.
    """
    if author == model:
        return False
    asked = vendor(model)
    if writer := vendor(author):
        return writer != asked
    return by_form is not None and asked is not None and by_form != asked


def reasoning_vendor(part: Reasoning) -> str | None:
    """Who wrote a proof, from its form; None where the form does not say.

    >>> reasoning_vendor(Reasoning("Hm.", signature="s")), reasoning_vendor(Reasoning("", id="rs_1", encrypted="e"))
    ('Anthropic', 'OpenAI')
    """
    for detail in part.details:
        if maker := _FORMATS.get(str(detail.get("format")).partition("-")[0]):
            return maker
    if part.encrypted:
        return "OpenAI" if part.id else "Anthropic"
    if part.signature:
        return "Anthropic" if part.text else "Google"
    return None


def needs_responses(message: Message, model: str) -> bool:
    """Whether a turn has items that only the responses endpoint carries, and that may go to `model`."""
    items = [part for part in message.parts if isinstance(part, HostedItem)]
    if not items or message.role != "assistant":
        return bool(items)
    return not is_foreign(message.author, model) and any(is_responses_item(item.type) for item in items)
