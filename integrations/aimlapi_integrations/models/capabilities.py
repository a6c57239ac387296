"""What an endpoint accepts on behalf of a model: one frozen dataclass per endpoint, and the fields that requests hold.

The facts are in `models.json`, derived from the schemas that the vendor publishes; `models.lookup` hands them out.
A default is what the permissive majority of chat models accepts, so the table states only what differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values that one request field may hold; an empty one holds anything.

    Attributes:
        types: JSON type names, `null` among them where null is allowed; empty for any type.
        minimum, maximum: inclusive bounds of a number.
        enum: the only values allowed; empty for any.
        pattern: a regular expression that a string must match somewhere.
        default: what the gateway takes when the field is absent, where documented.
        items: what each item of an array is.
        fields: what the keys of an object hold; other keys are allowed.
        values: what any other key of an object holds.
        required: keys that an object must have.
        any_of: alternatives, one of which must hold.
    """

    types: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple[str | None, ...] = ()
    pattern: str | None = None
    default: Any = None
    items: Parameter | None = None
    fields: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    values: Parameter | None = None
    required: tuple[str, ...] = ()
    any_of: tuple[Parameter, ...] = ()

    @property
    def integer(self) -> bool:
        """Whether a number must be whole."""
        return "integer" in self.types

    @property
    def nullable(self) -> bool:
        """Whether JSON null is allowed (we never send it)."""
        return not self.types or "null" in self.types

    def accepts(self, value: Any) -> bool:
        """Whether the field may hold `value`, a plain JSON value.

        >>> Parameter(types=("integer",), minimum=1).accepts(0)
        False
        """
        kind = _json_type(value)
        if self.types and not (kind in self.types or (kind == "integer" and "number" in self.types)):
            return False
        if self.enum and value not in self.enum:
            return False
        if self.any_of and not any(choice.accepts(value) for choice in self.any_of):
            return False
        return self._holds(kind, value)

    def _holds(self, kind: str, value: Any) -> bool:
        match kind:
            case "integer" | "number":
                return _within(value, self.minimum, self.maximum)
            case "string":
                return self.pattern is None or re.search(self.pattern, value) is not None
            case "array":
                return self.items is None or all(map(self.items.accepts, value))
            case "object":
                rest = self.values or ANYTHING
                listed = all(self.fields.get(key, rest).accepts(held) for key, held in value.items())
                return listed and all(key in value for key in self.required)
            case _:
                return True


ANYTHING = Parameter()


@dataclass(frozen=True, slots=True)
class ToolCapabilities:
    """How the tools of a chat request are written.

    Attributes:
        form: `openai` (`{"type": "function", "function": {…}}`), `anthropic` (`{"name", "input_schema"}`), `both`,
            or `swapped` (see the quirk `swapped_tools`).
        kinds: tool types accepted: `function`, `custom`, `builtin_function`, `web_search`; `*` for any type at all.
        tool_keys: the only keys of a tool object; None where others are allowed.
        function_keys: the only keys of its `function` object; None where others are allowed.
        function_required: keys that `function` must have besides `name`.
        schema_keys: the only top-level keys of `parameters`; None where it is free.
    """

    form: str = "openai"
    kinds: Words = frozenset({"function", "custom", "*"})
    tool_keys: Words | None = None
    function_keys: Words | None = None
    function_required: Words = frozenset()
    schema_keys: Words | None = None


@dataclass(frozen=True, slots=True)
class ChatCapabilities:
    """What `/v1/chat/completions` accepts from a model's callers.

    Attributes:
        dialect: the form of `messages`: `openai`, `anthropic` (content blocks, tool results in user turns), or `both`.
        roles: roles accepted.
        list_roles: roles whose content may be a list of text parts; the others take only a string.
        user_parts: kinds of part in a user's list, in the OpenAI form: `text`, `image_url`, `file`, `input_audio`, …
            An image's `detail` is low, high or auto everywhere; a file is a PDF.
        blocks: kinds of content block in the Anthropic form.
        assistant_parts: kinds of part in an assistant's list.
        max_parts: the most parts that one message may have.
        image_uri: whether an image must be a URI (a data URI is one).
        audio_formats: values of `input_audio.format`; empty where any is accepted.
        file_keys: keys listed of a `file` part.
        assistant_null, assistant_absent: whether the content of a turn that calls tools may be null, or left out.
        tool_turns: whether assistant turns with `tool_calls`, and `tool` turns that answer them, are accepted.
        closed: the only keys that a message of a role may have; roles not named take others too.
        cache_control: where `cache_control` is listed: `text`, `image_url`, `file`, `tool`.
        extra_content: whether a tool call lists `extra_content`, opaque data to hand back unchanged.
        tools: how tools are written; None where the model lists none.
        tool_choice: forms accepted: `auto`, `none`, `required`, `function` (one named), `allowed_tools`;
            `anthropic` for the objects `{"type": "auto" | "any" | "tool" | "none"}`; `definition` when swapped.
        response_format: types accepted: `text`, `json_object`, `json_schema`.
        parameters: the other fields listed, by name.
        closed_body: whether a field that is not listed is refused (elsewhere the gateway drops it).
    """

    dialect: str = "openai"
    roles: Words = frozenset({"system", "developer", "user", "assistant", "tool"})
    list_roles: Words = frozenset({"system", "developer", "user", "assistant", "tool"})
    user_parts: Words = frozenset({"text", "image_url", "file"})
    blocks: Words = frozenset()
    assistant_parts: Words = frozenset({"text", "refusal"})
    max_parts: int | None = None
    image_uri: bool = False
    audio_formats: Words = frozenset()
    file_keys: Words = frozenset({"filename", "file_data", "file_id"})
    assistant_null: bool = True
    assistant_absent: bool = True
    tool_turns: bool = True
    closed: Mapping[str, Words] = field(default_factory=dict, hash=False)
    cache_control: Words = frozenset({"text", "image_url", "file", "tool"})
    extra_content: bool = True
    tools: ToolCapabilities | None = ToolCapabilities()
    tool_choice: Words = frozenset({"auto", "none", "required", "function", "allowed_tools"})
    response_format: Words = frozenset({"text", "json_object", "json_schema"})
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    closed_body: bool = False


@dataclass(frozen=True, slots=True)
class ResponsesCapabilities:
    """What `/v1/responses` accepts from a model's callers. A function's output is a string everywhere.

    Attributes:
        list_input: whether `input` may be a list of items; where not, it is a string or one item.
        parts: kinds of part in a message: `input_text`, `input_image`, `input_file`.
        items: kinds of input item: `message`, `output_message` (an earlier reply, complete), `function_call`, …
        tools: tool types accepted; `*` for any type at all.
        strict_required: whether a function tool must carry `strict` and `parameters`.
        tool_choice: `auto`, `none`, `required`, `function` (one named), or a hosted tool's type.
        text_formats: types of `text.format`; `text` may not be sent without `format`.
        parameters: the other fields listed, by name.
    """

    list_input: bool = True
    parts: Words = frozenset({"input_text", "input_image", "input_file"})
    items: Words = frozenset(
        {"message", "output_message", "function_call", "function_call_output", "item_reference", "mcp_call"}
    )
    tools: Words = frozenset({"function", "mcp"})
    strict_required: bool = True
    tool_choice: Words = frozenset(
        {"auto", "none", "required", "function", "mcp", "code_interpreter", "web_search_preview"}
    )
    text_formats: Words = frozenset({"text", "json_object", "json_schema"})
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class EmbeddingsCapabilities:
    """What `/v1/embeddings` accepts: always strings, never token ids.

    Attributes:
        max_characters, max_item_characters: longest input as one string, and as an item of a list.
        closed: whether a field that is not listed is refused.
        parameters: the fields listed, by name.
    """

    max_characters: int | None = None
    max_item_characters: int | None = None
    closed: bool = False
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
    return type(value).__name__


def _within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)
