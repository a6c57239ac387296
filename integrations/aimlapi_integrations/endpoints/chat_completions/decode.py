"""Decode a chat completions body of any model family into a `Reply`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pydantic_core import Url

from ...errors import error_from
from ...models import Model
from ...types import Audio, Choice, FinishReason, Image, Json, Message, Part, Reasoning, Refusal, Reply, Text, ToolCall
from ..shared import parsing
from ..shared.call_ids import CallIds, synthetic_id
from ..shared.media import is_data_url
from ..shared.parsing import as_dict, as_str, dict_items
from .think_tags import CLOSE, OPEN, select_splitter

FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
}

# Fields with reasoning text; families that send several of them repeat the same text in each.
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
_ALL_REASONING_FIELDS = frozenset((*REASONING_FIELDS, "extra_content", "encrypted_content"))


def decode(body: Json, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None) -> Reply:
    """Decode a 2xx body.

    Args:
        body: the JSON body.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model. It and the model named in the body determine how `<think>` is parsed.

    Raises:
        APIError: the body reports an error, or has no choices.
    """
    choices = _require_choices(body, headers)
    return Reply(
        model=parsing.parse_model(body, headers),
        choices=tuple(_decode_choice(each, body, headers, model, taken) for each in choices),
        id=as_str(body.get("id")),
        created=parsing.as_count(body.get("created")) or None,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        system_fingerprint=as_str(body.get("system_fingerprint")),
        service_tier=as_str(body.get("service_tier")),
        raw=body,
    )


def _require_choices(body: Any, headers: Mapping[str, str]) -> list[Json]:
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    choices = dict_items(body.get("choices"))
    if body.get("error") or (not choices and parsing.has_error_fields(body)):
        raise error_from(200, headers, body)
    if not choices:
        raise parsing.unreadable_error("choices: expected at least one, received none", body, headers)
    return choices


def _decode_choice(
    choice: Json, body: Json, headers: Mapping[str, str], model: Model | None, taken: Collection[str]
) -> Choice:
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise error_from(200, headers, {"error": choice.get("error") or "the model's provider failed"})
    raw_reason = as_str(choice.get("finish_reason"))
    finish_reason = FINISH_REASONS.get((raw_reason or "").lower())
    is_cut = finish_reason in ("length", "content_filter") or bool(raw_reason and not finish_reason)
    content = _require_message(choice, body, headers)
    calls = _decode_tool_calls(content, is_cut, body, headers, taken)
    parts = (*_decode_message(content, body, headers, model), *calls)
    message = Message("assistant", parts, author=parsing.parse_model(body, headers) or None)
    if (raw_reason or "").lower() == "malformed_function_call" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "The model wrote a malformed function call, and the response has no content (finish reason "
            f"{raw_reason!r}): send the request again, or simplify the tools' schemas.",
            body,
            headers,
        )
    if finish_reason == "tool_calls" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "choices[].message.tool_calls: expected at least one, received none", body, headers
        )
    return Choice(
        message=message,
        finish_reason=finish_reason,
        native_finish_reason=as_str(choice.get("native_finish_reason")) or raw_reason,
        logprobs=tuple(dict_items(as_dict(choice.get("logprobs")).get("content"))) or None,
    )


def _require_message(choice: Json, body: Json, headers: Mapping[str, str]) -> Json:
    """Return the message of a choice; an empty one if there is only a finish reason."""
    message = choice.get("message")
    if isinstance(message, dict) or (message is None and choice.get("finish_reason")):
        return as_dict(message)
    received = parsing.json_type(message)
    raise parsing.unreadable_error(f"choices[].message: expected object, received {received}", body, headers)


# --- the parts of a message ---------------------------------------------------------------------------------------


def _decode_message(message: Json, body: Json, headers: Mapping[str, str], model: Model | None) -> list[Part]:
    """Decode all parts but tool calls, in the order in which models write them: reasoning, text, media."""
    content = parsing.parse_text(message.get("content"), "choices[].message.content", body, headers)
    inline_reasoning, text = _split_think_tags(content, model, parsing.parse_model(body, headers))
    parts: list[Part] = [*_decode_reasoning(message, inline_reasoning), *_decode_text(text, message, body)]
    if refusal := as_str(message.get("refusal")):
        parts.append(Refusal(refusal))
    parts += decode_images(dict_items(message.get("images")) + find_image_parts(message.get("content")))
    if audio := as_dict(message.get("audio")):
        parts.append(_decode_audio(audio))
    return parts


def _split_think_tags(text: str, model: Model | None, reported_id: str) -> tuple[str, str]:
    """Split off the reasoning in think tags, which few texts have, and return it and the rest."""
    splitter = select_splitter(model, reported_id) if OPEN in text or CLOSE in text else None
    return splitter.split_all(text) if splitter else ("", text)


def _decode_tool_calls(
    message: Json, is_cut: bool, body: Json, headers: Mapping[str, str], taken: Collection[str]
) -> tuple[Part, ...]:
    """Decode the tool calls, with ids that differ from each other and from those that are taken."""
    calls = _require_calls(message, body, headers)
    if not calls:
        return ()
    reply_id, last = as_str(body.get("id")), len(calls) - 1
    return CallIds(taken).claim_all(
        _decode_tool_call(call, is_cut, synthetic_id(reply_id, index), index == last)
        for index, call in enumerate(calls)
    )


def _require_calls(message: Json, body: Json, headers: Mapping[str, str]) -> list[Json]:
    entries = parsing.require_dicts(message.get("tool_calls"), "choices[].message.tool_calls", body, headers)
    calls = [entry for entry in entries if not parsing.is_empty_call(entry)]
    legacy = as_dict(message.get("function_call"))
    return calls or ([{"function": legacy}] if legacy else [])


def _decode_text(text: str, message: Json, body: Json) -> list[Text]:
    annotations = dict_items(message.get("annotations"))
    citations = tuple(map(parsing.parse_annotation, annotations)) or parsing.parse_sources(body)
    return [Text(text, citations)] if text or citations else []


def _decode_reasoning(message: Json, inline: str) -> list[Reasoning]:
    """Decode the reasoning, once, from any of the fields that families use; `inline` is the one from the text."""
    if not inline and _ALL_REASONING_FIELDS.isdisjoint(message):
        return []
    details = tuple(dict_items(message.get("reasoning_details")))
    google = as_dict(as_dict(message.get("extra_content")).get("google"))
    part = Reasoning(
        text=parse_reasoning_text(message) or inline,
        signature=_first_detail(details, "signature") or as_str(google.get("thought_signature")),
        encrypted=_first_detail(details, "data") or as_str(message.get("encrypted_content")),
        details=details,
    )
    return [part] if part != Reasoning() else []


def parse_reasoning_text(message: Json) -> str:
    """Return the reasoning text of a message or a delta, from the first field that has some."""
    text = as_str(message.get("reasoning_content")) or as_str(message.get("reasoning"))
    return text or "".join(
        as_str(detail.get("text")) or as_str(detail.get("summary")) or ""
        for detail in dict_items(message.get("reasoning_details"))
    )


def _first_detail(details: tuple[Json, ...], key: str) -> str | None:
    return next((value for detail in details if (value := as_str(detail.get(key)))), None)


def _decode_tool_call(call: Json, is_cut: bool, fallback_id: str, is_last: bool) -> ToolCall:
    """Decode one call.

    If the reply was cut off, empty arguments are missing ones, not no arguments; and the input of the last call, if it
    is to a custom tool, may be incomplete.
    """
    custom = as_dict(call.get("custom"))
    function = as_dict(call.get("function")) or custom
    arguments = parsing.parse_arguments(function.get("input" if custom else "arguments"))
    if arguments in ("", "null") and not is_cut and not custom:
        arguments = "{}"
    return ToolCall(
        id=as_str(call.get("id")) or fallback_id,
        name=as_str(function.get("name")) or "",
        arguments=arguments,
        kind="custom" if custom else "function",
        extra={"extra_content": call["extra_content"]} if isinstance(call.get("extra_content"), dict) else {},
        cut=bool(custom) and is_cut and is_last,
    )


def decode_images(items: list[Json]) -> list[Image]:
    """Decode generated images; skip those without a valid URL."""
    targets = [item.get("image_url", item) for item in items]
    urls = [as_str(target) or as_str(as_dict(target).get("url")) for target in targets]
    return [Image(url=url) for url in urls if url and _is_valid_url(url)]


def _is_valid_url(url: str) -> bool:
    with suppress(ValueError):
        return is_data_url(url) or bool(Url(url))
    return False


def find_image_parts(content: Any) -> list[Json]:
    """Return the image parts of a `content` list."""
    return [part for part in dict_items(content) if part.get("type") in ("image_url", "image")]


def _decode_audio(audio: Json) -> Audio:
    return Audio(
        data=as_str(audio.get("data")),
        format=as_str(audio.get("format")),
        id=as_str(audio.get("id")),
        transcript=as_str(audio.get("transcript")),
    )
