"""`/v1/embeddings`: texts <-> vectors.

What a model accepts is in `models.json`. Inputs are always strings, since the gateway refuses token ids.
https://docs.aimlapi.com/api-references/embedding-models
"""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._utils.diagnostics import did_you_mean, warn_once
from .._utils.json import drop_none
from ..errors import APIResponseError, UnsupportedContentError, UnsupportedParameterError
from ..models import EMBEDDINGS, EmbeddingsCapabilities, Model, lookup
from ..types import Embeddings, Json
from .shared import parsing
from .shared.adapt import ParameterWarning, describe
from .shared.model_kinds import require_kind
from .shared.parsing import as_dict, sum_costs, sum_usages

PATH = "/embeddings"

# The gateway publishes no batch limits. These stay below OpenAI's: 2,048 texts, 300,000 tokens.
MAX_TEXTS = 1000
MAX_CHARACTERS = 250_000


def encode(texts: Iterable[str], model: str, *, strict: bool = False, **options: Any) -> Json:
    """Return the body that requests the vectors of `texts`.

    Args:
        texts: at least one, none of them empty.
        model: its id.
        strict: whether an unlisted option is an error even if the gateway would drop it.
        options: `dimensions`, `encoding_format`, `task_type`, `title`, `auto_truncate`, `input_type`; None is not set.

    Raises:
        TypeError: `texts` is not a list of strings.
        UnsupportedContentError: (a ValueError) there are no texts, or one is empty or too long; the error says which.
        UnsupportedParameterError: (a ValueError) the model refuses an option, or is known not to embed.

    >>> encode(["apple"], "text-embedding-3-small", dimensions=256)
    {'model': 'text-embedding-3-small', 'input': 'apple', 'dimensions': 256}
    """
    require_kind(model, "embeddings")
    known = lookup(model)
    capabilities = known.embeddings or EmbeddingsCapabilities()
    texts = text_list(texts)
    if not texts:
        raise UnsupportedContentError("No texts to embed.")
    _check_lengths(texts, capabilities.max_characters if len(texts) == 1 else capabilities.max_item_characters)
    options = drop_none(options)
    for name, value in options.items():
        _check_option(name, value, known, capabilities, strict)
    return {"model": model, "input": texts[0] if len(texts) == 1 else texts, **options}


def split_batches(
    texts: Iterable[str], model: str, size: int = MAX_TEXTS, characters: int = MAX_CHARACTERS
) -> list[Sequence[str]]:
    """Split `texts` into lists for one request each, in order.

    Args:
        texts: any number of them.
        model: its id. Some accept longer texts alone than in a list: a text too long for a list goes alone.
        size: the maximum number of texts in a list.
        characters: the maximum number of characters in a list. A single text may have more.

    Raises:
        TypeError, UnsupportedContentError: as `check_texts`.

    >>> split_batches(["a", "b", "c"], "text-embedding-3-small", size=2)
    [['a', 'b'], ['c']]
    """
    texts = check_texts(texts, model)
    capabilities = lookup(model).embeddings or EmbeddingsCapabilities()
    limit = capabilities.max_item_characters or math.inf
    batches: list[Sequence[str]] = []
    start = total = 0
    for index, text in enumerate(texts):
        alone = len(text) > limit or (index > start and len(texts[index - 1]) > limit)
        if index > start and (alone or index - start >= size or total + len(text) > characters):
            batches.append(texts[start:index])
            start, total = index, 0
        total += len(text)
    return [*batches, texts[start:]] if texts else []


def check_texts(texts: Iterable[str], model: str) -> list[str]:
    """Return `texts` as a list if the model can embed each of them.

    Raises:
        TypeError: `texts` is not a list of strings; the error says which one is no string.
        UnsupportedContentError: (a ValueError) a text is empty or too long; the error gives its index among all.
        UnsupportedParameterError: (a ValueError) the model is known not to embed.
    """
    require_kind(model, "embeddings")
    capabilities = lookup(model).embeddings
    checked = text_list(texts)
    _check_lengths(checked, capabilities.max_characters if capabilities else None)
    return checked


def text_list(texts: Iterable[str]) -> list[str]:
    """Return `texts` as a list. TypeError for one string, bytes, a mapping, or anything that cannot be iterated."""
    if isinstance(texts, str):
        raise TypeError("Embeddings take a list of texts, not one string: put it into a list.")
    if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
        raise TypeError(f"Embeddings take a list of texts, not {type(texts).__name__}.")
    return list(texts)


def decode(body: Json, headers: Mapping[str, str], count: int) -> Embeddings:
    """Return the vectors in a 2xx body, in the order of the texts.

    Args:
        body: has floats, or base64 of little-endian 32-bit floats.
        headers: the response headers, for the price and the ids of the call.
        count: the number of texts in the request.

    Raises:
        APIResponseError: the body has no vectors, or not one for each text.
    """
    rows = parsing.require_list(as_dict(body).get("data"), body, headers)
    if len(rows) != count:
        raise parsing.unreadable_error(f"data: expected {count} embeddings, received {len(rows)}", body, headers)
    vectors: dict[int, list[float]] = {}
    for position, row in enumerate(map(as_dict, rows)):
        index = position if row.get("index") is None else row["index"]
        if type(index) is not int:
            received = parsing.json_type(index)
            raise parsing.unreadable_error(
                f"data[{position}].index: expected number, received {received}", body, headers
            )
        vectors[index] = _decode_vector(row.get("embedding"), position, body, headers)
    if vectors.keys() != set(range(count)):
        raise parsing.unreadable_error(f"data: expected the indexes 0 to {count - 1}, each once", body, headers)
    return Embeddings(
        vectors=tuple(vectors[index] for index in range(count)),
        model=parsing.as_str(body.get("model")) or "",
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
    )


def merge_embeddings(parts: Sequence[Embeddings]) -> Embeddings:
    """Merge at least one response: vectors in order, tokens and prices summed, the metadata of the last.

    The price is None if any of them has none, since the sum would be too low.
    """
    return Embeddings(
        vectors=tuple(vector for part in parts for vector in part.vectors),
        model=parts[-1].model,
        usage=sum_usages(part.usage for part in parts),
        cost=sum_costs([part.cost for part in parts]),
        call_metadata=parts[-1].call_metadata,
    )


# --- requests -----------------------------------------------------------------------------------------------------


def _check_lengths(texts: Sequence[str], limit: int | None) -> None:
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"texts[{index}] is {type(text).__name__}: embeddings take strings only.")
        if not text:
            raise UnsupportedContentError(f"texts[{index}] is empty: there is nothing to embed.")
        if limit is not None and len(text) > limit:
            raise UnsupportedContentError(f"texts[{index}] has {len(text):,} characters; the model takes {limit:,}.")


def _check_option(name: str, value: Any, model: Model, capabilities: EmbeddingsCapabilities, strict: bool) -> None:
    parameter = model.parameter(name, EMBEDDINGS)
    similar = "" if parameter else did_you_mean(name, capabilities.parameters)
    if parameter is None and (capabilities.closed or strict):
        listed = ", ".join(sorted(capabilities.parameters)) or "none"
        raise UnsupportedParameterError(f"{model.id} does not take {name!r} (options it takes: {listed}).{similar}")
    if parameter is None:
        text = f"{name!r} is not a parameter that {model.id} lists: it is sent, and the gateway drops it.{similar}"
        warn_once(text, ParameterWarning)
    elif not parameter.accepts(value):
        raise UnsupportedParameterError(f"{model.id} does not take {name}={value!r}: it takes {describe(parameter)}.")


# --- responses ----------------------------------------------------------------------------------------------------


def _decode_vector(raw: Any, position: int, body: Json, headers: Mapping[str, str]) -> list[float]:
    try:
        vector = _from_base64(raw) if isinstance(raw, str) else _from_numbers(raw)
    except (ValueError, OverflowError) as error:
        raise _vector_error(position, body, headers) from error
    if not vector or not all(map(math.isfinite, vector)):
        raise _vector_error(position, body, headers)
    return vector


def _from_numbers(raw: Any) -> list[float]:
    """Return the floats of a list of numbers; an empty list for anything else."""
    numbers = isinstance(raw, list) and {float, int}.issuperset(map(type, raw))
    return list(map(float, raw)) if numbers else []


def _from_base64(raw: str) -> list[float]:
    floats = array("f", b64decode(raw, validate=True))
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def _vector_error(position: int, body: Json, headers: Mapping[str, str]) -> APIResponseError:
    return parsing.unreadable_error(f"data[{position}].embedding: expected a list of numbers", body, headers)
