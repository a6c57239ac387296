"""Encode a request for `/v1/responses`, the newer endpoint, with hosted tools and stored conversations.

Some models are only served here. https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-5-mini
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from ..._utils.json import drop_none, drop_nulls
from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import Model, ResponsesCapabilities, lookup
from ...types import (
    Audio,
    Citation,
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
from ..shared.media import get_filename, is_link, lift_media, to_data_url
from ..shared.paths import id_path

PATH = "/responses"

ENDPOINT = "the responses endpoint"

# Body fields by option. If several options set the same field, the later one here wins.
_RENAMED_OPTIONS: Mapping[str, str] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
}
_NESTED_OPTIONS: Mapping[str, tuple[str, str]] = {
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
}

CHAT_ONLY_OPTIONS = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "metadata",
        "modalities",
        "n",
        "prediction",
        "presence_penalty",
        "seed",
        "service_tier",
        "stop",
        "stop_sequences",
        "stream_options",
        "top_logprobs",
        "user",
    }
)
"""The options without an equivalent on this endpoint, which are left out of its bodies."""

_ENCRYPTED_REASONING = "reasoning.encrypted_content"


def encode(request: Request, model: Model | None = None) -> Json:
    """Encode the body of a plain request.

    Args:
        request: the request.
        model: its model; looked up if None.

    >>> encode(Request("openai/gpt-5-mini-2025-08-07", (Message("user", (Text("Hello"),)),)))
    {'model': 'openai/gpt-5-mini-2025-08-07', 'input': 'Hello'}
    """
    model = model or lookup(request.model)
    options = drop_none(request.options)
    turns = _encode_input(request.messages, model, options.get("store") is True, _custom_tool_names(request))
    if "instructions" in turns and options.get("instructions"):
        options["instructions"] = f"{options['instructions']}\n\n{turns['instructions']}"
    body: Json = {"model": request.model, **turns, **_encode_options(options)}
    if text := _encode_text_options(request.response_format, options):
        body["text"] = text
    if request.tools:
        body.update(_encode_tools(request))
    if _should_include_reasoning(body, model):
        body["include"] = [*body.get("include", ()), _ENCRYPTED_REASONING]
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool, model: Model | None = None) -> Json:  # noqa: ARG001  # usage is always sent
    """Change the body to request a stream, which always includes usage."""
    return {**body, "stream": True}


def response_path(response_id: str) -> str:
    """Return the path of a stored response: GET it to see the progress of a background response."""
    return f"{PATH}/{id_path(response_id, 'a response')}"


def cancel_path(response_id: str) -> str:
    """Return the path to POST to, to cancel a background response."""
    return f"{response_path(response_id)}/cancel"


# --- options ------------------------------------------------------------------------------------------------------


def _encode_options(options: Mapping[str, Any]) -> Json:
    renamed = {field: options[name] for name, field in _RENAMED_OPTIONS.items() if name in options}
    reasoning = _encode_nested("reasoning", options)
    mapped = {*_RENAMED_OPTIONS, *_NESTED_OPTIONS, *CHAT_ONLY_OPTIONS, "reasoning", "text"}
    others = {name: value for name, value in options.items() if name not in mapped}
    return {**others, **renamed, **({"reasoning": reasoning} if reasoning else {})}


def _encode_nested(field: str, options: Mapping[str, Any]) -> Json:
    """Build an object of the body from the chat options inside it, and from the option of the same name, which wins."""
    flat = {
        key: options[name] for name, (parent, key) in _NESTED_OPTIONS.items() if parent == field and name in options
    }
    return {**flat, **drop_none(options.get(field) or {})}


def _encode_text_options(response_format: ResponseFormat | None, options: Mapping[str, Any]) -> Json:
    """Build the `text` object, which requires a `format`; empty if no option needs it."""
    text = _encode_nested("text", options)
    if response_format:
        text["format"] = _encode_response_format(response_format)
    return {"format": {"type": "text"}, **text} if text else {}


def _encode_response_format(response_format: ResponseFormat) -> Json:
    if response_format.kind != "json_schema":
        return {"type": response_format.kind}
    schema = dict(response_format.schema) if response_format.schema is not None else {"type": "object"}
    optional = drop_none({"strict": response_format.strict, "description": response_format.description})
    return {"type": "json_schema", "name": response_format.name, "schema": schema, **optional}


def _should_include_reasoning(body: Json, model: Model) -> bool:
    """Return whether to request encrypted reasoning for later turns, which is lost unless the gateway stores it."""
    listed = model.responses.parameters if model.responses else {}
    if not model.reasoning or "reasoning" not in listed or "include" not in listed or body.get("store"):
        return False
    is_useful = "tools" in body or body.get("reasoning", {}).get("summary")
    return bool(is_useful) and _ENCRYPTED_REASONING not in body.get("include", ())


# --- tools --------------------------------------------------------------------------------------------------------


def _custom_tool_names(request: Request) -> set[str]:
    custom = (tool.item for tool in request.tools if isinstance(tool, HostedTool) and tool.type == "custom")
    return {str(item.get("name")) for item in custom}


def _encode_tools(request: Request) -> Json:
    fields: Json = {"tools": [_encode_tool(tool) for tool in request.tools]}
    if request.tool_choice:
        fields["tool_choice"] = _encode_tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _encode_tool(tool: Tool | HostedTool) -> Json:
    """Encode one tool. `parameters` and `strict` are required here; strict defaults to false."""
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    function: Json = {"type": "function", "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters or {"type": "object", "properties": {}})
    function["strict"] = bool(tool.strict)
    extra = {key: value for key, value in tool.extra.items() if key != "cache_control"}
    return {**function, **extra}


def _encode_tool_choice(choice: ToolChoice) -> str | Json:
    match choice:
        case ToolChoice(mode="auto" | "none" | "required"):
            return choice.mode
        case ToolChoice(mode="named", name=str(name)):
            return {"type": "function", "name": name}
        case ToolChoice(mode="hosted", name=str(kind)):
            return {"type": kind}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return dict(item)
    raise UnsupportedParameterError(f"{choice!r} is not a tool choice.")


# --- input --------------------------------------------------------------------------------------------------------


def _encode_input(messages: tuple[Message, ...], model: Model, is_stored: bool, custom_tools: Collection[str]) -> Json:
    """Encode the `input` of a body, and `instructions` if only they can have the system text.

    Args:
        messages: the conversation. Media in tool results and assistant turns move into a user turn behind them.
        model: determines whether the input may be a list of items.
        is_stored: whether the gateway stores the conversation, so that items can be referenced by id.
        custom_tools: names of custom tools, whose results are encoded differently.
    """
    capabilities = model.responses or ResponsesCapabilities()
    if not capabilities.list_input and (fields := _encode_without_list(messages)):
        return fields
    if (text := _get_single_text(messages)) is not None:
        return {"input": text}
    if "reasoning" not in capabilities.items:
        messages = tuple(map(_drop_reasoning, messages))
        is_stored = is_stored and not model.reasoning  # an item sent by id needs the reasoning item that preceded it
    items = list(_encode_items(lift_media(messages), is_stored, custom_tools))
    return {"input": items[0] if len(items) == 1 and not capabilities.list_input else items}


def _get_single_text(messages: tuple[Message, ...]) -> str | None:
    match messages:
        case (Message(role="user", parts=(Text(text=text),)),):
            return text
    return None


def _encode_without_list(messages: tuple[Message, ...]) -> Json:
    """Encode system texts and a single user text as strings; empty if there is more."""
    system = [message for message in messages if message.role in ("system", "developer")]
    user_text = _get_single_text(messages[len(system) :])
    if not system or user_text is None or messages[: len(system)] != tuple(system) or not _has_only_text(system):
        return {}
    return {"instructions": join_texts(system), "input": user_text}


def _has_only_text(messages: Iterable[Message]) -> bool:
    return all(isinstance(part, Text) for message in messages for part in message.parts)


def _drop_reasoning(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if not isinstance(part, Reasoning)))


def _encode_items(messages: tuple[Message, ...], is_stored: bool, custom_tools: Collection[str]) -> Iterator[Json]:
    call_kinds = {call.id: call.kind for message in messages for call in message.tool_calls}
    for message in messages:
        match message.role:
            case "assistant":
                yield from _encode_assistant(message, is_stored)
            case "tool":
                default_kind = "custom" if message.name in custom_tools else message.call_kind
                yield from _encode_tool_result(message, call_kinds.get(message.tool_call_id or "", default_kind))
            case "user" | "system" | "developer":
                yield from _encode_input_message(message)
            case role:
                raise UnsupportedContentError(f"A message of role {role!r} cannot go to {ENDPOINT}.")


# --- user and system turns ----------------------------------------------------------------------------------------


def _encode_input_message(message: Message) -> Iterator[Json]:
    """Encode a user or system turn; hosted items in it, such as approvals, split it into several messages."""
    for is_hosted, parts in groupby(message.parts, lambda part: isinstance(part, HostedItem)):
        if is_hosted:
            yield from (drop_nulls(part.item) for part in parts if isinstance(part, HostedItem))
        else:
            yield {"role": message.role, "content": _encode_content(list(parts))}
    if not message.parts:
        yield {"role": message.role, "content": ""}


def _encode_content(parts: list[Part]) -> str | list[Json]:
    """Encode as a string if there is only one text, else as a list of parts."""
    match parts:
        case [Text(text=text)]:
            return text
    return [_encode_part(part) for part in parts]


def _encode_part(part: Part) -> Json:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return _encode_image(part)
        case File():
            return _encode_file(part)
        case Audio() | Video():
            kind = type(part).__name__
            raise UnsupportedContentError(f"{kind} content cannot go to {ENDPOINT}: chat completions can carry it.")
    raise UnsupportedContentError(f"{type(part).__name__} content in a user turn cannot go to {ENDPOINT}.")


def _encode_image(part: Image) -> Json:
    url = part.url or (to_data_url(part.data, part.mime or "image/png") if part.data else None)
    if not url and not part.file_id:
        raise UnsupportedContentError("An image has neither a URL, nor data, nor a file id: set one of them.")
    source = {"image_url": url} if url else {"file_id": part.file_id}
    return {"type": "input_image", **source, **({"detail": part.detail} if part.detail else {})}


def _encode_file(part: File) -> Json:
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if is_link(part):
        return {"type": "input_file", "file_url": part.url}
    data = part.url or to_data_url(part.data or "", part.mime or "application/pdf")
    return {"type": "input_file", "filename": get_filename(part), "file_data": data}


def _encode_tool_result(message: Message, call_kind: str) -> Iterator[Json]:
    """Encode a tool result, whose output is a string. There is no field for errors, so only the text reports them."""
    if any(isinstance(part, HostedItem) for part in message.parts):
        yield from (_encode_hosted_result(part, message) for part in message.parts if isinstance(part, HostedItem))
        return
    if not message.tool_call_id:
        raise UnsupportedContentError("A tool message has no tool_call_id: set it to the id of the call it answers.")
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            raise UnsupportedContentError(f"{type(part).__name__} content in a tool result cannot go to {ENDPOINT}.")
        texts.append(part.text)
    kind = "custom_tool_call_output" if call_kind == "custom" else "function_call_output"
    yield {"type": kind, "call_id": message.tool_call_id, "output": "\n".join(texts)}


def _encode_hosted_result(part: HostedItem, message: Message) -> Json:
    """Encode the output of a tool that is an item of its own; without a call id it gets that of the message."""
    item = drop_nulls(part.item)
    has_no_id = part.type.endswith("_call_output") and not {"call_id", "id"} & item.keys()
    return {**item, "call_id": message.tool_call_id} if has_no_id and message.tool_call_id else item


# --- assistant turns ----------------------------------------------------------------------------------------------


def _encode_assistant(message: Message, is_stored: bool) -> Iterator[Json]:
    """Encode an assistant turn as items, in order. Parts with the same id become one item again.

    Trailing reasoning is left out: the gateway rejects reasoning that no other item follows.
    """
    last = max((index for index, part in enumerate(message.parts) if not isinstance(part, Reasoning)), default=-1)
    for (kind, _), group in groupby(message.parts[: last + 1], _get_item_key):
        encode_parts = _ITEM_ENCODERS.get(kind)
        if encode_parts is None:
            raise UnsupportedContentError(f"{kind.__name__} content in an assistant turn cannot go to {ENDPOINT}.")
        yield from encode_parts(list(group), is_stored)
    if not message.parts:
        yield {"role": "assistant", "content": ""}


def _get_item_key(part: Part) -> tuple[type, Any]:
    return (Text if isinstance(part, Refusal) else type(part)), getattr(part, "id", None)


def _encode_message_item(parts: list[Any], is_stored: bool) -> Iterator[Json]:
    """Encode text as a string, the only short form that the gateway accepts, or as a full item with id or citations."""
    item_id = getattr(parts[0], "id", None)
    if item_id and (is_stored or any(_encode_annotations(part) for part in parts)):
        content = [_encode_output_part(part) for part in parts]
        yield {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": content}
    elif text := "".join(part.text for part in parts):
        yield {"role": "assistant", "content": text}


def _encode_output_part(part: Text | Refusal) -> Json:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": _encode_annotations(part)}


def _encode_annotations(part: Text | Refusal) -> list[Json]:
    """Encode the citations with all fields that the schema requires: URL, title, start, and end."""
    if isinstance(part, Refusal):
        return []
    return [
        {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        }
        for citation in part.citations
        if _is_complete_citation(citation, part.text)
    ]


def _is_complete_citation(citation: Citation, text: str) -> bool:
    if citation.end is None or None in (citation.url, citation.title, citation.start):
        return False
    return citation.end <= len(text)  # the text may have been edited since


def _encode_reasoning_item(parts: list[Reasoning], is_stored: bool) -> Iterator[Json]:
    """Encode one reasoning item from all its parts, or none without content.

    The gateway rejects the id of an item that it neither stored nor can decrypt. Reasoning of other endpoints has none.
    """
    item_id = parts[0].id
    summary = [{"type": "summary_text", "text": part.text} for part in parts if part.kind == "summary" and part.text]
    encrypted = next((part.encrypted for part in parts if part.encrypted), None)
    if item_id and (is_stored or encrypted or summary):
        optional = {"encrypted_content": encrypted} if encrypted else {}
        yield {"type": "reasoning", "id": item_id, "summary": summary, **optional}


def _encode_call_items(calls: list[ToolCall], is_stored: bool) -> Iterator[Json]:
    for call in calls:
        item_id = {"id": call.item_id} if is_stored and call.item_id else {}
        fields = {"call_id": call.id, "name": call.name, **item_id}
        if call.kind == "custom":
            yield {"type": "custom_tool_call", "input": call.arguments, **fields}
        else:
            yield {"type": "function_call", "arguments": call.arguments, **fields}


def _encode_hosted_items(parts: Iterable[HostedItem], is_stored: bool) -> Iterator[Json]:  # noqa: ARG001  # as others
    yield from (drop_nulls(part.item) for part in parts)


_ITEM_ENCODERS: dict[type, Callable[[list[Any], bool], Iterator[Json]]] = {
    Text: _encode_message_item,
    Reasoning: _encode_reasoning_item,
    ToolCall: _encode_call_items,
    HostedItem: _encode_hosted_items,
}
