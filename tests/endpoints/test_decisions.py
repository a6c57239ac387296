"""The decision endpoint: questions of each kind, answers of each kind, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations import (
    APIError,
    APIResponseError,
    ChoiceQuestion,
    ScoreQuestion,
    UnsupportedContentError,
    UnsupportedParameterError,
    YesNoQuestion,
)
from aimlapi_integrations.endpoints import decisions
from aimlapi_integrations.endpoints.decisions import ChoiceAnswer, Decisions, ScoreAnswer, YesNoAnswer

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("question", "encoded"),
    [
        ("Is it urgent?", {"type": "noul", "instructions": "Is it urgent?"}),
        (YesNoQuestion("Is it urgent?"), {"type": "noul", "instructions": "Is it urgent?"}),
        (
            YesNoQuestion("Is it urgent?", yes="within a day"),
            {"type": "noul", "instructions": "Is it urgent?", "criteria": {"true": "within a day"}},
        ),
        (
            YesNoQuestion({"ask": "Is it?"}, yes="y", no={"else": 1}),
            {"type": "noul", "instructions": {"ask": "Is it?"}, "criteria": {"true": "y", "false": {"else": 1}}},
        ),
        (
            ChoiceQuestion("Who?", ["billing", "sales"]),
            {"type": "choice", "instructions": "Who?", "criteria": {"billing": "billing", "sales": "sales"}},
        ),
        (
            ChoiceQuestion("Who?", {"billing": "Payments", "sales": None}),
            {"type": "choice", "instructions": "Who?", "criteria": {"billing": "Payments", "sales": "sales"}},
        ),
        (
            ScoreQuestion("How angry?", ["calm", "angry"]),
            {"type": "score", "instructions": "How angry?", "criteria": ["calm", "angry"]},
        ),
        ({"type": "noul", "instructions": "As is"}, {"type": "noul", "instructions": "As is"}),
    ],
)
def test_questions_are_encoded(question: Any, encoded: Json) -> None:
    assert decisions.encode("state", {"key": question})["questions"] == {"key": encoded}


@pytest.mark.parametrize(
    ("state", "questions", "error", "problem"),
    [
        ("", {"a": "?"}, UnsupportedContentError, "state is empty"),
        (" \n", {"a": "?"}, UnsupportedContentError, "state is empty"),
        (None, {"a": "?"}, UnsupportedContentError, "state is empty"),
        ("s", {}, UnsupportedContentError, "no questions"),
        ("s", ["?"], TypeError, "expected a mapping"),
        ("s", {"a": 5}, UnsupportedParameterError, "'a'"),
        ("s", {"a": {"type": "essay"}}, UnsupportedParameterError, "'a'"),
        ("s", {"a": ChoiceQuestion("?", [])}, UnsupportedParameterError, "0 options"),
        ("s", {"a": ChoiceQuestion("?", [str(n) for n in range(256)])}, UnsupportedParameterError, "256 options"),
        ("s", {"a": ChoiceQuestion("?", "yes")}, TypeError, "one string"),
        ("s", {"a": ScoreQuestion("?", ["one"])}, UnsupportedParameterError, "1 levels"),
        ("s", {"a": ScoreQuestion("?", list("abcdefghijk"))}, UnsupportedParameterError, "11 levels"),
        ("s", {"a": ScoreQuestion("?", "ab")}, TypeError, "one string"),
    ],
)
def test_what_cannot_be_answered_raises(state: Any, questions: Any, error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        decisions.encode(state, questions)


def test_options_that_are_none_are_not_sent() -> None:
    body = decisions.encode({"a": 1}, {"q": "?"}, "m", provider={"order": ["x"]}, seed=None)
    assert body == {
        "model": "m",
        "state": {"a": 1},
        "questions": {"q": {"type": "noul", "instructions": "?"}},
        "provider": {"order": ["x"]},
    }


# The example at https://docs.aimlapi.com/api-references/decision-models/typesafe/jev
DOCUMENTED = {
    "model": "typesafe/jev-1.13-20260917",
    "answers": {
        "is_urgent": {"type": "noul", "noul": 0.96},
        "department": {
            "type": "choice",
            "choice": "billing",
            "confidence": 0.97,
            "probabilities": {"billing": 0.98, "technical": 0.02, "sales": 0},
        },
        "frustration": {
            "type": "score",
            "score": 1.3,
            "confidence": 0.55,
            "legend": {"0": "Calm", "1": "Frustrated", "2": "Very angry"},
            "probabilities": {"0": 0, "1": 0.7, "2": 0.3},
        },
    },
    "usage": {"input_tokens": 403, "output_tokens": 73},
    "meta": {"usage": {"credits_used": 47, "usd_spent": 0.0000235}},
}
KEYS = ["is_urgent", "department", "frustration"]


def test_the_documented_reply_is_decoded() -> None:
    reply = decisions.decode(DOCUMENTED, {"x-request-id": "r"}, KEYS)
    assert reply.yes_no("is_urgent") == YesNoAnswer(0.96)
    assert reply.choice("department") == ChoiceAnswer("billing", 0.97, {"billing": 0.98, "technical": 0.02, "sales": 0})
    assert reply.score("frustration") == ScoreAnswer(1.3, 0.55, (0, 0.7, 0.3))
    assert reply.model == "typesafe/jev-1.13-20260917"
    assert reply.usage
    assert (reply.usage.input, reply.usage.output, reply.usage.total) == (403, 73, 476)
    assert reply.cost
    assert (reply.cost.usd, reply.cost.credits) == ("0.000023500", 47)
    assert reply.call_metadata.request_id == "r"


def test_a_yes_no_answer_has_the_same_attributes_as_the_others() -> None:
    answer = YesNoAnswer(0.25)
    assert (answer.yes, answer.confidence, answer.probabilities) == (False, 0.75, {"yes": 0.25, "no": 0.75})


@pytest.mark.parametrize("kind", ["yes_no", "choice", "score"])
def test_an_answer_of_another_kind_raises(kind: str) -> None:
    answers = {"yes_no": ScoreAnswer(1), "choice": YesNoAnswer(1), "score": ChoiceAnswer("a")}
    with pytest.raises(TypeError, match="'key'"):
        getattr(Decisions({"key": answers[kind]}), kind)("key")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "yes",
        [],
        {},
        {"type": "noul"},
        {"type": "noul", "noul": "much"},
        {"type": "noul", "noul": True},
        {"type": "noul", "noul": 1.5},
        {"type": "choice", "choice": 5},
        {"type": "choice", "choice": ""},
        {"type": "score", "score": None},
        {"type": "essay", "essay": "x"},
    ],
)
def test_an_answer_that_is_none_raises(answer: Any) -> None:
    with pytest.raises(APIResponseError, match=r"answers\.a: expected noul, choice or score"):
        decisions.decode({"answers": {"a": answer}}, {}, ["a"])


@pytest.mark.parametrize(
    ("body", "error", "problem"),
    [
        ({}, APIResponseError, "answers: expected object"),
        ({"answers": None}, APIResponseError, "received null"),
        ({"answers": []}, APIResponseError, "received array"),
        ({"error": {"message": "it failed"}}, APIError, "it failed"),
        ({"answers": {"b": {"noul": 1}}}, APIResponseError, r"answers\.a"),
    ],
)
def test_a_reply_without_answers_raises(body: Json, error: type[APIError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        decisions.decode(body, {}, ["a"])


def test_an_answer_without_a_type_is_decoded_by_its_field() -> None:
    reply = decisions.decode({"answers": {"a": {"score": 2, "probabilities": {"2": 0.5}}}}, {}, ["a"])
    assert reply.score("a") == ScoreAnswer(2.0, None, (0.0, 0.0, 0.5))
