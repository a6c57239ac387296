"""`Reply` -> `ChatResponse`. The messages of a stream are made by the same functions as whole ones.

Everything in a response is its own: lists and dicts are made anew for each, so that none changes behind a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from ...endpoints.shared.parsing import RAW_FIELDS, dict_items
from ...errors import UnsupportedContentError
from ...types import (
    Audio,
    Choice,
    Citation,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
    Usage,
)


def chat_response(reply: Reply, delta: str | None = None, thinking: str = "") -> ChatResponse:
    """The whole answer; `delta` and `thinking` are what the last event of a stream added."""
    choice = reply.choices[0]
    whole, broken = _sorted(choice.message)
    message = chat_message(whole, final=True)
    for block in [block for block in message.blocks if isinstance(block, ThinkingBlock)][:1]:
        block.num_tokens = reply.usage.output_details.get("reasoning") if reply.usage else None
    if broken:
        message.additional_kwargs["invalid_tool_calls"] = [call_entry(call) for call in broken]
    if reply.id and reply.raw.get("object") == "response":
        message.additional_kwargs |= _stored_as(reply)
    return ChatResponse(
        message=message,
        delta=delta,
        raw={**reply.raw, "usage": _raw_usage(reply.usage)},
        additional_kwargs={**told(reply), **({"thinking_delta": thinking} if thinking else {})},
        logprobs=_logprobs(choice),
    )


def _stored_as(reply: Reply) -> Json:
    """What continues the response later: its id, the model that wrote it, and whether it is not stored."""
    stored = {"response_stored": False} if reply.raw.get("store") is False else {}
    return {"response_id": reply.id, "model": reply.model, **stored}


def completion_response(response: ChatResponse) -> CompletionResponse:
    """The same answer, for those who asked with a prompt."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def _sorted(message: Message) -> tuple[Message, list[ToolCall]]:
    """The message without the calls whose arguments are no whole JSON object, or were cut off, and those calls.

    They could be neither run nor answered, and a call without an answer makes the next request invalid.
    """
    broken = [call for call in message.tool_calls if call.cut or (call.kind == "function" and call.parsed() is None)]
    kept = tuple(part for part in message.parts if part not in broken)
    return replace(message, parts=kept), broken


# --- the message --------------------------------------------------------------------------------------------------


def chat_message(message: Message, final: bool = False) -> ChatMessage:
    """A model's turn as blocks, in its order, its text in one; what has no block goes to `additional_kwargs`.

    Args:
        message: the turn, or as much of it as has come.
        final: whether it is whole; until then, arguments of tool calls are text.
    """
    blocks: list[Any] = []
    places: list[int] = []
    for parts in _grouped(message.parts):
        if isinstance(parts[0], HostedItem):
            places.append(len(blocks))
        blocks += _blocks(parts, final)
    blocks += [_citation_block(source, message.text) for source in message.citations]
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=_kept(message, places))


def _grouped(parts: Sequence[Part]) -> list[list[Part]]:
    """The parts, with those together that make one block: all text, and all parts of one reasoning item."""
    groups: dict[Any, list[Part]] = {}
    for place, part in enumerate(parts):
        groups.setdefault(_group(part, place), []).append(part)
    return list(groups.values())


def _group(part: Part, place: int) -> Any:
    if isinstance(part, Text):
        return Text
    return (Reasoning, part.id) if isinstance(part, Reasoning) and part.id else place


def _blocks(parts: Sequence[Any], final: bool) -> list[Any]:
    match parts[0]:
        case Text():
            return [TextBlock(text="".join(part.text for part in parts))]
        case Reasoning():
            return [_thinking_block(parts)]
        case ToolCall() as call:
            return [call_block(call, final)]
        case Image() as image:
            return [_image_block(image)]
        case Audio() as audio:
            return [AudioBlock(audio=audio.data.encode(), format=audio.format)] if audio.data and final else []
        case HostedItem() | Refusal():
            return []
    raise UnsupportedContentError(f"A reply with {type(parts[0]).__name__} content has no form in LlamaIndex.")


def thinking_blocks(parts: Iterable[Part]) -> list[ThinkingBlock]:
    """The thinking among `parts`, a block for each reasoning item."""
    return [_thinking_block(group) for group in _grouped([part for part in parts if isinstance(part, Reasoning)])]


def _thinking_block(parts: Sequence[Any]) -> ThinkingBlock:
    if len(parts) == 1 and not any(_PROOFS(parts[0])) and parts[0].kind == "text":
        return ThinkingBlock(content=parts[0].text, additional_information={})
    proofs = {
        "id": next((part.id for part in parts if part.id), None),
        "kind": "summary" if parts[0].kind == "summary" else None,
        "signature": next((part.signature for part in parts if part.signature), None),
        "encrypted_content": next((part.encrypted for part in parts if part.encrypted), None),
        "reasoning_details": [dict(detail) for part in parts for detail in part.details],
        "parts": [part.text for part in parts] if len(parts) > 1 else None,
    }
    return ThinkingBlock(
        content="\n\n".join(part.text for part in parts),
        additional_information={name: value for name, value in proofs.items() if value},
    )


_PROOFS = attrgetter("id", "signature", "encrypted", "details")


def call_block(call: ToolCall, final: bool = False) -> ToolCallBlock:
    """A tool call, its arguments a dict once it is whole and text until then."""
    arguments: Any = call.arguments
    if call.kind == "custom":
        arguments = {"input": call.arguments}
    elif final:
        arguments = call.parsed()
    return ToolCallBlock(tool_call_id=call.id or None, tool_name=call.name, tool_kwargs=arguments)


def _image_block(image: Image) -> ImageBlock:
    url, data, mime = image.url, image.data, image.mime
    if url and url.startswith("data:") and ";base64," in url:
        head, _, data = url.partition(";base64,")
        mime = head[len("data:") :]
    if data:
        return ImageBlock(image=data.encode(), image_mimetype=mime, detail=image.detail)
    return ImageBlock(url=url, detail=image.detail)


def _citation_block(source: Citation, text: str) -> CitationBlock:
    passage = text[source.start : source.end] if source.start is not None and source.end is not None else ""
    offsets = {"start_index": source.start, "end_index": source.end}
    return CitationBlock(
        cited_content=TextBlock(text=source.quote or passage),
        source=source.url or "",
        title=source.title or "",
        additional_location_info={name: offset for name, offset in offsets.items() if offset is not None},
    )


def _kept(message: Message, places: list[int]) -> Json:
    """What blocks have no place for; core takes every key that is there to be filled."""
    kinds = {type(part) for part in message.parts}
    kept: Json = {}
    if ToolCall in kinds:
        kept["tool_calls"] = [call_entry(call) for call in message.tool_calls]
    if Text in kinds and (sources := message.citations):
        kept["annotations"] = [annotation(source) for source in sources]
    if HostedItem in kinds:
        kept["built_in_tool_calls"] = [dict(part.item) for part in message.parts if isinstance(part, HostedItem)]
        kept["built_in_tool_places"] = places
    if Refusal in kinds:
        kept["refusal"] = message.refusal
    if Audio in kinds:
        kept.update(_audio_kept(next(part for part in message.parts if isinstance(part, Audio))))
    if message.author and any(map(_proves, message.parts)):
        kept["author"] = message.author
    return kept


def _proves(part: Part) -> bool:
    """Whether a part holds what goes back to its own vendor only."""
    match part:
        case Reasoning():
            return any(_PROOFS(part))
        case ToolCall():
            return bool(part.extra or part.item_id)
        case Text():
            return any("encrypted_index" in citation.raw for citation in part.citations)
    return isinstance(part, HostedItem)


def _audio_kept(audio: Audio) -> Json:
    kept = {"reference_audio_id": audio.id, "audio_transcript": audio.transcript}
    return {name: value for name, value in kept.items() if value}


def call_entry(call: ToolCall) -> Json:
    """A tool call as chat completions writes it, with what its vendor wants back."""
    if call.kind == "custom":
        inner = {"name": call.name, "input": call.arguments}
    else:
        inner = {"name": call.name, "arguments": call.arguments}
    item = {"item_id": call.item_id} if call.item_id else {}
    return {"id": call.id, "type": call.kind, call.kind: inner, **item, **call.extra}


def annotation(source: Citation) -> Json:
    """A citation as the gateway wrote it, or in the form of chat completions where it wrote only a URL."""
    return dict(source.raw) or {"type": "url_citation", "url_citation": {"url": source.url}}


# --- what a reply tells beside its message ------------------------------------------------------------------------


def told(reply: Reply) -> Json:
    """Counts, price, finish reason and ids; only those that the reply names."""
    choice, trail = reply.choices[0], reply.trail
    fields = {
        **_counts(reply.usage),
        "cost": reply.cost and {"usd": reply.cost.usd, "credits": reply.cost.credits},
        "finish_reason": choice.finish_reason or choice.native_finish_reason,
        "native_finish_reason": choice.native_finish_reason,
        "refusal": choice.message.refusal,
        "id": reply.id,
        "model": reply.model or None,
        "status": reply.status,
        "inference_id": trail.inference_id,
        "request_id": trail.request_id,
        "client_request_id": trail.client_request_id,
        "provider": trail.provider,
        "metrics": dict(trail.metrics) or None,
        **{name: reply.raw.get(name) for name in RAW_FIELDS},
    }
    return {name: value for name, value in fields.items() if value is not None}


def _counts(usage: Usage | None) -> Json:
    if usage is None:
        return {}
    counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total}
    details = {
        "prompt_tokens_details": dict(usage.input_details),
        "completion_tokens_details": dict(usage.output_details),
    }
    return {**counts, "usage": {**counts, **{name: counted for name, counted in details.items() if counted}}}


def _raw_usage(usage: Usage | None) -> Json | None:
    """The counts under chat completions' names too, whichever endpoint gave them: core's counters know these."""
    if usage is None:
        return None
    counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total}
    return {**usage.raw, **counts}


def _logprobs(choice: Choice) -> list[list[LogProb]] | None:
    if choice.logprobs is None:
        return None
    return [[_logprob(one) for one in dict_items(entry.get("top_logprobs")) or (entry,)] for entry in choice.logprobs]


def _logprob(entry: Mapping[str, Any]) -> LogProb:
    """What is of a wrong type says nothing."""
    token, logprob, codes = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    return LogProb(
        token=token if isinstance(token, str) else "",
        logprob=logprob if isinstance(logprob, (int, float)) else 0.0,
        bytes=[code for code in codes if type(code) is int] if isinstance(codes, list) else [],
    )
