"""Token counts in LangChain's form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from ..conversation import Usage


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """The counts as the reply gives them. Only ints: core cannot add up anything else.

    >>> usage_metadata(Usage(4, 903, 907, output_details={"reasoning": 128}))["output_token_details"]
    {'reasoning': 128}
    """
    if usage is None:
        return None
    counts = UsageMetadata(input_tokens=usage.input, output_tokens=usage.output, total_tokens=usage.total)
    if usage.input_details:
        counts["input_token_details"] = InputTokenDetails(**usage.input_details)  # type: ignore[typeddict-item]  # further keys are allowed
    if usage.output_details:
        counts["output_token_details"] = OutputTokenDetails(**usage.output_details)  # type: ignore[typeddict-item]  # as above
    return counts


def token_usage(usage: Usage | None) -> dict[str, Any]:
    """The counts as callbacks look for them in `llm_output`: as they came, and by the names of chat completions too."""
    if usage is None:
        return {}
    named = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.input_details.get("cache_read", 0)},
        "completion_tokens_details": {"reasoning_tokens": usage.output_details.get("reasoning", 0)},
    }
    return {**named, **_stated(usage)}


def stated_usage(usage: Usage | None) -> dict[str, Any] | None:
    """The counts as they came, with their total where the reply names none."""
    return None if usage is None else {"total_tokens": usage.total, **_stated(usage)}


def _stated(usage: Usage) -> dict[str, Any]:
    return {name: count for name, count in usage.raw.items() if name != "total_tokens" or count is not None}


def summed(usages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Raw counts of several replies added up, their nested details too; what is no number is left out."""
    total: dict[str, Any] = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, Mapping):
                total[name] = summed([total.get(name) or {}, value])
            elif isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total
