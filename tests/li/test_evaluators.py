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
def test_context_window_matches_the_model(kind: Any, answer: Any, llm: Any, run: Any) -> None:
    assert run(kind(llm=llm), "evaluate_response", QUESTION, answer).passing
    wrong = {"query": "Who won?", "response": "Zebras juggle lemons nightly.", "contexts": ["Bread is baked."]}
    assert not run(kind(llm=llm), "evaluate", **wrong).passing


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        (CorrectnessEvaluator, {"reference": "The Douro"}),
        (GuidelineEvaluator, {}),
        (AnswerRelevancyEvaluator, {}),
        (ContextRelevancyEvaluator, {"contexts": ["The Douro flows through Porto."]}),
        (PairwiseComparisonEvaluator, {"second_response": "The Tagus", "reference": "The Douro"}),
    ],
)
def test_evaluator_with_parsed_output_scores(kind: Any, output: Any, answer: Any, llm: Any, run: Any) -> None:
    scored = run(kind(llm=llm), "evaluate", query=QUESTION, response=str(answer), **output)
    assert scored.feedback
    assert kind is not CorrectnessEvaluator or scored.score == 4.0


def test_semantic_similarity_evaluator_with_embedding_scores(embedding: Any, run: Any) -> None:
    evaluator = SemanticSimilarityEvaluator(embed_model=embedding)
    same = run(evaluator, "evaluate", response="The Douro", reference="The Douro")
    other = run(evaluator, "evaluate", response="The Douro", reference="Bread and salt")
    assert same.score == pytest.approx(1.0)
    assert other.score < same.score


def test_batch_eval_runner_with_llm_scores_every_response(answer: Any, llm: Any, current_loop: Any) -> None:
    runner = BatchEvalRunner({"faithful": FaithfulnessEvaluator(llm=llm), "relevant": RelevancyEvaluator(llm=llm)})
    result = runner.evaluate_responses([QUESTION] * 3, [answer] * 3)
    assert {name: [each.passing for each in scored] for name, scored in result.items()} == {
        "faithful": [True] * 3,
        "relevant": [True] * 3,
    }
