"""A chat completions body -> `Reply`, whichever family of models wrote it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pydantic_core import Url

from ..conversation import (
    Audio,
    Choice,
    FinishReason,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)
from ..errors import error_from
from . import reading
from .call_ids import CallIds
from .inline_thinking import ThinkingSplitter, splitter_for
from .reading import obj, objects, string
from .tool_call_fold import made_up_id

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
THINKING = ("reasoning_content", "reasoning", "reasoning_details")
_PLACES_OF_THINKING = frozenset((*THINKING, "extra_content", "encrypted_content"))


def decode(body: Json, headers: Mapping[str, str], taken: Collection[str] = (), *, requested: str = "") -> Reply:
    """The reply that a 2xx body holds; APIResponseError, or the error it reports, where it holds none.

    `taken`: ids that its calls must not have. `requested`: the id of the model in the request, which decides with the
    one in the body how `<think>` is read.
    """
    if not isinstance(body, dict):
        raise reading.unreadable(f"expected an object, received {reading.json_type(body)}", body, headers)
    choices = objects(body.get("choices"))
    if body.get("error") or (not choices and reading.complains(body)):
        raise error_from(200, headers, body)
    if not choices:
        raise reading.unreadable("choices: expected at least one, received none", body, headers)
    model = string(body.get("model")) or ""
    return Reply(
        model=model,
        choices=tuple(_choice(choice, body, headers, splitter_for(requested, model), taken) for choice in choices),
        id=string(body.get("id")),
        created=reading.integer(body.get("created")) or None,
        usage=reading.usage(body.get("usage")),
        cost=reading.cost(body, headers),
        trail=reading.trail(body, headers),
        system_fingerprint=string(body.get("system_fingerprint")),
        service_tier=string(body.get("service_tier")),
        raw=body,
    )


def _choice(
    choice: Json, body: Json, headers: Mapping[str, str], splitter: ThinkingSplitter | None, taken: Collection[str]
) -> Choice:
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise error_from(200, headers, {"error": choice.get("error") or "the model's provider failed"})
    raw_reason = string(choice.get("finish_reason"))
    reason = FINISH_REASONS.get((raw_reason or "").lower())
    cut = reason in ("length", "content_filter") or bool(raw_reason and not reason)
    parts = _parts(_message(choice, body, headers), cut, body, headers, splitter)
    message = Message("assistant", CallIds(taken).claim_all(parts), author=string(body.get("model")))
    if reason == "tool_calls" and not (message.text or message.tool_calls):
        raise reading.unreadable("choices[].message.tool_calls: expected at least one, received none", body, headers)
    return Choice(
        message=message,
        finish_reason=reason,
        native_finish_reason=string(choice.get("native_finish_reason")) or raw_reason,
        logprobs=_logprobs(choice),
    )


def _message(choice: Json, body: Json, headers: Mapping[str, str]) -> Json:
    """The message of a choice; an empty one where there is none, but a reason why the model stopped."""
    message = choice.get("message")
    if isinstance(message, dict) or (message is None and choice.get("finish_reason")):
        return obj(message)
    found = reading.json_type(message)
    raise reading.unreadable(f"choices[].message: expected object, received {found}", body, headers)


def _logprobs(choice: Json) -> tuple[Mapping[str, Any], ...] | None:
    return tuple(objects(obj(choice.get("logprobs")).get("content"))) or None


def _parts(
    message: Json, cut: bool, body: Json, headers: Mapping[str, str], splitter: ThinkingSplitter | None
) -> list[Part]:
    """Everything that the message holds, in the order that models write it: thinking, text, media, tool calls."""
    content = reading.text(message.get("content"), "choices[].message.content", body, headers)
    thought, said = _split_thinking(content, splitter) if splitter else ("", content)
    parts: list[Part] = [*reasoning(message, thought), *_texts(said, message, body)]
    if refusal := string(message.get("refusal")):
        parts.append(Refusal(refusal))
    parts += images(objects(message.get("images")) + image_parts(message.get("content")))
    if audio := obj(message.get("audio")):
        parts.append(_audio(audio))
    reply_id = string(body.get("id"))
    calls = _calls(message, body, headers)
    last = len(calls) - 1
    return parts + [
        tool_call(call, cut, made_up_id(reply_id, index), index == last) for index, call in enumerate(calls)
    ]


def _calls(message: Json, body: Json, headers: Mapping[str, str]) -> list[Json]:
    calls = reading.all_objects(message.get("tool_calls"), "choices[].message.tool_calls", body, headers)
    legacy = obj(message.get("function_call"))
    return calls or ([{"function": legacy}] if legacy else [])


def _split_thinking(content: str, splitter: ThinkingSplitter) -> tuple[str, str]:
    if "</think>" not in content and "<think>" not in content:
        return "", content
    pieces = splitter.split(content)
    return tuple("".join(text for kind, text in pieces if kind == wanted) for wanted in ("reasoning", "text"))  # type: ignore[return-value]  # two of them


def _texts(said: str, message: Json, body: Json) -> list[Text]:
    citations = tuple(map(reading.annotation, objects(message.get("annotations")))) or reading.sources(body)
    return [Text(said, citations)] if said or citations else []


# --- parts --------------------------------------------------------------------------------------------------------


def reasoning(message: Json, inline: str = "") -> list[Reasoning]:
    """The thinking, once, from whichever of its places the family puts it in; `inline` is what the text held."""
    if not inline and _PLACES_OF_THINKING.isdisjoint(message):
        return []
    details = tuple(objects(message.get("reasoning_details")))
    google = obj(obj(message.get("extra_content")).get("google"))
    part = Reasoning(
        text=reasoning_text(message) or inline,
        signature=_detail(details, "signature") or string(google.get("thought_signature")),
        encrypted=_detail(details, "data") or string(message.get("encrypted_content")),
        details=details,
    )
    return [part] if part != Reasoning() else []


def reasoning_text(message: Json) -> str:
    """The thinking that a message, or a piece of one, says in words; several fields say the same."""
    said = string(message.get("reasoning_content")) or string(message.get("reasoning"))
    return said or "".join(
        string(item.get("text")) or string(item.get("summary")) or ""
        for item in objects(message.get("reasoning_details"))
    )


def _detail(details: tuple[Json, ...], key: str) -> str | None:
    return next((found for item in details if (found := string(item.get(key)))), None)


def tool_call(call: Json, cut: bool, spare_id: str, last: bool) -> ToolCall:
    """One call. Empty arguments mean none, unless the answer was `cut` off before they could come.

    The text for a custom tool may be half of one where it is the `last` that was said before the cut.
    """
    custom = obj(call.get("custom"))
    function = obj(call.get("function")) or custom
    written = reading.arguments(function.get("input" if custom else "arguments"))
    if written in ("", "null") and not cut and not custom:
        written = "{}"
    return ToolCall(
        id=string(call.get("id")) or spare_id,
        name=string(function.get("name")) or "",
        arguments=written,
        kind="custom" if custom else "function",
        extra={"extra_content": call["extra_content"]} if isinstance(call.get("extra_content"), dict) else {},
        cut=bool(custom) and cut and last,
    )


def images(items: list[Json]) -> list[Image]:
    """Generated pictures; one that is nowhere to be found is none."""
    targets = [item.get("image_url", item) for item in items]
    urls = [string(target) or string(obj(target).get("url")) for target in targets]
    return [Image(url=url) for url in urls if url and _leads_somewhere(url)]


def _leads_somewhere(url: str) -> bool:
    with suppress(ValueError):
        return url.startswith("data:") or bool(Url(url))
    return False


def image_parts(content: Any) -> list[Json]:
    return [part for part in objects(content) if part.get("type") in ("image_url", "image")]


def _audio(audio: Json) -> Audio:
    return Audio(
        data=string(audio.get("data")),
        format=string(audio.get("format")),
        id=string(audio.get("id")),
        transcript=string(audio.get("transcript")),
    )
