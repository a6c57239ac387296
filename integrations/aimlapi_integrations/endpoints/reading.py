"""How any endpoint's JSON is read: tolerant of nulls and of fields that are missing, never guessing at a wrong type.

The fields are those that the vendor's documented replies have; families differ in which they send.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..conversation import Citation, Cost, Json, Trail, Usage
from ..errors import APIError, APIResponseError, error_from

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


def obj(value: Any) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """The JSON objects in `value` if it is a list, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def string(value: Any) -> str | None:
    """`value` if it is a string with something in it."""
    return value if isinstance(value, str) and value else None


def integer(value: Any) -> int:
    """A token count, whether it came as an int, a float or digits in a string; 0 where it is none, or less."""
    try:
        return max(0, int(value)) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def text(value: Any, where: str, body: Json, headers: Mapping[str, str]) -> str:
    """The text of a `content` field: a string, null, or a list of text parts."""
    match value:
        case str():
            return value
        case None:
            return ""
        case list():
            return "".join(_part_text(part) for part in value)
    raise unreadable(f"{where}: expected string, received {json_type(value)}", body, headers)


def _part_text(part: Any) -> str:
    return part if isinstance(part, str) else string(obj(part).get("text")) or ""


def all_objects(values: Any, where: str, body: Json, headers: Mapping[str, str]) -> list[Json]:
    """The JSON objects in `values` if it is a list, else none. APIResponseError where it has something else, too."""
    found = values if isinstance(values, list) else []
    for index, value in enumerate(found):
        if not isinstance(value, dict):
            raise unreadable(f"{where}[{index}]: expected object, received {json_type(value)}", body, headers)
    return found


def typed(values: Any, where: str, body: Json, headers: Mapping[str, str]) -> list[Json]:
    """The objects in `values`, which say by their `type` what they are. APIResponseError where one does not."""
    found = all_objects(values, where, body, headers)
    for index, value in enumerate(found):
        if not string(value.get("type")):
            kind = json_type(value.get("type"))
            raise unreadable(f"{where}[{index}].type: expected string, received {kind}", body, headers)
    return found


def arguments(value: Any) -> str:
    """The arguments of a tool call as JSON text: some models send an object, or nothing, where text is due."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def unreadable(message: str, body: Any, headers: Mapping[str, str]) -> APIResponseError:
    """The error for a 2xx body that is not what the endpoint returns."""
    return APIResponseError(message, status=200, body=body, headers=headers)


def listed(found: Any, body: Any, headers: Mapping[str, str]) -> list[Any]:
    """The list that was found in a body. APIResponseError, or the error that the body reports, where it is none."""
    if isinstance(found, list):
        return found
    raise none_listed(f"data: expected array, received {json_type(found)}", body, headers)


def none_listed(message: str, body: Any, headers: Mapping[str, str]) -> APIError:
    """The error that a body without any `data` reports, or that it has none."""
    if isinstance(body, dict) and complains(body):
        return error_from(200, headers, body)
    return unreadable(message, body, headers)


def complains(body: Json) -> bool:
    """Whether a body, or an event, without an answer in it says why, in any form that the gateway or a proxy uses."""
    return any(body.get(name) for name in ("error", "message", "detail", "errors", "title", "msg"))


def json_type(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def usage(raw: Any) -> Usage | None:
    """Token counts by either naming (`prompt_tokens` or `input_tokens`), as the reply gives them."""
    if not isinstance(raw, dict):
        return None
    inputs = integer(_first(raw, "prompt_tokens", "input_tokens"))
    outputs = integer(_first(raw, "completion_tokens", "output_tokens"))
    total = raw.get("total_tokens")
    return Usage(
        input=inputs,
        output=outputs,
        total=integer(total) if total is not None else inputs + outputs,
        input_details=_details(_first(raw, "prompt_tokens_details", "input_tokens_details"), _INPUT_DETAILS)
        or _cache_hits(raw),
        output_details=_details(_first(raw, "completion_tokens_details", "output_tokens_details"), _OUTPUT_DETAILS),
        raw=raw,
    )


def _first(raw: Json, name: str, other: str) -> Any:
    value = raw.get(name)
    return raw.get(other) if value is None else value


def _details(raw: Any, names: Mapping[str, str]) -> dict[str, int]:
    return {names[name]: integer(count) for name, count in obj(raw).items() if name in names and count is not None}


def _cache_hits(raw: Json) -> dict[str, int]:
    """DeepSeek's and Baidu's way of counting cached tokens, where there are no details."""
    hits = raw.get("prompt_cache_hit_tokens")
    return {} if hits is None else {"cache_read": integer(hits)}


def cost(body: Json, headers: Mapping[str, str]) -> Cost | None:
    """The price of a call, from `meta.usage` in the body or the headers that plain replies carry."""
    priced = obj(obj(body.get("meta")).get("usage"))
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


def trail(body: Json, headers: Mapping[str, str]) -> Trail:
    """The ids of a call; `provider` is whoever ran the model, where the gateway names it."""
    return Trail(
        inference_id=headers.get("x-inference-id"),
        request_id=headers.get("x-request-id") or string(body.get("request_id")),
        client_request_id=headers.get("x-client-request-id"),
        provider=string(obj(body.get("meta")).get("provider"))
        or string(body.get("provider"))
        or headers.get("x-aimlapi-provider"),
        headers=headers,
    )


def annotation(raw: Json) -> Citation:
    """A citation in either form: flat (Responses), or inside a `url_citation` key (chat completions)."""
    inner = obj(raw.get("url_citation")) or raw
    return Citation(
        url=string(inner.get("url")),
        title=string(inner.get("title")) or string(inner.get("filename")),
        start=_offset(inner.get("start_index")),
        end=_offset(inner.get("end_index")),
        quote=string(inner.get("content")),
        raw=raw,
    )


def _offset(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def sources(body: Json) -> tuple[Citation, ...]:
    """Sources named beside the answer instead of in it: Perplexity's `search_results`, or bare `citations`."""
    found = objects(body.get("search_results"))
    if found:
        return tuple(annotation(result) for result in found)
    urls = body.get("citations")
    return tuple(Citation(url=url) for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()
