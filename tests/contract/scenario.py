"""What a scenario of the contract sweep is, and the words that all of them are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aimlapi_integrations.endpoints import chat_completions, embeddings, messages, responses
from aimlapi_integrations.endpoints.shared.adapt import adapt
from aimlapi_integrations.types import Message, Part, Request, Text

Json = dict[str, Any]
CHAT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/responses", "/v1/embeddings"
MESSAGES = "/v1/messages"
ENDPOINTS: dict[str, tuple[str, Any]] = {
    CHAT: ("chat_completions", chat_completions),
    RESPONSES: ("responses", responses),
    MESSAGES: ("messages", messages),
}

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
STRICT: Json = {**SCHEMA, "additionalProperties": False}
NESTED: Json = {
    "title": "Trip",
    "description": "A trip.",
    "type": "object",
    "properties": {"to": {"$ref": "#/$defs/Place"}},
    "required": ["to"],
    "$defs": {"Place": SCHEMA},
}
EMPTY: Json = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Scenario:
    """A request, without its model, and per endpoint the bodies (without it too) of which one must be accepted by a
    model that can carry the scenario: on the messages endpoint those of chat, whose form it takes beside its own.
    `stream`: ask for a stream."""

    name: str
    messages: tuple[Message, ...]
    bodies: Mapping[str, tuple[Json, ...]]
    fields: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False

    def request(self, model: str) -> Request:
        return Request(model, self.messages, **self.fields)

    def body(self, path: str, model: str) -> Json:
        """What we send for it."""
        name, endpoint = ENDPOINTS[path]
        body: Json = endpoint.encode(adapt(self.request(model), name, stream=self.stream))
        return endpoint.stream_options(body, usage=True) if self.stream else body


@dataclass(frozen=True)
class EmbeddingScenario:
    """The same for embeddings: texts with options."""

    name: str
    texts: tuple[str, ...]
    options: Json

    @property
    def bodies(self) -> Mapping[str, tuple[Json, ...]]:
        return {EMBEDDINGS: ({"input": list(self.texts), **self.options}, {"input": self.texts[0], **self.options})}

    def body(self, path: str, model: str) -> Json:
        """What we send for it."""
        return embeddings.encode(self.texts, model, **self.options)


# --- the words of both sides ------------------------------------------------------------------------------------------


def turn(role: Any, *parts: str | Part, **fields: Any) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), **fields)


def says(role: str, content: Any, **fields: Any) -> Json:
    return {"role": role, "content": content, **fields}


ASK, ASKED = turn("user", "Hello"), says("user", "Hello")


def both(chat: Iterable[Json], responses: Iterable[Json] = ()) -> dict[str, tuple[Json, ...]]:
    bodies = tuple(chat)
    return {CHAT: bodies, MESSAGES: bodies, RESPONSES: tuple(responses)}


def anywhere(name: str, messages: tuple[Message, ...], plain: list[Json], *more: Json, **fields: Any) -> Scenario:
    """Messages that chat takes as `plain` (or one of `more`), and Responses as they are or, if short, as a string."""
    chat = ({"messages": plain}, *more)
    short: Json = {"input": "Hello", **({"instructions": "Be brief."} if len(plain) > 1 else {})}
    return Scenario(name, messages, both(chat, [{"input": plain}, *([short] if plain in _SHORT else [])]), fields)


_SHORT = ([ASKED], [says("system", "Be brief."), ASKED], [says("developer", "Be brief."), ASKED])
