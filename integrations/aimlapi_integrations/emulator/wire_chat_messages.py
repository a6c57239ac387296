"""The messages of a chat request: every role, and every part that some model takes."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .wire import Open

Json = dict[str, Any]


class CacheControl(Open):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Part(Open):
    cache_control: CacheControl = CacheControl(type="ephemeral")


class TextPart(Part):
    type: Literal["text"]
    text: str


class RefusalPart(Part):
    type: Literal["refusal"]
    refusal: str


class ImageURL(Open):
    url: Annotated[str, Field(min_length=1)]
    detail: Literal["low", "high", "auto"] = "auto"


class ImagePart(Part):
    type: Literal["image_url"]
    image_url: ImageURL


class FileData(Open):
    filename: str = ""
    file_data: str = ""
    file_id: str = ""


class FilePart(Part):
    type: Literal["file"]
    file: FileData


AudioFormat = Literal[
    "wav", "mp3", "audio/x-aac", "audio/flac", "audio/mp3", "audio/m4a", "audio/mpeg", "audio/mpga", "audio/mp4",
    "audio/ogg", "audio/pcm", "audio/webm",
]  # fmt: skip


class AudioData(Open):
    data: str
    format: AudioFormat = "wav"


class AudioPart(Part):
    type: Literal["input_audio"]
    input_audio: AudioData


class VideoURL(Open):
    url: Annotated[str, Field(min_length=1)]


class VideoPart(Part):
    type: Literal["video_url"]
    video_url: VideoURL


class Source(Open):
    """Where an Anthropic block has its data."""

    type: Literal["base64", "url", "text", "content"]
    media_type: str = ""
    data: str = ""
    url: str = ""


class SourcePart(Part):
    type: Literal["image", "document"]
    source: Source


class ThinkingPart(Part):
    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedPart(Part):
    type: Literal["redacted_thinking"]
    data: str


class ToolUsePart(Part):
    type: Literal["tool_use"]
    id: str
    name: str
    input: Json


ToolResultContent = Annotated[TextPart | ImagePart | SourcePart, Field(discriminator="type")]


class ToolResultPart(Part):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[ToolResultContent] = ""
    is_error: bool = False


UserPart = Annotated[
    TextPart | ImagePart | FilePart | AudioPart | VideoPart | SourcePart | ToolResultPart, Field(discriminator="type")
]
AssistantPart = Annotated[
    TextPart | RefusalPart | ThinkingPart | RedactedPart | ToolUsePart, Field(discriminator="type")
]


class System(Open):
    role: Literal["system", "developer"]
    content: str | list[TextPart]
    name: str = ""


class User(Open):
    role: Literal["user"]
    content: str | list[UserPart]
    name: str = ""


class Function(Open):
    name: str
    arguments: str


class FunctionCall(Open):
    id: str
    type: Literal["function"]
    function: Function
    extra_content: Json = Field(default_factory=dict)


class Custom(Open):
    name: str
    input: str


class CustomCall(Open):
    id: str
    type: Literal["custom"]
    custom: Custom
    extra_content: Json = Field(default_factory=dict)


class Assistant(Open):
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


Message = Annotated[System | User | Assistant | ToolMessage, Field(discriminator="role")]
