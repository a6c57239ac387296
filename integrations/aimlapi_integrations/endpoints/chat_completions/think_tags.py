"""`<think>` in the text: some models write their thinking there, others leave a lone closing tag behind.

One rule decides for plain replies and for streams, `select_splitter`: the model decides that was requested, or else the
one that the reply names. Known models that write no tags may talk about them, even in their first word. A model in no
table has its text split where that begins with `<think>`; a tag further on is text.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ...models import lookup

OPEN, CLOSE = "<think>", "</think>"

Piece: TypeAlias = tuple[Literal["reasoning", "text"], str]


def select_splitter(requested: str, echoed: str) -> ThinkTagSplitter | None:
    """A splitter for the text of one reply; None where all of it is text.

    Args:
        requested: the id of the model in the request, an empty string where it is not known.
        echoed: the id in the reply, which may be a short form, or that of the model a router chose.
    """
    models = [lookup(model) for model in (requested, echoed) if model]
    if any(not model.quirks.isdisjoint(("inline_think", "stray_think_end")) for model in models):
        return ThinkTagSplitter()
    return None if any(model.known for model in models) else ThinkTagSplitter(stray_end=False)


class ThinkTagSplitter:
    """Tells thinking from text, fed in pieces cut anywhere.

    Args:
        stray_end: whether a closing tag at the very end, which nothing opened, is left out.

    >>> ThinkTagSplitter().split("<think>Hm.</think>Hello")
    [('reasoning', 'Hm.'), ('text', 'Hello')]
    """

    def __init__(self, stray_end: bool = True) -> None:
        self._stray_end = stray_end
        self._mode: Literal["start", "reasoning", "text"] = "start"
        self._held = ""
        self._trim = True

    def split(self, whole: str) -> list[Piece]:
        """All pieces of a text that is there at once."""
        return self.feed(whole) + self.close()

    def feed(self, piece: str) -> list[Piece]:
        """What is certain so far; what may be the beginning of a tag is held back."""
        self._held += piece
        found: list[Piece] = []
        while self._step(found):
            pass
        return found

    def close(self) -> list[Piece]:
        """What was held back."""
        held, self._held = self._held, ""
        if self._mode == "reasoning":
            held = held.rstrip()
        elif self._stray_end and held.strip() == CLOSE:
            held = ""
        return _pieces("reasoning" if self._mode == "reasoning" else "text", held)

    def _step(self, found: list[Piece]) -> bool:
        """Take one decision; False where more input is needed first."""
        if self._mode == "start":
            return self._start()
        if self._trim:
            self._held = self._held.lstrip()
            self._trim = not self._held
        return self._think(found) if self._mode == "reasoning" else self._say(found)

    def _start(self) -> bool:
        begun = self._held.lstrip()
        if begun.startswith(OPEN):
            self._mode, self._held = "reasoning", begun[len(OPEN) :]
            return True
        if OPEN.startswith(begun):
            return False
        self._mode, self._trim = "text", False
        return True

    def _think(self, found: list[Piece]) -> bool:
        thought, tag, self._held = self._held.partition(CLOSE)
        if tag:
            self._mode, self._trim = "text", True
        else:
            whole = len(thought) - _tag_begun(thought)
            self._held = thought[len(thought[:whole].rstrip()) :]
            thought = thought[: len(thought) - len(self._held)]
        found += _pieces("reasoning", thought.rstrip() if tag else thought)
        return bool(tag)

    def _say(self, found: list[Piece]) -> bool:
        if not self._stray_end:
            found += _pieces("text", self._held)
            self._held = ""
            return False
        said, tag, after = self._held.partition(CLOSE)
        if tag and after.strip():
            self._held = after
            found += _pieces("text", said + tag)
            return True
        self._held = tag + after if tag else said[len(said) - _tag_begun(said) :]
        found += _pieces("text", said if tag else said[: len(said) - len(self._held)])
        return False


def _pieces(kind: Literal["reasoning", "text"], piece: str) -> list[Piece]:
    return [(kind, piece)] if piece else []


def _tag_begun(held: str) -> int:
    """How many characters at the end of `held` may be the beginning of a closing tag."""
    return next((size for size in range(len(CLOSE) - 1, 0, -1) if held.endswith(CLOSE[:size])), 0)
