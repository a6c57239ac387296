"""Texts to embed, in batches that remember where they were, so that errors name a text by its place among all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ..endpoints.embeddings import batches
from ..errors import BadRequestError
from ..models import lookup
from ..tokens import estimate_tokens


class Batch(NamedTuple):
    """Texts of one request; the first of them is number `start` of all."""

    start: int
    texts: Sequence[str]


def numbered_batches(texts: Iterable[str], model: str, size: int) -> list[Batch]:
    """`texts` in batches of at most `size`.

    Raises:
        TypeError, UnsupportedContentError: a text that cannot be embedded, by its index.
    """
    found, start = [], 0
    for batch in batches(texts, model, size):
        found.append(Batch(start, batch))
        start += len(batch)
    return found


@contextmanager
def long_texts_named(batch: Batch, model: str) -> Iterator[None]:
    """Where the gateway refuses a batch, the error says which of its texts look too long for the model."""
    try:
        yield
    except BadRequestError as error:
        limit = lookup(model).context
        counts = {batch.start + place: estimate_tokens(text, model=model) for place, text in enumerate(batch.texts)}
        for index, count in counts.items():
            if limit is not None and count > limit:
                error.message += f"\ntexts[{index}] has about {count:,} tokens; {model} takes {limit:,}."
        raise
