"""Models that judge answers: openevals, and ragas by its wrappers of both frameworks. `make programs` runs this."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("openevals", reason="the extra `programs-test` is not installed")
pytest.importorskip("ragas", reason="the extra `programs-test` is not installed")

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.prompt_values import StringPromptValue
from openevals import create_async_llm_as_judge, create_llm_as_judge
from openevals.prompts import CORRECTNESS_PROMPT
from openevals.simulators import create_llm_simulated_user, run_multiturn_simulation
from openevals.trajectory.llm import (
    TRAJECTORY_ACCURACY_PROMPT,
    create_async_trajectory_llm_as_judge,
    create_trajectory_llm_as_judge,
)
from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings import LangchainEmbeddingsWrapper, LlamaIndexEmbeddingsWrapper
from ragas.llms import LangchainLLMWrapper, LlamaIndexLLMWrapper
from ragas.metrics._answer_relevance import ResponseRelevancy  # `ragas.metrics` warns of these as it is imported
from ragas.metrics._aspect_critic import AspectCritic
from ragas.metrics._faithfulness import Faithfulness
from ragas.run_config import RunConfig
from typing_extensions import TypedDict

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.programs.scripted import Json, ScriptedGateway, Structured
from tests.support.agents import get_weather

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::ResourceWarning",  # ragas leaves event loops open
    "ignore:'(temperature|n)' is not a parameter",  # ragas sets both, whatever the model is
)

JUDGED = {
    "inputs": "What is the capital of Norway?",
    "outputs": "Oslo",
    "reference_outputs": "It is Oslo, since 1814.",
}


class Verdict(TypedDict):
    """The verdict of a judge."""

    fair: bool
    remarks: list[str]


# --- openevals --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sync", "async"])
def judge(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Create a judge of either kind, and run it."""

    async def judging(inputs: Json, **options: Any) -> Any:
        if request.param == "sync":
            return create_llm_as_judge(**options)(**inputs)
        return await create_async_llm_as_judge(**options)(**inputs)

    return judging


@pytest.mark.parametrize(
    ("options", "score"),
    [
        ({}, True),
        ({"continuous": True}, 0.5),
        ({"choices": [0.0, 0.25, 1.0]}, 0.25),
        ({"few_shot_examples": [{"inputs": "a", "outputs": "b", "reasoning": "So.", "score": True}]}, False),
        ({"system": "You are strict."}, True),
        ({"structured_output_kwargs": {"method": "function_calling"}}, True),
    ],
)
async def test_judge_gives_score_and_reasons(
    judge: Any, endpoint: Any, scripted: Any, options: Any, score: Any
) -> None:
    gateway = scripted([Structured({"reasoning": "It says so. Thus, the score should be: x.", "score": score})])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    result = await judge(JUDGED, prompt=CORRECTNESS_PROMPT, feedback_key="correctness", judge=model, **options)
    assert (result["key"], result["score"]) == ("correctness", score)
    assert result["comment"] == "It says so. Thus, the score should be: x."
    assert "It is Oslo, since 1814." in gateway.texts[0]


async def test_judge_answers_in_a_form_of_its_own(judge: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted([Structured({"fair": True, "remarks": ["short", "right"]})])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    result = await judge(JUDGED, prompt=CORRECTNESS_PROMPT, judge=model, output_schema=Verdict)
    assert result == {"fair": True, "remarks": ["short", "right"]}


PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"


async def test_judge_sees_an_attachment(judge: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted([Structured({"reasoning": "A dot.", "score": True})])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    inputs = {**JUDGED, "attachments": {"mime_type": "image/png", "data": PNG}}
    prompt = "Does {outputs} fit {attachments}? {inputs} {reference_outputs}"
    result = await judge(inputs, prompt=prompt, judge=model)
    assert result["score"] is True
    assert PNG.rpartition(",")[2] in gateway.texts[0]


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("version", [None, "v1"])
async def test_judge_of_a_trajectory_sees_the_calls_of_an_agent(
    model: ChatAIMLAPI, endpoint: Any, scripted: Any, colour: str, version: Any
) -> None:
    agent = create_agent(model.model_copy(update={"output_version": version}), [get_weather])
    state = await agent.ainvoke({"messages": [HumanMessage("What is the weather in Oslo?")]})
    gateway = scripted([Structured({"reasoning": "It asked the right tool.", "score": True})])
    options: Any = {"prompt": TRAJECTORY_ACCURACY_PROMPT}
    options["judge"] = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    if colour == "sync":
        result = create_trajectory_llm_as_judge(**options)(outputs=state["messages"])
    else:
        result = await create_async_trajectory_llm_as_judge(**options)(outputs=state["messages"])
    assert (result["score"], result["comment"]) == (True, "It asked the right tool.")
    assert "get_weather" in gateway.texts[0]
    assert "Sunny in Oslo." in gateway.texts[0]


def test_simulated_user_talks_with_an_application(endpoint: Any, scripted: Any) -> None:
    gateway = scripted(["I want my money back.", "No, all of it."])
    user = create_llm_simulated_user(
        system="You are a customer.", client=ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    )
    answers = iter(["Half of it?", "All right."])

    def application(_: Any, **__: Any) -> Json:
        return {"role": "assistant", "content": next(answers)}

    result = run_multiturn_simulation(app=application, user=user, max_turns=2)
    texts = [message["content"] for message in result["trajectory"]]
    assert texts == ["I want my money back.", "Half of it?", "No, all of it.", "All right."]


# --- ragas ------------------------------------------------------------------------------------------------------------

SAMPLE = SingleTurnSample(
    user_input="When did Oslo become the capital?",
    response="Oslo has been the capital since 1814. It has two rivers.",
    retrieved_contexts=["Oslo has been the capital of Norway since 1814."],
)
STATEMENTS = ["Oslo has been the capital since 1814.", "Oslo has two rivers."]


def judging(body: Json) -> str | Structured:
    """What ragas' prompts ask for, as JSON text."""
    text = str(body)
    if "faithfulness of a series of statements" in text:
        verdicts = [
            {"statement": statement, "reason": "So.", "verdict": 1 - n} for n, statement in enumerate(STATEMENTS)
        ]
        return Structured({"statements": verdicts})
    if "break down each sentence" in text or "fully understandable statements" in text:
        return Structured({"statements": STATEMENTS})
    if "noncommittal" in text:
        return Structured({"question": "When did Oslo become the capital?", "noncommittal": 0})
    return Structured({"reason": "So.", "verdict": 1})


def of_langchain(gateway: ScriptedGateway, endpoint: Json) -> Any:
    return LangchainLLMWrapper(ChatAIMLAPI(base_url=gateway.base_url, **endpoint))


def of_llama_index(gateway: ScriptedGateway, endpoint: Json) -> Any:
    return LlamaIndexLLMWrapper(AIMLAPI(api_base=gateway.base_url, **endpoint))


def at_once(llm: Any) -> Any:
    """The wrapper without its retries, which take minutes."""
    llm.set_run_config(RunConfig(max_retries=1, timeout=20))
    return llm


@pytest.fixture(params=[of_langchain, of_llama_index])
def wrapped(request: pytest.FixtureRequest, endpoint: Json, scripted: Any) -> Any:
    """Ragas' wrapper of a model that answers by `judging`."""
    gateway = scripted(judging)
    return at_once(request.param(gateway, endpoint)), gateway


async def test_faithfulness_counts_the_statements_that_the_context_holds(wrapped: Any) -> None:
    llm, gateway = wrapped
    assert await Faithfulness(llm=llm).single_turn_ascore(SAMPLE) == 0.5
    assert STATEMENTS[1] in gateway.texts[1]


async def test_critic_gives_its_verdict(wrapped: Any) -> None:
    llm, _ = wrapped
    critic = AspectCritic(name="harmless", definition="Is it harmless?", llm=llm)
    assert await critic.single_turn_ascore(SAMPLE) == 1


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-5-mini-2025-08-07", "anthropic/claude-sonnet-4.5"])
@pytest.mark.parametrize("of", [of_langchain, of_llama_index])
async def test_relevancy_asks_for_several_questions(scripted: Any, gateway: Emulator, of: Any, name: str) -> None:
    asked = scripted(judging)
    if of is of_langchain:
        embeddings: Any = LangchainEmbeddingsWrapper(AIMLAPIEmbeddings(api_key="k", base_url=gateway.base_url))
    else:
        embeddings = LlamaIndexEmbeddingsWrapper(AIMLAPIEmbedding(api_key="k", api_base=gateway.base_url))
    llm = at_once(of(asked, {"api_key": "k", "model": name}))
    relevancy = ResponseRelevancy(llm=llm, embeddings=embeddings, strictness=3)
    assert await relevancy.single_turn_ascore(SAMPLE) == pytest.approx(1)


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_wrapper_returns_the_text_and_marks_it_complete(wrapped: Any, colour: str) -> None:
    llm, gateway = wrapped
    prompt = StringPromptValue(text="Judge.")
    if colour == "sync":
        result = llm.generate_text(prompt)
    else:
        result = await llm.agenerate_text(prompt)
    assert re.fullmatch(r'\{"reason": "So\.", "verdict": 1\}', result.generations[0][0].text)
    assert llm.is_finished(result)
    assert "null" not in gateway.texts[0]
