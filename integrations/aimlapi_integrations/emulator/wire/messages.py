"""What `/v1/messages` accepts: Anthropic's request, except that the gateway makes `max_tokens` optional.

Beyond the types, a request must answer the calls that were made and must not combine thinking with what excludes it.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from ..model import ModelInput
from ..model.catalogue import effort_refusal, sign
from . import JSON, Open, invalid_request, problem
from .chat_completions import (
    AnthropicChoice,
    ChatNamedChoice,
    ContentPart,
    Effort,
    ImagePart,
    RedactedThinkingPart,
    SourcePart,
    TextPart,
    ThinkingPart,
    ThinkingSettings,
    ToolResultPart,
    ToolUsePart,
)


class Citations(Open):
    enabled: bool = False


class SearchResultPart(ContentPart):
    type: Literal["search_result"]
    source: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)]
    content: Annotated[list[TextPart], Field(min_length=1)]
    citations: Citations = Citations()


class MessagesToolResultPart(ToolResultPart):
    content: (
        str | list[Annotated[TextPart | ImagePart | SourcePart | SearchResultPart, Field(discriminator="type")]]
    ) = ""  # type: ignore[assignment]  # more than chat completions takes


class ServerToolUsePart(ContentPart):
    """A call of a tool that the vendor runs."""

    type: Literal["server_tool_use", "mcp_tool_use"]
    id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    input: JSON


class ServerToolResultPart(ContentPart):
    """The result of such a call: `web_search_tool_result`, `code_execution_tool_result` …"""

    type: Annotated[str, Field(pattern=r"_tool_result$")]
    tool_use_id: Annotated[str, Field(min_length=1)]
    content: list[JSON] | JSON | str


class WebSearchResult(Open):
    type: Literal["web_search_result"]
    url: str
    title: str
    encrypted_content: str


class WebSearchResultPart(ContentPart):
    type: Literal["web_search_tool_result"]
    tool_use_id: Annotated[str, Field(min_length=1)]
    content: list[WebSearchResult] | JSON


def _block_tag(block: Any) -> str:
    block_type = str(block.get("type")) if isinstance(block, dict) else ""
    if block_type == "web_search_tool_result" or not block_type.endswith("_tool_result"):
        return "own"
    return "server_result"


OwnBlock = Annotated[
    TextPart
    | SourcePart
    | SearchResultPart
    | ThinkingPart
    | RedactedThinkingPart
    | ToolUsePart
    | MessagesToolResultPart
    | ServerToolUsePart
    | WebSearchResultPart,
    Field(discriminator="type"),
]
AnthropicBlock = Annotated[
    Annotated[OwnBlock, Tag("own")] | Annotated[ServerToolResultPart, Tag("server_result")],
    Discriminator(_block_tag),
]


class AnthropicMessage(Open):
    role: Literal["user", "assistant"]
    content: str | list[AnthropicBlock]


class InputSchema(Open):
    type: Literal["object"]


class ClientTool(Open):
    name: Annotated[str, Field(min_length=1)]
    input_schema: InputSchema
    description: str = ""


class ConvertedFunction(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    parameters: JSON = Field(default_factory=dict)


class ConvertedTool(Open):
    type: Literal["function"]
    function: ConvertedFunction


class ServerTool(Open):
    type: Annotated[str, Field(min_length=1)]


def _tool_tag(tool: Any) -> str:
    if not isinstance(tool, dict) or "input_schema" in tool or "type" not in tool:
        return "client"
    return "converted" if tool["type"] == "function" else "server"


MessagesTool = Annotated[
    Annotated[ClientTool, Tag("client")]
    | Annotated[ConvertedTool, Tag("converted")]
    | Annotated[ServerTool, Tag("server")],
    Discriminator(_tool_tag),
]


class OutputConfig(Open):
    effort: Effort = "high"


class MessagesRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[AnthropicMessage], Field(min_length=1)]
    max_tokens: Annotated[float, Field(ge=1)] = 32_000
    system: str | list[TextPart] = ""
    stream: bool = False
    stop_sequences: list[str] = Field(default_factory=list)
    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_k: float = 0
    metadata: JSON = Field(default_factory=dict)
    thinking: ThinkingSettings = ThinkingSettings(type="disabled")
    output_config: OutputConfig = OutputConfig()
    tools: list[MessagesTool] = Field(default_factory=list)
    tool_choice: (
        Literal["none", "auto", "required"] | Annotated[AnthropicChoice | ChatNamedChoice, Field(discriminator="type")]
    ) = "auto"


# --- rules beyond the types ---------------------------------------------------------------------------------------

Problems = Iterator[JSON]


def check_messages_request(request: MessagesRequest, body: JSON, model_input: ModelInput) -> None:
    """Raise the gateway's 400 for the first broken rule."""
    if problems := [
        *_check_tool_results(model_input),
        *_check_empty_content(body),
        *_check_images(body),
        *_check_thinking(request, model_input),
        *_check_effort(request),
        *_check_encrypted_content(body),
    ]:
        raise invalid_request(problems[:1])


def _check_tool_results(model_input: ModelInput) -> Problems:
    call_ids = {call.id for turn in model_input.turns for call in turn.calls}
    for turn in model_input.turns:
        if turn.role == "tool" and turn.call_id not in call_ids:
            yield problem("messages", f"unexpected `tool_use_id` found in `tool_result` blocks: {turn.call_id}")


def _check_empty_content(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if not message["content"]:
            yield problem(f"messages.{index}", "all messages must have non-empty content")
        for path, block in _blocks_with_paths(index, message):
            if block == {"type": "text", "text": ""}:
                yield problem(f"{path}.text", "text content blocks must be non-empty")


_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def _check_images(body: JSON) -> Problems:
    blocks = chain.from_iterable(_blocks_with_paths(index, message) for index, message in enumerate(body["messages"]))
    for path, block in blocks:
        media_type = block["source"].get("media_type", _IMAGE_TYPES[0]) if block["type"] == "image" else _IMAGE_TYPES[0]
        if media_type not in _IMAGE_TYPES:
            options = " | ".join(f"'{option}'" for option in _IMAGE_TYPES)
            reason = f"Invalid enum value. Expected {options}, received '{media_type}'"
            yield problem(f"{path}.source.media_type", reason, "invalid_enum_value")


def _blocks_with_paths(index: int, message: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield the blocks of a message, each with its path."""
    if isinstance(message["content"], list):
        for position, block in enumerate(message["content"]):
            yield f"messages.{index}.content.{position}", block


def _check_encrypted_content(body: JSON) -> Problems:
    """The encrypted content of search results must come back as it was sent."""
    blocks = chain.from_iterable(_blocks_with_paths(index, message) for index, message in enumerate(body["messages"]))
    for path, block in blocks:
        results = block["content"] if block["type"] == "web_search_tool_result" else []
        for index, result in enumerate(results if isinstance(results, list) else []):
            if result["encrypted_content"] != sign(result["url"]):
                yield problem(f"{path}.content.{index}.encrypted_content", "Invalid `encrypted_content`")


def _check_effort(request: MessagesRequest) -> Problems:
    effort = request.output_config.effort if "effort" in request.output_config.model_fields_set else None
    if reason := effort_refusal(request.model, effort):
        yield problem("output_config.effort", reason, "invalid_enum_value")


def _check_thinking(request: MessagesRequest, model_input: ModelInput) -> Problems:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
    if request.thinking.type == "disabled":
        return
    fields_set = request.model_fields_set
    if (
        request.thinking.type == "enabled"
        and "max_tokens" in fields_set
        and request.max_tokens <= request.thinking.budget_tokens
    ):
        yield problem("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`")
    if model_input.forced_tool or model_input.tool_choice == "required":
        yield problem("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
    if request.temperature != 1:
        yield problem("temperature", "`temperature` may only be set to 1 when thinking is enabled")
    if "top_k" in fields_set:
        yield problem("top_k", "`top_k` must be unset when thinking is enabled")
    if request.top_p < 0.95:
        yield problem("top_p", "`top_p` must be greater than or equal to 0.95 when thinking is enabled")
