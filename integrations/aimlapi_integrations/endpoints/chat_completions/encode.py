"""Encode a request for `/v1/chat/completions`, the endpoint that serves nearly every model.

Bodies follow the model's documented schema. https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

from ..._utils.json import drop_none, drop_nulls
from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import ChatCapabilities, Model, ToolCapabilities, lookup
from ...types import (
    Audio,
    File,
    HostedItem,
    HostedTool,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Video,
    join_texts,
)
from ..shared.media import (
    get_audio_format,
    get_file_data,
    get_filename,
    get_image_url,
    get_video_url,
    parse_data_url,
    supported_audio_format,
)

PATH = "/chat/completions"

ENDPOINT = "chat completions"

_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode(request: Request, model: Model | None = None) -> Json:
    """Encode the body of a plain request.

    Args:
        request: what `adapt` returns, in which only user messages have media.
        model: its model; looked up if None.

    >>> encode(Request("gpt-4o", (Message("user", (Text("Hello"),)),)))
    {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'Hello'}]}
    """
    model = model or lookup(request.model)
    capabilities = model.chat or ChatCapabilities()
    use_blocks = _uses_blocks(request, capabilities)
    body: Json = {
        "model": request.model,
        "messages": _encode_messages(request.messages, model, capabilities, use_blocks),
        **drop_none(request.options),
    }
    if request.tools:
        body.update(_encode_tools(request, capabilities))
    if request.response_format:
        body["response_format"] = _encode_response_format(request.response_format)
    return {**body, **request.extra_body}


def _uses_blocks(request: Request, capabilities: ChatCapabilities) -> bool:
    """Return whether calls and results are encoded as Anthropic blocks.

    Some Claude models have a schema with the forms of `tools` swapped. With tools, their calls use the form that the
    tools have, which is OpenAI's and works.
    """
    is_swapped = capabilities.tools is not None and capabilities.tools.form == "swapped"
    return capabilities.dialect == "anthropic" and not (is_swapped and request.tools)


def stream_options(body: Json, usage: bool, model: Model | None = None) -> Json:
    """Change the body to request a stream, with usage if the model lists the option."""
    streamed = {**body, "stream": True}
    if usage and "stream_options" not in body and _lists_option(model or lookup(body["model"]), "stream_options"):
        streamed["stream_options"] = {"include_usage": True}
    return streamed


def _lists_option(model: Model, name: str) -> bool:
    return model.chat is None or not model.chat.parameters or name in model.chat.parameters


# --- tools --------------------------------------------------------------------------------------------------------


def _encode_tools(request: Request, capabilities: ChatCapabilities) -> Json:
    fields: Json = {"tools": [_encode_tool(tool, capabilities.tools or ToolCapabilities()) for tool in request.tools]}
    if request.tool_choice:
        is_anthropic = _ANTHROPIC_CHOICE_FORMS & capabilities.tool_choice and "function" not in capabilities.tool_choice
        encode_choice = _encode_anthropic_tool_choice if is_anthropic else _encode_tool_choice
        fields["tool_choice"] = encode_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _encode_tool(tool: Tool | HostedTool, capabilities: ToolCapabilities) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    if capabilities.form == "anthropic":
        return _encode_anthropic_tool(tool)
    function: Json = {"name": tool.name}
    if tool.description or "description" in capabilities.function_required:
        function["description"] = tool.description or tool.name
    function["parameters"] = dict(tool.parameters or _NO_PARAMETERS)
    item_fields = dict(tool.extra)
    if tool.strict is not None and _allows(capabilities.function_keys, "strict"):
        function["strict"] = tool.strict
    elif tool.strict is not None and "strict" in (capabilities.tool_keys or ()):
        item_fields["strict"] = tool.strict
    allowed = {key: value for key, value in item_fields.items() if _allows(capabilities.tool_keys, key)}
    return {"type": "function", "function": function, **allowed}


def _allows(keys: Collection[str] | None, key: str) -> bool:
    return keys is None or key in keys


def _encode_anthropic_tool(tool: Tool) -> Json:
    description = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **description, "input_schema": dict(tool.parameters or _NO_PARAMETERS)}


def _encode_tool_choice(choice: ToolChoice) -> str | Json:
    match choice:
        case ToolChoice(mode="auto" | "none" | "required"):
            return choice.mode
        case ToolChoice(mode="named", name=str(name)):
            return {"type": "function", "function": {"name": name}}
        case ToolChoice(mode="hosted", name=str(kind)):
            return {"type": kind}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return dict(item)
    raise UnsupportedParameterError(f"{choice!r} is not a tool choice.")


_ANTHROPIC_CHOICE_FORMS = frozenset({"anthropic", "definition"})
_ANTHROPIC_CHOICE_TYPES = {"auto": "auto", "none": "none", "required": "any"}


def _encode_anthropic_tool_choice(choice: ToolChoice) -> str | Json:
    """Encode for Claude models that list no other form, whichever form the tools have."""
    if choice.mode in _ANTHROPIC_CHOICE_TYPES:
        return {"type": _ANTHROPIC_CHOICE_TYPES[choice.mode]}
    return {"type": "tool", "name": choice.name} if choice.mode == "named" else _encode_tool_choice(choice)


def _encode_response_format(response_format: ResponseFormat) -> Json:
    if response_format.kind != "json_schema":
        return {"type": response_format.kind}
    fields = {
        "name": response_format.name,
        "schema": response_format.schema,
        "strict": response_format.strict,
        "description": response_format.description,
    }
    return {"type": "json_schema", "json_schema": drop_none(fields)}


# --- messages -----------------------------------------------------------------------------------------------------


def _encode_messages(
    messages: tuple[Message, ...], model: Model, capabilities: ChatCapabilities, use_blocks: bool
) -> list[Json]:
    turns: list[Json] = []
    for role, group in groupby(messages, lambda message: message.role):
        if use_blocks and role == "tool":
            turns += _encode_anthropic_results(list(group), capabilities)
        elif use_blocks and role == "assistant":
            turns += [turn for message in group for turn in _encode_anthropic_turns(message, capabilities)]
        else:
            turns += [_encode_message(message, model, capabilities) for message in group]
    return turns


def _encode_message(message: Message, model: Model, capabilities: ChatCapabilities) -> Json:
    match message.role:
        case "assistant":
            return _add_name(message, capabilities, _encode_assistant(message, model, capabilities))
        case "tool":
            return _add_name(message, capabilities, _encode_tool_result(message))
        case "system" | "developer":
            content = _encode_content(message, capabilities, " instructions")
            return _add_name(message, capabilities, {"role": message.role, "content": content})
        case "user":
            content = _encode_content(message, capabilities, "")
            return _add_name(message, capabilities, {"role": "user", "content": content})
    raise UnsupportedContentError(f"A message of role {message.role!r} cannot go to {ENDPOINT}.")


def _add_name(message: Message, capabilities: ChatCapabilities, body: Json) -> Json:
    allowed = capabilities.closed.get(message.role)
    if message.name and (allowed is None or "name" in allowed):
        body["name"] = message.name
    return body


def _encode_content(message: Message, capabilities: ChatCapabilities, where: str) -> str | list[Json]:
    """Encode as a string if the content is only text, else as a list of parts."""
    texts = [part for part in message.parts if isinstance(part, Text)]
    if len(texts) == len(message.parts) and (len(texts) < 2 or message.role not in capabilities.list_roles):
        is_marked = any(part.cache for part in texts) and "text" in capabilities.cache_control
        if not is_marked or message.role not in capabilities.list_roles:
            return join_texts([message]) if where else "\n".join(part.text for part in texts)
    parts = _drop_blank_texts(message.parts) if capabilities.dialect == "anthropic" else message.parts
    return [_add_cache_marker(part, _encode_part(part, capabilities, where), capabilities) for part in parts]


def _drop_blank_texts(parts: tuple[Part, ...]) -> list[Part]:
    """Drop texts of only white space, which Claude rejects, unless nothing else remains."""
    return [part for part in parts if not isinstance(part, Text) or part.text.strip()] or list(parts)


def _encode_part(part: Part, capabilities: ChatCapabilities, where: str) -> Json:
    if isinstance(part, Audio):
        return _encode_audio(part, capabilities)
    encoders = _ANTHROPIC_PART_ENCODERS if capabilities.dialect == "anthropic" else _PART_ENCODERS
    encode_one = encoders.get(type(part))
    if encode_one is None:
        kind = type(part).__name__
        raise UnsupportedContentError(f"{kind} content in a user turn{where} cannot go to {ENDPOINT}.")
    encoded: Json = encode_one(part)
    return encoded


def _add_cache_marker(part: Part, encoded: Json, capabilities: ChatCapabilities) -> Json:
    """Add the part's cache marker if the model lists one for this kind of part."""
    cache = getattr(part, "cache", None)
    if cache and encoded["type"] in capabilities.cache_control:
        return {**encoded, "cache_control": dict(cache)}
    return encoded


# --- parts of a user turn -----------------------------------------------------------------------------------------


def _encode_text(part: Text) -> Json:
    return {"type": "text", "text": part.text}


def _encode_image(part: Image) -> Json:
    image: Json = {"url": get_image_url(part, ENDPOINT)}
    return {"type": "image_url", "image_url": {**image, "detail": part.detail} if part.detail else image}


def _encode_audio(part: Audio, capabilities: ChatCapabilities) -> Json:
    if part.data is None:
        raise UnsupportedContentError(f"Audio by {'URL' if part.url else 'id'} cannot go to {ENDPOINT}: give its data.")
    audio_format = supported_audio_format(part, capabilities.audio_formats) or get_audio_format(part)
    return {"type": "input_audio", "input_audio": {"data": part.data, "format": audio_format}}


def _encode_file(part: File) -> Json:
    if part.file_id:
        return {"type": "file", "file": {"file_id": part.file_id}}
    return {"type": "file", "file": {"filename": get_filename(part), "file_data": get_file_data(part)}}


def _encode_video(part: Video) -> Json:
    return {"type": "video_url", "video_url": {"url": get_video_url(part)}}


_PART_ENCODERS: Mapping[type, Any] = {
    Text: _encode_text,
    Image: _encode_image,
    File: _encode_file,
    Video: _encode_video,
}


# --- assistant and tool turns -------------------------------------------------------------------------------------


def _encode_assistant(message: Message, model: Model, capabilities: ChatCapabilities) -> Json:
    body: Json = {"role": "assistant", "content": message.text}
    keep_extra = capabilities.extra_content or "echo_thought_signature" in model.quirks
    calls = [_encode_tool_call(call, keep_extra) for call in message.tool_calls]
    if calls:
        body["tool_calls"] = calls
    if message.refusal:
        body["refusal"] = message.refusal
    allowed = capabilities.closed.get("assistant")
    for part in message.parts:
        fields = _encode_assistant_fields(part, message, model)
        body.update({key: value for key, value in fields.items() if allowed is None or key in allowed})
    return body


def _encode_assistant_fields(part: Part, message: Message, model: Model) -> Json:
    """Encode the fields that a part adds to those for text, tool calls, and refusal."""
    match part:
        case Text() | ToolCall() | Refusal():
            return {}
        case HostedItem():
            return {}  # only other endpoints have it; the text has its outcome
        case Reasoning():
            return _encode_reasoning(part, message, model)
        case Audio(id=str(audio_id)):
            return {"audio": {"id": audio_id}}
    kind = type(part).__name__
    raise UnsupportedContentError(f"{kind} content in an assistant turn cannot go to {ENDPOINT}.")


def _encode_reasoning(part: Reasoning, message: Message, model: Model) -> Json:
    """Encode reasoning with a signature or encrypted data, and reasoning text for models that need it."""
    if part.details and (part.signature or part.encrypted):
        return {"reasoning_details": [drop_nulls(detail) for detail in part.details]}
    if "echo_reasoning_content" in model.quirks and part.text:
        return {"reasoning_content": message.reasoning}
    if "echo_thought_signature" in model.quirks and part.signature:
        return {"extra_content": {"google": {"thought_signature": part.signature}}}
    return {}


def _encode_tool_call(call: ToolCall, keep_extra: bool) -> Json:
    extra = drop_nulls(call.extra) if keep_extra else {}
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}, **extra}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}


def _encode_tool_result(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            raise UnsupportedContentError(f"{type(part).__name__} content in a tool result cannot go to {ENDPOINT}.")
        texts.append(part.text)
    return {"role": "tool", "content": "\n".join(texts), "tool_call_id": message.tool_call_id or ""}


# --- messages as Anthropic content blocks, the only form in the schemas of some Claude models ---------------------


def _encode_anthropic_turns(message: Message, capabilities: ChatCapabilities) -> Iterator[Json]:
    """Encode an assistant message: a string if it is only text, else blocks, in as many turns as they need."""
    blocks = [block for part in message.parts if (block := _encode_anthropic_part(part, capabilities))]
    if all(block["type"] == "text" for block in blocks):
        yield {"role": "assistant", "content": "".join(block["text"] for block in blocks)}
    else:
        yield from _split_turns("assistant", [block for block in blocks if not _is_blank(block)], capabilities)


def _is_blank(block: Json) -> bool:
    """Return whether a block is only white space, which Claude rejects."""
    return block["type"] == "text" and not block["text"].strip()


def _encode_anthropic_results(messages: list[Message], capabilities: ChatCapabilities) -> Iterator[Json]:
    """Encode the results of one turn's tool calls, in as few user turns as possible."""
    return _split_turns("user", [_encode_anthropic_result(message) for message in messages], capabilities)


def _split_turns(role: str, blocks: list[Json], capabilities: ChatCapabilities) -> Iterator[Json]:
    size = capabilities.max_parts or len(blocks)
    for start in range(0, len(blocks), size):
        yield {"role": role, "content": blocks[start : start + size]}


def _encode_anthropic_part(part: Part, capabilities: ChatCapabilities) -> Json | None:
    """Encode one part; None for empty text and for what has no block."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Reasoning():
            return _encode_anthropic_reasoning(part, capabilities)
        case HostedItem():
            return None
    raise UnsupportedContentError(f"{type(part).__name__} content in an assistant turn cannot go to chat completions.")


def _encode_anthropic_reasoning(part: Reasoning, capabilities: ChatCapabilities) -> Json | None:
    """Encode reasoning with its signature, or as redacted, if the model lists such blocks."""
    if part.signature and "thinking" in capabilities.blocks:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.encrypted and "redacted_thinking" in capabilities.blocks:
        return {"type": "redacted_thinking", "data": part.encrypted}
    return None


def _encode_anthropic_result(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            kind = type(part).__name__
            raise UnsupportedContentError(f"{kind} content in a tool result cannot go to chat completions.")
        texts.append(part.text)
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": "\n".join(texts)}
    return {**result, "is_error": True} if message.is_error else result


def _encode_anthropic_image(part: Image) -> Json:
    return {"type": "image", "source": _encode_base64_source(part, "image/png")}


def _encode_anthropic_document(part: File) -> Json:
    return {"type": "document", "source": _encode_base64_source(part, "application/pdf")}


def _encode_base64_source(part: Image | File, default_mime: str) -> Json:
    if part.data:
        return {"type": "base64", "media_type": part.mime or default_mime, "data": part.data}
    if inline := parse_data_url(part.url):
        return {"type": "base64", "media_type": inline[0], "data": inline[1]}
    raise UnsupportedContentError("This model takes images and documents as base64 data only, not by URL or id.")


_ANTHROPIC_PART_ENCODERS: Mapping[type, Any] = {
    Text: _encode_text,
    Image: _encode_anthropic_image,
    File: _encode_anthropic_document,
}
