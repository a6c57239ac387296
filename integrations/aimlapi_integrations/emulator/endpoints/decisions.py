"""`/v1/decisions`: answers questions about a state by counting the words that they have in common.

That isn't judgment, but texts with more of a question's words get a higher probability, so that reranking ranks.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request

from ..model import JSON
from ..model.catalogue import TokenUsage, cost_meta, count_tokens
from ..model.text_values import content_words
from ..store import GatewayState
from ..wire import Closed, Open, check_model_served, invalid_request, parse_request, problem

CONTEXT_TOKENS = 32_000

_REFERENCE = re.compile(r"`([^`]+)`")
_STEP = re.compile(r"\w+")


# --- what it accepts: a state and typed questions about it --------------------------------------------------------

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


# --- answers ------------------------------------------------------------------------------------------------------


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
