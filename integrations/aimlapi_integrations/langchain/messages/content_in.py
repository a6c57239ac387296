"""Content blocks of LangChain messages, in the form of any vendor -> parts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from ...endpoints.shared.media import parse_data_url
from ...errors import UnsupportedContentError
from ...models import vendor
from ...types import (
    Audio,
    Citation,
    File,
    HostedItem,
    Image,
    Json,
    Part,
    Reasoning,
    Refusal,
    SearchResult,
    Text,
    ToolCall,
    Video,
)
from .content_out import CUSTOM_INPUT
from .server_tools import is_claude_block, is_server_tool, parse_claude_item, parse_image_item, parse_server_tool

T = TypeVar("T")


def parse_blocks(blocks: Iterable[Any]) -> list[Part]:
    """Return the parts of a message's content blocks, in order.

    Raises:
        UnsupportedContentError: no endpoint has a form for a block of this type.
    """
    blocks = list(blocks)
    results = _server_tool_results(blocks)
    return [part for block in blocks for part in _parse_block(block, results)]


def parse_model_blocks(blocks: Iterable[Any], author: str | None) -> list[Part]:
    """Return the parts of an assistant message. A block of unknown form becomes a `HostedItem`, which endpoints drop.

    Args:
        blocks: the content of an assistant message.
        author: the model that wrote it.
    """
    blocks = [_to_dict(block) for block in blocks]
    results = _server_tool_results(blocks)
    is_claude = vendor(author) == "Anthropic"
    return [part for block in blocks for part in _parse_model_block(block, results, is_claude)]


def _to_dict(block: Any) -> Any:
    """Return a block, which may be an object of a vendor's SDK, as a dict."""
    return block.model_dump(exclude_none=True) if hasattr(block, "model_dump") else block


def _parse_model_block(block: Any, results: Mapping[str, Json], is_claude: bool) -> list[Part]:
    try:
        if isinstance(block, dict) and (is_claude or is_claude_block(block)) and (item := parse_claude_item(block)):
            return [item]
        return _parse_block(block, results)
    except (UnsupportedContentError, AttributeError, KeyError, TypeError, ValueError):
        return [HostedItem(_with_type(block))]


def _with_type(block: Any) -> Json:
    """Return a block of unknown form with a type that a warning can name."""
    if not isinstance(block, dict):
        return {"type": type(block).__name__}
    inner = block["value"] if block.get("type") == "non_standard" else block
    if not isinstance(inner, dict):
        return {"type": "non_standard"}
    kind = inner.get("type")
    fields = {key: value for key, value in inner.items() if key != "index"}
    return fields if isinstance(kind, str) else {**fields, "type": next(iter(inner), "unknown")}


_RESULT = "server_tool_result"


def _server_tool_results(blocks: Iterable[Any]) -> dict[str, Json]:
    """Return the results of hosted tools by the ids of their calls."""
    return {str(b.get("tool_call_id")): b for b in blocks if isinstance(b, dict) and b.get("type") == _RESULT}


def _parse_block(block: Any, results: Mapping[str, Json]) -> list[Part]:
    if isinstance(block, str):
        return [Text(block)]
    if not isinstance(block, dict):
        _raise_unsupported(type(block).__name__)
    kind = block.get("type") or _infer_type(block)
    if not isinstance(kind, str):
        _raise_unsupported(type(kind).__name__)
    if kind == "server_tool_call":
        return [parse_server_tool(block, results) or _raise_unsupported(f"{kind} of {block.get('name')!r}")]
    if kind == _RESULT:
        return []  # parsed with its call
    if parse := _PARSERS.get(kind):
        return _as_list(parse(block))
    if is_server_tool(kind):
        return [HostedItem({key: value for key, value in block.items() if key != "index"})]
    return _raise_unsupported(kind)


def _as_list(parts: Part | list[Part]) -> list[Part]:
    return parts if isinstance(parts, list) else [parts]


def _infer_type(block: Json) -> str:
    """Return the type of a block without one: its only key, as in LangChain."""
    return next(iter(block)) if len(block) == 1 else ""


def _raise_unsupported(kind: str) -> NoReturn:
    raise UnsupportedContentError(
        f"Content block of type {kind!r} cannot be sent: neither chat completions nor responses has a form for it."
    )


# --- fields that several blocks have ------------------------------------------------------------------------------


def _get_extra(block: Json, name: str) -> Any:
    """Return a field of the block itself, or of its `extras` (v1) or `metadata` (v0)."""
    places = (block, block.get("extras"), block.get("metadata"))
    return next((place[name] for place in places if isinstance(place, dict) and place.get(name) is not None), None)


def _vendor_id(block: Json) -> str | None:
    """Return the id that the vendor assigned; LangChain's own start with `lc_`."""
    block_id = block.get("id")
    return block_id if isinstance(block_id, str) and block_id and not block_id.startswith("lc_") else None


def _text_field(block: Json, field: str) -> str:
    text = block.get(field) or ""
    if not isinstance(text, str):
        kind = type(text).__name__
        raise UnsupportedContentError(f"{field!r} of a {block.get('type')!r} block must be a str, not {kind}.")
    return text


def _only(expected: type[T], value: Any) -> T | None:
    """Return a value of the expected type; None for anything else, which other vendors have in its place."""
    return value if isinstance(value, expected) else None


# --- text ---------------------------------------------------------------------------------------------------------


def _parse_text(block: Json) -> Part:
    annotations = block.get("annotations") or block.get("citations") or ()
    citations = tuple(parse_citation(raw) for raw in annotations if isinstance(raw, dict))
    return Text(_text_field(block, "text"), citations, id=_vendor_id(block), cache=_get_extra(block, "cache_control"))


def parse_citation(raw: Mapping[str, Any]) -> Citation:
    """Return a citation from a standard annotation, or from OpenAI's (flat or nested in `url_citation`)."""
    if raw.get("type") == "non_standard_annotation":
        return Citation(raw=raw.get("value") or {})
    inner = raw["url_citation"] if isinstance(raw.get("url_citation"), dict) else raw
    return Citation(
        url=_only(str, inner.get("url")),
        title=_only(str, inner.get("title") or inner.get("filename")),
        start=_only(int, inner.get("start_index")),
        end=_only(int, inner.get("end_index")),
        quote=_only(str, inner.get("cited_text") or inner.get("content")),
        raw={**(raw.get("extras") or {})} if raw.get("type") == "citation" else dict(raw),
    )


def _parse_non_standard(block: Json) -> list[Part]:
    value = block.get("value")
    if isinstance(value, dict) and value.get("type") != "non_standard":
        return parse_blocks([value])
    return _raise_unsupported("non_standard")


def _parse_plain_text(block: Json) -> Part:
    """Parse a text document: its text if it has one, else a file."""
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    if block.get("base64"):
        return Text(base64.b64decode(block["base64"]).decode())
    return _parse_file({"mime_type": "text/plain", **block})


def parse_search_result(block: Json) -> SearchResult | None:
    """Parse Anthropic's `search_result`: a source, a title and texts. None if there is anything else in it."""
    match block:
        case {"type": "search_result", "source": str(), "title": str(), "content": [_, *_] as content, **rest}:
            is_known = rest.keys() <= {"citations", "cache_control"} and all(map(_is_passage, content))
            return SearchResult(block) if is_known else None
    return None


def _is_passage(block: Any) -> bool:
    match block:
        case {"type": "text", "text": str(text), **rest}:
            return bool(text) and rest.keys() <= {"cache_control"}
    return False


def _parse_search_result(block: Json) -> Part:
    return parse_search_result(block) or _raise_unsupported("search_result")


# --- media --------------------------------------------------------------------------------------------------------


def _media_source(block: Json) -> dict[str, Any]:
    """Return where the bytes are, in any form: v1, v0 (`source_type`), Anthropic (`source`)."""
    source = block.get("source")
    fields = source if isinstance(source, dict) else block
    url, data = fields.get("url"), fields.get("base64") or fields.get("data")
    mime = fields.get("mime_type") or fields.get("media_type")
    if data_url := parse_data_url(url if isinstance(url, str) else None):
        url, (mime, data) = None, data_url
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    file_id = fields.get("file_id") or (fields.get("id") if fields.get("source_type") == "id" else None)
    return {"url": url, "data": data, "mime": mime, "file_id": file_id}


def _require_source(block: Json, *fields: str) -> dict[str, Any]:
    source = {name: value for name, value in _media_source(block).items() if name in (*fields, "mime")}
    if not any(source[field] for field in fields):
        raise UnsupportedContentError(
            f"Content block of type {block.get('type')!r} has none of: {', '.join(fields)}. Add one of them."
        )
    return source


def _parse_image(block: Json) -> Part:
    item = parse_image_item(block)
    source = _require_source(block, "url", "data", "file_id")
    return item or Image(**source, detail=_get_extra(block, "detail"), cache=_get_extra(block, "cache_control"))


def _parse_image_url(block: Json) -> Part:
    image_url = block.get("image_url")
    inner = image_url if isinstance(image_url, dict) else {"url": image_url, "detail": block.get("detail")}
    if not inner.get("url"):
        return _parse_image(block)
    return Image(url=inner["url"], detail=inner.get("detail"), cache=_get_extra(block, "cache_control"))


def _parse_audio(block: Json) -> Part:
    source = _media_source(block)
    audio_format = (source["mime"] or "").rpartition("/")[2] or None
    if source["data"] or source["url"]:
        transcript = _get_extra(block, "transcript")
        return Audio(source["data"], audio_format, _vendor_id(block), source["url"], transcript)
    audio_id = _vendor_id(block) or source["file_id"]
    if audio_id is None:
        raise UnsupportedContentError("Content block of type 'audio' has none of: url, data, id. Add one of them.")
    return Audio(id=audio_id)


def _parse_input_audio(block: Json) -> Part:
    inner = block.get("input_audio") or {}
    return Audio(data=inner.get("data"), format=inner.get("format"))


def _parse_file(block: Json) -> Part:
    """Parse a document in LangChain's form, or in OpenAI's of either endpoint."""
    if block.get("source_type") == "text":
        return Text(str(block.get("text") or block.get("url") or ""))
    inner = block["file"] if isinstance(block.get("file"), dict) else block
    if value := inner.get("file_data") or inner.get("file_url"):
        inner = {**inner, "url" if ":" in value else "data": value}
    names = (_get_extra(block, name) for name in ("filename", "name", "title"))
    filename = inner.get("filename") or next((name for name in names if name), None)
    source = _require_source(inner, "url", "data", "file_id")
    return File(**source, filename=filename, cache=_get_extra(block, "cache_control"))


def _parse_document(block: Json) -> Part:
    """Parse Anthropic's form."""
    source = block.get("source") or {}
    if source.get("type") == "text":
        return Text(source.get("data") or "", cache=_get_extra(block, "cache_control"))
    return _parse_file(block)


def _parse_video(block: Json) -> Part:
    return Video(**_require_source(block, "url", "data"))


def _parse_video_url(block: Json) -> Part:
    video_url = block.get("video_url")
    url = video_url.get("url") if isinstance(video_url, dict) else video_url
    return _parse_video({"type": "video_url", "url": url})


# --- reasoning ----------------------------------------------------------------------------------------------------


def _parse_reasoning(block: Json) -> list[Part]:
    """Parse a v1 block, or a Responses item with its list of summaries."""
    if "summary" in block or "content" in block:
        return parse_reasoning_item(block)
    extras = block.get("extras") or {}
    item_id = _vendor_id(block)
    is_summary = extras.get("kind") == "summary" or (item_id is not None and "kind" not in extras)
    return [
        Reasoning(
            text=block.get("reasoning") or "",
            kind="summary" if is_summary else "text",
            id=item_id,
            signature=extras.get("signature"),
            encrypted=extras.get("encrypted_content"),
            details=tuple(extras.get("reasoning_details") or ()),
        )
    ]


def parse_reasoning_item(item: Json) -> list[Part]:
    """Return the parts of a reasoning item of Responses; the first one has its signature and encrypted content."""
    texts = [(kind, piece.get("text") or "") for kind, field in _TEXT_LISTS for piece in item.get(field) or ()]
    proofs = {"signature": item.get("signature"), "encrypted": item.get("encrypted_content")}
    (kind, text), *others = texts or [("text" if item.get("signature") else "summary", "")]
    item_id = _vendor_id(item)
    first = Reasoning(text, kind, id=item_id, **proofs)  # type: ignore[arg-type]  # one of the kinds in _TEXT_LISTS
    return [first, *(Reasoning(text, kind, id=item_id) for kind, text in others)]  # type: ignore[arg-type]


_TEXT_LISTS = (("summary", "summary"), ("text", "content"))


def _parse_thinking(block: Json) -> Part:
    """Parse Anthropic's and Google's form, and Mistral's, whose text is a list of chunks."""
    thinking = block.get("thinking")
    if isinstance(thinking, list):
        return Reasoning("".join(_text_field(chunk, "text") for chunk in thinking if chunk.get("type") == "text"))
    return Reasoning(_text_field(block, "thinking"), signature=block.get("signature"))


def _parse_reasoning_content(block: Json) -> Part:
    """Parse Bedrock's forms: LangChain's, and its own."""
    inner = block.get("reasoning_content") or block.get("reasoningContent") or {}
    inner = inner.get("reasoningText") or inner
    return Reasoning(inner.get("text") or "", signature=inner.get("signature"))


# --- tool calls ---------------------------------------------------------------------------------------------------


def _arguments_json(value: Any) -> str:
    """Return the arguments of a call as JSON text."""
    return value if isinstance(value, str) else json.dumps({} if value is None else value, ensure_ascii=False)


def parse_tool_call(call: Mapping[str, Any], extras: Mapping[str, Any]) -> ToolCall:
    """Parse a valid or invalid tool call of LangChain's.

    Args:
        call: the call.
        extras: the fields that are sent back with it, such as `item_id` and `extra_content`.
    """
    args = call.get("args")
    is_custom = extras.get("kind") == "custom"
    value = args[CUSTOM_INPUT] if is_custom and isinstance(args, dict) and CUSTOM_INPUT in args else args
    return ToolCall(
        id=call.get("id") or "",
        name=call.get("name") or "",
        arguments="" if value is None else _arguments_json(value),
        kind="custom" if is_custom else "function",
        item_id=extras.get("item_id"),
        extra={"extra_content": extras["extra_content"]} if "extra_content" in extras else {},
        cut=is_custom and isinstance(args, str),
    )


def _parse_tool_call(block: Json) -> Part:
    return parse_tool_call(block, block.get("extras") or {})


def _parse_tool_use(block: Json) -> Part:
    """Parse Anthropic's form, and Bedrock's."""
    inner = block.get("toolUse") or block
    call_id = inner.get("id") or inner.get("toolUseId") or ""
    return ToolCall(call_id, inner.get("name") or "", _arguments_json(inner.get("input")))


def _parse_function_call(block: Json) -> Part:
    """Parse the form of Responses, and Google's, whose calls have `args` and may have no ids."""
    call_id, item_id = block.get("call_id"), block.get("id")
    if call_id is None:
        call_id, item_id = item_id, None
    arguments = block.get("arguments", block.get("args"))
    return ToolCall(call_id or "", block.get("name") or "", _arguments_json(arguments), item_id=item_id)


def parse_stored_call(entry: Any) -> ToolCall | None:
    """Parse a call that an integration stored in `additional_kwargs`, in any vendor's form; None for anything else."""
    entry = _to_dict(entry)
    if not isinstance(entry, dict):
        return None
    inner = _to_dict(entry.get("function") or entry.get("custom") or entry)
    if "toolUse" in entry or "toolUseId" in entry or "input" in entry:
        return _parse_tool_use(entry)  # type: ignore[return-value]  # a call
    call: Any = _parse_function_call({**entry, **inner})
    return call if call.name else None


def _parse_custom_tool_call(block: Json) -> Part:
    call_id, name = block.get("call_id") or "", block.get("name") or ""
    return ToolCall(call_id, name, _text_field(block, "input"), kind="custom", item_id=block.get("id"))


_PARSERS: dict[str, Callable[[Json], Part | list[Part]]] = {
    "text": _parse_text,
    "input_text": _parse_text,
    "output_text": _parse_text,
    "text-plain": _parse_plain_text,
    "refusal": lambda block: Refusal(_text_field(block, "refusal")),
    "non_standard": _parse_non_standard,
    "reasoning": _parse_reasoning,
    "thinking": _parse_thinking,
    "redacted_thinking": lambda block: Reasoning(encrypted=block.get("data")),
    "reasoning_content": _parse_reasoning_content,
    "reasoningContent": _parse_reasoning_content,
    "tool_call": _parse_tool_call,
    "tool_call_chunk": _parse_tool_call,
    "invalid_tool_call": _parse_tool_call,
    "tool_use": _parse_tool_use,
    "toolUse": _parse_tool_use,
    "function_call": _parse_function_call,
    "custom_tool_call": _parse_custom_tool_call,
    "image": _parse_image,
    "image_url": _parse_image_url,
    "input_image": _parse_image_url,
    "audio": _parse_audio,
    "input_audio": _parse_input_audio,
    "file": _parse_file,
    "input_file": _parse_file,
    "document": _parse_document,
    "video": _parse_video,
    "video_url": _parse_video_url,
    "search_result": _parse_search_result,
}
