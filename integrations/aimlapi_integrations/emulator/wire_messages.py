"""What `/v1/messages` takes: Anthropic's own request, with `max_tokens` optional, as the gateway has it."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .wire import Open
from .wire_chat import AnthropicChoice, NamedChoice, Thinking
from .wire_chat_messages import RedactedPart, SourcePart, TextPart, ThinkingPart, ToolResultPart, ToolUsePart

Json = dict[str, Any]
Block = Annotated[
    TextPart | SourcePart | ThinkingPart | RedactedPart | ToolUsePart | ToolResultPart, Field(discriminator="type")
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
