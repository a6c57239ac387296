"""Helpers of the agent tests: two tools, a question for one of them, and a check that a run is finished."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from aimlapi_integrations.emulator import Emulator

MODEL = "openai/gpt-5-mini-2025-08-07"

retries_by_error = pytest.mark.skipif(
    [int(number) for number in version("langchain").split(".")[:2]] < [1, 4],
    reason="langchain's middleware goes by an error's is_retryable since 1.4",
)


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


QUESTION = {"messages": [HumanMessage("What is the weather in Paris?")]}


def ended(messages: list[Any]) -> bool:
    kinds = [type(message) for message in messages]
    return kinds[0] is HumanMessage and ToolMessage in kinds and kinds[-1] is AIMessage and not messages[-1].tool_calls


def bodies(gateway: Emulator) -> list[dict[str, Any]]:
    return [record.json for record in gateway.requests if record.json]
