"""What every endpoint asks of the emulated model, and what it answers: one shape for all of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

JSON = dict[str, Any]


def new_id(prefix: str) -> str:
    return f"{prefix}{uuid.uuid4().hex[:24]}"


@dataclass(frozen=True)
class Call:
    """A function call that the model makes; `arguments` is JSON text, unfinished when it was cut."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: new_id("call_"))


@dataclass(frozen=True)
class Turn:
    """One turn of the conversation, whatever endpoint it came by. Attachments are named, not read."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tool:
    name: str
    description: str
    parameters: JSON


@dataclass(frozen=True)
class Ask:
    """A request, reduced to what decides the answer."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    choice: Literal["auto", "none", "required"] = "auto"
    forced: str | None = None
    parallel: bool = True
    schema: JSON | None = None
    json_mode: bool = False
    stop: tuple[str, ...] = ()
    limit: int | None = None
    thinks: bool = False

    @property
    def last(self) -> Turn:
        return self.turns[-1]

    @property
    def prompt(self) -> str:
        """The text of the last user turn."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def system(self) -> str:
        return "\n".join(turn.text for turn in self.turns if turn.role == "system")

    @property
    def results(self) -> list[tuple[str, str]]:
        """Tool results since the last user turn, as (tool name, text)."""
        names = {call.id: call.name for turn in self.turns for call in turn.calls}
        found: list[tuple[str, str]] = []
        for turn in reversed(self.turns):
            if turn.role == "user":
                break
            if turn.role == "tool":
                found.insert(0, (names.get(turn.call_id, "tool"), turn.text))
        return found

    @property
    def known(self) -> str:
        """What a value may be taken from: what tools said, then what the user said."""
        said = self.prompt or "\n".join(turn.text for turn in self.turns)
        return "\n".join([*(text for _, text in self.results), said])


@dataclass(frozen=True)
class Answer:
    """What the model says. `stopped_by` is the stop sequence that ended the text, if one did."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    reasoning: str = ""
    cut: bool = False
    stopped_by: str | None = None

    @property
    def finish(self) -> Literal["stop", "length", "tool_calls"]:
        if self.cut:
            return "length"
        return "tool_calls" if self.calls else "stop"
