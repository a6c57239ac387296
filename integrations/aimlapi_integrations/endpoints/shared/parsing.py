"""Parse the JSON that all endpoints share, and add up usage and cost.

Nulls and missing fields are accepted, wrong types are errors. The fields are those of the documented replies; model
families differ in which of them they send.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def dict_items(value: Any) -> list[Json]:
    """Return the JSON objects in `value`; none if it is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_str(value: Any) -> str | None:
    """Return `value` if it is a non-empty string, else None."""
    return value if isinstance(value, str) and value else None


def as_count(value: Any) -> int:
    """Return a token count from an int, a float, or a string of digits; 0 for anything else and for negative values."""
    try:
        return max(0, int(value)) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def parse_text(value: Any, where: str, body: Json, headers: Mapping[str, str]) -> str:
    """Return the text of a `content` field: a string, null, or a list of text parts.

    Raises:
        APIResponseError: it is none of these.
    """
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
    """Return the JSON objects in `values`; none if it is not a list.

    Raises:
        APIResponseError: an item of the list is not an object.
    """
    items = values if isinstance(values, list) else []
    for index, value in enumerate(items):
        if not isinstance(value, dict):
            raise unreadable_error(f"{where}[{index}]: expected object, received {json_type(value)}", body, headers)
    return items


def require_typed(values: Any, where: str, body: Json, headers: Mapping[str, str]) -> list[Json]:
    """Return the objects in `values`, as `require_dicts` does.

    Raises:
        APIResponseError: an item of the list is not an object, or has no `type`.
    """
    items = require_dicts(values, where, body, headers)
    for index, value in enumerate(items):
        if not as_str(value.get("type")):
            received = json_type(value.get("type"))
            raise unreadable_error(f"{where}[{index}].type: expected string, received {received}", body, headers)
    return items


def parse_arguments(value: Any) -> str:
    """Return the arguments of a tool call as JSON text: some models send an object, or null, instead of text."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def is_empty_call(entry: Json) -> bool:
    """Return whether an entry of `tool_calls` has no id, no name, no arguments and nothing to send back."""
    inner = as_dict(entry.get("function")) or as_dict(entry.get("custom"))
    return not (entry.get("id") or entry.get("extra_content") or any(inner.values()))


def unreadable_error(message: str, body: Any, headers: Mapping[str, str]) -> APIResponseError:
    """Build the error for a 2xx body that is not what the endpoint returns."""
    return APIResponseError(message, status=200, body=body, headers=headers)


def require_list(value: Any, body: Any, headers: Mapping[str, str]) -> list[Any]:
    """Return `value`, the `data` of a body.

    Raises:
        APIError: it is not a list; if the body reports an error, that error.
    """
    if isinstance(value, list):
        return value
    raise missing_list_error(f"data: expected array, received {json_type(value)}", body, headers)


def missing_list_error(message: str, body: Any, headers: Mapping[str, str]) -> APIError:
    """Build the error for a body without `data`: the one that it reports, or else one with `message`."""
    if isinstance(body, dict) and has_error_fields(body):
        return error_from(200, headers, body)
    return unreadable_error(message, body, headers)


def has_error_fields(body: Json) -> bool:
    """Return whether a body or an event has a field that the gateway or a proxy reports errors in."""
    return any(body.get(name) for name in ("error", "message", "detail", "errors", "title", "msg"))


def json_type(value: Any) -> str:
    """Return the JSON name of a value's type."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def parse_usage(raw: Any) -> Usage | None:
    """Parse token counts with either set of names (`prompt_tokens` or `input_tokens`)."""
    if not isinstance(raw, dict):
        return None
    input_tokens = as_count(_first(raw, "prompt_tokens", "input_tokens"))
    output_tokens = as_count(_first(raw, "completion_tokens", "output_tokens"))
    total = raw.get("total_tokens")
    return Usage(
        input=input_tokens,
        output=output_tokens,
        total=as_count(total) if total is not None else input_tokens + output_tokens,
        input_details=_parse_details(_first(raw, "prompt_tokens_details", "input_tokens_details"), _INPUT_DETAILS)
        or _parse_cache_hits(raw),
        output_details=_parse_details(
            _first(raw, "completion_tokens_details", "output_tokens_details"), _OUTPUT_DETAILS
        ),
        raw=raw,
    )


def _first(raw: Json, name: str, other: str) -> Any:
    value = raw.get(name)
    return raw.get(other) if value is None else value


def _parse_details(raw: Any, names: Mapping[str, str]) -> dict[str, int]:
    return {names[name]: as_count(count) for name, count in as_dict(raw).items() if name in names and count is not None}


def _parse_cache_hits(raw: Json) -> dict[str, int]:
    """Parse cached tokens as DeepSeek and Baidu report them, without details."""
    hits = raw.get("prompt_cache_hit_tokens")
    return {} if hits is None else {"cache_read": as_count(hits)}


def parse_cost(body: Json, headers: Mapping[str, str]) -> Cost | None:
    """Parse the price of a call, from `meta.usage` in the body or from the headers of a plain reply."""
    meta_usage = as_dict(as_dict(body.get("meta")).get("usage"))
    credits_used = _first_price(meta_usage.get("credits_used"), headers.get("x-aimlapi-credits-used"))
    usd = _first_price(headers.get("x-aimlapi-usd-spent"), meta_usage.get("usd_spent"))
    if usd is None and credits_used is not None:
        usd = credits_used / CREDITS_PER_USD
    return None if usd is None else Cost(f"{usd:.9f}", None if credits_used is None else int(credits_used))


def _first_price(value: Any, other: Any) -> Decimal | None:
    price = _parse_price(value)
    return _parse_price(other) if price is None else price


def _parse_price(value: Any) -> Decimal | None:
    """Parse a finite number that is not negative; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 and abs(number.adjusted()) < 30 else None


def parse_call_metadata(body: Json, headers: Mapping[str, str]) -> CallMetadata:
    """Parse the ids of a call, and the provider that ran the model, where the gateway names it."""
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
    """Return the id of the model that answered. Routers name it in `meta` and a header; `model` is a short name."""
    named = as_str(as_dict(body.get("meta")).get("model")) or as_str(headers.get("x-aimlapi-model"))
    return named or as_str(body.get("model")) or ""


def _metrics(body: Json) -> dict[str, float]:
    """The numbers in `meta.metrics`: milliseconds in all and to the first token, tokens per second."""
    metrics = as_dict(as_dict(body.get("meta")).get("metrics"))
    return {name: value for name, value in metrics.items() if type(value) in (int, float)}


def parse_annotation(raw: Json) -> Citation:
    """Parse a citation, either flat (Responses) or inside a `url_citation` key (chat completions)."""
    fields = as_dict(raw.get("url_citation")) or raw
    return Citation(
        url=as_str(fields.get("url")),
        title=as_str(fields.get("title")) or as_str(fields.get("filename")),
        start=_parse_offset(fields.get("start_index")),
        end=_parse_offset(fields.get("end_index")),
        quote=as_str(fields.get("content")),
        raw=raw,
    )


def _parse_offset(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_sources(body: Json) -> tuple[Citation, ...]:
    """Parse the sources of a whole reply: Perplexity's `search_results`, or a list of URLs in `citations`."""
    if results := dict_items(body.get("search_results")):
        return tuple(map(parse_annotation, results))
    urls = body.get("citations")
    return tuple(Citation(url=url) for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()


def sum_usages(usages: Iterable[Usage | None]) -> Usage | None:
    """Add up token counts; None if there are none."""
    known = [usage for usage in usages if usage]
    if len(known) < 2:
        return known[0] if known else None
    return Usage(
        input=sum(usage.input for usage in known),
        output=sum(usage.output for usage in known),
        total=sum(usage.total for usage in known),
        input_details=_sum_counts(usage.input_details for usage in known),
        output_details=_sum_counts(usage.output_details for usage in known),
        raw=_sum_raw([usage.raw for usage in known]),
    )


def sum_costs(costs: Sequence[Cost | None]) -> Cost | None:
    """Add up prices; None if any is unknown, since the sum would be too low."""
    priced = [cost for cost in costs if cost]
    if not priced or len(priced) < len(costs):
        return None
    credit_counts = [cost.credits for cost in priced if cost.credits is not None]
    usd = sum((Decimal(cost.usd) for cost in priced), Decimal(0))
    return Cost(f"{usd:.9f}", sum(credit_counts) if len(credit_counts) == len(priced) else None)


def split_cost(cost: Cost | None, count: int) -> list[Cost | None]:
    """Split a price into equal shares whose sum is the price; the first shares have what doesn't divide.

    >>> split_cost(Cost("0.000000010", 5), 3)[:2]
    [Cost(usd='0.000000004', credits=2), Cost(usd='0.000000003', credits=2)]
    """
    if cost is None:
        return [None] * count
    nano_usd = _shares(int(Decimal(cost.usd).scaleb(9)), count)
    credits_used = [None] * count if cost.credits is None else _shares(cost.credits, count)
    return [Cost(f"{Decimal(usd).scaleb(-9):.9f}", used) for usd, used in zip(nano_usd, credits_used, strict=True)]


def _shares(total: int, count: int) -> list[int]:
    return [total // count + (place < total % count) for place in range(count)]


def _sum_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _sum_raw(usages: Sequence[Mapping[str, Any]]) -> Json:
    """Add up the counts as the responses name them. Anything that is no count is the last response's."""
    total: Json = {}
    for usage in usages:
        for name, value in usage.items():
            is_count = isinstance(value, int) and not isinstance(value, bool)
            total[name] = value + total.get(name, 0) if is_count else value
    return total
