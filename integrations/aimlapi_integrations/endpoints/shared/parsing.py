"""How any endpoint's JSON is read: tolerant of nulls and of fields that are missing, never guessing at a wrong type.

The fields are those that the vendor's documented replies have; families differ in which they send.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ...errors import APIError, APIResponseError, error_from
from ...types import CallMetadata, Citation, Cost, Json, Usage

# The gateway's price of a US dollar: https://docs.aimlapi.com/faq/how-can-i-track-my-funds
CREDITS_PER_USD = 2_000_000

_INPUT_DETAILS = {
    "cached_tokens": "cache_read",
    "cache_write_tokens": "cache_creation",
    "audio_tokens": "audio",
    "text_tokens": "text",
    "image_tokens": "image",
    "video_tokens": "video",
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": "reasoning",
    "audio_tokens": "audio",
    "text_tokens": "text",
    "image_tokens": "image",
    "video_tokens": "video",
    "accepted_prediction_tokens": "accepted_prediction",
    "rejected_prediction_tokens": "rejected_prediction",
}


RAW_FIELDS = ("citations", "search_results", "images", "related_questions")
"""Fields next to the choices of a response that both frameworks pass on as they are. Perplexity's models have them."""


def as_dict(value: Any) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def dict_items(value: Any) -> list[Json]:
    """The JSON objects in `value` if it is a list, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_str(value: Any) -> str | None:
    """`value` if it is a string with something in it."""
    return value if isinstance(value, str) and value else None


def as_count(value: Any) -> int:
    """A token count, whether it came as an int, a float or digits in a string; 0 where it is none, or less."""
    try:
        return max(0, int(value)) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def parse_text(value: Any, where: str, body: Json, headers: Mapping[str, str]) -> str:
    """The text of a `content` field: a string, null, or a list of text parts."""
    match value:
        case str():
            return value
        case None:
            return ""
        case list():
            return "".join(_part_text(part) for part in value)
    raise unreadable_error(f"{where}: expected string, received {json_type(value)}", body, headers)


def _part_text(part: Any) -> str:
    return part if isinstance(part, str) else as_str(as_dict(part).get("text")) or ""


def require_dicts(values: Any, where: str, body: Json, headers: Mapping[str, str]) -> list[Json]:
    """The JSON objects in `values` if it is a list, else none. APIResponseError where it has something else, too."""
    found = values if isinstance(values, list) else []
    for index, value in enumerate(found):
        if not isinstance(value, dict):
            raise unreadable_error(f"{where}[{index}]: expected object, received {json_type(value)}", body, headers)
    return found


def require_typed(values: Any, where: str, body: Json, headers: Mapping[str, str]) -> list[Json]:
    """The objects in `values`, which say by their `type` what they are. APIResponseError where one does not."""
    found = require_dicts(values, where, body, headers)
    for index, value in enumerate(found):
        if not as_str(value.get("type")):
            kind = json_type(value.get("type"))
            raise unreadable_error(f"{where}[{index}].type: expected string, received {kind}", body, headers)
    return found


def parse_arguments(value: Any) -> str:
    """The arguments of a tool call as JSON text: some models send an object, or nothing, where text is due."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def unreadable_error(message: str, body: Any, headers: Mapping[str, str]) -> APIResponseError:
    """The error for a 2xx body that is not what the endpoint returns."""
    return APIResponseError(message, status=200, body=body, headers=headers)


def require_list(found: Any, body: Any, headers: Mapping[str, str]) -> list[Any]:
    """The list that was found in a body. APIResponseError, or the error that the body reports, where it is none."""
    if isinstance(found, list):
        return found
    raise missing_list_error(f"data: expected array, received {json_type(found)}", body, headers)


def missing_list_error(message: str, body: Any, headers: Mapping[str, str]) -> APIError:
    """The error that a body without any `data` reports, or that it has none."""
    if isinstance(body, dict) and has_error_fields(body):
        return error_from(200, headers, body)
    return unreadable_error(message, body, headers)


def has_error_fields(body: Json) -> bool:
    """Whether a body, or an event, without an answer in it says why, in any form that the gateway or a proxy uses."""
    return any(body.get(name) for name in ("error", "message", "detail", "errors", "title", "msg"))


def json_type(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def parse_usage(raw: Any) -> Usage | None:
    """Token counts by either naming (`prompt_tokens` or `input_tokens`), as the reply gives them."""
    if not isinstance(raw, dict):
        return None
    inputs = as_count(_first(raw, "prompt_tokens", "input_tokens"))
    outputs = as_count(_first(raw, "completion_tokens", "output_tokens"))
    total = raw.get("total_tokens")
    return Usage(
        input=inputs,
        output=outputs,
        total=as_count(total) if total is not None else inputs + outputs,
        input_details=_details(_first(raw, "prompt_tokens_details", "input_tokens_details"), _INPUT_DETAILS)
        or _cache_hits(raw),
        output_details=_details(_first(raw, "completion_tokens_details", "output_tokens_details"), _OUTPUT_DETAILS),
        raw=raw,
    )


def _first(raw: Json, name: str, other: str) -> Any:
    value = raw.get(name)
    return raw.get(other) if value is None else value


def _details(raw: Any, names: Mapping[str, str]) -> dict[str, int]:
    return {names[name]: as_count(count) for name, count in as_dict(raw).items() if name in names and count is not None}


def _cache_hits(raw: Json) -> dict[str, int]:
    """DeepSeek's and Baidu's way of counting cached tokens, where there are no details."""
    hits = raw.get("prompt_cache_hit_tokens")
    return {} if hits is None else {"cache_read": as_count(hits)}


def parse_cost(body: Json, headers: Mapping[str, str]) -> Cost | None:
    """The price of a call, from `meta.usage` in the body or the headers that plain replies carry."""
    priced = as_dict(as_dict(body.get("meta")).get("usage"))
    used = _decimal(priced.get("credits_used"), headers.get("x-aimlapi-credits-used"))
    usd = _decimal(headers.get("x-aimlapi-usd-spent"), priced.get("usd_spent"))
    if usd is None and used is not None:
        usd = used / CREDITS_PER_USD
    return None if usd is None else Cost(f"{usd:.9f}", None if used is None else int(used))


def _decimal(value: Any, other: Any) -> Decimal | None:
    """The first of the two that is a price: a number, and none below 0."""
    found = _number(value)
    return _number(other) if found is None else found


def _number(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 and abs(number.adjusted()) < 30 else None


def parse_call_metadata(body: Json, headers: Mapping[str, str]) -> CallMetadata:
    """The ids of a call; `provider` is whoever ran the model, where the gateway names it."""
    return CallMetadata(
        inference_id=headers.get("x-inference-id"),
        request_id=headers.get("x-request-id") or as_str(body.get("request_id")),
        client_request_id=headers.get("x-client-request-id"),
        provider=as_str(as_dict(body.get("meta")).get("provider"))
        or as_str(body.get("provider"))
        or headers.get("x-aimlapi-provider"),
        metrics=_metrics(body),
        headers=headers,
    )


def parse_model(body: Json, headers: Mapping[str, str]) -> str:
    """Return the id of the model that answered. A router names it in `meta` or a header, its `model` is a short name."""
    named = as_str(as_dict(body.get("meta")).get("model")) or as_str(headers.get("x-aimlapi-model"))
    return named or as_str(body.get("model")) or ""


def _metrics(body: Json) -> dict[str, float]:
    """The numbers in `meta.metrics`: milliseconds in all and to the first token, tokens per second."""
    metrics = as_dict(as_dict(body.get("meta")).get("metrics"))
    return {name: value for name, value in metrics.items() if type(value) in (int, float)}


def parse_annotation(raw: Json) -> Citation:
    """A citation in either form: flat (Responses), or inside a `url_citation` key (chat completions)."""
    inner = as_dict(raw.get("url_citation")) or raw
    return Citation(
        url=as_str(inner.get("url")),
        title=as_str(inner.get("title")) or as_str(inner.get("filename")),
        start=_offset(inner.get("start_index")),
        end=_offset(inner.get("end_index")),
        quote=as_str(inner.get("content")),
        raw=raw,
    )


def _offset(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_sources(body: Json) -> tuple[Citation, ...]:
    """Sources named beside the answer instead of in it: Perplexity's `search_results`, or bare `citations`."""
    found = dict_items(body.get("search_results"))
    if found:
        return tuple(parse_annotation(result) for result in found)
    urls = body.get("citations")
    return tuple(Citation(url=url) for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()


def drop_nulls(item: Mapping[str, Any]) -> Json:
    """An item of an earlier reply, without its keys that are null: replies have such, requests have none.

    >>> drop_nulls({"type": "mcp_call", "error": None, "tools": [{"name": "roll", "title": None}]})
    {'type': 'mcp_call', 'tools': [{'name': 'roll'}]}
    """
    return {key: _without_nulls(value) for key, value in item.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return drop_nulls(value)
    return [_without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value
