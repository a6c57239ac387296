"""Replies as the families of models write them, each with the least around what sets it apart, and what it states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.contract.documented_reply import ReplySummary

Json = dict[str, Any]

USAGE: Json = {"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39}
PLAIN = ReplySummary("Hi", "", "stop", {"input": 9, "output": 30, "total": 39}, None, (), "x1", "some/model")


@dataclass(frozen=True)
class Family:
    """A body, the expected summary, and the native finish reason."""

    body: Json
    expected: ReplySummary = PLAIN
    native: str = "stop"


def family(message: Json | None, choice: Json | None = None, *, native: str = "", **expected_fields: Any) -> Family:
    """Return a minimal reply with these fields of the message and the choice; `top` has further fields of the body."""
    top = expected_fields.pop("top", {})
    message_body = message if message is None else {"role": "assistant", "content": "Hi", **message}
    first_choice = {"index": 0, "finish_reason": "stop", "message": message_body, **(choice or {})}
    body = {"id": "x1", "object": "chat.completion", "created": 1, "model": "some/model", "choices": [first_choice]}
    expected = replace(PLAIN, **expected_fields)
    return Family({**body, "usage": USAGE, **top}, expected, native or str(expected.finish_reason))


def with_usage(usage: Json, **tokens: int) -> Family:
    """Return a reply with these additions to the usage; tokens by our names, with `_of_` for spaces."""
    counts = {"input": 9, "output": 30, "total": 39}
    named = {name.replace("_of_", " "): count for name, count in tokens.items()}
    return family({}, top={"usage": {**USAGE, **usage}}, tokens={**counts, **named})


def with_cost(top: Json, cost: Json | None) -> Family:
    return family({}, top=top, cost=cost)


def with_finish_reason(word: str, reason: str | None) -> Family:
    return family({}, {"finish_reason": word}, native=word, finish_reason=reason)


THOUGHT = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}
SEALED = {"type": "reasoning.encrypted", "data": "b64==", "format": "google-gemini-v1"}
SIGNED = {"google": {"thought_signature": "sig"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PAGES = [{"title": "A", "url": "https://a", "date": "2026-01-01", "last_updated": "2026-01-02"}]
SPENT = {"usd": "0.001240000", "credits": 2480}
DETAILS = {"cached_tokens": 3, "cache_write_tokens": 2, "audio_tokens": 1, "text_tokens": 4, "image_tokens": 5}
EXPECTED_DETAILS = {"input_of_cache_read": 3, "input_of_cache_creation": 2, "input_of_audio": 1, "input_of_text": 4}

THINKING = {
    "reasoning_content": family({"reasoning_content": "Hm."}, reasoning="Hm."),
    "reasoning_content empty": family({"reasoning_content": ""}),
    "reasoning_content null": family({"reasoning_content": None}),
    "reasoning and its details": family({"reasoning": "Hm.", "reasoning_details": [THOUGHT]}, reasoning="Hm."),
    "reasoning_details alone": family({"reasoning": None, "reasoning_details": [THOUGHT]}, reasoning="Hm."),
    "all three": family(
        {"reasoning_content": "Hm.", "reasoning": "Hm.", "reasoning_details": [THOUGHT]}, reasoning="Hm."
    ),
    "encrypted details": family(
        {"reasoning": None, "reasoning_details": [SEALED]}, proofs=frozenset({"b64=="})
    ),
    "reasoning null": family({"reasoning": None}),
    "inline": family(
        {"content": "<think>\nHm.\n</think>\n\nHi"},
        top={"model": "MiniMax-M2.1"},
        model="MiniMax-M2.1",
        reasoning="Hm.",
    ),
    "a stray end": family({"content": "Hi</think>"}, top={"model": "zhipu/glm-4.6"}, model="zhipu/glm-4.6"),
    "tags of another model": family({"content": "Write <think> so."}, text="Write <think> so."),
    "a thought signature": family({"extra_content": SIGNED}, proofs=frozenset({"sig"})),
    "encrypted_content": family({"encrypted_content": "e=="}, proofs=frozenset({"e=="})),
    "thinking took all tokens": family(
        {"content": "", "reasoning_content": "Hm."}, {"finish_reason": "length"}, text="", reasoning="Hm.",
        finish_reason="length",
    ),
}  # fmt: skip

NOTHING = {
    "nulls": family(
        {"refusal": None, "annotations": None, "audio": None, "tool_calls": None, "function_call": None},
        {"logprobs": None},
        top={"system_fingerprint": None, "service_tier": None, "meta": None, "citations": None},
    ),
    "empty lists": family({"annotations": [], "tool_calls": []}, top={"search_results": []}),
    "content null": family({"content": None}, text=""),
    "fields of MiniMax": family(
        {"name": "MiniMax AI", "audio_content": ""},
        top={"input_sensitive": False, "output_sensitive_int": 0, "base_resp": {"status_code": 0, "status_msg": ""}},
    ),
    "a flag, and a delta with the message": family({}, {"flag": 0, "delta": {"role": "assistant", "content": ""}}),
    "a request id": family({}, top={"request_id": "r1", "system_fingerprint": ""}),
}  # fmt: skip

REASONS = {
    "end_turn": with_finish_reason("end_turn", "stop"),
    "length": with_finish_reason("length", "length"),
    "max_tokens": with_finish_reason("max_tokens", "length"),
    "content_filter": with_finish_reason("content_filter", "content_filter"),
    "tool_use": with_finish_reason("tool_use", "tool_calls"),
    "function_call": with_finish_reason("function_call", "tool_calls"),
    "in capitals": with_finish_reason("STOP", "stop"),
    "with a native one": family({}, {"native_finish_reason": "STOP"}, native="STOP"),
    "an unknown one": with_finish_reason("bored", None),
}

COUNTS = {
    "details null": with_usage({"prompt_tokens_details": None, "completion_tokens_details": None}),
    "every detail of the prompt": with_usage({"prompt_tokens_details": DETAILS}, **EXPECTED_DETAILS, input_of_image=5),
    "video": with_usage({"prompt_tokens_details": {"video_tokens": 7}}, input_of_video=7),
    "every detail of the answer": with_usage(
        {"completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 0, "accepted_prediction_tokens": 2}},
        output_of_reasoning=8,
        output_of_audio=0,
        output_of_accepted_prediction=2,
    ),
    "reasoning outside the answer": with_usage(
        {"completion_tokens": 566, "total_tokens": 1521, "completion_tokens_details": {"reasoning_tokens": 946}},
        output=566,
        total=1521,
        output_of_reasoning=946,
    ),
    "more reasoning than answer": with_usage(
        {"completion_tokens_details": {"reasoning_tokens": 100}}, output_of_reasoning=100
    ),
    "cache hits": with_usage({"prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 6}, input_of_cache_read=3),
    "fields of other vendors": with_usage(
        {"total_characters": 0, "num_sources_used": 0, "cost_in_usd_ticks": 1, "cost": 0.1, "is_byok": False}
        | {
            "cost_details": {},
            "extra_properties": {"google": {"traffic_type": "ON_DEMAND"}},
            "search_context_size": "l",
        }
    ),
}

PRICES = {
    "credits and dollars": with_cost({"meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}}}, SPENT),
    "credits alone": with_cost({"meta": {"usage": {"credits_used": 2480}}}, SPENT),
    "legacy tokens": with_cost({"meta": {"usage": {"tokens_used": 2480}}}, None),
    "the model that ran, and unknown fields": family(
        {},
        top={"meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}, "metrics": {"tps": 9.5}, "model": "m"}},
        cost=SPENT,
        model="m",
    ),
}

SOURCES = {
    "annotations": family(
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}]},
        citations=("https://a",),
    ),
    "search results": family({}, top={"citations": ["https://a"], "search_results": PAGES}, citations=("https://a",)),
    "citations alone": family({}, top={"citations": ["https://a", "https://b"]}, citations=("https://a", "https://b")),
}

ECHOES = {
    "a model of another name": family({}, top={"model": "kimi-k2.5"}, model="kimi-k2.5"),
    "a router's model": family(
        {},
        top={"model": "gpt-6-luna", "meta": {"model": "openai/gpt-6-luna", "metrics": {"ttft_ms": 310}}},
        model="openai/gpt-6-luna",
    ),
    "an id without a prefix": family({}, top={"id": "0217abc"}, id="0217abc"),
}

FAMILIES = THINKING | NOTHING | REASONS | COUNTS | PRICES | SOURCES | ECHOES
