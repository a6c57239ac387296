"""Adapt messages and their content to a model on chat completions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any

from ...errors import UnsupportedContentError
from ...models import ChatCapabilities
from ...types import Audio, File, Image, Message, Part, Request, Text, Video
from ..shared.adapt_context import AdaptContext, AdaptStep
from ..shared.media import decode_text, lift_media, supported_audio_format
from ..shared.system_text import system_text


def adapt_messages(request: Request, ctx: AdaptContext) -> Request:
    """Adapt every message to the roles and content that the model accepts."""
    if _plain(request.messages, ctx.chat):
        return request
    for step in _STEPS:
        request = step(request, ctx)
    return request


def _plain(messages: tuple[Message, ...], capabilities: ChatCapabilities) -> bool:
    roles = capabilities.roles
    for message in messages:
        parts = message.parts
        if len(parts) != 1 or type(parts[0]) is not Text or message.role not in roles:
            return False
    return True


def _changed(request: Request, messages: Iterable[Message]) -> Request:
    turns = tuple(messages)
    return request if turns == request.messages else replace(request, messages=turns)


# --- roles --------------------------------------------------------------------------------------------------------


def _developer(request: Request, ctx: AdaptContext) -> Request:
    """A developer's word is the system's where the model knows no developer."""
    if "developer" in ctx.chat.roles:
        return request
    turns = (replace(turn, role="system") if turn.role == "developer" else turn for turn in request.messages)
    return _changed(request, turns)


def _system(request: Request, ctx: AdaptContext) -> Request:
    """System text goes into the field `system`, or before the next user's text, where there is no such role."""
    told = [turn for turn in request.messages if turn.role == "system"]
    if "system" in ctx.chat.roles or not told:
        return request
    _only_text(told, ctx)
    if ctx.parameter("system") is None:
        return replace(request, messages=_told_by_user(request.messages))
    turns = tuple(turn for turn in request.messages if turn.role != "system")
    system = _with_system(request.options.get("system"), system_text(told))
    return replace(request, messages=turns, options={**request.options, "system": system})


def _only_text(turns: Iterable[Message], ctx: AdaptContext) -> None:
    for part in (part for turn in turns for part in turn.parts):
        if not isinstance(part, Text):
            kind = type(part).__name__
            raise UnsupportedContentError(
                f"{kind} content in system text cannot go to {ctx.model_id}: put it in a user turn."
            )


def _with_system(given: Any, text: str) -> Any:
    """The caller's own `system`, a string or a list of blocks, and the text of the system turns behind it."""
    if isinstance(given, list | tuple):
        return [*given, {"type": "text", "text": text}]
    return f"{given}\n\n{text}" if given else text


def _told_by_user(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    turns: list[Message] = []
    waiting: list[Message] = []
    for message in messages:
        if message.role == "system":
            waiting.append(message)
        elif message.role == "user" and waiting:
            turns.append(replace(message, parts=_led(system_text(waiting), message.parts)))
            waiting = []
        else:
            turns.append(message)
    return (*turns, *([Message("user", (Text(system_text(waiting)),))] if waiting else []))


def _led(text: str, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    match parts:
        case (Text() as first, *rest):
            return (replace(first, text=f"{text}\n\n{first.text}"), *rest)
    return (Text(text), *parts)


def _roles(request: Request, ctx: AdaptContext) -> Request:
    capabilities = ctx.chat
    for turn in request.messages:
        if (
            (turn.role == "tool" or turn.tool_calls)
            and not capabilities.tool_turns
            and capabilities.dialect == "openai"
        ):
            raise UnsupportedContentError(
                f"{ctx.model_id} takes no tool calls and no tool results: send them as text in a user message, or "
                f"choose a model that lists tools."
            )
        if turn.role not in capabilities.roles and not (turn.role == "tool" and capabilities.dialect == "anthropic"):
            raise UnsupportedContentError(f"{ctx.model_id} takes no turns of the role {turn.role!r}.")
    return request


# --- content ------------------------------------------------------------------------------------------------------


def _media(request: Request, ctx: AdaptContext) -> Request:
    """Media in user turns only, each of a kind that the model takes; text files as text."""
    turns = (_user(turn, ctx) if turn.role == "user" else turn for turn in lift_media(request.messages))
    return _changed(request, turns)


def _user(turn: Message, ctx: AdaptContext) -> Message:
    parts = tuple(_part(part, ctx) for part in turn.parts)
    most = ctx.chat.max_parts
    if most is not None and len(parts) > most:
        parts = _join_texts(parts)
        if len(parts) > most:
            raise UnsupportedContentError(
                f"{ctx.model_id} takes at most {most} parts in one message, not {len(parts)}: split it into several."
            )
    return turn if parts == turn.parts else replace(turn, parts=parts)


def _join_texts(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    joined: list[Part] = []
    for is_text, group in groupby(parts, lambda part: isinstance(part, Text)):
        run = list(group)
        joined += [Text("\n".join(part.text for part in run if isinstance(part, Text)))] if is_text else run
    return tuple(joined)


def _part(part: Part, ctx: AdaptContext) -> Part:
    part = _text_file(part) if isinstance(part, File) else part
    kinds = _KINDS.get(type(part))
    if kinds is None:
        return part  # the encoder says that no user turn holds it
    listed = ctx.chat.blocks if ctx.chat.dialect == "anthropic" else ctx.chat.user_parts
    if not listed.intersection(kinds):
        raise UnsupportedContentError(_homeless(part, ctx))
    if fitted := _CHECKS.get(type(part)):
        fitted(part, ctx)
    return part


_KINDS: dict[type, tuple[str, ...]] = {
    Image: ("image_url", "image"),
    Audio: ("input_audio",),
    File: ("file", "document"),
    Video: ("video_url",),
}


def _homeless(part: Part, ctx: AdaptContext) -> str:
    """Why a part cannot go to the model, and what could carry it."""
    kind, model = type(part).__name__, ctx.model
    text = f"{kind} content cannot go to {ctx.model_id} on chat completions"
    if model.responses and _ON_RESPONSES.get(type(part)) in model.responses.parts:
        return f"{text}: the responses endpoint carries it for this model."
    if model.messages and isinstance(part, Image | File):
        return f"{text}: the messages endpoint carries it for this model."
    taken, missing = " and ".join(sorted(model.inputs)), _MODALITIES[type(part)]
    return f"{text}, which takes {taken}: choose a model with {missing} input."


_ON_RESPONSES: dict[type, str] = {Image: "input_image", File: "input_file"}
_MODALITIES: dict[type, str] = {Image: "image", File: "pdf", Audio: "audio", Video: "video"}


def _text_file(file: File) -> File | Text:
    """A text file as its text, since files here are PDFs; its name stands before it."""
    head, _, body = (file.url or "").partition(";base64,")
    mime, data = (head[len("data:") :], body) if head.startswith("data:") else (file.mime or "", file.data)
    if not mime.startswith("text/") or not data:
        return file
    text = decode_text(data)
    return Text(f"{file.filename}:\n{text}" if file.filename else text)


def _image(part: Image, ctx: AdaptContext) -> None:
    if ctx.chat.image_uri and part.url and ":" not in part.url:
        raise UnsupportedContentError(f"{ctx.model_id} takes an image by http, https or data URL, not by {part.url!r}.")


def _audio(part: Audio, ctx: AdaptContext) -> None:
    formats = ctx.chat.audio_formats
    if part.data and supported_audio_format(part, formats) is None:
        raise UnsupportedContentError(
            f"{ctx.model_id} takes audio as {', '.join(sorted(formats))}, not as {part.format}: convert it."
        )


def _file(part: File, ctx: AdaptContext) -> None:
    if part.file_id and "file_id" not in ctx.chat.file_keys:
        raise UnsupportedContentError(f"{ctx.model_id} takes no file by id ({part.file_id!r}): give its data.")


_CHECKS: dict[type, Callable[[Any, AdaptContext], None]] = {Image: _image, Audio: _audio, File: _file}

_STEPS: tuple[AdaptStep, ...] = (_developer, _system, _roles, _media)
