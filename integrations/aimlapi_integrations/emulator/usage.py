"""Tokens and money. A token here is a run of up to four characters; a price is per million tokens.

Prices are made up, of the right order: they exist so that cost code has numbers to carry. The exchange rate is the
gateway's: 1 USD = 2,000,000 credits, https://docs.aimlapi.com/faq/how-can-i-track-my-funds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .ask import JSON, Answer, Ask

CREDITS_PER_USD = 2_000_000
CACHE_BLOCK = 1024
_PIECE = re.compile(r"\s*\S{1,4}|\s+")

# Model name pattern -> USD per million input tokens, per million output tokens. The first match counts.
PRICES: tuple[tuple[str, float, float], ...] = (
    (r"embedding|voyage|bge|m2-bert", 0.1, 0.0),
    (r"nano|lite|flash|4b", 0.1, 0.5),
    (r"mini|haiku|small", 0.3, 2.5),
    (r"opus|pro\b|o1|o3", 15.0, 75.0),
    (r"gpt-5|gpt-4|sonnet|gemini|grok", 2.5, 12.5),
    (r"", 0.5, 1.5),
)


def pieces(text: str) -> list[str]:
    """The tokens of a text, in order; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    return len(pieces(text))


@dataclass(frozen=True)
class Usage:
    """Token counts of one call; `output` holds `reasoning`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


class PromptCache:
    """Remembers the heads of long prompts, so that a repeated one reports cached tokens, in blocks of 1,024."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def cached(self, model: str, prompt: str) -> int:
        tokens = pieces(prompt)
        hit = 0
        for end in range(CACHE_BLOCK, len(tokens) + 1, CACHE_BLOCK):
            key = (model, hash("".join(tokens[:end])))
            if key in self._seen:
                hit = end
            self._seen.add(key)
        return hit

    def clear(self) -> None:
        self._seen.clear()


def prompt_text(ask: Ask) -> str:
    """Everything that counts as input: turns, calls, tool definitions. An attachment counts as its name."""
    turns = ("\n".join((turn.text, *turn.attachments, *(call.arguments for call in turn.calls))) for turn in ask.turns)
    tools = (f"{tool.name} {tool.description} {tool.parameters}" for tool in ask.tools)
    return "\n".join((*tools, *turns))


def measure(ask: Ask, answers: list[Answer], cache: PromptCache) -> Usage:
    prompt = prompt_text(ask)
    reasoning = sum(count(answer.reasoning) for answer in answers)
    said = sum(count(a.text) + sum(count(c.name) + count(c.arguments) for c in a.calls) for a in answers)
    return Usage(max(1, count(prompt)), said + reasoning, cache.cached(ask.model, prompt), reasoning)


def prices(model: str) -> tuple[float, float]:
    """Of a million input tokens, and of a million output tokens."""
    _, price_in, price_out = next(row for row in PRICES if re.search(row[0], model.lower()))
    return price_in, price_out


def credits_used(model: str, usage: Usage) -> int:
    price_in, price_out = prices(model)
    usd = (usage.input * price_in + usage.output * price_out) / 1_000_000
    return max(1, math.ceil(usd * CREDITS_PER_USD))


def meta(model: str, usage: Usage) -> JSON:
    """The gateway's own part of a body: what the call cost."""
    used = credits_used(model, usage)
    return {"usage": {"credits_used": used, "usd_spent": used / CREDITS_PER_USD}}


def cost_headers(body: JSON) -> dict[str, str]:
    """The same in headers, which the gateway sets on plain JSON replies only."""
    spent = body.get("meta", {}).get("usage")
    if not spent:
        return {}
    return {
        "x-aimlapi-credits-used": str(spent["credits_used"]),
        "x-aimlapi-usd-spent": f"{spent['usd_spent']:.9f}",
    }
