"""`/v1/chat/completions`: a request becomes an `Ask`, an answer becomes a completion."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from .ask import JSON, Answer, Call, new_id
from .brain import answer
from .chat_request import ask_of
from .families import Family, family_of
from .signatures import SIGNED, signature
from .usage import PromptCache, Usage, measure, meta, pieces
from .web import PAGES
from .wire import read
from .wire_chat import ChatRequest
from .wire_chat_rules import check

FINGERPRINT = "aimlapi-emulator"


@dataclass(frozen=True)
class Completion:
    """One answered request, whole, from which the plain reply and the stream are both made."""

    request: ChatRequest
    answers: tuple[Answer, ...]
    usage: Usage
    family: Family
    id: str
    created: int

    @property
    def head(self) -> JSON:
        return {"id": self.id, "created": self.created, "model": self.request.model}


def complete(body: JSON, cache: PromptCache) -> Completion:
    """Reads, checks and answers a request. Raises GatewayError for what the gateway refuses."""
    request = read(ChatRequest, body)
    check(request, body)
    ask = ask_of(request, body)
    answers = [answer(ask) for _ in range(request.n or 1)]
    family = family_of(request.model)
    if family.name == "gemini":
        answers = [replace(one, calls=tuple(map(_signable, one.calls))) for one in answers]
    usage = measure(ask, answers, cache)
    prefix = "msg_" if family.name == "claude" else "chatcmpl-"
    return Completion(request, tuple(answers), usage, family, new_id(prefix), int(time.time()))


def _signable(call: Call) -> Call:
    return replace(call, id=call.id.replace("call_", SIGNED))


def reply(done: Completion) -> JSON:
    body = done.head | {
        "object": "chat.completion",
        "choices": [_choice(done, index, one) for index, one in enumerate(done.answers)],
        "usage": usage_body(done.usage),
        **paid(done),
    }
    return body | extras(done)


def paid(done: Completion) -> JSON:
    return {} if done.family.bare else {"meta": meta(done.request.model, done.usage)}


def extras(done: Completion) -> JSON:
    """Who answered, and from Perplexity's models the pages that they read."""
    if done.family.bare:
        return {}
    if done.family.name != "perplexity":
        return {"system_fingerprint": FINGERPRINT}
    pages = [{"title": page.title, "url": page.url, "date": page.date, "last_updated": page.date} for page in PAGES[:2]]
    sources = {"citations": [page["url"] for page in pages], "search_results": pages}
    return sources | {"system_fingerprint": FINGERPRINT}


def _choice(done: Completion, index: int, said: Answer) -> JSON:
    message: JSON = {"role": "assistant", "content": text_of(done, said), "refusal": None, "annotations": []}
    message |= reasoning_fields(done, said.reasoning)
    if said.calls:
        message["tool_calls"] = [call_body(done, call) for call in said.calls]
    finish = "end_turn" if done.family.name == "claude" and said.finish == "stop" else said.finish
    return {"index": index, "message": message, "finish_reason": finish, "logprobs": logprobs(done, pieces(said.text))}


def text_of(done: Completion, said: Answer) -> str:
    if done.family.reasoning == "inline" and said.reasoning:
        return f"<think>\n{said.reasoning}\n</think>\n\n{said.text}"
    return said.text


def reasoning_fields(done: Completion, thought: str) -> JSON:
    """Thoughts where the family of the model puts them; in a stream, one piece of them."""
    if not thought or done.request.reasoning.exclude:
        return {}
    match done.family.reasoning:
        case "field":
            return {"reasoning_content": thought}
        case "details":
            detail = {"type": "reasoning.text", "text": thought, "format": "unknown", "index": 0}
            return {"reasoning": thought, "reasoning_details": [detail]}
        case "empty":
            return {"reasoning_content": ""}
        case _:
            return {}


def call_body(done: Completion, call: Call) -> JSON:
    body: JSON = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    return body | {"extra_content": signature(call)} if done.family.name == "gemini" else body


def logprobs(done: Completion, tokens: list[str]) -> JSON | None:
    """A probability for each token, when asked: always the same one, since none was drawn."""
    if not done.request.logprobs:
        return None
    rivals = int(done.request.top_logprobs or 0)
    return {"content": [_token(token) | {"top_logprobs": _rivals(token, rivals)} for token in tokens], "refusal": []}


def _token(token: str, logprob: float = -0.01) -> JSON:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _rivals(token: str, number: int) -> list[JSON]:
    others = [token, *(f"~{index}" for index in range(1, number))]
    return [_token(other, -0.01 - 5 * index) for index, other in enumerate(others[:number])]


def usage_body(usage: Usage) -> JSON:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
