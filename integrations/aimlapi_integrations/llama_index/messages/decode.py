"""`Reply` -> `ChatResponse`. The same functions create the messages of streams.

Each response has its own lists and dicts, so that no response changes after it was returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
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

from ..._utils.json import drop_none
from ...endpoints.shared.media import parse_data_url
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
    """Convert a whole reply. `delta` and `thinking` are what the last event of a stream added."""
    choice = reply.choices[0]
    valid_message, invalid_calls = _split_invalid_calls(choice.message)
    message = chat_message(valid_message, final=True)
    for block in [block for block in message.blocks if isinstance(block, ThinkingBlock)][:1]:
        block.num_tokens = reply.usage.output_details.get("reasoning") if reply.usage else None
    if invalid_calls:
        message.additional_kwargs["invalid_tool_calls"] = [call_entry(call) for call in invalid_calls]
    if reply.id and reply.raw.get("object") == "response":
        message.additional_kwargs |= _stored_response_kwargs(reply)
    return ChatResponse(
        message=message,
        delta=delta,
        raw={**reply.raw, "usage": _raw_usage(reply.usage)},
        additional_kwargs={**response_metadata(reply), **({"thinking_delta": thinking} if thinking else {})},
        logprobs=_logprobs(choice),
    )


def _stored_response_kwargs(reply: Reply) -> Json:
    """Return what is needed to continue the response later: its ID, its model, and whether it is not stored."""
    stored = {"response_stored": False} if reply.raw.get("store") is False else {}
    return {"response_id": reply.id, "model": reply.model, **stored}


def completion_response(response: ChatResponse) -> CompletionResponse:
    """Convert a chat response to the response of a completion."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def _split_invalid_calls(message: Message) -> tuple[Message, list[ToolCall]]:
    """Split off the calls whose arguments are not a JSON object or were cut off.

    They could not be run, and a call without a result makes the next request invalid.
    """
    if not message.tool_calls:
        return message, []
    invalid = [call for call in message.tool_calls if call.cut or (call.kind == "function" and call.parsed() is None)]
    parts = tuple(part for part in message.parts if part not in invalid)
    return replace(message, parts=parts), invalid


# --- the message --------------------------------------------------------------------------------------------------


def chat_message(message: Message, final: bool = False) -> ChatMessage:
    """Convert a model's turn to blocks, in order. `additional_kwargs` hold what has no block.

    All text is in one block. Only text before and after the items of a hosted tool, such as a search, stays apart.

    Args:
        message: The turn, or what has been streamed of it so far.
        final: Whether it is complete. Until then, arguments of tool calls are text.
    """
    blocks: list[Any] = []
    item_positions: list[int] = []
    for parts in _group_parts(message.parts):
        if isinstance(parts[0], HostedItem):
            item_positions.append(len(blocks))
        blocks += _blocks(parts, final)
    blocks += [_citation_block(citation, message.text) for citation in message.citations]
    # Not validated: the blocks have been.
    return EMPTY_MESSAGE.model_copy(
        update={"blocks": blocks, "additional_kwargs": _extra_kwargs(message, item_positions)}
    )


EMPTY_MESSAGE = ChatMessage(role=MessageRole.ASSISTANT, blocks=[], additional_kwargs={})


def _group_parts(parts: Sequence[Part]) -> list[list[Part]]:
    """Group the parts that become one block: the text up to a hosted item, and all parts of one reasoning item."""
    groups: dict[Any, list[Part]] = {}
    item_count = 0
    for index, part in enumerate(parts):
        item_count += isinstance(part, HostedItem)
        groups.setdefault(_group_key(part, index, item_count), []).append(part)
    return list(groups.values())


def _group_key(part: Part, index: int, item_count: int) -> Any:
    if isinstance(part, Text):
        return (Text, item_count)
    return (Reasoning, part.id) if isinstance(part, Reasoning) and part.id else index


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
    raise UnsupportedContentError(f"LlamaIndex has no block for the {type(parts[0]).__name__} content of a response.")


def part_blocks(parts: Sequence[Part]) -> list[Any]:
    """Return the blocks of parts that are being streamed."""
    return [block for group in _group_parts(parts) for block in _blocks(group, final=False)]


def _thinking_block(parts: Sequence[Any]) -> ThinkingBlock:
    if len(parts) == 1 and not any(_OPAQUE_FIELDS(parts[0])) and parts[0].kind == "text":
        return ThinkingBlock(content=parts[0].text, additional_information={})
    information = {
        "id": next((part.id for part in parts if part.id), None),
        "kind": "summary" if parts[0].kind == "summary" else None,
        "signature": next((part.signature for part in parts if part.signature), None),
        "encrypted_content": next((part.encrypted for part in parts if part.encrypted), None),
        "reasoning_details": [dict(detail) for part in parts for detail in part.details],
        "parts": [part.text for part in parts] if len(parts) > 1 else None,
    }
    return ThinkingBlock(
        content="\n\n".join(part.text for part in parts),
        additional_information={name: value for name, value in information.items() if value},
    )


_OPAQUE_FIELDS = attrgetter("id", "signature", "encrypted", "details")


def call_block(call: ToolCall, final: bool = False) -> ToolCallBlock:
    """Convert a tool call. Its arguments are a dict if it is complete, and text until then."""
    arguments: Any = call.arguments
    if call.kind == "custom":
        arguments = {"input": call.arguments}
    elif final:
        arguments = call.parsed()
    return ToolCallBlock(tool_call_id=call.id or None, tool_name=call.name, tool_kwargs=arguments)


def _image_block(image: Image) -> ImageBlock:
    mime, data = parse_data_url(image.url) or (image.mime, image.data)
    if data:
        return ImageBlock(image=data.encode(), image_mimetype=mime, detail=image.detail)
    return ImageBlock(url=image.url, detail=image.detail)


def _citation_block(citation: Citation, text: str) -> CitationBlock:
    start, end = citation.start, citation.end
    passage = text[start:end] if start is not None and end is not None else ""
    offsets = {"start_index": start, "end_index": end}
    return CitationBlock(
        cited_content=TextBlock(text=citation.quote or passage),
        source=citation.url or "",
        title=citation.title or "",
        additional_location_info={name: offset for name, offset in offsets.items() if offset is not None},
    )


def _extra_kwargs(message: Message, item_positions: list[int]) -> Json:
    """Return what no block represents. Absent keys stay absent: core assumes that every key has a value."""
    kinds = {type(part) for part in message.parts}
    kwargs: Json = {}
    if ToolCall in kinds:
        kwargs["tool_calls"] = [call_entry(call) for call in message.tool_calls]
    if Text in kinds and (citations := message.citations):
        kwargs["annotations"] = [annotation(citation) for citation in citations]
    if HostedItem in kinds:
        kwargs["built_in_tool_calls"] = [dict(part.item) for part in message.parts if isinstance(part, HostedItem)]
        kwargs["built_in_tool_places"] = item_positions
        kwargs.update(_annotation_places(message))
    if Refusal in kinds:
        kwargs["refusal"] = message.refusal
    if Audio in kinds:
        kwargs.update(_audio_kwargs(next(part for part in message.parts if isinstance(part, Audio))))
    if message.author and any(map(_needs_author, message.parts)):
        kwargs["author"] = message.author
    return kwargs


def _annotation_places(message: Message) -> Json:
    """Return the index of the text block that each annotation belongs to, if not all belong to the first one."""
    groups = [group for group in _group_parts(message.parts) if isinstance(group[0], Text)]
    places = [
        index for index, group in enumerate(groups) for part in group if isinstance(part, Text) for _ in part.citations
    ]
    return {"annotation_places": places} if any(places) else {}


def _needs_author(part: Part) -> bool:
    """Return whether a message with this part records its author.

    Opaque fields go back to their own vendor only. Calls and audio are in `additional_kwargs` and in blocks: the author
    marks the message as one of ours, whose blocks decide, so that removing a block removes the call.
    """
    match part:
        case Reasoning():
            return any(_OPAQUE_FIELDS(part))
        case Audio():
            return part.data is not None
        case Text():
            return any("encrypted_index" in citation.raw for citation in part.citations)
    return isinstance(part, HostedItem | ToolCall)


def _audio_kwargs(audio: Audio) -> Json:
    kwargs = {"reference_audio_id": audio.id, "audio_transcript": audio.transcript}
    return {name: value for name, value in kwargs.items() if value}


def call_entry(call: ToolCall) -> Json:
    """Return a tool call as chat completions writes it, with what its vendor needs back."""
    if call.kind == "custom":
        inner = {"name": call.name, "input": call.arguments}
    else:
        inner = {"name": call.name, "arguments": call.arguments}
    item = {"item_id": call.item_id} if call.item_id else {}
    return {"id": call.id, "type": call.kind, call.kind: inner, **item, **copy_extra(call)}


def copy_extra(call: ToolCall) -> Mapping[str, Any]:
    """Return what the vendor of a call needs back, as objects of the response alone."""
    return deepcopy(call.extra) if call.extra else {}


def annotation(citation: Citation) -> Json:
    """Return a citation as the gateway wrote it, or in chat completions' form if it only has a URL."""
    return dict(citation.raw) or {"type": "url_citation", "url_citation": {"url": citation.url}}


# --- metadata of the response -------------------------------------------------------------------------------------


def response_metadata(reply: Reply) -> Json:
    """Return usage, cost, finish reason and IDs, as far as the reply has them."""
    choice, call_metadata = reply.choices[0], reply.call_metadata
    fields = {
        **_usage(reply.usage),
        "cost": reply.cost and {"usd": reply.cost.usd, "credits": reply.cost.credits},
        "finish_reason": choice.finish_reason or choice.native_finish_reason,
        "native_finish_reason": choice.native_finish_reason,
        "refusal": choice.message.refusal,
        "id": reply.id,
        "model": reply.model or None,
        "status": reply.status,
        "inference_id": call_metadata.inference_id,
        "request_id": call_metadata.request_id,
        "client_request_id": call_metadata.client_request_id,
        "provider": call_metadata.provider,
        "metrics": dict(call_metadata.metrics) or None,
        **{name: reply.raw.get(name) for name in RAW_FIELDS},
    }
    return drop_none(fields)


def _usage(usage: Usage | None) -> Json:
    if usage is None:
        return {}
    counts = _token_counts(usage)
    details = {
        "prompt_tokens_details": dict(usage.input_details),
        "completion_tokens_details": dict(usage.output_details),
    }
    return {**counts, "usage": {**counts, **{name: detail for name, detail in details.items() if detail}}}


def _raw_usage(usage: Usage | None) -> Json | None:
    """Return the usage of any endpoint with chat completions' names too, which core's token counters read."""
    return None if usage is None else {**usage.raw, **_token_counts(usage)}


def _token_counts(usage: Usage) -> Json:
    return {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total}


def _logprobs(choice: Choice) -> list[list[LogProb]] | None:
    if choice.logprobs is None:
        return None
    return [
        [_logprob(token) for token in dict_items(entry.get("top_logprobs")) or (entry,)] for entry in choice.logprobs
    ]


def _logprob(entry: Mapping[str, Any]) -> LogProb:
    """Convert the log probability of one token. Values of a wrong type are ignored."""
    token, logprob, codes = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    return LogProb(
        token=token if isinstance(token, str) else "",
        logprob=logprob if isinstance(logprob, (int, float)) else 0.0,
        bytes=[code for code in codes if type(code) is int] if isinstance(codes, list) else [],
    )
