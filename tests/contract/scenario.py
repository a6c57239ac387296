"""Scenarios of the sweeps, and helpers to write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aimlapi_integrations.endpoints import adapt, chat_completions, embeddings, messages, responses
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
    """A request without its model, and bodies by endpoint: a model supports the scenario if its schema accepts one.

    The messages endpoint has the bodies of chat completions, which it also accepts. `stream` requests a stream.
    """

    name: str
    messages: tuple[Message, ...]
    bodies: Mapping[str, tuple[Json, ...]]
    fields: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = False

    def request(self, model: str) -> Request:
        return Request(model, self.messages, **self.fields)

    def body(self, path: str, model: str) -> Json:
        """Return the body that we send."""
        name, endpoint = ENDPOINTS[path]
        body: Json = endpoint.encode(adapt(self.request(model), name, stream=self.stream))
        return endpoint.stream_options(body, usage=True) if self.stream else body


@dataclass(frozen=True)
class EmbeddingScenario:
    """A scenario for embeddings: texts with options."""

    name: str
    texts: tuple[str, ...]
    options: Json

    @property
    def bodies(self) -> Mapping[str, tuple[Json, ...]]:
        return {EMBEDDINGS: ({"input": list(self.texts), **self.options}, {"input": self.texts[0], **self.options})}

    def body(self, path: str, model: str) -> Json:
        """Return the body that we send."""
        return embeddings.encode(self.texts, model, **self.options)


# --- helpers for both forms -------------------------------------------------------------------------------------------


def turn(role: Any, *parts: str | Part, **fields: Any) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), **fields)


def wire_message(role: str, content: Any, **fields: Any) -> Json:
    return {"role": role, "content": content, **fields}


HELLO, WIRE_HELLO = turn("user", "Hello"), wire_message("user", "Hello")


def both(chat: Iterable[Json], responses: Iterable[Json] = ()) -> dict[str, tuple[Json, ...]]:
    bodies = tuple(chat)
    return {CHAT: bodies, MESSAGES: bodies, RESPONSES: tuple(responses)}


def anywhere(name: str, messages: tuple[Message, ...], plain: list[Json], *more: Json, **fields: Any) -> Scenario:
    """Create a scenario whose messages chat accepts as `plain` or one of `more`, and Responses also as a string."""
    chat = ({"messages": plain}, *more)
    short: Json = {"input": "Hello", **({"instructions": "Be brief."} if len(plain) > 1 else {})}
    return Scenario(name, messages, both(chat, [{"input": plain}, *([short] if plain in _SHORT else [])]), fields)


_SHORT = (
    [WIRE_HELLO],
    [wire_message("system", "Be brief."), WIRE_HELLO],
    [wire_message("developer", "Be brief."), WIRE_HELLO],
)
