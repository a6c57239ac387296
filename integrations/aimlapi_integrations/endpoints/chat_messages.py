"""Messages -> the `messages` of a chat completions body.

Text alone goes out as a string, which every model takes; lists of parts are for turns that need them. The forms follow
the vendor's schemas: https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ..conversation import (
    Audio,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Video,
)
from ..errors import UnsupportedContentError
from ..models import ChatShape, Model
from .chat_blocks import BLOCKS, assistant_turns, result_turns
from .handed_back import handed_back
from .media import audio_format, file_data, filename, image_url, listed_audio_format, video_url
from .system_text import system_text

ENDPOINT = "chat completions"


def encode_messages(messages: tuple[Message, ...], model: Model, shape: ChatShape, blocks: bool) -> list[Json]:
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


def _message(message: Message, model: Model, shape: ChatShape) -> Json:
    match message.role:
        case "assistant":
            return _named(message, shape, _assistant(message, model, shape))
        case "tool":
            return _named(message, shape, _tool(message))
        case "system" | "developer":
            return _named(message, shape, {"role": message.role, "content": _content(message, shape, " instructions")})
        case "user":
            return _named(message, shape, {"role": "user", "content": _content(message, shape, "")})
    raise UnsupportedContentError(f"A message of role {message.role!r} cannot go to {ENDPOINT}.")


def _named(message: Message, shape: ChatShape, body: Json) -> Json:
    allowed = shape.closed.get(message.role)
    if message.name and (allowed is None or "name" in allowed):
        body["name"] = message.name
    return body


def _content(message: Message, shape: ChatShape, where: str) -> str | list[Json]:
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


def _part(part: Part, shape: ChatShape, where: str) -> Json:
    if isinstance(part, Audio):
        return _audio(part, shape)
    encode = (BLOCKS if shape.dialect == "anthropic" else _PARTS).get(type(part))
    if encode is None:
        kind = type(part).__name__
        raise UnsupportedContentError(f"{kind} content in a user turn{where} cannot go to {ENDPOINT}.")
    encoded: Json = encode(part)
    return encoded


def _cached(part: Part, encoded: Json, shape: ChatShape) -> Json:
    """With its cache marker, where the model lists one for this kind of part; elsewhere the marker means nothing."""
    cache = getattr(part, "cache", None)
    return {**encoded, "cache_control": dict(cache)} if cache and encoded["type"] in shape.cache_control else encoded


# --- parts of a user turn -----------------------------------------------------------------------------------------


def _text(part: Text) -> Json:
    return {"type": "text", "text": part.text}


def _image(part: Image) -> Json:
    image: Json = {"url": image_url(part, ENDPOINT)}
    return {"type": "image_url", "image_url": {**image, "detail": part.detail} if part.detail else image}


def _audio(part: Audio, shape: ChatShape) -> Json:
    if part.data is None:
        raise UnsupportedContentError(f"Audio by {'URL' if part.url else 'id'} cannot go to {ENDPOINT}: give its data.")
    name = listed_audio_format(part, shape.audio_formats) or audio_format(part)
    return {"type": "input_audio", "input_audio": {"data": part.data, "format": name}}


def _file(part: File) -> Json:
    if part.file_id:
        return {"type": "file", "file": {"file_id": part.file_id}}
    return {"type": "file", "file": {"filename": filename(part), "file_data": file_data(part)}}


def _video(part: Video) -> Json:
    return {"type": "video_url", "video_url": {"url": video_url(part)}}


_PARTS: Mapping[type, Any] = {Text: _text, Image: _image, File: _file, Video: _video}


# --- assistant and tool turns -------------------------------------------------------------------------------------


def _assistant(message: Message, model: Model, shape: ChatShape) -> Json:
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
        return {"reasoning_details": [handed_back(detail) for detail in part.details]}
    if "echo_reasoning_content" in model.quirks and part.text:
        return {"reasoning_content": message.reasoning}
    if "echo_thought_signature" in model.quirks and part.signature:
        return {"extra_content": {"google": {"thought_signature": part.signature}}}
    return {}


def _tool_call(call: ToolCall, keeps_extra: bool) -> Json:
    extra = handed_back(call.extra) if keeps_extra else {}
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}, **extra}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}, **extra}


def _tool(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            raise UnsupportedContentError(f"{type(part).__name__} content in a tool result cannot go to {ENDPOINT}.")
        texts.append(part.text)
    return {"role": "tool", "content": "\n".join(texts), "tool_call_id": message.tool_call_id or ""}
