"""The types that framework adapters and endpoints share.

Plain frozen dataclasses. A framework adapter converts its messages to a `Request`, and a `Reply` to a message. An
endpoint converts a `Request` to JSON, and JSON to a `Reply` or, when streaming, to `Delta`s, the last of which has the
same `Reply`. Nothing here depends on a framework, an endpoint, or a wire format.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ._utils.json import parse_arguments

Json: TypeAlias = dict[str, Any]
"""A JSON object as the gateway sends or accepts it."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "pause_turn"]
"""Why the model stopped, normalized across model families. `Choice.native_finish_reason` has the original value."""


# --- message parts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """A source for a passage of a reply. `start` and `end` are character offsets into the text, where known."""

    url: str | None = None
    title: str | None = None
    start: int | None = None
    end: int | None = None
    quote: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """Text. `id` is the id of its Responses item, `cache` a cache marker such as `{"type": "ephemeral"}`."""

    text: str
    citations: tuple[Citation, ...] = ()
    id: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image: exactly one of `url` (http or data URL), `data` (base64, with `mime`), and `file_id`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    file_id: str | None = None
    detail: str | None = None
    id: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio: `data` is base64, `format` a short name (`wav`, `mp3`). `id` refers to audio of an earlier reply."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    url: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A document: exactly one of `url`, `data` (base64, with `mime`), and `file_id`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    file_id: str | None = None
    filename: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """A video: `url` (http or data URL), or `data` (base64) with `mime`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Reasoning that the model returned.

    `kind` is `text` for the reasoning itself and `summary` for a summary of it. `signature` and `encrypted` are opaque
    values that the model expects back unchanged. `details` is the gateway's own `reasoning_details`, stored whole for
    the same reason. Parts with the same `id` belong to one reasoning item.
    """

    text: str = ""
    kind: Literal["text", "summary"] = "text"
    id: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    details: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the caller's tools. `arguments` is the JSON text as the model wrote it, valid or not.

    `item_id` is the id of its Responses item. `extra` holds fields that a vendor expects back with the call, such as
    Gemini's `extra_content` with a thought signature. The `arguments` of a `custom` tool are plain text, so only `cut`
    shows that the end of it is missing.
    """

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    item_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    cut: bool = False

    def parsed(self) -> dict[str, Any] | None:
        """Parse the arguments; None if they are not a complete JSON object."""
        return parse_arguments(self.arguments)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The text with which the model declines a request."""

    text: str


@dataclass(frozen=True, slots=True)
class HostedItem:
    """An item of a tool that the gateway runs (`web_search_call`, `mcp_call`, an approval, …).

    Stored as the gateway wrote it, so that it can be shown and sent back.
    """

    item: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.item.get("type", ""))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A search result of the caller's, as a Claude `search_result` block.

    `text` is its content for endpoints without such a block; None if it can only be sent as a block.
    """

    item: Mapping[str, Any]
    text: str | None = None


Part: TypeAlias = Text | Image | Audio | File | Video | Reasoning | ToolCall | Refusal | HostedItem | SearchResult


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A `tool` message is the result of the call `tool_call_id`; `is_error` means that the tool failed.

    `call_kind` is the kind of that call, for conversations that don't include the call itself: results of custom tools
    are encoded differently.

    `author` is the id of the model that wrote an assistant message, or the name of its vendor. Opaque values in the
    message (signatures, encrypted reasoning) are sent back to models of that vendor only.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    name: str | None = None
    tool_call_id: str | None = None
    is_error: bool = False
    call_kind: Literal["function", "custom"] = "function"
    author: str | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """The reasoning text, its parts (or summaries) separated by blank lines."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, Reasoning) and part.text)

    @property
    def refusal(self) -> str | None:
        return "".join(part.text for part in self.parts if isinstance(part, Refusal)) or None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(citation for part in self.parts if isinstance(part, Text) for citation in part.citations)


def join_texts(messages: Iterable[Message]) -> str:
    """Join all texts of these messages with blank lines.

    >>> join_texts([Message("system", (Text("Be brief."), Text("Be kind.")))])
    'Be brief.\\n\\nBe kind.'
    """
    parts = (part for message in messages for part in message.parts)
    return "\n\n".join(part.text for part in parts if isinstance(part, Text) and part.text.strip())


# --- requests -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call.

    `parameters` is a JSON schema. `extra` holds further keys of the tool item itself, such as `cache_control`.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostedTool:
    """A tool that is not a plain function (`web_search_preview`, `code_interpreter`, `mcp`, `custom`, …).

    `item` is sent as is.
    """

    item: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.item.get("type", ""))


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tool the model must use.

    For `named`, `name` is the name of a function; for `hosted`, the type of a hosted tool. For `raw`, `item` is sent as
    is.
    """

    mode: Literal["auto", "none", "required", "named", "hosted", "raw"]
    name: str | None = None
    item: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The format that the reply's text must have."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str = "answer"
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a model.

    `options` are parameters by their chat completions names (`temperature`, `max_tokens`, `stop`, `reasoning_effort`,
    `previous_response_id`, …). Each endpoint maps them to its own names; None means not set. `extra_body` is merged
    into the encoded body as is and overrides its fields.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool | HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)


# --- replies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as reported in the reply. `total` is the reported total, even if it is not `input` + `output`.

    The keys of `input_details` are `audio`, `cache_read`, `cache_creation`, `text`, `image`, and `video`; those of
    `output_details` are `reasoning`, `audio`, `text`, `image`, `video`, `accepted_prediction`, and
    `rejected_prediction`.
    """

    input: int = 0
    output: int = 0
    total: int = 0
    input_details: Mapping[str, int] = field(default_factory=dict)
    output_details: Mapping[str, int] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one call: US dollars as a decimal string with nine places, and whole credits where reported."""

    usd: str
    credits: int | None = None


@dataclass(frozen=True, slots=True)
class CallMetadata:
    """The ids and the provider of one call, and its response `headers` with lowercase names, without cookies or key.

    `metrics` are a router's measurements, such as `duration_ms`, `ttft_ms` (time to the first token) and `tps` (tokens
    per second).
    """

    inference_id: str | None = None
    request_id: str | None = None
    client_request_id: str | None = None
    provider: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` choices of a reply. `logprobs` holds the token entries as the gateway sends them."""

    message: Message
    finish_reason: FinishReason | None = None
    native_finish_reason: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply. `raw` is its JSON body; for a stream, the body assembled from the events."""

    model: str
    choices: tuple[Choice, ...]
    id: str | None = None
    created: int | None = None
    status: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = CallMetadata()
    system_fingerprint: str | None = None
    service_tier: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        return self.choices[0].message

    @property
    def text(self) -> str:
        return self.message.text

    @property
    def reasoning(self) -> str:
        return self.message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.message.tool_calls

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.choices[0].finish_reason

    @property
    def trail(self) -> CallMetadata:
        """Deprecated name of `call_metadata`."""
        _warn_renamed("Reply")
        return self.call_metadata


def _warn_renamed(owner: str) -> None:
    warnings.warn(f"{owner}.trail is now {owner}.call_metadata: use that.", DeprecationWarning, stacklevel=3)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of the part at `index` of the message being streamed.

    Fragments with the same index have the same type and add up: texts and arguments are joined, every other field is
    set in one of them only.
    """

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class Delta:
    """What one stream event adds. The reply's `id` is set once; the last delta has the complete `reply`."""

    fragments: tuple[Fragment, ...] = ()
    id: str | None = None
    reply: Reply | None = None

    @property
    def text(self) -> str:
        return "".join(f.part.text for f in self.fragments if isinstance(f.part, Text))

    @property
    def reasoning(self) -> str:
        return "".join(f.part.text for f in self.fragments if isinstance(f.part, Reasoning))


# --- embeddings ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each input text, in the order of the texts."""

    vectors: tuple[list[float], ...]
    model: str
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = CallMetadata()

    @property
    def trail(self) -> CallMetadata:
        """Deprecated name of `call_metadata`."""
        _warn_renamed("Embeddings")
        return self.call_metadata
