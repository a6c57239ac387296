"""The vocabulary that frameworks and endpoints meet in.

Plain frozen dataclasses: a framework adapter turns its messages into a `Request` and a `Reply` back into its own
message; an endpoint turns a `Request` into JSON and JSON into a `Reply` (or, streaming, into `Delta`s whose last one
carries the same `Reply`). Nothing here knows a framework, an endpoint or a wire format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ._utils.json import parse_arguments

Json: TypeAlias = dict[str, Any]
"""A JSON object as the gateway sends or takes it."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "pause_turn"]
"""Why the model stopped, in the four words every family is normalised to; `Choice.native_finish_reason` has its own."""


# --- what a message is made of -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that a passage of a reply rests on. `start` and `end` are character offsets into the text, if given."""

    url: str | None = None
    title: str | None = None
    start: int | None = None
    end: int | None = None
    quote: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """Text. `id` is the item it came in (Responses), `cache` a cache marker such as `{"type": "ephemeral"}`."""

    text: str
    citations: tuple[Citation, ...] = ()
    id: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: exactly one of `url` (http or data URL), `data` (base64, with `mime`) and `file_id`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    file_id: str | None = None
    detail: str | None = None
    id: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: `data` is base64, `format` a short name (`wav`, `mp3`); `id` names audio of an earlier reply."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    url: str | None = None
    transcript: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A document: exactly one of `url`, `data` (base64, with `mime`) and `file_id`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    file_id: str | None = None
    filename: str | None = None
    cache: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Video:
    """A film: `url` (http or data URL), or `data` (base64) with `mime`."""

    url: str | None = None
    data: str | None = None
    mime: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought, as far as it says so.

    `kind` tells the thinking itself from a summary of it. `signature` and `encrypted` are the model's proofs, handed
    back unread; `details` are a gateway's own `reasoning_details`, kept whole for the same reason. Parts that share an
    `id` are parts of one reasoning item.
    """

    text: str = ""
    kind: Literal["text", "summary"] = "text"
    id: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    details: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of the caller's tool. `arguments` is the JSON text that the model wrote, whole or broken.

    `item_id` is the Responses item it came in; `extra` holds what a vendor wants back with the call (Gemini's
    `extra_content` with its thought signature). A `custom` tool takes its `arguments` as plain text: only `cut` says
    that half of it is missing.
    """

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    item_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    cut: bool = False

    def parsed(self) -> dict[str, Any] | None:
        """The arguments as a dict; None where they are not a whole JSON object, by `json_text.parse_arguments`."""
        return parse_arguments(self.arguments)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's words for declining."""

    text: str


@dataclass(frozen=True, slots=True)
class HostedItem:
    """An item of a Responses conversation that belongs to a tool the gateway runs (`web_search_call`, `mcp_call`, an
    approval …), as the gateway wrote it, so that it can be shown and handed back."""

    item: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.item.get("type", ""))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A passage that a search returned, as a `search_result` block of Claude's. `text` says the same for the endpoints
    that have no such block; None where only the block will do."""

    item: Mapping[str, Any]
    text: str | None = None


Part: TypeAlias = Text | Image | Audio | File | Video | Reasoning | ToolCall | Refusal | HostedItem | SearchResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A `tool` message answers the call `tool_call_id`; `is_error` says that the tool failed.

    `call_kind` is the kind of that call, where the conversation may not have it: what answers a custom tool's call has
    a form of its own.

    `author` is the model that wrote an assistant's turn, by its id, or else its vendor's name. Proofs in the turn
    (signatures, encrypted reasoning) go back to models of that vendor only.
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
        """The thinking, its parts (or summaries) a blank line apart."""
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


# --- what is asked ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask for. `parameters` is a JSON schema; `extra` holds further keys of the tool
    item itself (`cache_control`)."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostedTool:
    """A tool that is not a plain function (`web_search_preview`, `code_interpreter`, `mcp`, `custom` …), as the
    gateway takes it."""

    item: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.item.get("type", ""))


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Which tool the model must use: `named` takes a function's `name`, `hosted` a hosted tool's type as `name`,
    `raw` an `item` that goes out unread."""

    mode: Literal["auto", "none", "required", "named", "hosted", "raw"]
    name: str | None = None
    item: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form that the text of the answer must have."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str = "answer"
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model.

    `options` are parameters by the name that the chat completions endpoint gives them (`temperature`, `max_tokens`,
    `stop`, `reasoning_effort`, `previous_response_id` …); the endpoints translate the names that differ, and
    None means not set. `extra_body` is merged over the finished body, unread.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool | HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)


# --- what is answered ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the reply counts them: `total` is what it says, even where it is not `input` + `output`.

    The details carry the names `audio`, `cache_read`, `cache_creation`, `text`, `image`, `video` (input) and
    `reasoning`, `audio`, `text`, `image`, `video`, `accepted_prediction`, `rejected_prediction` (output).
    """

    input: int = 0
    output: int = 0
    total: int = 0
    input_details: Mapping[str, int] = field(default_factory=dict)
    output_details: Mapping[str, int] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of one call: US dollars as a decimal string with nine places, and whole credits where named."""

    usd: str
    credits: int | None = None


@dataclass(frozen=True, slots=True)
class CallMetadata:
    """What the gateway's headers say of one call, and `headers` themselves, in lower case, without cookies or key.

    `metrics` are a router's measurements: `duration_ms`, `ttft_ms` (time to the first token), `tps` (tokens per second).
    """

    inference_id: str | None = None
    request_id: str | None = None
    client_request_id: str | None = None
    provider: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer among `n`. `logprobs` is the list of token entries, as the gateway gives it."""

    message: Message
    finish_reason: FinishReason | None = None
    native_finish_reason: str | None = None
    logprobs: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `raw` is the JSON body it was read from (folded from its events where it was streamed)."""

    model: str
    choices: tuple[Choice, ...]
    id: str | None = None
    created: int | None = None
    status: str | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    trail: CallMetadata = CallMetadata()
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


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of the part at `index` of the message being streamed.

    Pieces with one index are of one type and add up: texts and arguments are joined, every other field is given once.
    """

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event of a stream adds. `id` is the reply's, given once; `reply`, the whole answer, is on the last."""

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
    """One vector for each text that was asked, in the order asked."""

    vectors: tuple[list[float], ...]
    model: str
    usage: Usage | None = None
    cost: Cost | None = None
    trail: CallMetadata = CallMetadata()
