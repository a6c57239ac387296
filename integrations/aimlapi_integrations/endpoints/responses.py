"""`/v1/responses`: the newer endpoint, and the only one of some models; it has hosted tools and stored conversations.

Messages become items in `responses_items.py`, replies are read in `responses_reply.py` and `responses_stream.py`.
https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-5-mini
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..conversation import HostedTool, Json, Request, ResponseFormat, Tool, ToolChoice
from ..errors import UnsupportedParameterError
from ..models import Model, lookup
from .paths import id_path
from .responses_items import encode_input
from .responses_reply import decode, decode_status
from .responses_stream import ResponsesDecoder as Decoder

__all__ = [
    "CHAT_ONLY",
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

CHAT_ONLY = frozenset(
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

    >>> from aimlapi_integrations.conversation import Message, Text
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
    taken = {*_RENAMED, *_NESTED, *CHAT_ONLY, "reasoning", "text"}
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
