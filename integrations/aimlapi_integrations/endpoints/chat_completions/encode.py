"""`/v1/chat/completions`: the endpoint that nearly every model is served on.

Requests follow the vendor's schemas, replies are read as they really come: see `chat_messages.py`, `chat_reply.py` and
`chat_stream.py`. https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import Any

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
)
from ..shared.media import audio_format, file_data, filename, image_url, lift_media, supported_audio_format, video_url
from ..shared.parsing import drop_nulls
from ..shared.system_text import system_text
from .anthropic_dialect import BLOCKS, assistant_turns, result_turns
from .decode import decode
from .stream import ChatDecoder as Decoder

__all__ = ["PATH", "Decoder", "decode", "encode", "stream_options"]

PATH = "/chat/completions"

_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode(request: Request) -> Json:
    """The body that asks for a plain reply.

    >>> from aimlapi_integrations.types import Message, Text
    >>> encode(Request("gpt-4o", (Message("user", (Text("Hello"),)),)))
    {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'Hello'}]}
    """
    model = lookup(request.model)
    shape = model.chat or ChatCapabilities()
    body: Json = {
        "model": request.model,
        "messages": encode_messages(lift_media(request.messages), model, shape, _in_blocks(request, shape)),
        **_options(request.options),
    }
    if request.tools:
        body.update(_tools(request, shape))
    if request.response_format:
        body["response_format"] = _response_format(request.response_format)
    return {**body, **request.extra_body}


def _in_blocks(request: Request, shape: ChatCapabilities) -> bool:
    """Whether calls and results go in the Anthropic form. Where the schema of `tools` is broken, calls go in the same
    form as the tools themselves: the OpenAI form, which is seen to work."""
    swapped = shape.tools is not None and shape.tools.form == "swapped"
    return shape.dialect == "anthropic" and not (swapped and request.tools)


def stream_options(body: Json, usage: bool) -> Json:
    """The body that asks for the same as a stream; its usage is asked for where the model lists the option."""
    streamed = {**body, "stream": True}
    if usage and "stream_options" not in body and _takes(lookup(body["model"]), "stream_options"):
        streamed["stream_options"] = {"include_usage": True}
    return streamed


def _takes(model: Model, parameter: str) -> bool:
    return model.chat is None or not model.chat.parameters or parameter in model.chat.parameters


def _options(options: Mapping[str, Any]) -> Json:
    return {name: value for name, value in options.items() if value is not None}


def _tools(request: Request, shape: ChatCapabilities) -> Json:
    fields: Json = {"tools": [_tool(tool, shape.tools or ToolCapabilities()) for tool in request.tools]}
    if request.tool_choice:
        claude = _CLAUDE_FORMS & shape.tool_choice and "function" not in shape.tool_choice
        fields["tool_choice"] = (_claude_choice if claude else _tool_choice)(request.tool_choice)
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _tool(tool: Tool | HostedTool, shape: ToolCapabilities) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    if shape.form == "anthropic":
        return _anthropic_tool(tool)
    function: Json = {"name": tool.name}
    if tool.description or "description" in shape.function_required:
        function["description"] = tool.description or tool.name
    function["parameters"] = dict(tool.parameters or _NO_PARAMETERS)
    beside = dict(tool.extra)
    if tool.strict is not None and _lists(shape.function_keys, "strict"):
        function["strict"] = tool.strict
    elif tool.strict is not None and "strict" in (shape.tool_keys or ()):
        beside["strict"] = tool.strict
    return {"type": "function", "function": function, **_listed(beside, shape)}


def _listed(beside: Json, shape: ToolCapabilities) -> Json:
    """What stands beside the function, as far as the model lists it."""
    return {key: value for key, value in beside.items() if _lists(shape.tool_keys, key)}


def _lists(keys: Collection[str] | None, key: str) -> bool:
    return keys is None or key in keys


def _anthropic_tool(tool: Tool) -> Json:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": dict(tool.parameters or _NO_PARAMETERS)}


def _tool_choice(choice: ToolChoice) -> str | Json:
    match choice:
        case ToolChoice(mode="auto" | "none" | "required"):
            return choice.mode
        case ToolChoice(mode="named", name=str(name)):
            return {"type": "function", "function": {"name": name}}
        case ToolChoice(mode="hosted", name=str(kind)):
            return {"type": kind}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return dict(item)
    raise UnsupportedParameterError(f"{choice!r} is no tool choice.")


_CLAUDE_FORMS = frozenset({"anthropic", "definition"})
_CLAUDE_MODES = {"auto": "auto", "none": "none", "required": "any"}


def _claude_choice(choice: ToolChoice) -> str | Json:
    """As the Claude models that list no other form take it, beside tools of either form."""
    if choice.mode in _CLAUDE_MODES:
        return {"type": _CLAUDE_MODES[choice.mode]}
    return {"type": "tool", "name": choice.name} if choice.mode == "named" else _tool_choice(choice)


def _response_format(wanted: ResponseFormat) -> Json:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    fields = {"schema": wanted.schema, "strict": wanted.strict, "description": wanted.description}
    given = {key: value for key, value in fields.items() if value is not None}
    return {"type": "json_schema", "json_schema": {"name": wanted.name, **given}}


ENDPOINT = "chat completions"


def encode_messages(messages: tuple[Message, ...], model: Model, shape: ChatCapabilities, blocks: bool) -> list[Json]:
    """Every turn, in order, in the form that `model` takes; `blocks`: calls and results in the Anthropic form."""
    turns: list[Json] = []
    for role, group in groupby(messages, lambda message: message.role):
        if blocks and role == "tool":
            turns += result_turns(list(group), shape)
        elif blocks and role == "assistant":
            turns += [turn for message in group for turn in assistant_turns(message, shape)]
        else:
            turns += [_message(message, model, shape) for message in group]
    return turns


def _message(message: Message, model: Model, shape: ChatCapabilities) -> Json:
    match message.role:
        case "assistant":
            return _named(message, shape, _assistant(message, model, shape))
        case "tool":
            return _named(message, shape, _tool_message(message))
        case "system" | "developer":
            return _named(message, shape, {"role": message.role, "content": _content(message, shape, " instructions")})
        case "user":
            return _named(message, shape, {"role": "user", "content": _content(message, shape, "")})
    raise UnsupportedContentError(f"A message of role {message.role!r} cannot go to {ENDPOINT}.")


def _named(message: Message, shape: ChatCapabilities, body: Json) -> Json:
    allowed = shape.closed.get(message.role)
    if message.name and (allowed is None or "name" in allowed):
        body["name"] = message.name
    return body


def _content(message: Message, shape: ChatCapabilities, where: str) -> str | list[Json]:
    """A string where one text says it all, else a list of parts."""
    texts = [part for part in message.parts if isinstance(part, Text)]
    if len(texts) == len(message.parts) and (len(texts) < 2 or message.role not in shape.list_roles):
        marked = any(part.cache for part in texts) and "text" in shape.cache_control
        if not marked or message.role not in shape.list_roles:
            return system_text([message]) if where else "\n".join(part.text for part in texts)
    parts = _without_blank_texts(message.parts) if shape.dialect == "anthropic" else message.parts
    return [_cached(part, _part(part, shape, where), shape) for part in parts]


def _without_blank_texts(parts: tuple[Part, ...]) -> list[Part]:
    """What is left without text blocks of white space alone, which Claude refuses; all of it where nothing would be."""
    return [part for part in parts if not isinstance(part, Text) or part.text.strip()] or list(parts)


def _part(part: Part, shape: ChatCapabilities, where: str) -> Json:
    if isinstance(part, Audio):
        return _audio(part, shape)
    encode = (BLOCKS if shape.dialect == "anthropic" else _PARTS).get(type(part))
    if encode is None:
        kind = type(part).__name__
        raise UnsupportedContentError(f"{kind} content in a user turn{where} cannot go to {ENDPOINT}.")
    encoded: Json = encode(part)
    return encoded


def _cached(part: Part, encoded: Json, shape: ChatCapabilities) -> Json:
    """With its cache marker, where the model lists one for this kind of part; elsewhere the marker means nothing."""
    cache = getattr(part, "cache", None)
    return {**encoded, "cache_control": dict(cache)} if cache and encoded["type"] in shape.cache_control else encoded


# --- parts of a user turn -----------------------------------------------------------------------------------------


def _text(part: Text) -> Json:
    return {"type": "text", "text": part.text}


def _image(part: Image) -> Json:
    image: Json = {"url": image_url(part, ENDPOINT)}
    return {"type": "image_url", "image_url": {**image, "detail": part.detail} if part.detail else image}


def _audio(part: Audio, shape: ChatCapabilities) -> Json:
    if part.data is None:
        raise UnsupportedContentError(f"Audio by {'URL' if part.url else 'id'} cannot go to {ENDPOINT}: give its data.")
    name = supported_audio_format(part, shape.audio_formats) or audio_format(part)
    return {"type": "input_audio", "input_audio": {"data": part.data, "format": name}}


def _file(part: File) -> Json:
    if part.file_id:
        return {"type": "file", "file": {"file_id": part.file_id}}
    return {"type": "file", "file": {"filename": filename(part), "file_data": file_data(part)}}


def _video(part: Video) -> Json:
    return {"type": "video_url", "video_url": {"url": video_url(part)}}


_PARTS: Mapping[type, Any] = {Text: _text, Image: _image, File: _file, Video: _video}


# --- assistant and tool turns -------------------------------------------------------------------------------------


def _assistant(message: Message, model: Model, shape: ChatCapabilities) -> Json:
    body: Json = {"role": "assistant", "content": message.text}
    keeps_extra = shape.extra_content or "echo_thought_signature" in model.quirks
    calls = [_tool_call(call, keeps_extra) for call in message.tool_calls]
    if calls:
        body["tool_calls"] = calls
    if message.refusal:
        body["refusal"] = message.refusal
    listed = shape.closed.get("assistant")
    for part in message.parts:
        beside = _beside(part, message, model)
        body.update({key: value for key, value in beside.items() if listed is None or key in listed})
    return body


def _beside(part: Part, message: Message, model: Model) -> Json:
    """What a part adds beside the turn's text, tool calls and refusal, which are there already."""
    match part:
        case Text() | ToolCall() | Refusal():
            return {}
        case HostedItem():
            return {}  # a record of the other endpoint; what it led to is in the text
        case Reasoning():
            return _handed_back(part, message, model)
        case Audio(id=str(audio_id)):
            return {"audio": {"id": audio_id}}
    kind = type(part).__name__
    raise UnsupportedContentError(f"{kind} content in an assistant turn cannot go to {ENDPOINT}.")


def _handed_back(part: Reasoning, message: Message, model: Model) -> Json:
    """Reasoning goes back where it proves something, or where the model is known to want its words."""
    if part.details and (part.signature or part.encrypted):
        return {"reasoning_details": [drop_nulls(detail) for detail in part.details]}
    if "echo_reasoning_content" in model.quirks and part.text:
        return {"reasoning_content": message.reasoning}
    if "echo_thought_signature" in model.quirks and part.signature:
        return {"extra_content": {"google": {"thought_signature": part.signature}}}
    return {}


def _tool_call(call: ToolCall, keeps_extra: bool) -> Json:
    extra = drop_nulls(call.extra) if keeps_extra else {}
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}, **extra}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}


def _tool_message(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            raise UnsupportedContentError(f"{type(part).__name__} content in a tool result cannot go to {ENDPOINT}.")
        texts.append(part.text)
    return {"role": "tool", "content": "\n".join(texts), "tool_call_id": message.tool_call_id or ""}
