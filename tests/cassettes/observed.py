"""What a caller observes of one call in any adapter, and the questions of all scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel

from tests.support.media_files import make_pdf

MODEL = "openai/gpt-5-mini-2025-08-07"
CLAUDE = "anthropic/claude-haiku-4.5"
# By endpoint, a model that returns its reasoning, and the options for that.
REASONING_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
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
PICTURE_QUESTION = "Which colour is this?"
NEWS_QUESTION = "When does a new release of Python appear?"
TICKET = "My payments have been failing for 3 days."
TEAMS = {"billing": "payments, refunds", "sales": "new accounts"}
MOODS = ["calm", "payments failing", "furious"]
BATCH_PRICES = {"input": 1e-06, "output": 5e-06}
TEXTS = ["The Douro flows through Porto.", "The Tagus flows through Lisbon."]

# A red square of 16 by 16 pixels.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg=="


PDF = make_pdf("Three friends go to 'Lisbon' for 4 days.")
# The vendor's pages use this recording, of a few seconds.
RECORDING = "https://audio-samples.github.io/samples/mp3/blizzard_primed/sample-0.mp3"
PAINTING, REPAINTING = "A lighthouse at night", "The same in winter"
# A model that edits files, which it takes as a form, and returns base64.
EDITOR = "openai/gpt-image-1"
EDITOR_OPTIONS = {"quality": "low", "response_format": "b64_json"}


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"22 °C and sunny in {city}"


class Tokens(NamedTuple):
    """The token counts of one call; `reasoning` is a part of `output`."""

    input: int
    output: int
    total: int
    reasoning: int


@dataclass(frozen=True)
class Answer:
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
    """A structured answer, if the adapter returns only its object."""

    value: Trip


@dataclass(frozen=True)
class Listed:
    """A model of the catalogue. The prices are dollars per million tokens."""

    id: str
    context: int
    prices: dict[str, Decimal]


@dataclass(frozen=True)
class Vectors:
    """The embeddings of some texts, in order."""

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


@dataclass(frozen=True)
class Scanned:
    """The pages of a document, by index, as Markdown; what was extracted from it; and its cost."""

    pages: tuple[tuple[int, str], ...]
    trip: Trip
    cost: str


@dataclass(frozen=True)
class Submitted:
    """A transcription job, by its id."""

    job_id: str


@dataclass(frozen=True)
class Transcribed:
    """The segments of a recording (start and end in seconds, speaker, text), and the cost."""

    segments: tuple[tuple[float, float, str, str], ...]
    cost: str


@dataclass(frozen=True)
class Pictured:
    """Images, each by its URL or its bytes, and the cost."""

    images: tuple[str | bytes, ...]
    cost: str


Observation = (
    Answer
    | Parsed
    | Vectors
    | Listed
    | Status
    | Outcomes
    | Relevance
    | Decided
    | Scanned
    | Submitted
    | Transcribed
    | Pictured
)


@dataclass(frozen=True)
class Target:
    """How to call: the gateway, the endpoint, whether to use the async functions, seconds between polls of a job."""

    api_key: str
    base_url: str
    endpoint: str = "chat_completions"
    is_async: bool = False
    interval: float = 0.0

    @property
    def model(self) -> str:
        """The model to call: the messages endpoint has models of one vendor only."""
        return CLAUDE if self.endpoint == "messages" else MODEL

    def call(self, instance: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return what `instance.method`, or `instance.amethod`, returns; a stream as the list of its items."""
        if not self.is_async:
            answer = getattr(instance, method)(*args, **kwargs)
            return list(answer) if hasattr(answer, "__next__") else answer
        return asyncio.run(_await_all(getattr(instance, f"a{method}")(*args, **kwargs)))


async def _await_all(answer: Any) -> Any:
    if isinstance(answer, Awaitable):
        answer = await answer
    return [part async for part in answer] if isinstance(answer, AsyncIterable) else answer
