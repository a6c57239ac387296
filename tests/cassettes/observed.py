"""What a caller sees of one call, whichever adapter made it, and what the callers of all scenarios ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel

MODEL = "openai/gpt-5-mini-2025-08-07"
CLAUDE = "anthropic/claude-haiku-4.5"
# By endpoint, a model that tells its thoughts, and what it has to be told for that.
THINKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat_completions": ("deepseek/deepseek-r1", {}),
    "responses": (MODEL, {"reasoning": {"effort": "low", "summary": "auto"}}),
    "messages": (CLAUDE, {"reasoning_effort": "low"}),
}
SEARCH = {"type": "web_search_preview"}
EMBEDDER = "text-embedding-3-small"
DIMENSIONS = 4

HELLO = "Hello"
GREETING = "Say hi."
RIDDLE = "How many r are in 'strawberry'?"
QUESTION = "What is the weather in Paris?"
NOTE = "Note this down: three friends go to 'Lisbon' for 4 days."
LOOK = "Which colour is this?"
NEWS = "When does a new release of Python appear?"
TICKET = "My payments have been failing for 3 days."
TEAMS = {"billing": "payments, refunds", "sales": "new accounts"}
MOODS = ["calm", "payments failing", "furious"]
BATCH_PRICES = {"input": 1e-06, "output": 5e-06}
TEXTS = ["The Douro flows through Porto.", "The Tagus flows through Lisbon."]

# A red square of 16 by 16 pixels.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg=="


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"22 °C and sunny in {city}"


class Tokens(NamedTuple):
    """The counts of one call; `reasoning` is a part of `output`."""

    input: int
    output: int
    total: int
    reasoning: int


@dataclass(frozen=True)
class Seen:
    """One answer. `tool_calls` are names with their arguments, `citations` addresses. `cost` and ids may be None."""

    text: str
    finish_reason: str
    tokens: Tokens
    reasoning: str = ""
    tool_calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    cost: dict[str, Any] | None = None
    inference_id: str | None = None
    request_id: str | None = None
    citations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parsed:
    """A structured answer, where the adapter shows its object alone."""

    value: Trip


@dataclass(frozen=True)
class Listed:
    """A model of the catalogue. The prices are dollars per million tokens."""

    id: str
    context: int
    prices: dict[str, Decimal]


@dataclass(frozen=True)
class Vectors:
    """The embeddings of some texts, in their order."""

    values: list[list[float]]


@dataclass(frozen=True)
class Status:
    """A batch that has not ended, by its id."""

    batch_id: str
    status: str = "in_progress"


@dataclass(frozen=True)
class Outcomes:
    """The texts of a batch's replies with their counts of tokens (input, output), in the order of the requests."""

    replies: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Relevance:
    """Documents by their index, with the probability that each is relevant, the best first."""

    ranked: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Decided:
    """The probability of yes, the choice and the score of one decision, and its cost."""

    yes: float
    choice: str
    score: float
    cost: str


Sight = Seen | Parsed | Vectors | Listed | Status | Outcomes | Relevance | Decided


@dataclass(frozen=True)
class Line:
    """How to call: where the gateway is, which endpoint carries the call, and the colour of the functions to use."""

    api_key: str
    base_url: str
    endpoint: str = "chat_completions"
    asynchronous: bool = False

    @property
    def model(self) -> str:
        """The model to ask: the messages endpoint has those of one vendor only."""
        return CLAUDE if self.endpoint == "messages" else MODEL

    def call(self, thing: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """What `thing.method` answers, or its twin `thing.amethod`; a stream comes as the list of its parts."""
        if not self.asynchronous:
            answer = getattr(thing, method)(*args, **kwargs)
            return list(answer) if hasattr(answer, "__next__") else answer
        return asyncio.run(_awaited(getattr(thing, f"a{method}")(*args, **kwargs)))


async def _awaited(answer: Any) -> Any:
    if isinstance(answer, Awaitable):
        answer = await answer
    return [part async for part in answer] if isinstance(answer, AsyncIterable) else answer
