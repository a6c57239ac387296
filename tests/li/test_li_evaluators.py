"""LlamaIndex's evaluators on `AIMLAPI`, sync and async."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    BatchEvalRunner,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
    SemanticSimilarityEvaluator,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:asyncio_module:DeprecationWarning"),  # core, of itself
    pytest.mark.usefixtures("settings"),
]

QUESTION = "Which river flows through Porto?"


@pytest.fixture
def answer(index: VectorStoreIndex, llm: Any) -> Any:
    return index.as_query_engine(llm=llm, similarity_top_k=1).query(QUESTION)


@pytest.mark.parametrize("kind", [FaithfulnessEvaluator, RelevancyEvaluator])
def test_what_the_context_supports(kind: Any, answer: Any, llm: Any, run: Any) -> None:
    assert run(kind(llm=llm), "evaluate_response", QUESTION, answer).passing
    wrong = {"query": "Who won?", "response": "Zebras juggle lemons nightly.", "contexts": ["Bread is baked."]}
    assert not run(kind(llm=llm), "evaluate", **wrong).passing


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (CorrectnessEvaluator, {"reference": "The Douro"}),
        (GuidelineEvaluator, {}),
        (AnswerRelevancyEvaluator, {}),
        (ContextRelevancyEvaluator, {"contexts": ["The Douro flows through Porto."]}),
        (PairwiseComparisonEvaluator, {"second_response": "The Tagus", "reference": "The Douro"}),
    ],
)
def test_judgements_that_are_parsed(kind: Any, given: Any, answer: Any, llm: Any, run: Any) -> None:
    judged = run(kind(llm=llm), "evaluate", query=QUESTION, response=str(answer), **given)
    assert judged.feedback
    assert kind is not CorrectnessEvaluator or judged.score == 4.0


def test_likeness_by_embeddings(embedding: Any, run: Any) -> None:
    evaluator = SemanticSimilarityEvaluator(embed_model=embedding)
    same = run(evaluator, "evaluate", response="The Douro", reference="The Douro")
    other = run(evaluator, "evaluate", response="The Douro", reference="Bread and salt")
    assert same.score == pytest.approx(1.0)
    assert other.score < same.score


def test_a_batch_of_evaluations(answer: Any, llm: Any, current_loop: Any) -> None:
    runner = BatchEvalRunner({"faithful": FaithfulnessEvaluator(llm=llm), "relevant": RelevancyEvaluator(llm=llm)})
    found = runner.evaluate_responses([QUESTION] * 3, [answer] * 3)
    assert {name: [each.passing for each in judged] for name, judged in found.items()} == {
        "faithful": [True] * 3,
        "relevant": [True] * 3,
    }
