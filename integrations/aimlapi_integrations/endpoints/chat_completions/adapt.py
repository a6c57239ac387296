"""Adapt a request to what its model accepts on chat completions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from ..._utils.json_schema import DEFINITIONS, inline_schema_refs, is_recursive
from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import ChatCapabilities, ToolCapabilities
from ...types import (
    Audio,
    File,
    HostedTool,
    Image,
    Message,
    Part,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolChoice,
    Video,
    join_texts,
)
from ..shared.adapt import AdaptContext, AdaptStep, adapt_options, adapt_strict, thinking_enabled
from ..shared.adapt_history import make_history_step
from ..shared.media import decode_text, lift_media, parse_data_url, supported_audio_format
from .encode import encode

# --- tools --------------------------------------------------------------------------------------------------------


def adapt_tools(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the tools and the parameters that go with them."""
    if not request.tools:
        return request
    if ctx.chat.tools is None:
        ctx.unsupported_parameter("tools")
        return request
    for step in _TOOL_STEPS:
        request = step(request, ctx)
    return request


def _adapt_tool_list(request: Request, ctx: AdaptContext) -> Request:
    capabilities = ctx.chat.tools or ToolCapabilities()
    tools = tuple(_adapt_tool(tool, capabilities, ctx) for tool in request.tools)
    return request if tools == request.tools else replace(request, tools=tools)


def _adapt_tool(tool: Tool | HostedTool, capabilities: ToolCapabilities, ctx: AdaptContext) -> Tool | HostedTool:
    if isinstance(tool, HostedTool):
        if not {tool.type, "*"} & capabilities.kinds:
            where = "the messages endpoint" if ctx.model.messages else "Responses"
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {ctx.model_id} on chat completions: use {where}."
            )
        return tool
    if tool.strict and not _supports_strict(capabilities):
        ctx.warn_or_raise(f"'strict' is not listed for the tools of {ctx.model_id}: {tool.name!r} goes without it.")
    if capabilities.schema_keys is None or tool.parameters is None:
        return tool
    return replace(tool, parameters=_limit_schema_keys(tool, tool.parameters, capabilities.schema_keys, ctx))


def _supports_strict(capabilities: ToolCapabilities) -> bool:
    listed = [keys for keys in (capabilities.function_keys, capabilities.tool_keys) if keys is not None]
    is_listed = capabilities.function_keys is None or any("strict" in keys for keys in listed)
    return capabilities.form != "anthropic" and is_listed


def _limit_schema_keys(
    tool: Tool, schema: Mapping[str, Any], keys: frozenset[str], ctx: AdaptContext
) -> Mapping[str, Any]:
    """Drop other keys at the top of the schema; if definitions are among them, inline these first."""
    if not keys.isdisjoint(DEFINITIONS):
        return {key: value for key, value in schema.items() if key in keys}
    if is_recursive(schema):
        ctx.warn_or_raise(
            f"{ctx.model_id} takes no definitions in a schema, and that of {tool.name!r} contains itself: it is sent a "
            f"few levels deep."
        )
    return {key: value for key, value in inline_schema_refs(schema).items() if key in keys}


# --- tool choice --------------------------------------------------------------------------------------------------


def _adapt_tool_choice(request: Request, ctx: AdaptContext) -> Request:
    choice, forms = request.tool_choice, ctx.chat.tool_choice
    if choice is None or choice.mode == "raw":
        return request
    if choice.mode == "hosted":
        raise UnsupportedParameterError(f"tool_choice {choice.name!r} is for hosted tools: send it through Responses.")
    is_forced = choice.mode in ("required", "named")
    if "tool_choice_refused" in ctx.model.quirks or (is_forced and "forced_tool_refused" in ctx.model.quirks):
        return _drop_tool_choice(request, ctx, warn=is_forced)
    if choice.mode == "named" and "named_tool_refused" in ctx.model.quirks:
        return _limit_to_tool(request, choice)
    if forms & {"anthropic", "definition", _CHOICE_FORMS.get(choice.mode, choice.mode)}:
        return request
    if choice.mode == "named" and "required" in forms:
        return _limit_to_tool(request, choice)
    return _drop_tool_choice(request, ctx, warn=choice.mode != "auto")


_CHOICE_FORMS = {"named": "function"}


def _drop_tool_choice(request: Request, ctx: AdaptContext, warn: bool) -> Request:
    """Drop the tool choice; for `none`, drop the tools as well."""
    if request.tool_choice == ToolChoice("none"):
        return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)
    if warn:
        ctx.warn_or_raise(
            f"This tool_choice is refused by {ctx.model_id}: it is left out, and the model is free not to call."
        )
    return replace(request, tool_choice=None)


def _limit_to_tool(request: Request, choice: ToolChoice) -> Request:
    """Force a tool by name: send no other tool, and require a call."""
    tools = tuple(tool for tool in request.tools if isinstance(tool, Tool) and tool.name == choice.name)
    if not tools:
        raise UnsupportedParameterError(f"tool_choice names {choice.name!r}, which is not among the tools.")
    return replace(request, tools=tools, tool_choice=ToolChoice("required"))


def _check_parallel_calls(request: Request, ctx: AdaptContext) -> Request:
    if request.parallel_tool_calls is not None and ctx.parameter("parallel_tool_calls") is None:
        ctx.unsupported_parameter("parallel_tool_calls")
    return request


def _drop_reasoning_with_tools(request: Request, ctx: AdaptContext) -> Request:
    names = {name for name in ("reasoning_effort", "reasoning") if request.options.get(name) is not None}
    has_functions = any(isinstance(tool, Tool) for tool in request.tools)
    if "no_reasoning_with_tools" not in ctx.model.quirks or not names or not has_functions:
        return request
    ctx.warn_or_raise(
        f"{ctx.model_id} refuses reasoning effort together with function tools on chat completions: it goes without. "
        f"Responses takes both."
    )
    return replace(request, options={key: value for key, value in request.options.items() if key not in names})


def _drop_thinking_with_forced_tool(request: Request, ctx: AdaptContext) -> Request:
    thinking = {"thinking": request.options.get("thinking")}
    is_forced = request.tool_choice is not None and request.tool_choice.mode in ("required", "named")
    if "no_forced_tool_with_thinking" not in ctx.model.quirks or not is_forced or not thinking_enabled(thinking):
        return request
    ctx.warn_or_raise(f"{ctx.model_id} refuses a forced tool while it thinks: it goes without 'thinking'.")
    return replace(request, options={name: value for name, value in request.options.items() if name != "thinking"})


_TOOL_STEPS: tuple[AdaptStep, ...] = (
    _adapt_tool_list,
    _adapt_tool_choice,
    _check_parallel_calls,
    _drop_reasoning_with_tools,
    _drop_thinking_with_forced_tool,
)


# --- response format and thinking ---------------------------------------------------------------------------------


def adapt_response_format(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the format to those that the model lists; describe a schema in words if only JSON mode is listed."""
    response_format, listed = request.response_format, ctx.chat.response_format
    if response_format is None or response_format.kind in listed:
        return request
    if response_format.kind == "text":
        return replace(request, response_format=None)
    if response_format.kind == "json_schema" and "json_object" in listed:
        ctx.warn_or_raise(
            f"{ctx.model_id} lists no 'json_schema' format: JSON mode is used, and the schema goes into the "
            f"instructions."
        )
        return _describe_schema(request, response_format)
    ctx.unsupported_parameter("response_format")
    return request


def _describe_schema(request: Request, response_format: ResponseFormat) -> Request:
    """Use JSON mode, with the schema in a system message behind the leading ones."""
    schema = json.dumps(dict(response_format.schema or {}), ensure_ascii=False)
    instruction = Message("system", (Text(f"Answer with one JSON object that fits this JSON schema:\n{schema}"),))
    leading = next((i for i, turn in enumerate(request.messages) if turn.role not in ("system", "developer")), None)
    before, after = request.messages[:leading], request.messages[leading:] if leading is not None else ()
    return replace(request, messages=(*before, instruction, *after), response_format=ResponseFormat("json_object"))


def adapt_thinking(request: Request, ctx: AdaptContext) -> Request:
    """Turn thinking off in a plain request to a model that thinks only in streams."""
    if "thinking_streams_only" not in ctx.model.quirks or ctx.stream:
        return request
    if request.options.get("enable_thinking"):
        raise UnsupportedParameterError(f"{ctx.model_id} thinks in streams only: stream the answer.")
    return replace(request, options={**request.options, "enable_thinking": False})


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_messages(request: Request, ctx: AdaptContext) -> Request:
    """Adapt every message to roles and content that the model supports."""
    if _needs_no_changes(request.messages, ctx.chat):
        return request
    for step in _MESSAGE_STEPS:
        request = step(request, ctx)
    return request


def _needs_no_changes(messages: tuple[Message, ...], capabilities: ChatCapabilities) -> bool:
    roles = capabilities.roles
    for message in messages:
        parts = message.parts
        if len(parts) != 1 or type(parts[0]) is not Text or message.role not in roles:
            return False
    return True


def _replace_messages(request: Request, messages: Iterable[Message]) -> Request:
    turns = tuple(messages)
    return request if turns == request.messages else replace(request, messages=turns)


def _adapt_developer_role(request: Request, ctx: AdaptContext) -> Request:
    """Change developer messages to system messages if the model has no developer role."""
    if "developer" in ctx.chat.roles:
        return request
    turns = (replace(turn, role="system") if turn.role == "developer" else turn for turn in request.messages)
    return _replace_messages(request, turns)


def _adapt_system_role(request: Request, ctx: AdaptContext) -> Request:
    """Move system text into the `system` field, or before the next user text, if the model has no system role."""
    system = [turn for turn in request.messages if turn.role == "system"]
    if "system" in ctx.chat.roles or not system:
        return request
    _require_only_text(system, ctx)
    if ctx.parameter("system") is None:
        return replace(request, messages=_move_to_user_turns(request.messages))
    turns = tuple(turn for turn in request.messages if turn.role != "system")
    system_field = _append_system(request.options.get("system"), join_texts(system))
    return replace(request, messages=turns, options={**request.options, "system": system_field})


def _require_only_text(turns: Iterable[Message], ctx: AdaptContext) -> None:
    for part in (part for turn in turns for part in turn.parts):
        if not isinstance(part, Text):
            kind = type(part).__name__
            raise UnsupportedContentError(
                f"{kind} content in system text cannot go to {ctx.model_id}: put it in a user turn."
            )


def _append_system(system: Any, text: str) -> Any:
    """Append text to the caller's own `system`, a string or a list of blocks."""
    if isinstance(system, list | tuple):
        return [*system, {"type": "text", "text": text}]
    return f"{system}\n\n{text}" if system else text


def _move_to_user_turns(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    turns: list[Message] = []
    pending: list[Message] = []
    for message in messages:
        if message.role == "system":
            pending.append(message)
        elif message.role == "user" and pending:
            turns.append(replace(message, parts=_prepend_text(join_texts(pending), message.parts)))
            pending = []
        else:
            turns.append(message)
    return (*turns, *([Message("user", (Text(join_texts(pending)),))] if pending else []))


def _prepend_text(text: str, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    match parts:
        case (Text() as first, *rest):
            return (replace(first, text=f"{text}\n\n{first.text}"), *rest)
    return (Text(text), *parts)


def _check_roles(request: Request, ctx: AdaptContext) -> Request:
    capabilities = ctx.chat
    for turn in request.messages:
        has_calls = turn.role == "tool" or turn.tool_calls
        if has_calls and not capabilities.tool_turns and capabilities.dialect == "openai":
            raise UnsupportedContentError(
                f"{ctx.model_id} takes no tool calls and no tool results: send them as text in a user turn, or choose "
                f"a model that lists tools."
            )
        if turn.role not in capabilities.roles and not (turn.role == "tool" and capabilities.dialect == "anthropic"):
            raise UnsupportedContentError(f"{ctx.model_id} takes no turns of the role {turn.role!r}.")
    return request


# --- content ------------------------------------------------------------------------------------------------------


def _adapt_content(request: Request, ctx: AdaptContext) -> Request:
    """Move media to user turns, check that the model supports them, and send text files as text."""
    turns = (_adapt_user_turn(turn, ctx) if turn.role == "user" else turn for turn in lift_media(request.messages))
    return _replace_messages(request, turns)


def _adapt_user_turn(turn: Message, ctx: AdaptContext) -> Message:
    parts = tuple(_adapt_part(part, ctx) for part in turn.parts)
    max_parts = ctx.chat.max_parts
    if max_parts is not None and len(parts) > max_parts:
        parts = _merge_adjacent_texts(parts)
        if len(parts) > max_parts:
            raise UnsupportedContentError(
                f"{ctx.model_id} takes at most {max_parts} parts in one message, not {len(parts)}: split it into "
                f"several."
            )
    return turn if parts == turn.parts else replace(turn, parts=parts)


def _merge_adjacent_texts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    merged: list[Part] = []
    for is_text, group in groupby(parts, lambda part: isinstance(part, Text)):
        run = list(group)
        merged += [Text("\n".join(part.text for part in run if isinstance(part, Text)))] if is_text else run
    return tuple(merged)


def _adapt_part(part: Part, ctx: AdaptContext) -> Part:
    part = _convert_text_file(part) if isinstance(part, File) else part
    block_types = _BLOCK_TYPES.get(type(part))
    if block_types is None:
        return part  # `encode` raises for parts that no user turn can have
    supported = ctx.chat.blocks if ctx.chat.dialect == "anthropic" else ctx.chat.user_parts
    if not supported.intersection(block_types):
        raise UnsupportedContentError(_unsupported_part_message(part, ctx))
    if check := _PART_CHECKS.get(type(part)):
        check(part, ctx)
    return part


_BLOCK_TYPES: dict[type, tuple[str, ...]] = {
    Image: ("image_url", "image"),
    Audio: ("input_audio",),
    File: ("file", "document"),
    Video: ("video_url",),
}


def _unsupported_part_message(part: Part, ctx: AdaptContext) -> str:
    """Say that the model doesn't support a part, and which endpoint or model does."""
    kind, model = type(part).__name__, ctx.model
    message = f"{kind} content cannot go to {ctx.model_id} on chat completions"
    if model.responses and _RESPONSES_TYPES.get(type(part)) in model.responses.parts:
        return f"{message}: the responses endpoint carries it for this model."
    if model.messages and isinstance(part, Image | File):
        return f"{message}: the messages endpoint carries it for this model."
    supported, required = " and ".join(sorted(model.inputs)), _MODALITIES[type(part)]
    return f"{message}, which takes {supported}: choose a model with {required} input."


_RESPONSES_TYPES: dict[type, str] = {Image: "input_image", File: "input_file"}
_MODALITIES: dict[type, str] = {Image: "image", File: "pdf", Audio: "audio", Video: "video"}


def _convert_text_file(file: File) -> File | Text:
    """Convert a text file to text with its name before it, since the endpoint only takes PDF files."""
    mime, data = parse_data_url(file.url) or (file.mime or "", file.data)
    if not mime.startswith("text/") or not data:
        return file
    text = decode_text(data)
    return Text(f"{file.filename}:\n{text}" if file.filename else text)


def _check_image(part: Image, ctx: AdaptContext) -> None:
    if ctx.chat.image_uri and part.url and ":" not in part.url:
        raise UnsupportedContentError(f"{ctx.model_id} takes an image by http, https or data URL, not by {part.url!r}.")


def _check_audio(part: Audio, ctx: AdaptContext) -> None:
    formats = ctx.chat.audio_formats
    if part.data and supported_audio_format(part, formats) is None:
        raise UnsupportedContentError(
            f"{ctx.model_id} takes audio as {', '.join(sorted(formats))}, not as {part.format}: convert it."
        )


def _check_file(part: File, ctx: AdaptContext) -> None:
    if part.file_id and "file_id" not in ctx.chat.file_keys:
        raise UnsupportedContentError(f"{ctx.model_id} takes no file by id ({part.file_id!r}): give its data.")


_PART_CHECKS: dict[type, Callable[[Any, AdaptContext], None]] = {
    Image: _check_image,
    Audio: _check_audio,
    File: _check_file,
}

_MESSAGE_STEPS: tuple[AdaptStep, ...] = (_adapt_developer_role, _adapt_system_role, _check_roles, _adapt_content)

ADAPT_STEPS: tuple[AdaptStep, ...] = (
    make_history_step(adapt_messages, encode),
    adapt_strict,
    adapt_response_format,
    adapt_tools,
    adapt_options,
    adapt_thinking,
    adapt_messages,
)
