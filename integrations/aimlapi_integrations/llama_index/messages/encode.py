"""LlamaIndex messages -> `Message`s.

`ChatMessage.additional_kwargs` holds what no block represents, as `decode` writes it. Tool calls that other
integrations keep there are read too.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile, zip_longest
from pathlib import PurePosixPath
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from ..._utils.json import as_json_text
from ...endpoints.shared.authorship import reasoning_vendor
from ...endpoints.shared.media import is_data_url
from ...endpoints.shared.parsing import as_str, dict_items
from ...endpoints.shared.sources import decode_text, detect_mime_type, is_text
from ...errors import UnsupportedContentError
from ...types import (
    Audio,
    Citation,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    SearchResult,
    Text,
    ToolCall,
    Video,
)
from .tool_calls import (
    answered_invalid_calls,
    arguments_text,
    explain_invalid_call,
    is_json_of,
    is_own_message,
    message_calls,
    read_calls,
    result_id,
)

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def encode_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Convert a conversation, in order.

    Raises:
        UnsupportedContentError: A message of the caller has a block that no endpoint can represent.
    """
    turns: list[Message] = []
    for index, message in enumerate(messages):
        role = _ROLES[message.role]
        if role == "assistant":
            turns.append(_encode_assistant(message, messages[index + 1 :]))
        elif role == "tool":
            turns.append(_encode_tool_result(message, turns))
        else:
            turns.append(Message(role, tuple(_encode_content(message.blocks)), _name(message)))
    return tuple(turns)


def _name(message: ChatMessage) -> str | None:
    name = message.additional_kwargs.get("name")
    return name if isinstance(name, str) else None


# --- content ------------------------------------------------------------------------------------------------------


def _encode_content(blocks: Sequence[Any]) -> list[Part]:
    return _join(block if isinstance(block, CachePoint) else parse_block(block) for block in blocks)


def _encode_result(blocks: Sequence[Any]) -> list[Part]:
    """Convert what a tool returned. What is no content block goes as JSON text."""
    return _join(block if isinstance(block, CachePoint) else _result_parts(block) for block in blocks)


def _result_parts(block: Any) -> list[Part]:
    try:
        return parse_block(block)
    except (ValueError, OSError):  # a block of an unknown class, or a file that does not exist
        return [Text(as_json_text(block.model_dump(mode="json", exclude_none=True)))]


def _join(pieces: Iterable[list[Part] | CachePoint]) -> list[Part]:
    """Concatenate the parts, and apply each cache point to the part before it."""
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, CachePoint):
            parts[-1:] = [_with_cache_control(part, piece) for part in parts[-1:]]
        else:
            parts += piece
    return parts


def _with_cache_control(part: Part, point: CachePoint) -> Part:
    """Mark the end of what is to be cached."""
    if not isinstance(part, Text | Image | File):
        return part
    control = point.cache_control
    return replace(part, cache={"type": control.type, "ttl": control.ttl})


# --- assistant messages -------------------------------------------------------------------------------------------


def _encode_assistant(message: ChatMessage, later: Sequence[ChatMessage]) -> Message:
    """Convert a model's turn. The parts stay in order: reasoning must precede what it led to."""
    kwargs = message.additional_kwargs
    skipped: list[str] = []
    entries = read_calls(kwargs.get("tool_calls"), skipped)
    pieces = [_assistant_piece(block, message, entries) for block in message.blocks]
    items = [item for item in map(_item, kwargs.get("built_in_tool_calls") or ()) if item]
    positions = kwargs.get("built_in_tool_places") or [0] * len(items)
    for position, item in reversed(list(zip(positions, items, strict=False))):
        pieces.insert(position, [HostedItem(item)])
    parts = [
        *_join([*pieces, _from_kwargs(message)]),
        *answered_invalid_calls(message, _result_ids(later)),
        *(HostedItem({"type": f"{kind} in additional_kwargs"}) for kind in skipped),  # no endpoint has such a type
    ]
    parts = _with_citations(parts, kwargs.get("annotations") or (), kwargs.get("annotation_places") or ())
    return Message("assistant", tuple(parts), _name(message), author=_author(message, parts))


def _assistant_piece(block: Any, message: ChatMessage, entries: list[ToolCall]) -> list[Part] | CachePoint:
    match block:
        case CachePoint():
            return block
        case ToolCallBlock():
            return [_encode_call(block, entries)]
        case CitationBlock() if is_own_message(message) or any(map(_has_text, message.blocks)):
            return []  # a passage of the message's own text
        case AudioBlock() if message.additional_kwargs.get("reference_audio_id"):
            return []  # the gateway has it, by that ID
    try:
        return parse_block(block)
    except (ValueError, OSError):  # a block of an unknown class, or a file that does not exist
        return [HostedItem({"type": getattr(block, "block_type", None) or type(block).__name__})]


def _has_text(block: Any) -> bool:
    return isinstance(block, TextBlock) and bool(block.text)


def _item(item: Any) -> Json | None:
    """Return the record of a tool that a vendor ran as a dict. SDKs have classes for it."""
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", exclude_none=True)
    return dict(item) if isinstance(item, Mapping) else None


def _from_kwargs(message: ChatMessage) -> list[Part]:
    """Read the content that `additional_kwargs` hold. Calls and audio whose blocks were removed are not sent."""
    kwargs = message.additional_kwargs
    parts: list[Part] = []
    if kwargs.get("refusal"):
        parts.append(Refusal(kwargs["refusal"]))
    if kwargs.get("reference_audio_id") and (_has(AudioBlock, message) or not is_own_message(message)):
        parts.append(Audio(id=kwargs["reference_audio_id"]))
    return parts if _has(ToolCallBlock, message) else [*parts, *message_calls(message)]


def _has(kind: type, message: ChatMessage) -> bool:
    return any(isinstance(block, kind) for block in message.blocks)


def _encode_call(block: ToolCallBlock, entries: list[ToolCall]) -> ToolCall:
    """Convert a call, whose block decides. What no block holds comes from its entry, which is removed from `entries`.

    Arguments that nobody edited are sent back exactly as the model wrote them.
    """
    call_id = block.tool_call_id or ""
    entry = next((call for call in entries if call.id == call_id), None)
    if entry is None:
        return ToolCall(call_id, block.tool_name, arguments_text(block.tool_kwargs))
    entries.remove(entry)  # calls may share an ID: each has its own entry
    if entry.kind == "custom" and isinstance(block.tool_kwargs, dict):
        arguments = str(block.tool_kwargs.get("input", entry.arguments))
    elif is_json_of(entry.arguments, block.tool_kwargs):
        arguments = entry.arguments
    else:
        arguments = arguments_text(block.tool_kwargs)
    return replace(entry, name=block.tool_name, arguments=arguments)


def _with_citations(parts: list[Part], annotations: Iterable[Any], places: Sequence[int]) -> list[Part]:
    """Add the citations that the model needs back, because they have a proof, to their texts.

    Args:
        parts: The content of the message.
        annotations: The citations as the gateway wrote them.
        places: For each of them the index of its text. Without one it is the first.
    """
    citations: dict[int, list[Citation]] = {}
    for raw, place in zip_longest(annotations, places, fillvalue=0):
        if isinstance(raw, Mapping) and "encrypted_index" in raw:
            citation = Citation(raw.get("url"), raw.get("title"), quote=raw.get("cited_text"), raw=raw)
            citations.setdefault(place, []).append(citation)
    texts = [(index, part) for index, part in enumerate(parts) if isinstance(part, Text)]
    for place, cited in citations.items() if texts else ():
        index, text = texts[min(place, len(texts) - 1)]
        parts[index] = replace(text, citations=tuple(cited))
    return parts


def _author(message: ChatMessage, parts: Iterable[Part]) -> str | None:
    """Return the model that wrote a message, or the vendor that the form of its reasoning names."""
    author = message.additional_kwargs.get("author")
    if isinstance(author, str):
        return author
    return next((name for part in parts if isinstance(part, Reasoning) and (name := reasoning_vendor(part))), None)


def _result_ids(later: Sequence[ChatMessage]) -> list[str]:
    """Return the IDs that the tool messages directly after a message answer."""
    results = takewhile(lambda message: _ROLES[message.role] == "tool", later)
    return [call_id for message in results if (call_id := result_id(message.additional_kwargs))]


# --- tool results -------------------------------------------------------------------------------------------------


def _encode_tool_result(message: ChatMessage, earlier: Sequence[Message]) -> Message:
    """Convert a tool's result. Core's answer to a call that was not run becomes the reason why."""
    call_id, name = _answered_id(message, earlier), _name(message)
    calls = [call for turn in earlier for call in turn.tool_calls if call.id == call_id]
    if reason := explain_invalid_call(message, calls):
        return Message("tool", (Text(reason),), name, call_id, is_error=True)
    is_error = message.additional_kwargs.get("status") == "error"
    return Message("tool", tuple(_encode_result(message.blocks)), name, call_id, is_error)


def _answered_id(message: ChatMessage, earlier: Sequence[Message]) -> str | None:
    """Return the ID of the call that a tool message answers, or None if its call is not known by one.

    Some integrations keep no IDs of calls, but have them in results.
    """
    call_id = result_id(message.additional_kwargs)
    calls = [call for turn in earlier for call in turn.tool_calls]
    is_known = any(call_id in (call.id, call.name) for call in calls)
    return call_id if is_known or all(call.id for call in calls) else None


# --- content blocks -------------------------------------------------------------------------------------------------


def parse_block(block: Any) -> list[Part]:
    """Convert one content block. Empty text has no parts.

    Raises:
        UnsupportedContentError: No endpoint can represent a block of this class.
    """
    convert = _CONVERTERS.get(type(block)) or _base_class_converter(block)
    return convert(block)


def _base_class_converter(block: Any) -> Callable[[Any], list[Part]]:
    for kind, convert in _CONVERTERS.items():
        if isinstance(block, kind):
            return convert
    raise UnsupportedContentError(
        f"A {type(block).__name__} cannot be sent to any endpoint: replace it with text, an image or a document."
    )


def _text(block: TextBlock) -> list[Part]:
    return [Text(block.text)] if block.text else []


def _image(block: ImageBlock) -> list[Part]:
    url = _url(block)
    if url:
        return [Image(url=url, detail=block.detail)]
    raw = _read(block.resolve_image())
    return [
        Image(
            data=_base64(raw), mime=detect_mime_type(raw, _file_name(block), block.image_mimetype), detail=block.detail
        )
    ]


def _audio(block: AudioBlock) -> list[Part]:
    url = _url(block)
    if url and not is_data_url(url):
        return [Audio(url=url, format=block.format)]
    raw = _read(block.resolve_audio())
    mime = detect_mime_type(raw, _file_name(block))
    return [Audio(data=_base64(raw), format=block.format or (mime if mime.startswith("audio/") else None))]


def _video(block: VideoBlock) -> list[Part]:
    url = _url(block)
    if url:
        return [Video(url=url)]
    raw = _read(block.resolve_video())
    return [Video(data=_base64(raw), mime=detect_mime_type(raw, _file_name(block), block.video_mimetype))]


def _document(block: DocumentBlock) -> list[Part]:
    """Convert a document. A text file goes as text, because few endpoints accept such files."""
    title = block.title if block.title != _UNTITLED else None
    if block.url and not is_data_url(block.url):
        return [File(url=block.url, mime=block.document_mimetype, filename=title or _file_name(block))]
    raw = _read(block.resolve_document())
    mime = detect_mime_type(raw, title or _file_name(block), block.document_mimetype)
    name = title or _file_name(block)
    if is_text(mime):
        text = decode_text(raw, mime)
        return [Text(f"{name}\n\n{text}" if name else text)]
    return [File(data=_base64(raw), mime=mime, filename=_with_suffix(name, mime))]


_UNTITLED = "input_document"  # core's default title


def _citable(block: CitableBlock) -> list[Part]:
    """Convert a passage of a source to a search result, which Claude can cite. Other models get its text."""
    inner = [part for nested in block.content for part in parse_block(nested)]
    title = f"{block.title} ({block.source}):"
    texts = [part.text for part in inner if isinstance(part, Text)]
    if not texts or len(texts) < len(inner):
        return [Text(title), *inner]
    content = [{"type": "text", "text": text} for text in texts]
    item = {"type": "search_result", "source": block.source, "title": block.title, "content": content}
    return [SearchResult({**item, "citations": {"enabled": True}}, "\n".join([title, *texts]))]


def _citation(block: CitationBlock) -> list[Part]:
    return parse_block(block.cited_content)


def _thinking(block: ThinkingBlock) -> list[Part]:
    """Convert reasoning. The parts of a summary share their item's opaque fields, which go with the first part.

    Other integrations store other values in `additional_information`: those of a wrong type are ignored.
    """
    info = block.additional_information
    first = Reasoning(
        text=block.content or "",
        kind="summary" if info.get("kind") == "summary" else "text",
        id=as_str(info.get("id")),
        signature=as_str(info.get("signature")),
        encrypted=as_str(info.get("encrypted_content")) or _redacted_data(info),
        details=tuple(dict_items(info.get("reasoning_details"))),
    )
    texts = info.get("parts")
    if not isinstance(texts, list) or "\n\n".join(map(str, texts)) != first.text:
        texts = [first.text]
    head = Reasoning(texts[0], first.kind, first.id, first.signature, first.encrypted, first.details)
    return [head, *(Reasoning(text, first.kind, first.id) for text in texts[1:])]


def _redacted_data(info: Mapping[str, Any]) -> str | None:
    """Return the data of redacted thinking, as Anthropic's integration stores it."""
    return as_str(info.get("data")) if info.get("type") == "redacted_thinking" else None


_CONVERTERS: dict[type, Callable[[Any], list[Part]]] = {
    TextBlock: _text,
    ImageBlock: _image,
    AudioBlock: _audio,
    VideoBlock: _video,
    DocumentBlock: _document,
    CitableBlock: _citable,
    CitationBlock: _citation,
    ThinkingBlock: _thinking,
}


# --- files ---------------------------------------------------------------------------------------------------------


def _url(block: ImageBlock | AudioBlock | VideoBlock) -> str | None:
    """Return the block's URL, unless the block has data or a path."""
    has_data = any(getattr(block, name, None) for name in ("image", "audio", "video"))
    return str(block.url) if block.url and not has_data and block.path is None else None


def _read(buffer: Any) -> bytes:
    """Read a whole buffer, and rewind it: it may be the caller's."""
    data: bytes = buffer.read()
    buffer.seek(0)
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _file_name(block: Any) -> str | None:
    """Return the file name, from its path or URL."""
    location = str(block.path or block.url or "")
    return None if is_data_url(location) else PurePosixPath(location.partition("?")[0]).name or None


def _with_suffix(name: str | None, mime: str) -> str | None:
    if name is None or PurePosixPath(name).suffix:
        return name
    return name + (mimetypes.guess_extension(mime) or "")
