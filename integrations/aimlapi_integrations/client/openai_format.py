"""Parses strings and dicts in OpenAI's format into a `Request`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from .._utils.json import as_json_text
from ..errors import UnsupportedContentError, UnsupportedParameterError
from ..types import (
    HostedItem,
    HostedTool,
    Image,
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
)
from .options import parse_extra_body

Fields: TypeAlias = Mapping[str, Any]
Messages: TypeAlias = str | Sequence[Message | Fields]
AnyTool: TypeAlias = Tool | HostedTool | Fields


def parse_request(
    messages: Messages,
    *,
    model: str,
    tools: Sequence[AnyTool] | None = None,
    tool_choice: str | bool | ToolChoice | Fields | None = None,
    parallel_tool_calls: bool | None = None,
    response_format: ResponseFormat | Fields | None = None,
    extra_body: Fields | None = None,
    **options: Any,
) -> Request:
    """Parse a text or messages, and the other arguments of a call, into a request.

    Raises:
        UnsupportedContentError: a message has content that only a `Message` can hold.
        UnsupportedParameterError: a tool or the response format has no known format, or `stream` is set.
        TypeError: `messages` is neither a text nor a list of messages, or `extra_body` is no mapping.

    Examples:
        >>> parse_request("Hello", model="gpt-4o", temperature=0).messages[0].text
        'Hello'
    """
    if options.get("stream"):
        raise UnsupportedParameterError(f"stream={options['stream']!r}: the method `chat_stream` streams a reply.")
    parsed_tools = _parse_tools(tools)
    return Request(
        model=model,
        messages=_parse_messages(messages),
        tools=parsed_tools,
        tool_choice=parse_tool_choice(tool_choice, parsed_tools) if parsed_tools else None,
        parallel_tool_calls=parallel_tool_calls if parsed_tools else None,
        response_format=parse_response_format(response_format),
        options=options,
        extra_body=parse_extra_body(extra_body),
    )


def _parse_messages(messages: Messages) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return (Message("user", (Text(messages),) if messages else ()),)
    if isinstance(messages, (bytes, Mapping, Message)) or not isinstance(messages, Iterable):
        remedy = ": put it into a list" if isinstance(messages, (Mapping, Message)) else ""
        received = type(messages).__name__
        raise TypeError(f"messages: expected a text or a list of messages, received one {received}{remedy}.")
    return tuple(map(parse_message, messages))


def parse_message(message: Message | Fields) -> Message:
    """Parse a message: `{"role": …, "content": …}` with optional `tool_calls`, `tool_call_id` and `name`."""
    if isinstance(message, Message):
        return message
    if not (isinstance(message, Mapping) and isinstance(message.get("role"), str)):
        raise TypeError(f"messages: expected a Message or a dict with a role, received {_outline(message)}.")
    parts = _parse_content(message.get("content"), message["role"])
    if message["role"] == "assistant":
        parts = _parse_answer(message, parts)
    return Message(message["role"], tuple(parts), name=message.get("name"), tool_call_id=message.get("tool_call_id"))


def _outline(message: Any) -> str:
    """Describe a message without its content."""
    return f"a dict with {sorted(map(str, message))}" if isinstance(message, Mapping) else type(message).__name__


def _parse_answer(message: Fields, content: Iterable[Part]) -> Iterator[Part]:
    """Parse what only an assistant message has: reasoning before its content, a refusal and tool calls after it."""
    if reasoning := message.get("reasoning_content") or message.get("reasoning"):
        yield Reasoning(str(reasoning))
    yield from content
    if refusal := message.get("refusal"):
        yield Refusal(str(refusal))
    tool_calls = message.get("tool_calls") or ()
    if isinstance(tool_calls, str | Mapping):
        raise UnsupportedContentError(f"tool_calls: expected a list, received {_outline(tool_calls)}.")
    yield from map(_parse_tool_call, tool_calls)


def _parse_content(content: Any, role: str) -> Iterator[Part]:
    is_list = isinstance(content, Iterable) and not isinstance(content, str | bytes | Mapping)
    if role == "tool" and not (is_list or content is None or isinstance(content, str)):
        content = as_json_text(content)
    if content is None or isinstance(content, str | Mapping):
        content = [content] if content else []
    elif not is_list:
        raise UnsupportedContentError(f"content: expected a text or a list, received {type(content).__name__}.")
    for item in content:
        yield _parse_part(item, role)


def _parse_part(item: Any, role: str) -> Part:
    match item:
        case str():
            return Text(item)
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return Text(text)
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            return Image(url=url, detail=image.get("detail"))
        case {"type": "image_url" | "input_image", "image_url": str(url)}:
            return Image(url=url, detail=item.get("detail"))
        case {"type": "refusal", "refusal": str(text)} if role == "assistant":
            return Refusal(text)
    if role == "tool":
        return Text(as_json_text(item))
    if role == "assistant" and isinstance(item, Mapping):
        return HostedItem(item)
    kind = item.get("type") if isinstance(item, Mapping) else type(item).__name__
    raise UnsupportedContentError(
        f"Content of type {kind!r} in a dict isn't supported: write the message as a Message."
    )


def _parse_tool_call(call: Any) -> ToolCall:
    """Parse a call in the form of chat completions, of a function or a custom tool, or in the flat one of Responses."""
    match call:
        case {"custom": {"name": str(name)} as custom}:
            return ToolCall(id=call.get("id") or "", name=name, arguments=custom.get("input") or "", kind="custom")
        case {"function": {"name": str(name)} as function} | ({"name": str(name), "arguments": _} as function):
            arguments = function.get("arguments")
            return ToolCall(
                id=call.get("call_id") or call.get("id") or "",
                name=name,
                arguments=arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False),
                extra={key: call[key] for key in ("extra_content",) if key in call},
            )
    raise UnsupportedContentError(
        f"tool_calls: {_outline(call)} is not a call. Expected: "
        f'{{"id": "call_1", "type": "function", "function": {{"name": "f", "arguments": "{{}}"}}}}'
    )


def _parse_tools(tools: Any) -> tuple[Tool | HostedTool, ...]:
    if isinstance(tools, Mapping | Tool | HostedTool):
        raise UnsupportedParameterError("tools: expected a list, received one tool: put it into a list.")
    return tuple(map(parse_tool, () if tools is None else tools))


def parse_tool(tool: AnyTool) -> Tool | HostedTool:
    """Parse a function in any known format, or a tool that the gateway runs (`{"type": "mcp"}`).

    The formats of a function are those of chat completions (`{"type": "function", "function": …}`, or the function
    alone), Responses (flat) and Anthropic (`input_schema`), and a JSON schema with a title.

    Raises:
        UnsupportedParameterError: it has none of these formats.
    """
    match tool:
        case Tool() | HostedTool():
            return tool
        case {"function": {"name": str()} as function}:
            return _build_tool(function, tool)
        case {"type": str() as kind} if kind not in ("function", "object") and "input_schema" not in tool:
            return HostedTool(tool)
        case {"name": str()}:
            return _build_tool(tool, tool)
        case {"title": str(title)}:
            schema = {key: value for key, value in tool.items() if key not in ("title", "description")}
            return Tool(title, tool.get("description") or None, schema)
    raise UnsupportedParameterError(f"{tool!r} is not a tool: expected a function with a name, or a dict with a type.")


_FUNCTION_KEYS = ("type", "function", "name", "description", "parameters", "input_schema", "strict")


def _build_tool(function: Fields, item: Fields) -> Tool:
    parameters = function.get("parameters") or function.get("input_schema")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise UnsupportedParameterError(
            f"The parameters of tool {function['name']!r} are not a JSON schema: expected a dict, "
            f"received {type(parameters).__name__}."
        )
    return Tool(
        name=function["name"],
        description=function.get("description") or None,
        parameters=parameters,
        strict=function.get("strict"),
        extra={key: value for key, value in item.items() if key not in _FUNCTION_KEYS},
    )


_MODES: Mapping[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
    "required": "required",
}


def parse_tool_choice(
    choice: str | bool | ToolChoice | Fields | None, tools: Sequence[Tool | HostedTool] = ()
) -> ToolChoice | None:
    """Parse a tool choice.

    Args:
        choice: `auto`, `none`, `any` or `required`, a bool (`required` or `none`), the name of a tool, the type of a
            hosted one, or a dict in OpenAI's or Anthropic's form.
        tools: the tools to choose from. They decide whether a name is that of a function or of a custom tool.

    Raises:
        UnsupportedParameterError: it is none of these.
    """
    match choice:
        case None | ToolChoice():
            return choice
        case bool():
            return ToolChoice("required" if choice else "none")
        case str():
            return _choice_by_name(choice, tools)
        case Mapping():
            return _choice_from_dict(choice)
    raise UnsupportedParameterError(
        f"tool_choice={choice!r} is not a tool choice: pass a mode, the name of a tool, or a dict."
    )


def _choice_from_dict(choice: Fields) -> ToolChoice:
    match choice:
        case {"type": "auto" | "none" | "any" | "required" as mode}:
            return ToolChoice(_MODES[mode])
        case {"type": "tool" | "function", "name": str(name)}:
            return ToolChoice("named", name)
        case {"function": {"name": str(name)}} if choice.get("type", "function") == "function":
            return ToolChoice("named", name)
        case {"type": str(kind)} if len(choice) == 1:
            return ToolChoice("hosted", kind)
    return ToolChoice("raw", item=choice)


def _choice_by_name(name: str, tools: Sequence[Tool | HostedTool]) -> ToolChoice:
    for tool in tools:
        match tool:
            case Tool() if tool.name == name:
                return ToolChoice("named", name)
            case HostedTool(item={"type": "custom", "custom": {"name": str(custom)}}) if custom == name:
                return ToolChoice("raw", item={"type": "custom", "custom": {"name": name}})
            case HostedTool(item={"type": "custom", "name": str(custom)}) if custom == name:
                return ToolChoice("raw", item={"type": "custom", "name": name})
    if name in _MODES:
        return ToolChoice(_MODES[name])
    is_type = any(isinstance(tool, HostedTool) and tool.type == name for tool in tools)
    return ToolChoice("hosted" if is_type else "named", name)


def parse_response_format(response_format: ResponseFormat | Fields | None) -> ResponseFormat | None:
    """`{"type": "json_object"}`, or `json_schema` in the form of either endpoint: with its fields nested or flat."""
    match response_format:
        case None | ResponseFormat():
            return response_format
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case {"type": "json_schema", "json_schema": {"schema": Mapping()} as fields}:
            return _json_schema_format(fields)
        case {"type": "json_schema", "schema": Mapping()} | {"name": str(), "schema": Mapping()}:
            return _json_schema_format(response_format)
    raise UnsupportedParameterError(
        f"response_format={response_format!r} is not a response format: pass a dict with a `type`."
    )


def _json_schema_format(fields: Fields) -> ResponseFormat:
    return ResponseFormat(
        "json_schema",
        name=fields.get("name") or "answer",
        schema=fields["schema"],
        strict=fields.get("strict"),
        description=fields.get("description"),
    )
