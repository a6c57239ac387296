"""Split `<think>` blocks off the text: some models write reasoning there, others only leave a stray closing tag.

`select_splitter` decides for plain replies and streams alike, by the requested model and the one named in the reply.
Known models that don't write tags may still write about them, even in their first word. The text of an unknown model is
split only if it starts with `<think>`; later tags are text.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ...models import Model, lookup

OPEN, CLOSE = "<think>", "</think>"

Piece: TypeAlias = tuple[Literal["reasoning", "text"], str]


def select_splitter(requested: Model | None, reported_id: str) -> ThinkTagSplitter | None:
    """Return a splitter for the text of one reply; None if all of it is text.

    Args:
        requested: the model in the request, if known.
        reported_id: the model id in the reply, which may be a short form, or the model that a router chose.
    """
    models = [requested] if requested else []
    if reported_id and not (requested and requested.id == reported_id):
        models.append(lookup(reported_id))
    if any(not model.quirks.isdisjoint(("inline_think", "stray_think_end")) for model in models):
        return ThinkTagSplitter()
    return None if any(model.known for model in models) else ThinkTagSplitter(stray_end=False)


class ThinkTagSplitter:
    """Splits text, fed in pieces of any length, into reasoning and text.

    Args:
        stray_end: whether to drop an unopened closing tag at the very end.

    >>> ThinkTagSplitter().split_all("<think>Hm.</think>Hello")
    ('Hm.', 'Hello')
    """

    def __init__(self, stray_end: bool = True) -> None:
        self._stray_end = stray_end
        self._mode: Literal["start", "reasoning", "text"] = "start"
        self._pending = ""
        self._strip_start = True

    @property
    def is_done(self) -> bool:
        """Whether all further text is returned unchanged."""
        return self._mode == "text" and not (self._stray_end or self._strip_start or self._pending)

    def split_all(self, text: str) -> tuple[str, str]:
        """Split a complete text into its reasoning and the rest."""
        if OPEN not in text and CLOSE not in text:
            return "", text
        pieces = self.feed(text) + self.close()
        reasoning = "".join(piece for kind, piece in pieces if kind == "reasoning")
        return reasoning, "".join(piece for kind, piece in pieces if kind == "text")

    def feed(self, text: str) -> list[Piece]:
        """Return what is certain so far; text that may be the start of a tag stays pending."""
        self._pending += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def close(self) -> list[Piece]:
        """Return the pending text."""
        pending, self._pending = self._pending, ""
        if self._mode == "reasoning":
            pending = pending.rstrip()
        elif self._stray_end and pending.strip() == CLOSE:
            pending = ""
        return _piece("reasoning" if self._mode == "reasoning" else "text", pending)

    def _step(self, pieces: list[Piece]) -> bool:
        """Process the pending text up to the next decision; return False if that needs more text."""
        if self._mode == "start":
            return self._start()
        if self._strip_start:
            self._pending = self._pending.lstrip()
            self._strip_start = not self._pending
        return self._split_reasoning(pieces) if self._mode == "reasoning" else self._split_text(pieces)

    def _start(self) -> bool:
        start = self._pending.lstrip()
        if start.startswith(OPEN):
            self._mode, self._pending = "reasoning", start[len(OPEN) :]
            return True
        if OPEN.startswith(start):
            return False
        self._mode, self._strip_start = "text", False
        return True

    def _split_reasoning(self, pieces: list[Piece]) -> bool:
        reasoning, tag, self._pending = self._pending.partition(CLOSE)
        if tag:
            self._mode, self._strip_start = "text", True
        else:
            certain = len(reasoning) - _partial_tag_length(reasoning)
            self._pending = reasoning[len(reasoning[:certain].rstrip()) :]
            reasoning = reasoning[: len(reasoning) - len(self._pending)]
        pieces += _piece("reasoning", reasoning.rstrip() if tag else reasoning)
        return bool(tag)

    def _split_text(self, pieces: list[Piece]) -> bool:
        if not self._stray_end:
            pieces += _piece("text", self._pending)
            self._pending = ""
            return False
        text, tag, rest = self._pending.partition(CLOSE)
        if tag and rest.strip():
            self._pending = rest
            pieces += _piece("text", text + tag)
            return True
        self._pending = tag + rest if tag else text[len(text) - _partial_tag_length(text) :]
        pieces += _piece("text", text if tag else text[: len(text) - len(self._pending)])
        return False


def _piece(kind: Literal["reasoning", "text"], text: str) -> list[Piece]:
    return [(kind, text)] if text else []


def _partial_tag_length(text: str) -> int:
    """Return how many characters at the end of `text` may be the start of a closing tag."""
    return next((size for size in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:size])), 0)
