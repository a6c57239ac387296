"""`GET /v1/models` with its filters, `/v1/models/deprecations`, `/v1/model/ID`, and `GET /docs-json`.

`/docs-json` has the request schema of a model on an endpoint, as an OpenAPI document: the request models of `wire/`,
without what the model refuses. It has no references, and each part of it is a complete JSON schema.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel
from starlette.datastructures import QueryParams

from ..model.catalogue import (
    CatalogueModel,
    catalogue,
    chat_refusals,
    deprecations,
    find_model,
    reasoning_efforts,
    responses_refusals,
    token_prices,
)
from ..wire import ENDPOINT_PATHS, JSON, GatewayError, is_available
from ..wire.chat_completions import ChatRequest
from ..wire.messages import MessagesRequest
from ..wire.responses import ResponsesRequest
from .similarity import embedding_family

ENDPOINT_TYPES = {
    "chat": "openai/chat-completions",
    "responses": "openai/responses",
    "embeddings": "openai/embeddings",
    "messages": "anthropic/messages",
}
CAPABILITIES = ("streaming", "tools", "parallel_tool_calls", "structured_output", "vision", "file_input")


def list_models(params: QueryParams) -> JSON:
    """The whole catalogue. A model must match every filter; it matches a filter if it has any of its values."""
    filters = {name: _filter_values(params, name) for name in ("id", "type", "tags", "capabilities")}
    include = _filter_values(params, "include") | ({"all"} if params.get("details") in ("true", "1") else set())
    models = [model for model in catalogue().values() if _matches(model, filters)]
    return {"object": "list", "data": [_model_body(model, include) for model in models]}


def list_deprecations() -> JSON:
    return {"object": "list", "data": deprecations()}


def retrieve_model(model_id: str) -> JSON:
    model = find_model(model_id)
    if model is None:
        raise GatewayError(404, f"Model {model_id} not found")
    return {"object": "model", "data": _model_body(model, {"all"})}


def entity_tag(body: JSON) -> str:
    return f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'


def _model_body(model: CatalogueModel, include: set[str]) -> JSON:
    """One model as the catalog shows it, which is not how OpenAI's list does."""
    info: JSON = {"name": model.name, "developer": model.developer, "description": "", "url": ""}
    if model.context is not None:
        info["contextLength"] = model.context
    body: JSON = {"id": model.id, "aliases": list(model.aliases), "type": ENDPOINT_TYPES[model.endpoints[0]]}
    body |= {"info": info, "tags": []}
    if include & {"capabilities", "all"}:
        body["capabilities"] = _capabilities(model)
    if include & {"modalities", "all"}:
        inputs = ["text", *(["image"] if "vision" in _capabilities(model) else [])]
        body["modalities"] = {"input": inputs, "output": ["text"]}
    if include & {"pricing", "all"}:
        body["pricing"] = {"kind": "fixed", "units": _price_units(model.id)}
    return body


def _capabilities(model: CatalogueModel) -> list[str]:
    if "embeddings" in model.endpoints:
        return []
    requirements = {"tool": {"tools", "parallel_tool_calls"}, "image_url": {"vision"}, "file": {"file_input"}}
    missing = set[str]().union(*(requirements.get(feature, set()) for feature in model.chat_refusals))
    return [capability for capability in CAPABILITIES if capability not in missing]


def _price_units(model_id: str) -> list[JSON]:
    """The emulator's prices in the catalog's form."""
    unit = {"name": "token", "measure": "token", "type": "charge", "content": "text", "phase": "inference"}
    origins = zip(("provided", "generated"), token_prices(model_id), strict=True)
    return [{**unit, "origin": origin, "price": price, "per": 1_000_000} for origin, price in origins]


def _filter_values(params: QueryParams, name: str) -> set[str]:
    """The values of a query parameter, separated by commas or repeated, in lower case."""
    return {value.strip().lower() for text in params.getlist(name) for value in text.split(",") if value.strip()}


def _matches(model: CatalogueModel, filters: dict[str, set[str]]) -> bool:
    values = {
        "id": {model.id.lower()},
        "type": {ENDPOINT_TYPES[endpoint] for endpoint in model.endpoints},
        "tags": set[str](),
        "capabilities": set(_capabilities(model)),
    }
    return all(not expected or expected & values[name] for name, expected in filters.items())


# --- request schemas ----------------------------------------------------------------------------------------------

PERPLEXITY_PARAMETERS = (
    "search_mode",
    "search_recency_filter",
    "search_domain_filter",
    "return_images",
    "return_related_questions",
    "web_search_options",
)
# Pattern of model ids -> parameters that only these models list.
VENDOR_PARAMETERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^perplexity/|sonar", PERPLEXITY_PARAMETERS),
    (r"claude", ("thinking", "stop_sequences")),
    (r"qwen|glm|kimi", ("enable_thinking",)),
)
# Pattern of model ids -> parameters that these models don't list.
UNLISTED_PARAMETERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"gpt-6", ("temperature", "top_p", "stop", "logprobs", "top_logprobs")),
)
TOOL_PARAMETERS = ("tools", "tool_choice", "parallel_tool_calls")


def describe_request(model_id: str, endpoint_type: str) -> JSON:
    """The OpenAPI document of a model's endpoint.

    Args:
        model_id: of the model.
        endpoint_type: as in the catalog, such as `openai/chat-completions`. "" means the model's first endpoint.

    Raises:
        GatewayError: 404 for an unknown model, or for an endpoint that doesn't serve it.
    """
    model = find_model(model_id)
    if model is None:
        raise GatewayError(404, f"Model {model_id} not found")
    endpoint = _endpoint_of(model, endpoint_type)
    schema = _request_schema(model, endpoint)
    operation = {
        "operationId": f"create_{endpoint}",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "OK"}},
    }
    info = {"title": model.name, "version": "1.0"}
    return {"openapi": "3.0.0", "info": info, "paths": {ENDPOINT_PATHS[endpoint]: {"post": operation}}}


def _endpoint_of(model: CatalogueModel, endpoint_type: str) -> str:
    endpoints = [name for name, name_type in ENDPOINT_TYPES.items() if name_type == endpoint_type]
    endpoint = endpoints[0] if endpoints else "" if endpoint_type else model.endpoints[0]
    if endpoint not in ENDPOINT_TYPES or not is_available(model, endpoint):
        raise GatewayError(404, f"Model {model.id} has no endpoint of the type {endpoint_type}")
    return endpoint


def _request_schema(model: CatalogueModel, endpoint: str) -> JSON:
    match endpoint:
        case "chat":
            schema = _chat_schema(model.id)
        case "responses":
            schema = _responses_schema(model.id)
        case "messages":
            schema = _inline_schema(MessagesRequest)
            _limit_enum(schema["properties"]["output_config"]["properties"]["effort"], reasoning_efforts(model.id))
        case _:
            schema = _inline_schema(embedding_family(model.id)[0])
    schema["properties"]["model"] = {"type": "string", "enum": [model.id]}
    return schema


def _inline_schema(model: type[BaseModel]) -> JSON:
    """The JSON schema of a request model, with references resolved, and `oneOf` and `const` in their plainer forms."""
    schema = model.model_json_schema()
    inlined: JSON = _inline(schema, schema.get("$defs", {}))
    return inlined


def _inline(node: Any, definitions: JSON) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    names = {"oneOf": "anyOf", "const": "enum"}
    return {
        names.get(key, key): _inline([value] if key == "const" else value, definitions)
        for key, value in node.items()
        if key not in ("$defs", "discriminator", "default", "title") or _is_properties(node)
    }


def _is_properties(node: JSON) -> bool:
    """Whether a node maps names of properties to schemas, so that its keys are no keywords."""
    return bool(node) and all(isinstance(value, dict) for value in node.values())


# --- chat completions ---------------------------------------------------------------------------------------------


def _chat_schema(model_id: str) -> JSON:
    schema = _inline_schema(ChatRequest)
    properties, refusals = schema["properties"], chat_refusals(model_id)
    _remove(properties, _unlisted_parameters(model_id))
    _limit_enum(properties["reasoning_effort"], reasoning_efforts(model_id))
    for remove in (removal for feature in refusals for removal in _FEATURE_REMOVALS.get(feature, ())):
        remove(properties)
    if "tool" in refusals:
        _remove(properties, TOOL_PARAMETERS)
    if "image" not in refusals:
        _split_message_forms(properties)
    return schema


def _unlisted_parameters(model_id: str) -> tuple[str, ...]:
    others = [names for pattern, names in VENDOR_PARAMETERS if not re.search(pattern, model_id)]
    unlisted = [names for pattern, names in UNLISTED_PARAMETERS if re.search(pattern, model_id)]
    return tuple(name for names in (*others, *unlisted) for name in names)


def _split_message_forms(properties: JSON) -> None:
    """List Anthropic's form of the messages first and OpenAI's last, as the gateway does for models that take both."""
    openai = {"messages": copy.deepcopy(properties["messages"])}
    _without_anthropic_parts(openai)
    properties["messages"] = {"anyOf": [properties["messages"], openai["messages"]]}


def _remove(properties: JSON, names: tuple[str, ...]) -> None:
    for name in names:
        properties.pop(name, None)


def _limit_enum(schema: JSON, values: frozenset[str]) -> None:
    schema["enum"] = [value for value in schema["enum"] if value in values]


Removal = Callable[[JSON], None]


def _nodes(node: Any) -> Iterator[JSON]:
    """Every object inside a schema, itself first."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(value)


def _without_variants(parameter: str, key: str, *values: str) -> Removal:
    """Drop the variants of unions inside a parameter whose property `key` can only be one of `values`."""

    def remove(properties: JSON) -> None:
        for node in _nodes(properties.get(parameter, {})):
            if "anyOf" in node:
                node["anyOf"] = [variant for variant in node["anyOf"] if not _is_variant(variant, key, values)]

    return remove


def _is_variant(schema: JSON, key: str, values: tuple[str, ...]) -> bool:
    options = schema.get("properties", {}).get(key, {}).get("enum", [])
    return bool(options) and set(options) <= set(values)


_without_anthropic_parts = _without_variants(
    "messages", "type", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"
)


def _messages_of(properties: JSON, *roles: str) -> Iterator[JSON]:
    for variant in properties["messages"]["items"]["anyOf"]:
        if set(variant["properties"]["role"]["enum"]) & set(roles):
            yield variant


def _without_role(role: str) -> Removal:
    def remove(properties: JSON) -> None:
        for variant in _messages_of(properties, role):
            variant["properties"]["role"]["enum"].remove(role)
        items = properties["messages"]["items"]
        items["anyOf"] = [variant for variant in items["anyOf"] if variant["properties"]["role"]["enum"]]

    return remove


def _without_content_type(json_type: str, *roles: str) -> Removal:
    def remove(properties: JSON) -> None:
        for message in _messages_of(properties, *roles):
            content = message["properties"]["content"]
            content["anyOf"] = [variant for variant in content.get("anyOf", [content]) if variant["type"] != json_type]

    return remove


def _closed_message(role: str) -> Removal:
    def close(properties: JSON) -> None:
        for message in _messages_of(properties, role):
            message["additionalProperties"] = False

    return close


def _functions(properties: JSON) -> Iterator[JSON]:
    for variant in properties["tools"]["items"]["anyOf"]:
        if "function" in variant["properties"]:
            yield variant


def _close_tools(properties: JSON) -> None:
    for tool in _functions(properties):
        tool["additionalProperties"] = False


def _close_functions(properties: JSON) -> None:
    for tool in _functions(properties):
        tool["properties"]["function"]["additionalProperties"] = False


def _require_parameters(properties: JSON) -> None:
    for tool in _functions(properties):
        tool["properties"]["function"]["required"].append("parameters")


def _without_tool(is_removed: Callable[[JSON], bool]) -> Removal:
    def remove(properties: JSON) -> None:
        items = properties["tools"]["items"]
        items["anyOf"] = [variant for variant in items["anyOf"] if not is_removed(variant["properties"])]

    return remove


def _limit_temperature(properties: JSON) -> None:
    properties.get("temperature", {})["maximum"] = 1


_ALL_ROLES = ("system", "developer", "user", "assistant", "tool")
# Feature that a model refuses (see `wire/chat_completions_rules.py`) -> how the schema loses it.
_FEATURE_REMOVALS: dict[str, tuple[Removal, ...]] = {
    **{role: (_without_role(role),) for role in ("system", "developer", "assistant", "tool")},
    **{
        part: (_without_variants("messages", "type", part),)
        for part in ("image_url", "file", "input_audio", "video_url")
    },
    "image": (_without_anthropic_parts,),
    "null_content": (_without_content_type("null", "assistant"),),
    "system_extra": (_closed_message("system"),),
    "tool_message_extra": (_closed_message("tool"),),
    "tool_parts": (_without_content_type("array", "tool"),),
    "lists": (_without_content_type("array", *_ALL_ROLES),),
    "tool_no_parameters": (_require_parameters,),
    "tool_extra": (_close_tools,),
    "function_extra": (_close_functions,),
    "any_tool": (_without_tool(lambda keys: not keys.keys() & {"function", "input_schema"}),),
    "anthropic_tool": (_without_tool(lambda keys: "input_schema" in keys),),
    "choice_any": (_without_variants("tool_choice", "type", "any", "auto", "none", "tool"),),
    "choice_allowed": (_without_variants("tool_choice", "type", "allowed_tools"),),
    "hot": (_limit_temperature,),
    "json_schema": (_without_variants("response_format", "type", "json_schema"),),
}


# --- responses ----------------------------------------------------------------------------------------------------


def _responses_schema(model_id: str) -> JSON:
    schema = _inline_schema(ResponsesRequest)
    properties = schema["properties"]
    refused = responses_refusals(model_id)
    for parameter in ("input", "tools"):
        _remove_types(properties[parameter], refused)
        _without_variants(parameter, "type", *refused)(properties)
    for node in _nodes(properties["reasoning"]):
        if "none" in node.get("enum", []):
            _limit_enum(node, reasoning_efforts(model_id))
    return schema


def _remove_types(schema: JSON, types: frozenset[str]) -> None:
    """Remove values of `type` from the variants that have several."""
    for node in _nodes(schema):
        options = node.get("properties", {}).get("type", {}).get("enum", [])
        if set(options) - types:
            node["properties"]["type"]["enum"] = [option for option in options if option not in types]
