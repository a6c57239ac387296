"""What `/v1/messages` takes: Anthropic's own request, with `max_tokens` optional, as the gateway has it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .wire import Open
from .wire_chat import AnthropicChoice, NamedChoice, Thinking
from .wire_chat_messages import (
    ImagePart,
    Part,
    RedactedPart,
    SourcePart,
    TextPart,
    ThinkingPart,
    ToolResultPart,
    ToolUsePart,
)

Json = dict[str, Any]


class Citations(Open):
    enabled: bool = False


class SearchResultPart(Part):
    type: Literal["search_result"]
    source: Annotated[str, Field(min_length=1)]
    title: Annotated[str, Field(min_length=1)]
    content: Annotated[list[TextPart], Field(min_length=1)]
    citations: Citations = Citations()


class ResultPart(ToolResultPart):
    content: (
        str | list[Annotated[TextPart | ImagePart | SourcePart | SearchResultPart, Field(discriminator="type")]]
    ) = ""  # type: ignore[assignment]  # more than chat completions takes


class ServerCallPart(Part):
    """A call of a tool that the vendor runs."""

    type: Literal["server_tool_use", "mcp_tool_use"]
    id: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    input: Json


class ServerResultPart(Part):
    """What such a tool found: `web_search_tool_result`, `code_execution_tool_result` …"""

    type: Annotated[str, Field(pattern=r"_tool_result$")]
    tool_use_id: Annotated[str, Field(min_length=1)]
    content: list[Json] | Json | str


def _block_kind(block: Any) -> str:
    kind = str(block.get("type")) if isinstance(block, dict) else ""
    return "server_result" if kind.endswith("_tool_result") else "own"


OwnBlock = Annotated[
    TextPart | SourcePart | SearchResultPart | ThinkingPart | RedactedPart | ToolUsePart | ResultPart | ServerCallPart,
    Field(discriminator="type"),
]
Block = Annotated[
    Annotated[OwnBlock, Tag("own")] | Annotated[ServerResultPart, Tag("server_result")], Discriminator(_block_kind)
]


class Message(Open):
    role: Literal["user", "assistant"]
    content: str | list[Block]


class InputSchema(Open):
    type: Literal["object"]


class OwnTool(Open):
    name: Annotated[str, Field(min_length=1)]
    input_schema: InputSchema
    description: str = ""


class OpenAIFunction(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    parameters: Json = Field(default_factory=dict)


class OpenAITool(Open):
    type: Literal["function"]
    function: OpenAIFunction


class ServerTool(Open):
    type: Annotated[str, Field(min_length=1)]


def _kind(tool: Any) -> str:
    if not isinstance(tool, dict) or "input_schema" in tool or "type" not in tool:
        return "own"
    return "openai" if tool["type"] == "function" else "server"


Tool = Annotated[
    Annotated[OwnTool, Tag("own")] | Annotated[OpenAITool, Tag("openai")] | Annotated[ServerTool, Tag("server")],
    Discriminator(_kind),
]


class MessagesRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    max_tokens: Annotated[float, Field(ge=1)] = 32_000
    system: str | list[TextPart] = ""
    stream: bool = False
    stop_sequences: list[str] = Field(default_factory=list)
    temperature: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_p: Annotated[float, Field(ge=0, le=1)] = 1.0
    top_k: float = 0
    metadata: Json = Field(default_factory=dict)
    thinking: Thinking = Thinking(type="disabled")
    tools: list[Tool] = Field(default_factory=list)
    tool_choice: (
        Literal["none", "auto", "required"] | Annotated[AnthropicChoice | NamedChoice, Field(discriminator="type")]
    ) = "auto"
