"""The pseudo-model: what it receives and returns, in one form for every endpoint.

It is not a language model. `generate` answers by rule.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = dict[str, Any]

# How every generated text begins, so that nobody mistakes it for a language model's.
LABEL = "[emulated]"


def new_id(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:24]}"


class UnprocessableInputError(Exception):
    """Input that the pseudo-model refuses: too long, or with an invalid or huge JSON schema."""


@dataclass(frozen=True)
class ModelCall:
    """A function call by the model. `arguments` is JSON text, incomplete if a token limit cut it."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: new_id("call_"))


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation. Attachments are named, not read."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[ModelCall, ...] = ()
    call_id: str = ""
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelTool:
    name: str
    description: str
    parameters: JSON


@dataclass(frozen=True)
class ModelInput:
    """The parts of a request that determine the output."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[ModelTool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    forced_tool: str | None = None
    parallel_calls: bool = True
    schema: JSON | None = None
    json_mode: bool = False
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    reasons: bool = False

    @property
    def last_turn(self) -> Turn:
        return self.turns[-1]

    @property
    def prompt(self) -> str:
        """The text of the last user turn."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def system(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def tool_results(self) -> list[tuple[str, str]]:
        """Tool results since the last user turn, as (tool name, text)."""
        names = {call.id: call.name for turn in self.turns for call in turn.calls}
        results: list[tuple[str, str]] = []
        for turn in reversed(self.turns):
            if turn.role == "user":
                break
            if turn.role == "tool":
                results.append((names.get(turn.call_id, "tool"), turn.text))
        return results[::-1]

    @property
    def source_text(self) -> str:
        """The text that values are extracted from: tool results, then the prompt."""
        prompt = self.prompt or "\n".join(turn.text for turn in self.turns)
        return "\n".join([*(text for _, text in self.tool_results), prompt])


@dataclass(frozen=True)
class ModelOutput:
    """What the model returns. `stopped_by` is the stop sequence that ended the text, if any."""

    text: str = ""
    calls: tuple[ModelCall, ...] = ()
    reasoning: str = ""
    truncated: bool = False
    stopped_by: str | None = None

    @property
    def finish_reason(self) -> Literal["stop", "length", "tool_calls"]:
        if self.truncated:
            return "length"
        return "tool_calls" if self.calls else "stop"
