"""What sets the models of one maker apart in their answers, as a table. Facts are the vendor's documented replies."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

Reasoning = Literal["field", "details", "inline", "empty", "hidden"]


@dataclass(frozen=True)
class Family:
    """How a model's answer looks.

    `reasoning` says where its thoughts go: into `reasoning_content` (field), into `reasoning` and
    `reasoning_details` (details), into the text as <think>…</think> (inline), or nowhere but the token count: leaving
    an empty `reasoning_content` behind (empty), or nothing (hidden).
    `thinks` says whether it thinks unasked; `bare`, that its reply has room for nothing that OpenAI's has not.
    """

    name: str
    pattern: str
    thinks: bool
    reasoning: Reasoning
    bare: bool = False


FAMILIES = (
    Family("bare", r"^qwen/(qwq-32b|qwen2\.5-coder)|^o1-mini", True, "hidden", bare=True),
    Family("claude", r"claude", False, "empty"),
    Family("gemini before 3", r"gemini-[12]\b", False, "hidden"),  # signs nothing: its schemas have no place for it
    Family("gemini", r"gemini", False, "hidden"),
    Family("perplexity", r"^perplexity/|sonar", False, "field"),
    Family("minimax", r"minimax/(minimax-)?m[23]", True, "inline"),
    Family("openai", r"gpt-5(?!.*chat)|\bo[134]\b", True, "hidden"),
    Family("openai", r"^openai/|^gpt-|^chatgpt", False, "hidden"),
    Family("deepseek", r"deepseek.*(r1|reasoner|v4)|deepseek-thinking", True, "field"),
    Family("deepseek", r"deepseek", False, "field"),
    Family("qwen", r"qwen3|qwq", True, "field"),
    Family("kimi", r"kimi", True, "field"),
    Family("zhipu", r"zhipu/|glm-", True, "field"),
    Family("openrouter", r"^(ai21|aion-labs|inclusionai|mistralai|nvidia|stepfun|tencent|xiaomi)/", False, "details"),
    Family("other", r"think|reason", True, "field"),
    Family("other", r"", False, "field"),
)


def family_of(model: str) -> Family:
    found = next(family for family in FAMILIES if re.search(family.pattern, model.lower()))
    if found.thinks or not re.search(r"(?<!non-)think|(?<!non-)reason", model.lower()):
        return found
    return replace(found, thinks=True)
