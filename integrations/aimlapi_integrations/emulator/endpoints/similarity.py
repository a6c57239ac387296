"""`/v1/embeddings` and `/v1/decisions`: answers computed from the words that texts have in common.

Texts are embedded by feature hashing, so that texts with words in common are close to each other. Decisions count the
words that a question and a state have in common. That isn't judgment, but texts with more of a question's words get a
higher probability, so that reranking ranks.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request

from ..model.catalogue import TokenUsage, cost_meta, count_tokens
from ..model.texts import STOP_WORDS, content_words
from ..store import GatewayState
from ..wire import JSON, Closed, Open, check_model_served, invalid_request, parse_request, problem

CONTEXT_TOKENS = 32_000
_REFERENCE = re.compile(r"`([^`]+)`")
_STEP = re.compile(r"\w+")


# --- what each family of embedding models accepts -----------------------------------------------------------------

MAX_EMBEDDING_TOKENS = 300_000  # of all texts of a request, as at OpenAI

Text = Annotated[str, Field(min_length=1)]
Texts = Text | Annotated[list[str], Field(min_length=1)]


class OpenAIEmbedding(Closed):
    model: str
    input: Texts
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[float, Field(ge=1)] | None = None


class QwenEmbedding(Open):
    model: str
    input: Texts
    dimensions: Annotated[int, Field(ge=64, le=2048)] = 1024


class GoogleEmbedding(Open):
    model: str
    input: Texts
    dimensions: Annotated[float, Field(ge=1)] | None = None
    auto_truncate: bool = True
    title: str = ""
    task_type: Literal[
        "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
        "QUESTION_ANSWERING", "FACT_VERIFICATION",
    ] = "RETRIEVAL_DOCUMENT"  # fmt: skip


class VoyageEmbedding(Open):
    model: str
    input: Annotated[str, Field(min_length=1, max_length=8000)] | list[Annotated[str, Field(max_length=800)]]
    input_type: Literal["document"] = "document"


class PlainEmbedding(Open):
    model: str
    input: Texts


EmbeddingRequest = OpenAIEmbedding | QwenEmbedding | GoogleEmbedding | VoyageEmbedding | PlainEmbedding

# Pattern of model ids -> request model, default dimensions, maximum dimensions (0: not selectable).
EMBEDDING_FAMILIES: tuple[tuple[str, type[EmbeddingRequest], int, int], ...] = (
    (r"text-embedding-3-large", OpenAIEmbedding, 3072, 3072),
    (r"text-embedding-(3-small|ada-002)", OpenAIEmbedding, 1536, 1536),
    (r"qwen-text-embedding", QwenEmbedding, 1024, 2048),
    (r"text-(multilingual-)?embedding-00\d|gecko", GoogleEmbedding, 768, 768),
    (r"voyage-(code-2|large-2$)", VoyageEmbedding, 1536, 0),
    (r"voyage", VoyageEmbedding, 1024, 0),
    (r"bge-large", PlainEmbedding, 1024, 0),
    (r"", PlainEmbedding, 768, 0),
)


def embedding_family(model: str) -> tuple[type[EmbeddingRequest], int, int]:
    """The request model of an embedding model, its default dimensions and its maximum dimensions."""
    return next(row[1:] for row in EMBEDDING_FAMILIES if re.search(row[0], model))


# --- embeddings ---------------------------------------------------------------------------------------------------


def create_embeddings(state: GatewayState, _http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_model_served(model, "embeddings", any_model=state.options.any_model)
    request_model, default_dimensions, max_dimensions = embedding_family(model)
    request = parse_request(request_model, body)
    dimensions = _dimensions(request, default_dimensions, max_dimensions)
    texts = [request.input] if isinstance(request.input, str) else request.input
    tokens = sum(map(count_tokens, texts))
    if tokens > MAX_EMBEDDING_TOKENS:
        reason = f"Requested {tokens} tokens, max {MAX_EMBEDDING_TOKENS} tokens per request"
        raise invalid_request([problem("input", reason, "too_big")])
    use_base64 = getattr(request, "encoding_format", "float") == "base64"
    vectors = (embed_text(text, dimensions) for text in texts)
    usage = {"total_tokens": tokens} if "voyage" in model else {"prompt_tokens": tokens, "total_tokens": tokens}
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _encode_base64(vector) if use_base64 else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": usage,
        "meta": cost_meta(model, TokenUsage(tokens, 0)),
    }


def _dimensions(request: EmbeddingRequest, default: int, maximum: int) -> int:
    if "dimensions" not in request.model_fields_set:
        return default
    dimensions = int(getattr(request, "dimensions", None) or default)
    if dimensions > (maximum or dimensions):
        reason = f"Number must be less than or equal to {maximum}"
        raise invalid_request([problem("dimensions", reason, "too_big")])
    return dimensions


def _encode_base64(vector: list[float]) -> str:
    """Encode as little-endian 32-bit floats in base64, as OpenAI does."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def embed_text(text: str, dimensions: int) -> list[float]:
    """Embed a text as a unit vector. The hash of a feature decides where its weight is added, and with which sign."""
    vector = [0.0] * dimensions
    for feature, weight in _features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        vector[digest % dimensions] += weight if digest >> 63 else -weight
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words, pairs of words, and trigrams of longer words, which relate inflected forms. Each with its weight."""
    words = [re.sub(r"(?<=\w{3})s$", "", word) for word in re.findall(r"\w+", text.lower())]
    for word in words:
        yield word, 0.2 if word in STOP_WORDS else 1.0
        if len(word) > 3 and word not in STOP_WORDS:
            yield from ((f"#{word[at : at + 3]}", 0.15) for at in range(len(word) - 2))
    yield from ((f"{first} {second}", 0.3) for first, second in pairwise(words))
    if not words:
        yield text, 1.0


# --- what decisions accept: a state and typed questions about it --------------------------------------------------

Content = Annotated[str, Field(min_length=1)] | JSON | list[Any]


class YesNoCriteria(Closed):
    true: Content | None = None
    false: Content | None = None


class YesNoQuestion(Closed):
    type: Literal["noul"]
    instructions: Content
    criteria: YesNoCriteria = YesNoCriteria()


class ChoiceQuestion(Closed):
    type: Literal["choice"]
    instructions: Content
    criteria: Annotated[dict[str, Content | None], Field(min_length=1, max_length=255)]


class ScoreQuestion(Closed):
    type: Literal["score"]
    instructions: Content
    criteria: Annotated[list[Content], Field(min_length=2, max_length=10)]


Question = Annotated[YesNoQuestion | ChoiceQuestion | ScoreQuestion, Field(discriminator="type")]


class DecisionsRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    state: Content
    questions: Annotated[dict[str, Question], Field(min_length=1)]


# --- decisions ----------------------------------------------------------------------------------------------------


def create_decisions(state: GatewayState, _http_request: Request, body: JSON) -> JSON:
    check_model_served(str(body.get("model")), "decisions", any_model=state.options.any_model)
    request = parse_request(DecisionsRequest, body)
    tokens = count_tokens(_text(body["state"])) + count_tokens(_text(body["questions"]))
    if tokens > CONTEXT_TOKENS:
        reason = f"This model's maximum context length is {CONTEXT_TOKENS} tokens, but the request has {tokens}."
        raise invalid_request([problem("state", reason, "context_length_exceeded")])
    answers = {key: _answer(question, body["state"]) for key, question in request.questions.items()}
    usage = TokenUsage(tokens, 12 * len(answers))
    return {
        "model": request.model,
        "answers": answers,
        "usage": {"input_tokens": usage.input, "output_tokens": usage.output, "total_tokens": usage.total},
        "meta": cost_meta(request.model, usage),
    }


def _answer(question: Question, state: Any) -> JSON:
    match question:
        case YesNoQuestion():
            return _yes_no(question, state)
        case ChoiceQuestion():
            return _choice(question, state)
        case ScoreQuestion():
            return _score(question, state)


def _yes_no(question: YesNoQuestion, state: Any) -> JSON:
    """The probability of yes is the share of the question's words that occur in what it is about."""
    instructions = _text(question.instructions)
    subject, *others = _referenced(instructions, state) or [state]
    asked = others or [_REFERENCE.sub(" ", instructions), question.criteria.true or ""]
    wanted = content_words(" ".join(map(_text, asked)))
    share = len(wanted & content_words(_text(subject))) / (len(wanted) or 1)
    return {"type": "noul", "noul": round(0.01 + 0.98 * share, 4)}


def _choice(question: ChoiceQuestion, state: Any) -> JSON:
    options = {name: f"{name} {_text(meaning or '')}" for name, meaning in question.criteria.items()}
    shares = _shares(list(options.values()), _subject(question.instructions, state))
    probabilities = dict(zip(options, shares, strict=True))
    best = max(probabilities, key=lambda name: probabilities[name])
    confidence = _confidence(shares)
    return {"type": "choice", "choice": best, "confidence": confidence, "probabilities": probabilities}


def _score(question: ScoreQuestion, state: Any) -> JSON:
    levels = list(map(_text, question.criteria))
    shares = _shares(levels, _subject(question.instructions, state))
    return {
        "type": "score",
        "score": round(sum(level * share for level, share in enumerate(shares)), 3),
        "legend": {str(level): text for level, text in enumerate(levels)},
        "confidence": _confidence(shares),
        "probabilities": {str(level): share for level, share in enumerate(shares)},
    }


def _shares(texts: list[str], subject: str) -> list[float]:
    """Probabilities by the number of words that each text has in common with the subject."""
    words = content_words(subject)
    weights = [0.1 + len(content_words(text) & words) for text in texts]
    return [round(weight / sum(weights), 4) for weight in weights]


def _confidence(shares: list[float]) -> float:
    """How far the most probable is ahead of the next."""
    best, *others = sorted(shares, reverse=True)
    return round(best - (others[0] if others else 0.0), 4)


def _subject(instructions: Any, state: Any) -> str:
    """The parts of the state that the instructions refer to, or all of it."""
    return " ".join(map(_text, _referenced(_text(instructions), state) or [state]))


def _referenced(instructions: str, state: Any) -> list[Any]:
    """The parts of the state whose paths the instructions have in backquotes, in order."""
    values = (_resolve(path, state) for path in _REFERENCE.findall(instructions))
    return [value for value in values if value is not None]


def _resolve(path: str, state: Any) -> Any:
    """The part of the state at a path such as `order.items[0]`; None if there is none."""
    for step in _STEP.findall(path):
        if isinstance(state, list) and step.isdigit() and int(step) < len(state):
            state = state[int(step)]
        elif isinstance(state, dict) and step in state:
            state = state[step]
        else:
            return None
    return state


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
