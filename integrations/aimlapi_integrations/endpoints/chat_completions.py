"""`/v1/chat/completions`: the endpoint that nearly every model is served on.

Requests follow the vendor's schemas, replies are read as they really come: see `chat_messages.py`, `chat_reply.py` and
`chat_stream.py`. https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..conversation import HostedTool, Json, Request, ResponseFormat, Tool, ToolChoice
from ..errors import UnsupportedParameterError
from ..models import ChatShape, Model, ToolShape, lookup
from .chat_messages import encode_messages
from .chat_reply import decode
from .chat_stream import ChatDecoder as Decoder
from .media import lift_media

__all__ = ["PATH", "Decoder", "decode", "encode", "stream_options"]

PATH = "/chat/completions"

_NO_PARAMETERS = {"type": "object", "properties": {}}


def encode(request: Request) -> Json:
    """The body that asks for a plain reply.

    >>> from aimlapi_integrations.conversation import Message, Text
    >>> encode(Request("gpt-4o", (Message("user", (Text("Hello"),)),)))
    {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'Hello'}]}
    """
    model = lookup(request.model)
    shape = model.chat or ChatShape()
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


def _in_blocks(request: Request, shape: ChatShape) -> bool:
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


def _tools(request: Request, shape: ChatShape) -> Json:
    fields: Json = {"tools": [_tool(tool, shape.tools or ToolShape()) for tool in request.tools]}
    if request.tool_choice:
        claude = _CLAUDE_FORMS & shape.tool_choice and "function" not in shape.tool_choice
        fields["tool_choice"] = (_claude_choice if claude else _tool_choice)(request.tool_choice)
    if request.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = request.parallel_tool_calls
    return fields


def _tool(tool: Tool | HostedTool, shape: ToolShape) -> Json:
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


def _listed(beside: Json, shape: ToolShape) -> Json:
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
