"""Valid replies of two endpoints, plain and streamed, with nearly every field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.responses_events import events as responses_events

Json = dict[str, Any]

MODEL = "openai/gpt-5-mini-2025-08-07"
TEXT = "Grüße aus Lissabon\u2028und \N{CAT} Porto"
CALLS = (("call_1", "get_weather", '{"city": "Lisboa"}'), ("call_2", "add", '{"a": 1, "b": [2, 3]}'))


# --- chat completions -------------------------------------------------------------------------------------------------


def chat_body(text: Any = TEXT, finish: str = "stop", *, model: str = MODEL, **message: Any) -> Json:
    """Return a chat completions reply, with further fields of its message."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        "meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}},
        "system_fingerprint": "fp_1",
    }


def chat_calls() -> Json:
    """Return a reply that calls two tools."""
    calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in CALLS]
    return chat_body("", "tool_calls", tool_calls=calls)


def chat_rich() -> Json:
    """Return a reply with nearly every field."""
    source = {"url": "https://example.org", "title": "Rivers", "start_index": 0, "end_index": 5}
    body = chat_body(
        reasoning_content="Hm, rivers.",
        reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "Hm, rivers.", "signature": "sig"}],
        refusal=None,
        annotations=[{"type": "url_citation", "url_citation": source}],
        images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}],
        audio={"id": "audio_1", "data": "aGk=", "transcript": "hi", "expires_at": 1700000000},
        tool_calls=[
            {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}},
            {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "print(1)"}},
        ],
        extra_content={"google": {"thought_signature": "sig"}},
    )
    top = [{"token": "Gr", "logprob": -0.1, "bytes": [71, 114]}]
    entry = {"token": "Gr", "logprob": -0.1, "bytes": [71, 114], "top_logprobs": top}
    body["choices"][0] |= {"logprobs": {"content": [entry], "refusal": None}, "native_finish_reason": "STOP"}
    return {**body, "citations": ["https://example.org"], "service_tier": "default", "provider": "somewhere"}


def chat_events(body: Json, size: int = 5) -> list[Json]:
    """Return the events of a stream that adds up to a plain reply."""
    [choice] = body["choices"]
    message = dict(choice["message"])
    text, calls, thought = message.pop("content"), message.pop("tool_calls", []), message.pop("reasoning_content", "")
    deltas: list[Json] = [{"role": message.pop("role"), "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in pieces(thought, size)]
    deltas += [{"content": piece} for piece in pieces(text or "", size)]
    for index, call in enumerate(calls):
        kind = "custom" if "custom" in call else "function"
        field = "input" if kind == "custom" else "arguments"
        deltas.append({"tool_calls": [{**call, "index": index, kind: {**call[kind], field: ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, kind: {field: piece}}]} for piece in pieces(call[kind][field], size)
        ]
    deltas += [{name: value} for name, value in message.items()]
    head = {"id": body["id"], "object": "chat.completion.chunk", "created": body["created"], "model": body["model"]}
    told = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    ending = {key: value for key, value in choice.items() if key not in ("message", "index")}
    last = {key: value for key, value in body.items() if key not in ("choices", *head)}
    return [
        *told,
        {**head, "choices": [{"index": 0, "delta": {}, **ending}]},
        {**head, "choices": [], **last},
    ]


def pieces(text: str, size: int) -> Iterator[str]:
    """Return the text in pieces."""
    return (text[start : start + size] for start in range(0, len(text), size))


# --- responses --------------------------------------------------------------------------------------------------------


def responses_body(*items: Json, **further: Any) -> Json:
    """Return a Responses reply; without items, one text."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "model": MODEL,
        "status": "completed",
        "parallel_tool_calls": True,
        "output": list(items) or [message_item(TEXT)],
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "total_tokens": 15,
            "input_tokens_details": {"cached_tokens": 3},
            "output_tokens_details": {"reasoning_tokens": 2},
        },
        "meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}},
        **further,
    }


def message_item(text: str, *annotations: Json) -> Json:
    """Return an item of text."""
    part = {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def call_item(call_id: str, name: str, arguments: str, **further: Any) -> Json:
    """Return an item that calls a tool."""
    fields = {"call_id": call_id, "name": name, "arguments": arguments, "status": "completed"}
    return {"id": f"fc_{call_id}", "type": "function_call", **fields, **further}


def responses_calls() -> Json:
    """Return a reply that calls two tools."""
    return responses_body(*(call_item(*call) for call in CALLS))


def responses_rich() -> Json:
    """Return a reply with nearly every field."""
    summary = [{"type": "summary_text", "text": "Thought of rivers."}, {"type": "summary_text", "text": "Chose."}]
    citation = {"type": "url_citation", "url": "https://example.org", "title": "R", "start_index": 0, "end_index": 3}
    search = {
        "id": "ws_1",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "x"},
    }
    code = {"id": "ci_1", "type": "code_interpreter_call", "code": "1", "outputs": [{"type": "logs", "logs": "1"}]}
    refusal = {"id": "msg_2", "type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}
    return responses_body(
        {"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": "gAAA", "content": []},
        search,
        code,
        {"id": "mcp_1", "type": "mcp_call", "name": "look", "arguments": "{}", "output": "ok", "server_label": "s"},
        {"id": "ig_1", "type": "image_generation_call", "result": "aGk=", "output_format": "png"},
        message_item(TEXT, citation),
        refusal,
        call_item("call_1", "add", '{"a": 1}'),
        {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_2", "name": "run", "input": "print(1)"},
        incomplete_details=None,
        error=None,
        service_tier="default",
    )


# --- bytes ------------------------------------------------------------------------------------------------------------


def dumps(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def sse(events: list[Any], done: bool = True) -> bytes:
    """Events as a stream has them."""
    frames = b"".join(b"data: " + dumps(event) + b"\n\n" for event in events)
    return frames + b"data: [DONE]\n\n" if done else frames


CHAT_BODIES = [chat_body(), chat_calls(), chat_rich()]
RESPONSES_BODIES = [responses_body(), responses_calls(), responses_rich()]
CHAT_STREAMS = [chat_events(body) for body in CHAT_BODIES]
RESPONSES_STREAMS = [responses_events(body, 5) for body in RESPONSES_BODIES]
