"""`/v1/decisions`: typed questions about a state, answered with probabilities instead of text.

A yes/no question (`noul` on the wire) is answered by the probability of yes, a choice by an option and a score by a
position on ordered levels, both with a confidence and the probability of each option or level. Questions of one call
share the state and are answered independently. https://docs.aimlapi.com/api-references/decision-models/typesafe/jev
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from .._utils.json import drop_none
from ..errors import UnsupportedContentError, UnsupportedParameterError
from ..types import CallMetadata, Cost, Json, Usage
from .shared import parsing
from .shared.parsing import as_dict, as_str

PATH = "/decisions"

DEFAULT_DECISION_MODEL = "typesafe/jev"

CONTEXT_TOKENS = 32_000
"""The model's context, in tokens: https://docs.aimlapi.com/api-references/decision-models/typesafe/jev"""

MAX_OPTIONS = 255
MIN_LEVELS, MAX_LEVELS = 2, 10

State: TypeAlias = str | Mapping[str, Any] | Sequence[Any]
"""What the questions are about: a text, or any JSON object or list, whose parts questions refer to by path."""

Instructions: TypeAlias = str | Mapping[str, Any] | Sequence[Any]


# --- questions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YesNoQuestion:
    """A yes/no question. `yes` and `no` say what each answer means, if the question alone doesn't."""

    question: Instructions
    yes: Instructions | None = None
    no: Instructions | None = None


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A choice among 1 to 255 options: their names, or what they mean by name."""

    question: Instructions
    options: Sequence[str] | Mapping[str, Instructions | None]


@dataclass(frozen=True, slots=True)
class ScoreQuestion:
    """A rating on 2 to 10 levels, each described, from the lowest to the highest."""

    question: Instructions
    levels: Sequence[Instructions]


Question: TypeAlias = YesNoQuestion | ChoiceQuestion | ScoreQuestion
Questions: TypeAlias = Mapping[str, Question | str | Mapping[str, Any]]
"""Questions by keys of your own. A text is a yes/no question, a mapping a question in the endpoint's own form."""


# --- answers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YesNoAnswer:
    """The probability of yes, from 0 to 1."""

    probability: float

    @property
    def yes(self) -> bool:
        """Whether yes is more probable than no."""
        return self.probability > 0.5

    @property
    def confidence(self) -> float:
        """The probability of the more probable answer."""
        return max(self.probability, 1 - self.probability)

    @property
    def probabilities(self) -> Mapping[str, float]:
        return {"yes": self.probability, "no": 1 - self.probability}


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    """The most probable option, the model's confidence in it, and the probability of each option by its name."""

    choice: str
    confidence: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreAnswer:
    """A position on the levels: 0 is the first; it may lie between two. `probabilities` are those of the levels."""

    score: float
    confidence: float | None = None
    probabilities: tuple[float, ...] = ()


Answer: TypeAlias = YesNoAnswer | ChoiceAnswer | ScoreAnswer
_Answer = TypeVar("_Answer", YesNoAnswer, ChoiceAnswer, ScoreAnswer)


@dataclass(frozen=True, slots=True)
class Decisions:
    """The answers of one request, by the keys of their questions.

    >>> decisions = Decisions({"urgent": YesNoAnswer(0.93)})
    >>> decisions.yes_no("urgent").yes, decisions["urgent"].confidence
    (True, 0.93)
    """

    answers: Mapping[str, Answer]
    model: str = ""
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = field(default_factory=CallMetadata)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, key: str) -> Answer:
        return self.answers[key]

    def yes_no(self, key: str) -> YesNoAnswer:
        """Return the answer to a yes/no question. TypeError if the question is of another kind."""
        return _require(self.answers[key], YesNoAnswer, key)

    def choice(self, key: str) -> ChoiceAnswer:
        """Return the answer to a choice. TypeError if the question is of another kind."""
        return _require(self.answers[key], ChoiceAnswer, key)

    def score(self, key: str) -> ScoreAnswer:
        """Return the answer to a score. TypeError if the question is of another kind."""
        return _require(self.answers[key], ScoreAnswer, key)


def _require(answer: Answer, kind: type[_Answer], key: str) -> _Answer:
    if isinstance(answer, kind):
        return answer
    raise TypeError(f"The answer to {key!r} is a {type(answer).__name__}, not a {kind.__name__}.")


# --- encode -------------------------------------------------------------------------------------------------------


def encode(state: State, questions: Questions, model: str = DEFAULT_DECISION_MODEL, **options: Any) -> Json:
    """Encode the request body for questions about a state.

    Args:
        state: a text, or JSON.
        questions: by keys of your own, at least one.
        model: the model's id.
        options: further fields of the body; None means not set.

    Raises:
        UnsupportedContentError: (a ValueError) the state is empty, or there are no questions.
        UnsupportedParameterError: (a ValueError) a question has too few or too many options or levels.

    >>> encode("My card was charged twice!", {"urgent": "Does it convey urgency?"})["questions"]
    {'urgent': {'type': 'noul', 'instructions': 'Does it convey urgency?'}}
    """
    if state is None or (isinstance(state, str) and not state.strip()):
        raise UnsupportedContentError("The state is empty: there is nothing to decide about.")
    if not isinstance(questions, Mapping):
        raise TypeError(f"questions: expected a mapping of questions by key, received {type(questions).__name__}.")
    if not questions:
        raise UnsupportedContentError("There are no questions.")
    if invalid := [key for key in questions if not isinstance(key, str)]:
        raise TypeError(f"questions: expected a text as each key, received {invalid[0]!r}.")
    encoded = {key: encode_question(question, key) for key, question in questions.items()}
    return {"model": model, "state": state, "questions": encoded, **drop_none(options)}


def encode_question(question: Question | str | Mapping[str, Any], key: str = "question") -> Json:
    """Encode one question. `key` names it in errors."""
    match question:
        case str():
            return {"type": "noul", "instructions": question}
        case YesNoQuestion():
            criteria = drop_none({"true": question.yes, "false": question.no})
            return {"type": "noul", "instructions": question.question, **({"criteria": criteria} if criteria else {})}
        case ChoiceQuestion():
            return {"type": "choice", "instructions": question.question, "criteria": _options(question.options, key)}
        case ScoreQuestion():
            return {"type": "score", "instructions": question.question, "criteria": _levels(question.levels, key)}
        case Mapping() if question.get("type") in _DECODERS:
            return dict(question)
    raise UnsupportedParameterError(f"questions[{key!r}]: {question!r} is not a question.")


def _options(options: Sequence[str] | Mapping[str, Any], key: str) -> Json:
    if isinstance(options, str):
        raise TypeError(f"questions[{key!r}].options is one string: put it into a list.")
    named = dict(options) if isinstance(options, Mapping) else dict.fromkeys(options)
    if not 1 <= len(named) <= MAX_OPTIONS:
        raise UnsupportedParameterError(f"questions[{key!r}] has {len(named)} options: expected 1 to {MAX_OPTIONS}.")
    return {name: name if meaning is None else meaning for name, meaning in named.items()}


def _levels(levels: Sequence[Any], key: str) -> list[Any]:
    if isinstance(levels, str):
        raise TypeError(f"questions[{key!r}].levels is one string: put it into a list.")
    if not MIN_LEVELS <= len(levels) <= MAX_LEVELS:
        raise UnsupportedParameterError(
            f"questions[{key!r}] has {len(levels)} levels: expected {MIN_LEVELS} to {MAX_LEVELS}."
        )
    return list(levels)


# --- decode -------------------------------------------------------------------------------------------------------


def decode(body: Json, headers: Mapping[str, str], keys: Sequence[str]) -> Decisions:
    """Decode the answers to the questions with these keys.

    Raises:
        APIError: the body reports an error, or a question has no answer.
    """
    answers = body.get("answers")
    if not isinstance(answers, dict):
        received = parsing.json_type(answers)
        raise parsing.missing_list_error(f"answers: expected object, received {received}", body, headers)
    return Decisions(
        answers={key: _decode_answer(answers.get(key), key, body, headers) for key in keys},
        model=as_str(body.get("model")) or "",
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        raw=body,
    )


def _decode_answer(raw: Any, key: str, body: Json, headers: Mapping[str, str]) -> Answer:
    fields = as_dict(raw)
    kind = next((kind for kind in _DECODERS if fields.get("type", kind) == kind and kind in fields), None)
    answer = _DECODERS[kind](fields) if kind else None
    if answer is None:
        message = f"answers.{key}: expected noul, choice or score, received {raw!r:.200}"
        raise parsing.unreadable_error(message, body, headers)
    return answer


def _yes_no(fields: Json) -> YesNoAnswer | None:
    probability = _number(fields["noul"])
    return None if probability is None or not 0 <= probability <= 1 else YesNoAnswer(probability)


def _choice(fields: Json) -> ChoiceAnswer | None:
    choice = as_str(fields["choice"])
    return (choice and ChoiceAnswer(choice, _number(fields.get("confidence")), _probabilities(fields))) or None


def _score(fields: Json) -> ScoreAnswer | None:
    score = _number(fields["score"])
    if score is None:
        return None
    by_level = _probabilities(fields)
    known = [level for level in map(str, range(MAX_LEVELS)) if level in by_level]
    levels = range(int(known[-1]) + 1) if known else ()
    probabilities = tuple(by_level.get(str(level), 0.0) for level in levels)
    return ScoreAnswer(score, _number(fields.get("confidence")), probabilities)


_DECODERS = {"noul": _yes_no, "choice": _choice, "score": _score}


def _probabilities(fields: Json) -> dict[str, float]:
    numbers = {name: _number(value) for name, value in as_dict(fields.get("probabilities")).items()}
    return drop_none(numbers)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


# --- rerank -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document: its index among those that were ranked, and its relevance from 0 to 1."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Reranking:
    """Documents by relevance, the best first; ties keep their order. Tokens and costs are those of all requests."""

    results: tuple[Ranked, ...]
    model: str = ""
    usage: Usage | None = None
    cost: Cost | None = None


RELEVANCE = "Does `documents[{}]` help to answer `query`?"


def encode_rerank(query: str, documents: Sequence[str], model: str) -> Json:
    """Encode the request body that rates the relevance of each document to the query.

    >>> list(encode_rerank("rivers", ["The Douro.", "Bread."], "typesafe/jev")["questions"])
    ['d0', 'd1']
    """
    questions = {key: RELEVANCE.format(place) for place, key in enumerate(rerank_keys(len(documents)))}
    return encode({"query": query, "documents": list(documents)}, questions, model)


def rerank_keys(count: int) -> list[str]:
    """Return the keys of the questions about `count` documents."""
    return [f"d{place}" for place in range(count)]
