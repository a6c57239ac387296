"""Pictures, sound, films and documents in the content of LangChain messages -> parts, from whichever vendor's form."""

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
from .server_tools import claude_item, image_item, is_claude, is_server_tool, parse_server_tool


def extra(block: Json, name: str) -> Any:
    """A field of the block itself, or of its `extras` (v1) or `metadata` (v0)."""
    places = (block, block.get("extras"), block.get("metadata"))
    return next((place[name] for place in places if isinstance(place, dict) and place.get(name) is not None), None)


def own_id(block: Json) -> str | None:
    """The id that the vendor gave; LangChain's own start with `lc_`."""
    found = block.get("id")
    return found if isinstance(found, str) and found and not found.startswith("lc_") else None


def _source(block: Json) -> dict[str, Any]:
    """Where the bytes are, in whichever of the forms: v1, v0 (`source_type`), Anthropic (`source`)."""
    source = block.get("source")
    given = source if isinstance(source, dict) else block
    url, data = given.get("url"), given.get("base64") or given.get("data")
    mime = given.get("mime_type") or given.get("media_type")
    if inline := parse_data_url(url if isinstance(url, str) else None):
        url, (mime, data) = None, inline
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    by_id = given.get("file_id") or (given.get("id") if given.get("source_type") == "id" else None)
    return {"url": url, "data": data, "mime": mime, "file_id": by_id}


def _found(block: Json, *ways: str) -> dict[str, Any]:
    source = {name: value for name, value in _source(block).items() if name in (*ways, "mime")}
    if not any(source[way] for way in ways):
        raise UnsupportedContentError(f"Content block of type {block.get('type')!r} gives none of: {', '.join(ways)}.")
    return source


def image(block: Json) -> Part:
    item = image_item(block)
    source = _found(block, "url", "data", "file_id")
    return item or Image(**source, detail=extra(block, "detail"), cache=extra(block, "cache_control"))


def image_url(block: Json) -> Part:
    target = block.get("image_url")
    inner = target if isinstance(target, dict) else {"url": target, "detail": block.get("detail")}
    if not inner.get("url"):
        return image(block)
    return Image(url=inner["url"], detail=inner.get("detail"), cache=extra(block, "cache_control"))


def audio(block: Json) -> Part:
    source = _source(block)
    mime = source["mime"] or ""
    if source["data"] or source["url"]:
        return Audio(
            source["data"], mime.rpartition("/")[2] or None, own_id(block), source["url"], extra(block, "transcript")
        )
    by_id = own_id(block) or source["file_id"]
    if by_id is None:
        raise UnsupportedContentError("Content block of type 'audio' gives none of: url, data, id.")
    return Audio(id=by_id)


def input_audio(block: Json) -> Part:
    inner = block.get("input_audio") or {}
    return Audio(data=inner.get("data"), format=inner.get("format"))


def file(block: Json) -> Part:
    """A document in LangChain's form, or in OpenAI's of either endpoint."""
    if block.get("source_type") == "text":
        return Text(str(block.get("text") or block.get("url") or ""))
    inner = block["file"] if isinstance(block.get("file"), dict) else block
    if written := inner.get("file_data") or inner.get("file_url"):
        inner = {**inner, "url" if ":" in written else "data": written}
    name = inner.get("filename") or extra(block, "filename") or extra(block, "name") or extra(block, "title")
    return File(**_found(inner, "url", "data", "file_id"), filename=name, cache=extra(block, "cache_control"))


def document(block: Json) -> Part:
    """Anthropic's form."""
    source = block.get("source") or {}
    if source.get("type") == "text":
        return Text(source.get("data") or "", cache=extra(block, "cache_control"))
    return file(block)


def video(block: Json) -> Part:
    return Video(**_found(block, "url", "data"))


def video_url(block: Json) -> Part:
    target = block.get("video_url")
    return video({"type": "video_url", "url": target.get("url") if isinstance(target, dict) else target})


Content = str | list[Any]

T = TypeVar("T")


def parse_content(content: Content) -> list[Part]:
    """The parts that a message's content holds, in order.

    Raises:
        UnsupportedContentError: a block of a type that is not known.
    """
    if isinstance(content, str):
        return [Text(content)] if content else []
    results = _results(content)
    return [part for block in content for part in _parts(block, results)]


def block_parts(block: Json) -> list[Part]:
    """The parts of one block; raises as `parse_content`."""
    return _parts(block, {})


def answer_parts(content: Content, author: str | None) -> list[Part]:
    """The parts of what a model wrote. A block that has no form here is a `HostedItem`: the endpoint leaves it out.

    Args:
        content: of an assistant's message.
        author: the model that wrote it.
    """
    if isinstance(content, str):
        return parse_content(content)
    blocks = [_as_dict(block) for block in content]
    results = _results(blocks)
    return [part for block in blocks for part in _answer_parts(block, results, vendor(author) == "Anthropic")]


def _as_dict(block: Any) -> Any:
    """A block, an object of a vendor's library as a dict."""
    return block.model_dump(exclude_none=True) if hasattr(block, "model_dump") else block


def _answer_parts(block: Any, results: Mapping[str, Json], claude: bool) -> list[Part]:
    try:
        if isinstance(block, dict) and (claude or is_claude(block)) and (item := claude_item(block)):
            return [item]
        return _parts(block, results)
    except (UnsupportedContentError, AttributeError, KeyError, TypeError, ValueError):
        return [HostedItem(_named(block))]


def _named(block: Any) -> Json:
    """A block of no known form, with a type by which a warning can name it."""
    if not isinstance(block, dict):
        return {"type": type(block).__name__}
    inner = block["value"] if block.get("type") == "non_standard" else block
    if not isinstance(inner, dict):
        return {"type": "non_standard"}
    kind = inner.get("type")
    named = {key: value for key, value in inner.items() if key != "index"}
    return named if isinstance(kind, str) else {**named, "type": next(iter(inner), "unknown")}


_RESULT = "server_tool_result"


def _results(blocks: Iterable[Any]) -> dict[str, Json]:
    """The results of hosted tools among `blocks`, by the ids of their calls."""
    return {str(b.get("tool_call_id")): b for b in blocks if isinstance(b, dict) and b.get("type") == _RESULT}


def _parts(block: Any, results: Mapping[str, Json]) -> list[Part]:
    if isinstance(block, str):
        return [Text(block)]
    if not isinstance(block, dict):
        _unknown(type(block).__name__)
    kind = block.get("type") or _guessed(block)
    if not isinstance(kind, str):
        _unknown(type(kind).__name__)
    if kind == "server_tool_call":
        return [parse_server_tool(block, results) or _unknown(f"{kind} of {block.get('name')!r}")]
    if kind == _RESULT:
        return []  # read with its call
    read = _READERS.get(kind)
    if read is not None:
        return _listed(read(block))
    return [HostedItem({k: v for k, v in block.items() if k != "index"})] if is_server_tool(kind) else _unknown(kind)


def _listed(found: Part | list[Part]) -> list[Part]:
    return found if isinstance(found, list) else [found]


def _guessed(block: Json) -> str:
    """The type of a block that does not say it: its only key, as LangChain itself reads it."""
    return next(iter(block)) if len(block) == 1 else ""


def _unknown(kind: str) -> NoReturn:
    raise UnsupportedContentError(
        f"Content block of type {kind!r} cannot be sent: neither chat completions nor responses has a form for it."
    )


# --- text ---------------------------------------------------------------------------------------------------------


def _text(block: Json) -> Part:
    sources = block.get("annotations") or block.get("citations") or ()
    citations = tuple(parse_citation(raw) for raw in sources if isinstance(raw, dict))
    return Text(_words(block, "text"), citations, id=own_id(block), cache=extra(block, "cache_control"))


def _words(block: Json, field: str) -> str:
    words = block.get(field) or ""
    if not isinstance(words, str):
        kind = type(words).__name__
        raise UnsupportedContentError(f"The {field!r} of a {block.get('type')!r} block is no text but {kind}.")
    return words


def parse_citation(raw: Mapping[str, Any]) -> Citation:
    """A source, from a standard annotation or from OpenAI's (flat or inside `url_citation`)."""
    if raw.get("type") == "non_standard_annotation":
        return Citation(raw=raw.get("value") or {})
    inner = raw["url_citation"] if isinstance(raw.get("url_citation"), dict) else raw
    return Citation(
        url=_if(str, inner.get("url")),
        title=_if(str, inner.get("title") or inner.get("filename")),
        start=_if(int, inner.get("start_index")),
        end=_if(int, inner.get("end_index")),
        quote=_if(str, inner.get("cited_text") or inner.get("content")),
        raw={**(raw.get("extras") or {})} if raw.get("type") == "citation" else dict(raw),
    )


def _if(kind: type[T], value: Any) -> T | None:
    """A value of its kind; None for what another vendor has in that place."""
    return value if isinstance(value, kind) else None


def _refusal(block: Json) -> Part:
    return Refusal(_words(block, "refusal"))


def _non_standard(block: Json) -> list[Part]:
    value = block.get("value")
    return (
        parse_content([value])
        if isinstance(value, dict) and value.get("type") != "non_standard"
        else _unknown("non_standard")
    )


def _plain_text(block: Json) -> Part:
    """A text document: by its text where that is there, else as a file."""
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    if block.get("base64"):
        return Text(base64.b64decode(block["base64"]).decode())
    return file({"mime_type": "text/plain", **block})


def search_result(block: Json) -> SearchResult | None:
    """A passage in Anthropic's form, if Claude takes it so: a source, a title and texts, and nothing else."""
    match block:
        case {"type": "search_result", "source": str(), "title": str(), "content": [_, *_] as content, **rest}:
            known = rest.keys() <= {"citations", "cache_control"} and all(map(_is_passage, content))
            return SearchResult(block) if known else None
    return None


def _is_passage(block: Any) -> bool:
    match block:
        case {"type": "text", "text": str(text), **rest}:
            return bool(text) and rest.keys() <= {"cache_control"}
    return False


def _search_result(block: Json) -> Part:
    return search_result(block) or _unknown("search_result")


# --- reasoning ----------------------------------------------------------------------------------------------------


def _reasoning(block: Json) -> list[Part]:
    """A v1 block, or a Responses item with its list of summaries."""
    if "summary" in block or "content" in block:
        return parse_reasoning_item(block)
    extras = block.get("extras") or {}
    found = own_id(block)
    summary = extras.get("kind") == "summary" or (found is not None and "kind" not in extras)
    return [
        Reasoning(
            text=block.get("reasoning") or "",
            kind="summary" if summary else "text",
            id=found,
            signature=extras.get("signature"),
            encrypted=extras.get("encrypted_content"),
            details=tuple(extras.get("reasoning_details") or ()),
        )
    ]


def parse_reasoning_item(item: Json) -> list[Part]:
    """The parts of a reasoning item in the form of Responses; its proofs are on the first of them."""
    texts = [(kind, piece.get("text") or "") for kind, field in _PIECES for piece in item.get(field) or ()]
    proofs = {"signature": item.get("signature"), "encrypted": item.get("encrypted_content")}
    (kind, text), *others = texts or [("text" if item.get("signature") else "summary", "")]
    found = own_id(item)
    first = Reasoning(text, kind, id=found, **proofs)  # type: ignore[arg-type]  # the kinds are those of _PIECES
    return [first, *(Reasoning(text, kind, id=found) for kind, text in others)]  # type: ignore[arg-type]


_PIECES = (("summary", "summary"), ("text", "content"))


def _thinking(block: Json) -> Part:
    """Anthropic's and Google's form, and Mistral's, whose text is a list of chunks."""
    thought = block.get("thinking")
    if isinstance(thought, list):
        return Reasoning("".join(_words(chunk, "text") for chunk in thought if chunk.get("type") == "text"))
    return Reasoning(_words(block, "thinking"), signature=block.get("signature"))


def _redacted_thinking(block: Json) -> Part:
    return Reasoning(encrypted=block.get("data"))


def _reasoning_content(block: Json) -> Part:
    """Bedrock's forms: LangChain's, and its own."""
    inner = block.get("reasoning_content") or block.get("reasoningContent") or {}
    inner = inner.get("reasoningText") or inner
    return Reasoning(inner.get("text") or "", signature=inner.get("signature"))


# --- tool calls ---------------------------------------------------------------------------------------------------


def arguments(value: Any) -> str:
    """The arguments of a call as JSON text."""
    return value if isinstance(value, str) else json.dumps({} if value is None else value, ensure_ascii=False)


def parse_tool_call(call: Mapping[str, Any], extras: Mapping[str, Any]) -> ToolCall:
    """A valid or invalid call of LangChain's, with what its vendor wants back beside it."""
    further = {name: value for name, value in extras.items() if name in ("extra_content",)}
    args = call.get("args")
    custom = extras.get("kind") == "custom"
    written = args[CUSTOM_INPUT] if custom and isinstance(args, dict) and CUSTOM_INPUT in args else args
    return ToolCall(
        id=call.get("id") or "",
        name=call.get("name") or "",
        arguments="" if written is None else arguments(written),
        kind="custom" if custom else "function",
        item_id=extras.get("item_id"),
        extra=further,
        cut=custom and isinstance(args, str),
    )


def _tool_call(block: Json) -> Part:
    return parse_tool_call(block, block.get("extras") or {})


def _tool_use(block: Json) -> Part:
    """Anthropic's form, and Bedrock's."""
    inner = block.get("toolUse") or block
    call_id = inner.get("id") or inner.get("toolUseId") or ""
    return ToolCall(call_id, inner.get("name") or "", arguments(inner.get("input")))


def _function_call(block: Json) -> Part:
    """The form of Responses, and Google's, whose calls have `args` and may have no ids."""
    call_id, item_id = block.get("call_id"), block.get("id")
    if call_id is None:
        call_id, item_id = item_id, None
    written = block.get("arguments", block.get("args"))
    return ToolCall(call_id or "", block.get("name") or "", arguments(written), item_id=item_id)


def stored_call(entry: Any) -> ToolCall | None:
    """A call that an integration left in `additional_kwargs`, in whichever vendor's form; None for what is none."""
    entry = _as_dict(entry)
    if not isinstance(entry, dict):
        return None
    inner = entry.get("function") or entry.get("custom") or entry
    inner = _as_dict(inner)
    if "toolUse" in entry or "toolUseId" in entry or "input" in entry:
        return _tool_use(entry)  # type: ignore[return-value]  # a call
    found: Any = _function_call({**entry, **inner})
    return found if found.name else None


def _custom_tool_call(block: Json) -> Part:
    call_id, name = block.get("call_id") or "", block.get("name") or ""
    return ToolCall(call_id, name, _words(block, "input"), kind="custom", item_id=block.get("id"))


_READERS: dict[str, Callable[[Json], Part | list[Part]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "text-plain": _plain_text,
    "refusal": _refusal,
    "non_standard": _non_standard,
    "reasoning": _reasoning,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "reasoning_content": _reasoning_content,
    "reasoningContent": _reasoning_content,
    "tool_call": _tool_call,
    "tool_call_chunk": _tool_call,
    "invalid_tool_call": _tool_call,
    "tool_use": _tool_use,
    "toolUse": _tool_use,
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
    "image": image,
    "image_url": image_url,
    "input_image": image_url,
    "audio": audio,
    "input_audio": input_audio,
    "file": file,
    "input_file": file,
    "document": document,
    "video": video,
    "video_url": video_url,
    "search_result": _search_result,
}
