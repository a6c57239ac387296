"""Opaque marks that a model puts on what it says, and wants back unchanged.

Gemini signs its calls: `tool_calls[].extra_content.google.thought_signature`, to be echoed on the next turn.
Claude signs its thoughts, OpenAI encrypts them. Here a mark is a hash of what it marks.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from .ask import JSON, Call
from .families import family_of

SIGNED = "call_signed_"


def mark(text: str) -> str:
    return base64.b64encode(hashlib.sha256(f"aimlapi-emulator {text}".encode()).digest()).decode()


def signature(call: Call) -> JSON:
    return {"google": {"thought_signature": mark(call.id)}}


def unsigned_calls(model: str, messages: list[JSON]) -> Iterator[int]:
    """Turns whose calls this emulator made in Gemini's name, and which came back without their mark."""
    if family_of(model).name != "gemini":
        return
    last_user = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=0)
    for index, message in enumerate(messages[last_user:], last_user):
        for call in message.get("tool_calls") or []:
            if call["id"].startswith(SIGNED) and call.get("extra_content") != signature(Call("", "", call["id"])):
                yield index
