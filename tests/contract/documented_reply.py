"""Summaries of a documented reply: expected, from its JSON, and observed, from each client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse, CitationBlock, ThinkingBlock

from aimlapi_integrations.types import Reasoning, Reply

Json = dict[str, Any]


@dataclass(frozen=True)
class ReplySummary:
    """One reply. `tokens` are counts by our names, `proofs` the signatures and encrypted texts to send back."""

    text: str
    reasoning: str
    finish_reason: str | None
    tokens: Mapping[str, int]
    cost: Json | None
    citations: tuple[str, ...]
    id: str | None
    model: str
    proofs: frozenset[str] = field(default_factory=frozenset)


# --- the JSON ---------------------------------------------------------------------------------------------------------


def expected_summary(body: Json) -> ReplySummary:
    """Return the summary that the body specifies."""
    read = _response if body.get("object") == "response" else _completion
    text, reasoning, finish, citations, proofs = read(body)
    return ReplySummary(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        tokens=_tokens(body["usage"]),
        cost=_cost(body),
        citations=tuple(citations),
        id=body["id"],
        model=body["model"],
        proofs=frozenset(proof for proof in proofs if proof),
    )


_REASONS = {"stop": "stop", "end_turn": "stop", "length": "length", "tool_calls": "tool_calls"}


def _completion(body: Json) -> tuple[str, str, str | None, Iterable[str], Iterable[str | None]]:
    [choice] = body["choices"]
    message = choice["message"]
    details = message.get("reasoning_details") or []
    details_text = "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
    text, reasoning = message["content"], message.get("reasoning_content") or message.get("reasoning") or details_text
    if text.startswith("<think>"):
        reasoning, _, text = (part.strip() for part in text.removeprefix("<think>").partition("</think>"))
    google = (message.get("extra_content") or {}).get("google") or {}
    proofs = [
        google.get("thought_signature"),
        message.get("encrypted_content"),
        *(detail.get("data") for detail in details),
    ]
    notes = [note["url_citation"]["url"] for note in message.get("annotations") or []]
    values = [result["url"] for result in body.get("search_results") or []]
    return text, reasoning, _REASONS[choice["finish_reason"]], notes or values or body.get("citations") or [], proofs


def _response(body: Json) -> tuple[str, str, str | None, Iterable[str], Iterable[str | None]]:
    items = body["output"]
    content = [part for item in items if item["type"] == "message" for part in item["content"]]
    thinking = [item for item in items if item["type"] == "reasoning"]
    summaries = [part["text"] for item in thinking for part in item["summary"]]
    cut = (body.get("incomplete_details") or {}).get("reason")
    notes = [note["url"] for part in content for note in part.get("annotations") or []]
    proofs = [item.get("encrypted_content") for item in thinking]
    return (
        "".join(part.get("text") or "" for part in content),
        "\n\n".join(summaries),
        "length" if cut else "stop",
        notes or body.get("citations") or [],
        proofs,
    )


_INPUT = {"cached_tokens": "cache_read", "cache_write_tokens": "cache_creation"}


def _tokens(usage: Json) -> dict[str, int]:
    pairs = {"input": ("prompt_tokens", "input_tokens"), "output": ("completion_tokens", "output_tokens")}
    counts = {ours: next(usage[name] for name in names if name in usage) for ours, names in pairs.items()}
    counts["total"] = usage["total_tokens"]
    for ours, names in pairs.items():
        details = next((values for name in names if (values := usage.get(f"{name}_details"))), {})
        for name, count in details.items():
            if count is not None:
                counts[f"{ours} {_INPUT.get(name, name.removesuffix('_tokens'))}"] = count
    if "prompt_cache_hit_tokens" in usage:
        counts.setdefault("input cache_read", usage["prompt_cache_hit_tokens"])
    return counts


def _cost(body: Json) -> Json | None:
    spent = (body.get("meta") or {}).get("usage") or {}
    if "credits_used" not in spent:
        return None
    usd = Decimal(str(spent.get("usd_spent", Decimal(spent["credits_used"]) / 2_000_000)))
    return {"usd": f"{usd:.9f}", "credits": spent["credits_used"]}


# --- observed summaries -----------------------------------------------------------------------------------------------


def of_reply(reply: Reply) -> ReplySummary:
    """Return the summary of our reply."""
    usage = reply.usage
    thoughts = [part for part in reply.message.parts if isinstance(part, Reasoning)]
    return ReplySummary(
        text=reply.text,
        reasoning=reply.reasoning,
        finish_reason=reply.finish_reason,
        tokens=_token_counts(usage.input, usage.output, usage.total, usage.input_details, usage.output_details)
        if usage
        else {},
        cost=reply.cost and {"usd": reply.cost.usd, "credits": reply.cost.credits},
        citations=tuple(source.url or "" for source in reply.message.citations),
        id=reply.id,
        model=reply.model,
        proofs=_proofs(proof for part in thoughts for proof in (part.signature, part.encrypted)),
    )


def of_message(message: AIMessage) -> ReplySummary:
    """Return the summary of a LangChain message, with either form of content."""
    summary: Json = message.response_metadata
    blocks: list[Json] = [dict(block) for block in message.content_blocks]
    counts: Json = dict(message.usage_metadata or {})
    thoughts = [block for block in blocks if block["type"] == "reasoning"]
    sources = [note for block in blocks for note in block.get("annotations", ())]
    return ReplySummary(
        text=str(message.text),
        reasoning="\n\n".join(block["reasoning"] for block in thoughts if block.get("reasoning")),
        finish_reason=summary.get("finish_reason"),
        tokens=_token_counts(
            counts["input_tokens"],
            counts["output_tokens"],
            counts["total_tokens"],
            counts.get("input_token_details", {}),
            counts.get("output_token_details", {}),
        ),
        cost=summary.get("cost"),
        citations=tuple(source["url"] for source in sources),
        id=summary.get("id"),
        model=summary["model_name"],
        proofs=_proofs(
            block.get("extras", {}).get(name) for block in thoughts for name in ("signature", "encrypted_content")
        ),
    )


def of_response(response: ChatResponse) -> ReplySummary:
    """Return the summary of a LlamaIndex response."""
    summary, blocks = response.additional_kwargs, response.message.blocks
    usage: Json = summary["usage"]
    thoughts = [block for block in blocks if isinstance(block, ThinkingBlock)]
    names = ("signature", "encrypted_content")
    return ReplySummary(
        text=response.message.content or "",
        reasoning="\n\n".join(block.content for block in thoughts if block.content),
        finish_reason=summary.get("finish_reason"),
        tokens=_token_counts(
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["total_tokens"],
            usage.get("prompt_tokens_details", {}),
            usage.get("completion_tokens_details", {}),
        ),
        cost=summary.get("cost"),
        citations=tuple(block.source for block in blocks if isinstance(block, CitationBlock)),
        id=summary.get("id"),
        model=summary["model"],
        proofs=_proofs(block.additional_information.get(name) for block in thoughts for name in names),
    )


def _token_counts(
    input_tokens: int,
    output_tokens: int,
    total: int,
    input_details: Mapping[str, int],
    output_details: Mapping[str, int],
) -> Json:
    return {
        "input": input_tokens,
        "output": output_tokens,
        "total": total,
        **{f"input {name}": count for name, count in input_details.items()},
        **{f"output {name}": count for name, count in output_details.items()},
    }


def _proofs(values: Iterable[str | None]) -> frozenset[str]:
    return frozenset(proof for proof in values if proof)
