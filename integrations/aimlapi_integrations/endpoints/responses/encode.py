"""`/v1/responses`: the newer endpoint, and the only one of some models; it has hosted tools and stored conversations.

Messages become items in `responses_items.py`, replies are read in `responses_reply.py` and `responses_stream.py`.
https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-5-mini
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import Model, ResponsesCapabilities, lookup
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
from ..shared.media import data_url, filename, lift_media
from ..shared.parsing import drop_nulls
from ..shared.paths import id_path
from ..shared.system_text import system_text
from .decode import decode, decode_status
from .stream import ResponsesDecoder as Decoder

__all__ = [
    "CHAT_ONLY_OPTIONS",
    "OPTIONS",
    "PATH",
    "Decoder",
    "cancel_path",
    "decode",
    "decode_status",
    "encode",
    "response_path",
    "stream_options",
]

PATH = "/responses"

# Options by their chat name -> where they are in a body; of two for one place, the later wins.
_RENAMED: Mapping[str, str] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
}
_NESTED: Mapping[str, tuple[str, str]] = {
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
}
_OWN = (
    "background",
    "include",
    "instructions",
    "previous_response_id",
    "prompt",
    "reasoning",
    "store",
    "temperature",
    "text",
    "top_p",
    "truncation",
)

OPTIONS = frozenset({*_RENAMED, *_NESTED, *_OWN})
"""The options that this endpoint takes, by the names that `Request.options` has for them."""

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
"""The options that this endpoint has nothing for: they are left out of its bodies."""

_ENCRYPTED = "reasoning.encrypted_content"


def encode(request: Request) -> Json:
    """The body that asks for a plain reply.

    >>> from aimlapi_integrations.types import Message, Text
    >>> encode(Request("openai/gpt-5-mini-2025-08-07", (Message("user", (Text("Hello"),)),)))
    {'model': 'openai/gpt-5-mini-2025-08-07', 'input': 'Hello'}
    """
    model = lookup(request.model)
    options = {name: value for name, value in request.options.items() if value is not None}
    turns = encode_input(request.messages, model, options.get("store") is True, _custom_tools(request))
    if "instructions" in turns and options.get("instructions"):
        options["instructions"] = f"{options['instructions']}\n\n{turns['instructions']}"
    body: Json = {"model": request.model, **turns, **_options(options)}
    if text := _text(request.response_format, options):
        body["text"] = text
    if request.tools:
        body.update(_tools(request))
    if _hands_back_reasoning(body, model):
        body["include"] = [*body.get("include", ()), _ENCRYPTED]
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool) -> Json:  # noqa: ARG001  # usage always comes
    """The body that asks for the same as a stream, whose usage always comes."""
    return {**body, "stream": True}


def response_path(response_id: str) -> str:
    """Where a stored response is: GET it to learn how far a background response has come."""
    return f"{PATH}/{id_path(response_id, 'a response')}"


def cancel_path(response_id: str) -> str:
    """Where to POST to, to stop a background response."""
    return f"{response_path(response_id)}/cancel"


def _custom_tools(request: Request) -> set[str]:
    custom = (tool.item for tool in request.tools if isinstance(tool, HostedTool) and tool.type == "custom")
    return {str(item.get("name")) for item in custom}


def _options(options: Mapping[str, Any]) -> Json:
    renamed = {body_name: options[name] for name, body_name in _RENAMED.items() if name in options}
    reasoning = _nested("reasoning", options)
    taken = {*_RENAMED, *_NESTED, *CHAT_ONLY_OPTIONS, "reasoning", "text"}
    rest = {name: value for name, value in options.items() if name not in taken}
    return {**rest, **renamed, **({"reasoning": reasoning} if reasoning else {})}


def _nested(field: str, options: Mapping[str, Any]) -> Json:
    """An object of the body, from the chat options that belong in it and the option of its own name, which wins."""
    flat = {key: options[name] for name, (place, key) in _NESTED.items() if place == field and name in options}
    own = {key: value for key, value in dict(options.get(field) or {}).items() if value is not None}
    return {**flat, **own}


def _text(wanted: ResponseFormat | None, options: Mapping[str, Any]) -> Json:
    """The `text` object, which may not be without its `format`; empty where nothing was asked."""
    text = _nested("text", options)
    if wanted:
        text["format"] = _format(wanted)
    return {"format": {"type": "text"}, **text} if text else {}


def _format(wanted: ResponseFormat) -> Json:
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    schema = dict(wanted.schema) if wanted.schema is not None else {"type": "object"}
    optional = {"strict": wanted.strict, "description": wanted.description}
    given = {key: value for key, value in optional.items() if value is not None}
    return {"type": "json_schema", "name": wanted.name, "schema": schema, **given}


def _hands_back_reasoning(body: Json, model: Model) -> bool:
    """Whether to ask for the reasoning in a form that a later turn can hand back: what is not stored here is lost."""
    listed = model.responses.parameters if model.responses else {}
    if not model.reasoning or "reasoning" not in listed or "include" not in listed or body.get("store"):
        return False
    wanted = "tools" in body or body.get("reasoning", {}).get("summary")
    return bool(wanted) and _ENCRYPTED not in body.get("include", ())


# --- tools --------------------------------------------------------------------------------------------------------


def _tools(request: Request) -> Json:
    fields: Json = {"tools": [_tool(tool) for tool in request.tools]}
    if request.tool_choice:
        fields["tool_choice"] = _tool_choice(request.tool_choice)
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _tool(tool: Tool | HostedTool) -> Json:
    """`strict` and `parameters` are required here, and a tool that asks for no strictness must not get it."""
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    function: Json = {"type": "function", "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = dict(tool.parameters or {"type": "object", "properties": {}})
    function["strict"] = bool(tool.strict)
    extra = {key: value for key, value in tool.extra.items() if key != "cache_control"}
    return {**function, **extra}


def _tool_choice(choice: ToolChoice) -> str | Json:
    match choice:
        case ToolChoice(mode="auto" | "none" | "required"):
            return choice.mode
        case ToolChoice(mode="named", name=str(name)):
            return {"type": "function", "name": name}
        case ToolChoice(mode="hosted", name=str(kind)):
            return {"type": kind}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return dict(item)
    raise UnsupportedParameterError(f"{choice!r} is no tool choice.")


ENDPOINT = "the responses endpoint"


def encode_input(messages: tuple[Message, ...], model: Model, stored: bool, custom_tools: Collection[str] = ()) -> Json:
    """The `input` of a body, and `instructions` where only they can carry the system text.

    Args:
        messages: the conversation. Media of tool results and of assistant turns go into a user turn behind them.
        model: which says whether its schema takes a list of items.
        stored: whether the gateway keeps the conversation, so that items can be named by their ids.
        custom_tools: names of custom tools, whose results have a form of their own.
    """
    shape = model.responses or ResponsesCapabilities()
    if not shape.list_input and (short := _without_list(messages)):
        return short
    if (text := _only_text(messages)) is not None:
        return {"input": text}
    if "reasoning" not in shape.items:
        messages = tuple(map(_without_reasoning, messages))
        stored = stored and not model.reasoning  # upstream wants the reasoning that led to an item it is given by id
    items = list(_items(lift_media(messages), stored, custom_tools))
    return {"input": items[0] if len(items) == 1 and not shape.list_input else items}


def _only_text(messages: tuple[Message, ...]) -> str | None:
    match messages:
        case (Message(role="user", parts=(Text(text=text),)),):
            return text
    return None


def _without_list(messages: tuple[Message, ...]) -> Json:
    """System text as instructions and one question as a string, if that is all there is."""
    system = [message for message in messages if message.role in ("system", "developer")]
    question = _only_text(messages[len(system) :])
    if not system or question is None or messages[: len(system)] != tuple(system) or not _are_texts(system):
        return {}
    return {"instructions": system_text(system), "input": question}


def _are_texts(messages: Iterable[Message]) -> bool:
    return all(isinstance(part, Text) for message in messages for part in message.parts)


def _without_reasoning(message: Message) -> Message:
    return replace(message, parts=tuple(part for part in message.parts if not isinstance(part, Reasoning)))


def _items(messages: tuple[Message, ...], stored: bool, custom_tools: Collection[str]) -> Iterator[Json]:
    kinds = {call.id: call.kind for message in messages for call in message.tool_calls}
    for message in messages:
        match message.role:
            case "assistant":
                yield from _assistant(message, stored)
            case "tool":
                by_name = "custom" if message.name in custom_tools else message.call_kind
                yield from _tool_result(message, kinds.get(message.tool_call_id or "", by_name))
            case "user" | "system" | "developer":
                yield from _asked(message)
            case role:
                raise UnsupportedContentError(f"A message of role {role!r} cannot go to {ENDPOINT}.")


# --- turns of the caller ------------------------------------------------------------------------------------------


def _asked(message: Message) -> Iterator[Json]:
    """A user's or system's turn; approvals and other hosted items in it stand between its messages."""
    for hosted, parts in groupby(message.parts, lambda part: isinstance(part, HostedItem)):
        if hosted:
            yield from (drop_nulls(part.item) for part in parts if isinstance(part, HostedItem))
        else:
            yield {"role": message.role, "content": _content(list(parts))}
    if not message.parts:
        yield {"role": message.role, "content": ""}


def _content(parts: list[Part]) -> str | list[Json]:
    """A string where one text says it all, else a list of parts."""
    match parts:
        case [Text(text=text)]:
            return text
    return [_part(part) for part in parts]


def _part(part: Part) -> Json:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return _image(part)
        case File():
            return _file(part)
        case Audio() | Video():
            kind = type(part).__name__
            raise UnsupportedContentError(f"{kind} content cannot go to {ENDPOINT}: chat completions can carry it.")
    raise UnsupportedContentError(f"{type(part).__name__} content in a user turn cannot go to {ENDPOINT}.")


def _image(part: Image) -> Json:
    url = part.url or (data_url(part.data, part.mime or "image/png") if part.data else None)
    if not url and not part.file_id:
        raise UnsupportedContentError("An image has neither a URL, nor data, nor a file id.")
    where = {"image_url": url} if url else {"file_id": part.file_id}
    return {"type": "input_image", **where, **({"detail": part.detail} if part.detail else {})}


def _file(part: File) -> Json:
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url and not part.url.startswith("data:"):
        return {"type": "input_file", "file_url": part.url}
    data = part.url or data_url(part.data or "", part.mime or "application/pdf")
    return {"type": "input_file", "filename": filename(part), "file_data": data}


def _tool_result(message: Message, call_kind: str) -> Iterator[Json]:
    """What a tool said: a string, by the schema. That the tool failed has no field of its own but is in the text."""
    if any(isinstance(part, HostedItem) for part in message.parts):
        yield from (drop_nulls(part.item) for part in message.parts if isinstance(part, HostedItem))
        return
    if not message.tool_call_id:
        raise UnsupportedContentError("A tool message must name the call that it answers: set its tool_call_id.")
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            raise UnsupportedContentError(f"{type(part).__name__} content in a tool result cannot go to {ENDPOINT}.")
        texts.append(part.text)
    kind = "custom_tool_call_output" if call_kind == "custom" else "function_call_output"
    yield {"type": kind, "call_id": message.tool_call_id, "output": "\n".join(texts)}


# --- turns of the model -------------------------------------------------------------------------------------------


def _assistant(message: Message, stored: bool) -> Iterator[Json]:
    """The items of an answer, in their order. Parts that share an id were one item and become one again.

    Reasoning that leads to nothing is refused: the call that followed it was taken out of the history.
    """
    last = max((place for place, part in enumerate(message.parts) if not isinstance(part, Reasoning)), default=-1)
    for (kind, _), group in groupby(message.parts[: last + 1], _item_key):
        parts = list(group)
        encode = _ITEMS.get(kind)
        if encode is None:
            raise UnsupportedContentError(f"{kind.__name__} content in an assistant turn cannot go to {ENDPOINT}.")
        yield from encode(parts, stored)
    if not message.parts:
        yield {"role": "assistant", "content": ""}


def _item_key(part: Part) -> tuple[type, Any]:
    return (Text if isinstance(part, Refusal) else type(part)), getattr(part, "id", None)


def _said(parts: list[Any], stored: bool) -> Iterator[Json]:
    """Text as a plain string, the only short form that the gateway takes of an answer; whole where ids or sources
    matter, as the schema wants it."""
    item_id = getattr(parts[0], "id", None)
    if item_id and (stored or any(_annotations(part) for part in parts)):
        content = [_output(part) for part in parts]
        yield {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": content}
    elif text := "".join(part.text for part in parts):
        yield {"role": "assistant", "content": text}


def _output(part: Text | Refusal) -> Json:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": _annotations(part)}


def _annotations(part: Text | Refusal) -> list[Json]:
    """The citations that are whole enough for the schema: a URL, a title and both ends."""
    if isinstance(part, Refusal):
        return []
    return [
        {
            "type": "url_citation",
            "url": found.url,
            "title": found.title,
            "start_index": found.start,
            "end_index": found.end,
        }
        for found in part.citations
        if found.end is not None
        and None not in (found.url, found.title, found.start)
        and found.end <= len(part.text)  # not so where the text has been changed since
    ]


def _reasoned(parts: list[Reasoning], stored: bool) -> Iterator[Json]:
    """One reasoning item of all its parts.

    It goes back where it says something: upstream refuses the id of an item that it has neither stored nor can decrypt,
    and reasoning of other endpoints has no id.
    """
    item_id = parts[0].id
    summary = [{"type": "summary_text", "text": part.text} for part in parts if part.kind == "summary" and part.text]
    encrypted = next((part.encrypted for part in parts if part.encrypted), None)
    if item_id and (stored or encrypted or summary):
        proof = {"encrypted_content": encrypted} if encrypted else {}
        yield {"type": "reasoning", "id": item_id, "summary": summary, **proof}


def _called(parts: list[ToolCall], stored: bool) -> Iterator[Json]:
    for call in parts:
        item_id = {"id": call.item_id} if stored and call.item_id else {}
        named = {"call_id": call.id, "name": call.name, **item_id}
        if call.kind == "custom":
            yield {"type": "custom_tool_call", "input": call.arguments, **named}
        else:
            yield {"type": "function_call", "arguments": call.arguments, **named}


def _hosted(parts: Iterable[HostedItem], stored: bool) -> Iterator[Json]:  # noqa: ARG001  # as the other items
    yield from (drop_nulls(part.item) for part in parts)


_ITEMS: dict[type, Callable[[list[Any], bool], Iterator[Json]]] = {
    Text: _said,
    Reasoning: _reasoned,
    ToolCall: _called,
    HostedItem: _hosted,
}
