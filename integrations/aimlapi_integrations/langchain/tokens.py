"""How many tokens LangChain's messages take, roughly, offline."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from ..tokens import estimate_tokens
from .to_conversation import conversation
from .tools import AnyTool, as_tool


def count_tokens(
    messages: Sequence[BaseMessage], tools: Sequence[AnyTool] | None = None, model: str | None = None
) -> int:
    """About how many tokens a call with these messages takes: an approximation, see `aimlapi_integrations.tokens`.

    Args:
        messages: the conversation, pictures and tool calls included.
        tools: as `bind_tools` takes them.
        model: some families count otherwise than most.

    Raises:
        UnsupportedContentError: a message or block that no endpoint has a form for.
    """
    return estimate_tokens(conversation(messages), [as_tool(tool) for tool in tools or ()], model)
