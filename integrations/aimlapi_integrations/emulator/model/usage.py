"""Tokens and prices. A token is a run of up to four characters; a price is per million tokens.

Prices are invented but of a realistic order, so that code that handles costs has numbers. The exchange rate is the
gateway's: 1 USD = 2,000,000 credits, https://docs.aimlapi.com/faq/how-can-i-track-my-funds.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

from . import JSON, ModelInput, ModelOutput

CREDITS_PER_USD = 2_000_000
CACHE_BLOCK_TOKENS = 1024
MAX_CACHED_PREFIXES = 100_000
_TOKEN = re.compile(r"\s*\S{1,4}|\s+")

# Pattern of model ids -> USD per million input tokens, per million output tokens. The first match counts.
PRICES: tuple[tuple[str, float, float], ...] = (
    (r"\bjev\b", 0.06, 0.06),
    (r"embedding|voyage|bge|m2-bert", 0.1, 0.0),
    (r"nano|lite|flash|4b", 0.1, 0.5),
    (r"mini|haiku|small", 0.3, 2.5),
    (r"opus|pro\b|o1|o3", 15.0, 75.0),
    (r"gpt-5|gpt-4|sonnet|gemini|grok", 2.5, 12.5),
    (r"", 0.5, 1.5),
)


def tokenize(text: str) -> list[str]:
    """The tokens of a text, in order. Joined, they are the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    return len(tokenize(text))


@dataclass(frozen=True)
class TokenUsage:
    """Token counts of one call. `output` includes `reasoning`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


class PromptCache:
    """Remembers prefixes of long prompts, so that a repeated one reports cached tokens, in blocks of 1,024."""

    def __init__(self) -> None:
        self._prefixes: set[bytes] = set()

    def cached_tokens(self, model: str, prompt: str) -> int:
        """Count the tokens of the longest known prefix, and remember every prefix of the prompt."""
        tokens = tokenize(prompt)
        prefix = hashlib.blake2b(model.encode())
        cached = 0
        for end in range(CACHE_BLOCK_TOKENS, len(tokens) + 1, CACHE_BLOCK_TOKENS):
            prefix.update("".join(tokens[end - CACHE_BLOCK_TOKENS : end]).encode())
            if prefix.digest() in self._prefixes:
                cached = end
            self._prefixes.add(prefix.digest())
        if len(self._prefixes) > MAX_CACHED_PREFIXES:
            self._prefixes.clear()
        return cached

    def clear(self) -> None:
        self._prefixes.clear()


def count_usage(model_input: ModelInput, outputs: list[ModelOutput], cache: PromptCache) -> TokenUsage:
    prompt = _billed_text(model_input)
    reasoning = sum(count_tokens(output.reasoning) for output in outputs)
    text = sum(count_tokens(output.text) for output in outputs)
    calls = [call for output in outputs for call in output.calls]
    text += sum(count_tokens(call.name) + count_tokens(call.arguments) for call in calls)
    cached = cache.cached_tokens(model_input.model, prompt)
    return TokenUsage(max(1, count_tokens(prompt)), text + reasoning, cached, reasoning)


def _billed_text(model_input: ModelInput) -> str:
    """Everything that counts as input: turns, calls, tool definitions. An attachment counts as its name."""
    turns = (
        "\n".join((turn.text, *turn.attachments, *(call.arguments for call in turn.calls)))
        for turn in model_input.turns
    )
    tools = (f"{tool.name} {tool.description} {tool.parameters}" for tool in model_input.tools)
    return "\n".join((*tools, *turns))


def token_prices(model: str) -> tuple[float, float]:
    """USD per million input tokens and per million output tokens."""
    _, input_price, output_price = next(row for row in PRICES if re.search(row[0], model.lower()))
    return input_price, output_price


def cost_meta(model: str, usage: TokenUsage) -> JSON:
    """The `meta` of a reply: what the call cost."""
    input_price, output_price = token_prices(model)
    usd = (usage.input * input_price + usage.output * output_price) / 1_000_000
    credits_used = max(1, math.ceil(usd * CREDITS_PER_USD))
    return {"usage": {"credits_used": credits_used, "usd_spent": credits_used / CREDITS_PER_USD}}


def cost_headers(body: JSON) -> dict[str, str]:
    """The cost in headers, which the gateway sets on plain JSON replies only."""
    cost = body.get("meta", {}).get("usage")
    if not cost:
        return {}
    return {
        "x-aimlapi-credits-used": str(cost["credits_used"]),
        "x-aimlapi-usd-spent": f"{cost['usd_spent']:.9f}",
    }
