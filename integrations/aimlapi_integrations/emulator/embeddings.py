"""`/v1/embeddings`: a text becomes the hashed bag of its words, so that texts with words in common lie close."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from collections.abc import Iterator
from itertools import pairwise

from starlette.requests import Request

from . import catalogue
from .ask import JSON
from .stop_words import COMMON
from .store import Memory
from .usage import Usage, count, meta
from .wire import problem, read, refused
from .wire_embeddings import family_of


def create(_memory: Memory, _http: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    catalogue.check_served(model, "embeddings")
    wire, usual, most = family_of(model)
    request = read(wire, body)
    size = int(getattr(request, "dimensions", None) or usual) if "dimensions" in request.model_fields_set else usual
    if size > (most or size):
        raise refused([problem("dimensions", f"Number must be less than or equal to {most}", "too_big")])
    texts = [request.input] if isinstance(request.input, str) else request.input
    packed = getattr(request, "encoding_format", "float") == "base64"
    vectors = (embed(text, size) for text in texts)
    tokens = sum(map(count, texts))
    usage = {"total_tokens": tokens} if "voyage" in model else {"prompt_tokens": tokens, "total_tokens": tokens}
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": usage,
        "meta": meta(model, Usage(tokens, 0)),
    }


def _packed(vector: list[float]) -> str:
    """Little-endian 32-bit floats in base64, as OpenAI packs them."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def embed(text: str, size: int) -> list[float]:
    """A unit vector: every feature of the text adds its weight at the place, and with the sign, that its hash gives."""
    vector = [0.0] * size
    for feature, weight in _features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        vector[digest % size] += weight if digest >> 63 else -weight
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words, pairs of words, and for kinship of word forms the three-letter pieces of longer words."""
    words = [re.sub(r"(?<=\w{3})s$", "", word) for word in re.findall(r"\w+", text.lower())]
    for word in words:
        yield word, 0.2 if word in COMMON else 1.0
        if len(word) > 3 and word not in COMMON:
            yield from ((f"#{word[at : at + 3]}", 0.15) for at in range(len(word) - 2))
    yield from ((f"{first} {second}", 0.3) for first, second in pairwise(words))
    if not words:
        yield text, 1.0
