"""What `/v1/chat/completions` takes: the union of what the gateway's families of models take.

What one model refuses of this is data (`catalogue.py`), checked in `wire_chat_rules.py`.
A field with a default may be left out; it may be null only where its type says so.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .wire import Closed, Open
from .wire_chat_messages import Message, TextPart

Json = dict[str, Any]


class FunctionDefinition(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    parameters: Json = Field(default_factory=dict)
    strict: bool | None = None


class FunctionTool(Open):
    type: Literal["function", "builtin_function"]
    function: FunctionDefinition


class AnthropicTool(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    input_schema: Json


class OtherTool(Open):
    """A tool that the maker of the model runs."""

    type: Annotated[str, Field(min_length=1)]


def _tool_kind(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else "function"
    if kind in ("function", "builtin_function"):
        return "function"
    return "anthropic" if isinstance(tool, dict) and "input_schema" in tool else "other"


ChatTool = Annotated[
    Annotated[FunctionTool, Tag("function")]
    | Annotated[AnthropicTool, Tag("anthropic")]
    | Annotated[OtherTool, Tag("other")],
    Discriminator(_tool_kind),
]


class Name(Open):
    name: str


class NamedChoice(Open):
    type: Literal["function"]
    function: Name


class AllowedTools(Open):
    mode: Literal["auto", "required"]
    tools: list[Json]


class AllowedChoice(Open):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


class AnthropicChoice(Open):
    type: Literal["auto", "any", "none", "tool"]
    name: str = ""
    disable_parallel_tool_use: bool = False


ToolChoice = (
    Literal["none", "auto", "required"]
    | Annotated[NamedChoice | AllowedChoice | AnthropicChoice, Field(discriminator="type")]
)


class TextFormat(Closed):
    type: Literal["text"]


class JsonFormat(Closed):
    type: Literal["json_object"]


class JsonSchema(Closed):
    name: str
    description: str = ""
    json_schema: Json = Field(default_factory=dict, alias="schema")
    strict: bool | None = None


class SchemaFormat(Closed):
    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[TextFormat | JsonFormat | SchemaFormat, Field(discriminator="type")]


class StreamOptions(Open):
    include_usage: bool


class Reasoning(Open):
    effort: Literal["low", "medium", "high"] = "medium"
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    exclude: bool = False


class Thinking(Open):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[int, Field(ge=1024)] = 1024


class Prediction(Open):
    type: Literal["content"]
    content: str | list[TextPart]


class WebSearchOptions(Open):
    search_context_size: Literal["low", "medium", "high"] = "medium"
    user_location: Json | None = None


class ChatRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions = StreamOptions(include_usage=False)
    max_tokens: Annotated[float, Field(ge=1)] = float("inf")
    max_completion_tokens: Annotated[int, Field(ge=1)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    min_p: Annotated[float, Field(ge=0.001, le=0.999)] = 0.5
    top_a: Annotated[float, Field(ge=0, le=1)] = 0.0
    top_k: float = 0
    seed: Annotated[int, Field(ge=1)] = 1
    n: Annotated[int, Field(ge=1)] | None = 1
    stop: str | list[str] | None = None
    stop_sequences: list[str] = Field(default_factory=list)
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[float, Field(ge=0, le=20)] | None = None
    tools: list[ChatTool] = Field(default_factory=list)
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool = True
    response_format: ResponseFormat = TextFormat(type="text")
    reasoning_effort: Literal["low", "medium", "high", "none", "xhigh", "max"] = "none"
    reasoning: Reasoning = Reasoning()
    thinking: Thinking = Thinking(type="disabled")
    enable_thinking: bool = False
    prediction: Prediction = Prediction(type="content", content="")
    web_search_options: WebSearchOptions = WebSearchOptions()
    search_mode: Literal["academic", "web"] = "academic"
    search_recency_filter: Literal["day", "week", "month", "year"] = "month"
    search_domain_filter: list[str] = Field(default_factory=list)
    return_images: bool = False
    return_related_questions: bool = False
    provider: str = "auto"
    normalize_tool_schemas: bool = False
    echo: bool = False
    modalities: list[Literal["text", "audio"]] | None = None
    audio: Json | None = None
