"""What `/v1/chat/completions` accepts: the union of what the gateway's model families accept.

What a single model refuses is data (`model/catalogue.py`) and is checked in `chat_completions_rules.py`.
A field with a default may be left out; it may be null only if its type says so.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from . import JSON, Closed, Open

# --- messages and their content parts -----------------------------------------------------------------------------


class CacheControl(Open):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class ContentPart(Open):
    cache_control: CacheControl = CacheControl(type="ephemeral")


class TextPart(ContentPart):
    type: Literal["text"]
    text: str


class RefusalPart(ContentPart):
    type: Literal["refusal"]
    refusal: str


class ImageURL(Open):
    url: Annotated[str, Field(min_length=1)]
    detail: Literal["low", "high", "auto"] = "auto"


class ImagePart(ContentPart):
    type: Literal["image_url"]
    image_url: ImageURL


class FileData(Open):
    filename: str = ""
    file_data: str = ""
    file_id: str = ""


class FilePart(ContentPart):
    type: Literal["file"]
    file: FileData


AudioFormat = Literal[
    "wav", "mp3", "audio/x-aac", "audio/flac", "audio/mp3", "audio/m4a", "audio/mpeg", "audio/mpga", "audio/mp4",
    "audio/ogg", "audio/pcm", "audio/webm",
]  # fmt: skip


class AudioData(Open):
    data: str
    format: AudioFormat = "wav"


class AudioPart(ContentPart):
    type: Literal["input_audio"]
    input_audio: AudioData


class VideoURL(Open):
    url: Annotated[str, Field(min_length=1)]


class VideoPart(ContentPart):
    type: Literal["video_url"]
    video_url: VideoURL


class MediaSource(Open):
    """Where an Anthropic block gets its data."""

    type: Literal["base64", "url", "text", "content"]
    media_type: str = ""
    data: str = ""
    url: str = ""


class SourcePart(ContentPart):
    type: Literal["image", "document"]
    source: MediaSource


class ThinkingPart(ContentPart):
    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinkingPart(ContentPart):
    type: Literal["redacted_thinking"]
    data: str


class ToolUsePart(ContentPart):
    type: Literal["tool_use"]
    id: str
    name: str
    input: JSON


ToolResultContent = Annotated[TextPart | ImagePart | SourcePart, Field(discriminator="type")]


class ToolResultPart(ContentPart):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[ToolResultContent] = ""
    is_error: bool = False


UserPart = Annotated[
    TextPart | ImagePart | FilePart | AudioPart | VideoPart | SourcePart | ToolResultPart, Field(discriminator="type")
]
AssistantPart = Annotated[
    TextPart | RefusalPart | ThinkingPart | RedactedThinkingPart | ToolUsePart, Field(discriminator="type")
]


class SystemMessage(Open):
    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: str = ""


class UserMessage(Open):
    role: Literal["user"]
    content: str | list[UserPart]
    name: str = ""


class CalledFunction(Open):
    name: str
    arguments: str


class FunctionCall(Open):
    id: str
    type: Literal["function"]
    function: CalledFunction
    extra_content: JSON = Field(default_factory=dict)


class CustomToolInput(Open):
    name: str
    input: str


class CustomCall(Open):
    id: str
    type: Literal["custom"]
    custom: CustomToolInput
    extra_content: JSON = Field(default_factory=dict)


class AssistantMessage(Open):
    role: Literal["assistant"]
    content: str | list[AssistantPart] | None = None
    name: str = ""
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Annotated[FunctionCall | CustomCall, Field(discriminator="type")]] = Field(default_factory=list)


class ToolMessage(Open):
    role: Literal["tool"]
    content: str | list[TextPart]
    tool_call_id: str
    name: str | None = None


ChatMessage = Annotated[SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")]

# --- tools and options --------------------------------------------------------------------------------------------


class FunctionDefinition(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    parameters: JSON = Field(default_factory=dict)
    strict: bool | None = None


class ChatFunctionTool(Open):
    type: Literal["function", "builtin_function"]
    function: FunctionDefinition


class AnthropicTool(Open):
    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    input_schema: JSON


class HostedTool(Open):
    """A tool that the model's vendor runs."""

    type: Annotated[str, Field(min_length=1)]


def _chat_tool_tag(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else "function"
    if kind in ("function", "builtin_function"):
        return "function"
    return "anthropic" if isinstance(tool, dict) and "input_schema" in tool else "other"


ChatTool = Annotated[
    Annotated[ChatFunctionTool, Tag("function")]
    | Annotated[AnthropicTool, Tag("anthropic")]
    | Annotated[HostedTool, Tag("other")],
    Discriminator(_chat_tool_tag),
]


class FunctionName(Open):
    name: str


class ChatNamedChoice(Open):
    type: Literal["function"]
    function: FunctionName


class AllowedTools(Open):
    mode: Literal["auto", "required"]
    tools: list[JSON]


class AllowedChoice(Open):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


class AnthropicChoice(Open):
    type: Literal["auto", "any", "none", "tool"]
    name: str = ""
    disable_parallel_tool_use: bool = False


ToolChoice = (
    Literal["none", "auto", "required"]
    | Annotated[ChatNamedChoice | AllowedChoice | AnthropicChoice, Field(discriminator="type")]
)


class ChatTextFormat(Closed):
    type: Literal["text"]


class ChatJsonFormat(Closed):
    type: Literal["json_object"]


class JsonSchema(Closed):
    name: str
    description: str = ""
    json_schema: JSON = Field(default_factory=dict, alias="schema")
    strict: bool | None = None


class ChatSchemaFormat(Closed):
    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[ChatTextFormat | ChatJsonFormat | ChatSchemaFormat, Field(discriminator="type")]


class StreamOptions(Open):
    include_usage: bool


Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ReasoningSettings(Open):
    effort: Literal["low", "medium", "high"] = "medium"
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    exclude: bool = False


class ThinkingSettings(Open):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[int, Field(ge=1024)] = 1024


class Prediction(Open):
    type: Literal["content"]
    content: str | list[TextPart]


class WebSearchOptions(Open):
    search_context_size: Literal["low", "medium", "high"] = "medium"
    user_location: JSON | None = None


class ChatRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions = StreamOptions(include_usage=True)  # documented streams have it unasked
    max_tokens: Annotated[float, Field(ge=1)] = float("inf")
    max_completion_tokens: Annotated[int, Field(ge=1)] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    min_p: Annotated[float, Field(ge=0.001, le=0.999)] = 0.5
    top_a: Annotated[float, Field(ge=0, le=1)] = 0.0
    top_k: float = 0
    seed: Annotated[int, Field(ge=1)] = 1
    n: Annotated[int, Field(ge=1, le=128)] | None = 1
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
    response_format: ResponseFormat = ChatTextFormat(type="text")
    reasoning_effort: Effort = "none"
    reasoning: ReasoningSettings = ReasoningSettings()
    thinking: ThinkingSettings = ThinkingSettings(type="disabled")
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
    audio: JSON | None = None
