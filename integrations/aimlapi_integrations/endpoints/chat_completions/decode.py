"""A chat completions body -> `Reply`, whichever family of models wrote it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pydantic_core import Url

from ...errors import error_from
from ...types import Audio, Choice, FinishReason, Image, Json, Message, Part, Reasoning, Refusal, Reply, Text, ToolCall
from ..shared import parsing
from ..shared.call_ids import CallIds
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import synthetic_id
from .think_tags import ThinkTagSplitter, select_splitter

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

# Where families put their thinking; those that fill several say the same in each.
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
_PLACES_OF_THINKING = frozenset((*REASONING_FIELDS, "extra_content", "encrypted_content"))


def decode(body: Json, headers: Mapping[str, str], taken: Collection[str] = (), *, requested: str = "") -> Reply:
    """The reply that a 2xx body holds; APIResponseError, or the error it reports, where it holds none.

    `taken`: ids that its calls must not have. `requested`: the id of the model in the request, which decides with the
    one in the body how `<think>` is read.
    """
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    choices = dict_items(body.get("choices"))
    if body.get("error") or (not choices and parsing.has_error_fields(body)):
        raise error_from(200, headers, body)
    if not choices:
        raise parsing.unreadable_error("choices: expected at least one, received none", body, headers)
    model = parsing.parse_model(body, headers)
    return Reply(
        model=model,
        choices=tuple(_choice(choice, body, headers, select_splitter(requested, model), taken) for choice in choices),
        id=as_str(body.get("id")),
        created=parsing.as_count(body.get("created")) or None,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        trail=parsing.parse_call_metadata(body, headers),
        system_fingerprint=as_str(body.get("system_fingerprint")),
        service_tier=as_str(body.get("service_tier")),
        raw=body,
    )


def _choice(
    choice: Json, body: Json, headers: Mapping[str, str], splitter: ThinkTagSplitter | None, taken: Collection[str]
) -> Choice:
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise error_from(200, headers, {"error": choice.get("error") or "the model's provider failed"})
    raw_reason = as_str(choice.get("finish_reason"))
    reason = FINISH_REASONS.get((raw_reason or "").lower())
    cut = reason in ("length", "content_filter") or bool(raw_reason and not reason)
    parts = _parts(_message(choice, body, headers), cut, body, headers, splitter)
    message = Message("assistant", CallIds(taken).claim_all(parts), author=parsing.parse_model(body, headers) or None)
    if (raw_reason or "").lower() == "malformed_function_call" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "The model wrote a malformed function call, and the response has no content (finish reason "
            f"{raw_reason!r}): send the request again, or simplify the tools' schemas.",
            body,
            headers,
        )
    if reason == "tool_calls" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "choices[].message.tool_calls: expected at least one, received none", body, headers
        )
    return Choice(
        message=message,
        finish_reason=reason,
        native_finish_reason=as_str(choice.get("native_finish_reason")) or raw_reason,
        logprobs=_logprobs(choice),
    )


def _message(choice: Json, body: Json, headers: Mapping[str, str]) -> Json:
    """The message of a choice; an empty one where there is none, but a reason why the model stopped."""
    message = choice.get("message")
    if isinstance(message, dict) or (message is None and choice.get("finish_reason")):
        return as_dict(message)
    found = parsing.json_type(message)
    raise parsing.unreadable_error(f"choices[].message: expected object, received {found}", body, headers)


def _logprobs(choice: Json) -> tuple[Mapping[str, Any], ...] | None:
    return tuple(dict_items(as_dict(choice.get("logprobs")).get("content"))) or None


def _parts(
    message: Json, cut: bool, body: Json, headers: Mapping[str, str], splitter: ThinkTagSplitter | None
) -> list[Part]:
    """Everything that the message holds, in the order that models write it: thinking, text, media, tool calls."""
    content = parsing.parse_text(message.get("content"), "choices[].message.content", body, headers)
    thought, said = _split_thinking(content, splitter) if splitter else ("", content)
    parts: list[Part] = [*reasoning(message, thought), *_texts(said, message, body)]
    if refusal := as_str(message.get("refusal")):
        parts.append(Refusal(refusal))
    parts += decode_images(dict_items(message.get("images")) + image_parts(message.get("content")))
    if audio := as_dict(message.get("audio")):
        parts.append(_audio(audio))
    reply_id = as_str(body.get("id"))
    calls = _calls(message, body, headers)
    last = len(calls) - 1
    return parts + [
        tool_call(call, cut, synthetic_id(reply_id, index), index == last) for index, call in enumerate(calls)
    ]


def _calls(message: Json, body: Json, headers: Mapping[str, str]) -> list[Json]:
    calls = parsing.require_dicts(message.get("tool_calls"), "choices[].message.tool_calls", body, headers)
    legacy = as_dict(message.get("function_call"))
    return calls or ([{"function": legacy}] if legacy else [])


def _split_thinking(content: str, splitter: ThinkTagSplitter) -> tuple[str, str]:
    if "</think>" not in content and "<think>" not in content:
        return "", content
    pieces = splitter.split(content)
    return tuple("".join(text for kind, text in pieces if kind == wanted) for wanted in ("reasoning", "text"))  # type: ignore[return-value]  # two of them


def _texts(said: str, message: Json, body: Json) -> list[Text]:
    citations = tuple(map(parsing.parse_annotation, dict_items(message.get("annotations")))) or parsing.parse_sources(
        body
    )
    return [Text(said, citations)] if said or citations else []


# --- parts --------------------------------------------------------------------------------------------------------


def reasoning(message: Json, inline: str = "") -> list[Reasoning]:
    """The thinking, once, from whichever of its places the family puts it in; `inline` is what the text held."""
    if not inline and _PLACES_OF_THINKING.isdisjoint(message):
        return []
    details = tuple(dict_items(message.get("reasoning_details")))
    google = as_dict(as_dict(message.get("extra_content")).get("google"))
    part = Reasoning(
        text=reasoning_text(message) or inline,
        signature=_detail(details, "signature") or as_str(google.get("thought_signature")),
        encrypted=_detail(details, "data") or as_str(message.get("encrypted_content")),
        details=details,
    )
    return [part] if part != Reasoning() else []


def reasoning_text(message: Json) -> str:
    """The thinking that a message, or a piece of one, says in words; several fields say the same."""
    said = as_str(message.get("reasoning_content")) or as_str(message.get("reasoning"))
    return said or "".join(
        as_str(item.get("text")) or as_str(item.get("summary")) or ""
        for item in dict_items(message.get("reasoning_details"))
    )


def _detail(details: tuple[Json, ...], key: str) -> str | None:
    return next((found for item in details if (found := as_str(item.get(key)))), None)


def tool_call(call: Json, cut: bool, spare_id: str, last: bool) -> ToolCall:
    """One call. Empty arguments mean none, unless the answer was `cut` off before they could come.

    The text for a custom tool may be half of one where it is the `last` that was said before the cut.
    """
    custom = as_dict(call.get("custom"))
    function = as_dict(call.get("function")) or custom
    written = parsing.parse_arguments(function.get("input" if custom else "arguments"))
    if written in ("", "null") and not cut and not custom:
        written = "{}"
    return ToolCall(
        id=as_str(call.get("id")) or spare_id,
        name=as_str(function.get("name")) or "",
        arguments=written,
        kind="custom" if custom else "function",
        extra={"extra_content": call["extra_content"]} if isinstance(call.get("extra_content"), dict) else {},
        cut=bool(custom) and cut and last,
    )


def decode_images(items: list[Json]) -> list[Image]:
    """Generated pictures; one that is nowhere to be found is none."""
    targets = [item.get("image_url", item) for item in items]
    urls = [as_str(target) or as_str(as_dict(target).get("url")) for target in targets]
    return [Image(url=url) for url in urls if url and _leads_somewhere(url)]


def _leads_somewhere(url: str) -> bool:
    with suppress(ValueError):
        return url.startswith("data:") or bool(Url(url))
    return False


def image_parts(content: Any) -> list[Json]:
    return [part for part in dict_items(content) if part.get("type") in ("image_url", "image")]


def _audio(audio: Json) -> Audio:
    return Audio(
        data=as_str(audio.get("data")),
        format=as_str(audio.get("format")),
        id=as_str(audio.get("id")),
        transcript=as_str(audio.get("transcript")),
    )
