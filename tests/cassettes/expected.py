"""What the bodies of a cassette contain, read from their JSON without code of the package."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.cassettes.bodies import Stored, payloads
from tests.cassettes.observed import (
    Answer,
    Decided,
    Listed,
    Observation,
    Outcomes,
    Parsed,
    Pictured,
    Relevance,
    Scanned,
    Status,
    Submitted,
    Tokens,
    Transcribed,
    Trip,
    Vectors,
)


def expected_observation(interaction: Stored, like: Observation) -> Observation:
    """Return what a caller must observe of an exchange, in the form of `like`."""
    response = interaction["response"]
    if read := _READERS.get(type(like)):
        return read(response["json"])
    match like:
        case Vectors():
            return Vectors([_vector(item["embedding"]) for item in response["json"]["data"]])
        case Listed():
            return _catalogue_model(response["json"]["data"])
        case Status():
            body = response["json"]
            return Status((body[0] if isinstance(body, list) else body)["id"])
        case Parsed():
            seen = _answer(interaction["request"]["uri"], response)
            return Parsed(Trip.model_validate(seen.tool_calls[0][1] if seen.tool_calls else json.loads(seen.text)))
    return _answer(interaction["request"]["uri"], response)


def is_pending(interaction: Stored) -> bool:
    """Return whether it is a poll of a transcription that goes on, which callers don't observe."""
    method, uri = interaction["request"]["method"], interaction["request"]["uri"]
    return method == "GET" and "/stt/" in uri and not interaction["response"]["json"].get("result")


def _outcomes(rows: list[Stored]) -> Outcomes:
    messages = [row["result"]["message"] for row in sorted(rows, key=lambda row: str(row["custom_id"]))]
    return Outcomes(
        tuple(
            (_joined(message["content"], "text"), message["usage"]["input_tokens"], message["usage"]["output_tokens"])
            for message in messages
        )
    )


def _relevance(body: Stored) -> Relevance:
    scores = [(int(key[1:]), float(answer["noul"])) for key, answer in body["answers"].items()]
    return Relevance(tuple(sorted(scores, key=lambda each: -each[1])))


def _decided(body: Stored) -> Decided:
    answers = body["answers"]
    yes, choice, score = answers["payments"]["noul"], answers["team"]["choice"], answers["mood"]["score"]
    return Decided(yes, choice, score, _usd(body))


def _scanned(body: Stored) -> Scanned:
    pages = tuple((page["index"], page["markdown"]) for page in body["pages"])
    return Scanned(pages, Trip.model_validate_json(body["document_annotation"]), _usd(body))


def _submitted(body: Stored) -> Submitted:
    return Submitted(body["generation_id"])


def _transcribed(body: Stored) -> Transcribed:
    turns = body["result"]["results"]["utterances"]
    segments = tuple((each["start"], each["end"], str(each["speaker"]), each["transcript"]) for each in turns)
    return Transcribed(segments, _usd(body))


def _pictured(body: Stored) -> Pictured:
    images = (each.get("url") or base64.b64decode(each["b64_json"]) for each in body["data"])
    return Pictured(tuple(images), _usd(body))


def _usd(body: Stored) -> str:
    return f"{Decimal(str(body['meta']['usage']['usd_spent'])):.9f}"


_READERS: dict[type, Callable[[Any], Observation]] = {
    Outcomes: _outcomes,
    Relevance: _relevance,
    Decided: _decided,
    Scanned: _scanned,
    Submitted: _submitted,
    Transcribed: _transcribed,
    Pictured: _pictured,
}


def _answer(uri: str, response: Stored) -> Answer:
    events = payloads(response)
    if uri.endswith("/responses"):
        body = events[-1]["response"] if events else response["json"]
        return _response(body, response["headers"])
    if uri.endswith("/messages"):
        return _message(_folded_message(events) if events else response["json"], response["headers"])
    return _completion(_folded(events) if events else response["json"], response["headers"])


# --- chat completions -------------------------------------------------------------------------------------------------


def _completion(body: Stored, headers: dict[str, str]) -> Answer:
    [choice] = body["choices"]
    message, usage = choice["message"], body["usage"]
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    return Answer(
        text=message.get("content") or "",
        reasoning=message.get("reasoning_content") or "",
        finish_reason=choice["finish_reason"],
        tool_calls=tuple((function["name"], json.loads(function["arguments"])) for function in functions),
        tokens=Tokens(
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["total_tokens"],
            (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
        ),
        **_billing(body, headers),
    )


def _folded(chunks: list[Stored]) -> Stored:
    """Return the completion that the chunks of a stream add up to."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    deltas = [choice.get("delta") or {} for choice in choices]
    message: Stored = {name: _joined(deltas, name) for name in ("content", "reasoning_content")}
    message["tool_calls"] = _folded_calls([piece for delta in deltas for piece in delta.get("tool_calls") or ()])
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    last = {name: chunk[name] for chunk in chunks for name in ("usage", "meta") if chunk.get(name)}
    return {"choices": [{"message": message, "finish_reason": reasons[-1]}], **last}


def _folded_calls(pieces: list[Stored]) -> list[Stored]:
    """Return the calls that the chunks add up to, by index."""
    numbers = sorted({piece["index"] for piece in pieces})
    own = [[piece["function"] for piece in pieces if piece["index"] == number] for number in numbers]
    return [{"function": {name: _joined(parts, name) for name in ("name", "arguments")}} for parts in own]


def _joined(pieces: list[Stored], name: str) -> str:
    return "".join(piece.get(name) or "" for piece in pieces)


# --- responses --------------------------------------------------------------------------------------------------------


def _response(body: Stored, headers: dict[str, str]) -> Answer:
    usage, items = body["usage"], body["output"]
    calls = [item for item in items if item["type"] == "function_call"]
    return Answer(
        text="".join(part["text"] for part in _inside(items, "message", "content")),
        reasoning="\n\n".join(part["text"] for part in _inside(items, "reasoning", "summary")),
        finish_reason="tool_calls" if calls else _REASONS[body.get("status")],
        tool_calls=tuple((call["name"], json.loads(call["arguments"])) for call in calls),
        tokens=Tokens(
            usage["input_tokens"],
            usage["output_tokens"],
            usage["total_tokens"],
            (usage.get("output_tokens_details") or {}).get("reasoning_tokens") or 0,
        ),
        citations=tuple(
            note["url"] for part in _inside(items, "message", "content") for note in part.get("annotations", ())
        ),
        **_billing(body, headers),
    )


_REASONS = {None: "stop", "completed": "stop", "incomplete": "length"}


def _inside(items: list[Stored], kind: str, field: str) -> list[Stored]:
    return [part for item in items if item["type"] == kind for part in item[field]]


# --- messages ---------------------------------------------------------------------------------------------------------


def _message(body: Stored, headers: dict[str, str]) -> Answer:
    usage, blocks = body["usage"], body["content"]
    first = sum(usage[f"{name}input_tokens"] for name in ("", "cache_creation_", "cache_read_"))
    return Answer(
        text=_joined(blocks, "text"),
        reasoning=_joined(blocks, "thinking"),
        finish_reason=_STOPS[body["stop_reason"]],
        tool_calls=tuple((block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"),
        tokens=Tokens(first, usage["output_tokens"], first + usage["output_tokens"], 0),
        **_billing(body, headers),
    )


_STOPS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}


def _folded_message(events: list[Stored]) -> Stored:
    """Return the message that the events of a stream add up to."""
    starts = [event for event in events if event["type"] == "content_block_start"]
    blocks = [_folded_block(start["content_block"], _deltas(events, start["index"])) for start in starts]
    [end] = [event for event in events if event["type"] == "message_delta"]
    return {**end["delta"], "content": blocks, "usage": end["usage"], "meta": end.get("meta") or {}}


def _deltas(events: list[Stored], index: int) -> list[Stored]:
    return [event["delta"] for event in events if event["type"] == "content_block_delta" and event["index"] == index]


def _folded_block(block: Stored, deltas: list[Stored]) -> Stored:
    if block["type"] == "tool_use":
        return {**block, "input": json.loads(_joined(deltas, "partial_json") or "{}")}
    return {**block, **{name: _joined(deltas, name) for name in ("text", "thinking")}}


# --- shared -----------------------------------------------------------------------------------------------------------


def _billing(body: Stored, headers: dict[str, str]) -> dict[str, Any]:
    spent = body.get("meta", {}).get("usage")
    cost = spent and {"usd": f"{Decimal(str(spent['usd_spent'])):.9f}", "credits": spent["credits_used"]}
    return {"cost": cost} | {
        name: headers.get(f"x-{name.replace('_', '-')}") for name in ("inference_id", "request_id")
    }


def _vector(embedding: list[float] | str) -> list[float]:
    if isinstance(embedding, list):
        return embedding
    packed = base64.b64decode(embedding)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def _catalogue_model(model: Stored) -> Listed:
    units = model["pricing"]["units"]
    per_million = {unit["origin"]: Decimal(str(unit["price"])) * 1_000_000 / unit["per"] for unit in units}
    prices = {"input": per_million["provided"], "output": per_million["generated"]}
    return Listed(model["id"], model["info"]["contextLength"], prices)
