"""What an endpoint accepts for a model: one frozen dataclass for each endpoint, and the values of request fields.

The facts are in `models.json`, derived from the schemas that the vendor publishes; `models.lookup` returns them.
A default is what most chat models accept, so the table states only what differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values that one request field accepts. An empty one accepts anything.

    Attributes:
        types: JSON type names, including `null` where null is allowed; empty for any type.
        minimum, maximum: inclusive bounds of a number.
        enum: the only values allowed; empty for any.
        pattern: a regular expression that a string must match somewhere.
        default: the value that the gateway uses if the field is absent, where documented.
        items: the items of an array.
        fields: the known keys of an object. Other keys are allowed.
        values: the values of all other keys of an object.
        required: the keys that an object must have.
        any_of: alternatives, one of which must accept the value.
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

    def accepts(self, value: Any) -> bool:
        """Return whether the field accepts `value`, a plain JSON value.

        >>> Parameter(types=("integer",), minimum=1).accepts(0)
        False
        """
        json_type = _json_type(value)
        if self.types and not (json_type in self.types or (json_type == "integer" and "number" in self.types)):
            return False
        if self.enum and value not in self.enum:
            return False
        if self.any_of and not any(choice.accepts(value) for choice in self.any_of):
            return False
        return self._accepts_contents(json_type, value)

    def _accepts_contents(self, json_type: str, value: Any) -> bool:
        match json_type:
            case "integer" | "number":
                return _is_within(value, self.minimum, self.maximum)
            case "string":
                return self.pattern is None or re.search(self.pattern, value) is not None
            case "array":
                return self.items is None or all(map(self.items.accepts, value))
            case "object":
                others = self.values or ANYTHING
                valid = all(self.fields.get(key, others).accepts(item) for key, item in value.items())
                return valid and all(key in value for key in self.required)
            case _:
                return True


ANYTHING = Parameter()


@dataclass(frozen=True, slots=True)
class ToolCapabilities:
    """How the tools of a chat request are written.

    Attributes:
        form: `openai` (`{"type": "function", "function": {…}}`), `anthropic` (`{"name", "input_schema"}`), `both`,
            or `swapped` (see the quirk `swapped_tools`).
        kinds: tool types accepted: `function`, `custom`, `builtin_function`, `web_search`; `*` for any type.
        tool_keys: the only keys of a tool object; None where others are allowed.
        function_keys: the only keys of its `function` object; None where others are allowed.
        function_required: keys that `function` must have besides `name`.
        schema_keys: the only top-level keys of `parameters`; None where any are allowed.
    """

    form: str = "openai"
    kinds: frozenset[str] = frozenset({"function", "custom", "*"})
    tool_keys: frozenset[str] | None = None
    function_keys: frozenset[str] | None = None
    function_required: frozenset[str] = frozenset()
    schema_keys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ChatCapabilities:
    """What `/v1/chat/completions` accepts for a model.

    Attributes:
        dialect: the form of `messages`: `openai`, `anthropic` (content blocks, tool results in user messages), or
            `both`.
        roles: roles accepted.
        list_roles: roles whose content may be a list of text parts. The others take only a string.
        user_parts: types of part in a user message's list, in OpenAI's form: `text`, `image_url`, `file`, …
            The `detail` of an image is low, high or auto everywhere; a file is a PDF.
        blocks: types of content block in Anthropic's form.
        max_parts: the maximum number of parts in one message.
        image_uri: whether an image must be a URI (a data URI is one).
        audio_formats: values of `input_audio.format`; empty where any is accepted.
        file_keys: the listed keys of a `file` part.
        tool_turns: whether assistant messages with `tool_calls`, and `tool` messages, are accepted.
        closed: the only keys that a message of a role may have. Roles not named accept others too.
        cache_control: where `cache_control` is listed: `text`, `image_url`, `file`, `tool`.
        extra_content: whether a tool call lists `extra_content`, opaque data to send back unchanged.
        tools: how tools are written; None where the model lists none.
        tool_choice: forms accepted: `auto`, `none`, `required`, `function` (one by name), `allowed_tools`;
            `anthropic` for the objects `{"type": "auto" | "any" | "tool" | "none"}`; `definition` when swapped.
        response_format: types accepted: `text`, `json_object`, `json_schema`.
        parameters: the other listed fields, by name.
        closed_body: whether an unlisted field is refused. Elsewhere the gateway drops it.
    """

    dialect: str = "openai"
    roles: frozenset[str] = frozenset({"system", "developer", "user", "assistant", "tool"})
    list_roles: frozenset[str] = frozenset({"system", "developer", "user", "assistant", "tool"})
    user_parts: frozenset[str] = frozenset({"text", "image_url", "file"})
    blocks: frozenset[str] = frozenset()
    max_parts: int | None = None
    image_uri: bool = False
    audio_formats: frozenset[str] = frozenset()
    file_keys: frozenset[str] = frozenset({"filename", "file_data", "file_id"})
    tool_turns: bool = True
    closed: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    cache_control: frozenset[str] = frozenset({"text", "image_url", "file", "tool"})
    extra_content: bool = True
    tools: ToolCapabilities | None = ToolCapabilities()
    tool_choice: frozenset[str] = frozenset({"auto", "none", "required", "function", "allowed_tools"})
    response_format: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    closed_body: bool = False


@dataclass(frozen=True, slots=True)
class ResponsesCapabilities:
    """What `/v1/responses` accepts for a model. The output of a function is a string everywhere.

    Attributes:
        list_input: whether `input` may be a list of items. If not, it is a string or one item.
        parts: types of part in a message: `input_text`, `input_image`, `input_file`.
        items: types of input item: `message`, `output_message` (an earlier response, complete), `function_call`, …
        tools: tool types accepted; `*` for any type.
        tool_choice: `auto`, `none`, `required`, `function` (one by name), or the type of a hosted tool.
        text_formats: types of `text.format`. `text` must not be sent without `format`.
        parameters: the other listed fields, by name.
    """

    list_input: bool = True
    parts: frozenset[str] = frozenset({"input_text", "input_image", "input_file"})
    items: frozenset[str] = frozenset(
        {"message", "output_message", "function_call", "function_call_output", "item_reference", "mcp_call"}
    )
    tools: frozenset[str] = frozenset({"function", "mcp"})
    tool_choice: frozenset[str] = frozenset(
        {"auto", "none", "required", "function", "mcp", "code_interpreter", "web_search_preview"}
    )
    text_formats: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class EmbeddingsCapabilities:
    """What `/v1/embeddings` accepts: always strings, never token ids.

    Attributes:
        max_characters, max_item_characters: the maximum length of one string, and of one item of a list.
        closed: whether an unlisted field is refused.
        parameters: the listed fields, by name.
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


def _is_within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)
