"""Well-known prompts get answers that their frameworks can parse."""

from __future__ import annotations

import json

from tests.emulator.gateway_client import GatewayClient

REACT = """You are designed to help with a variety of tasks.

## Tools
You have access to the following tools:
> Tool Name: add
Tool Description: Add two numbers
Tool Args: {"properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}

## Output Format
```
Thought: The current language of the user is: (user's language). I need to use a tool to help me answer the question.
Action: tool name (one of add) if using a tool.
Action Input: the input to the tool, in a JSON format
```
"""


def test_react_prompt_gets_an_action_then_an_answer(client: GatewayClient) -> None:
    turns = [{"role": "system", "content": REACT}, {"role": "user", "content": "What is 2 plus 3?"}]
    action = client.chat_message(messages=turns)["content"]
    assert action.endswith('Action: add\nAction Input: {"a": 2, "b": 3}')
    turns += [{"role": "assistant", "content": action}, {"role": "user", "content": "Observation: 5"}]
    answer = client.chat_message(messages=turns)["content"]
    assert answer.endswith("\nAnswer: [emulated] Based on the observation: 5")


def test_selector_prompt_gets_the_best_choice(client: GatewayClient) -> None:
    prompt = (
        "Some choices are given below. It is provided in a numbered list (1 to 2), where each item in the list "
        "corresponds to a summary.\n---------------------\n(1) All about honey\n\n(2) Programming in Python\n"
        "---------------------\nUsing only the choices above and not prior knowledge, return the choice that is most "
        "relevant to the question: 'Who created Python?'\n"
    )
    assert json.loads(client.chat_message(prompt)["content"])[0]["choice"] == 2


def test_reranker_prompt_gets_sorted_scores(client: GatewayClient) -> None:
    prompt = (
        "A list of documents is shown below. Respond with the numbers and relevance.\nDoc: 9, Relevance: 7\n\n"
        "Let's try this now: \n\nDocument 1:\nHoney keeps for years.\n\nDocument 2:\nVienna is the capital of Austria."
        "\nQuestion: capital of Austria\nAnswer:\n"
    )
    assert client.chat_message(prompt)["content"] == "Doc: 2, Relevance: 7\nDoc: 1, Relevance: 1"


def test_context_prompt_gets_the_best_sentence(client: GatewayClient) -> None:
    prompt = (
        "Context information is below.\n---------------------\nHoney keeps for years. Vienna is the capital of "
        "Austria.\n---------------------\nGiven the context information and not prior knowledge, answer the query.\n"
        "Query: What is the capital of Austria?\nAnswer: "
    )
    answer = client.chat_message(prompt)["content"]
    assert answer == "[emulated] According to the context: Vienna is the capital of Austria."


def test_evaluator_prompt_gets_yes_or_no(client: GatewayClient) -> None:
    def evaluate(claim: str) -> str:
        return str(
            client.chat_message(
                "Please tell if a given piece of information is supported by the context.\n"
                "You need to answer with either YES or NO.\n"
                f"Information: {claim}\nContext: Vienna is the capital of Austria.\nAnswer: "
            )["content"]
        )

    assert (evaluate("Vienna is a capital"), evaluate("Honey comes from bees")) == ("YES", "NO")


def test_sub_question_prompt_gets_fenced_json(client: GatewayClient) -> None:
    prompt = (
        "Given a user question, and a list of tools, output a list of relevant sub-questions in json markdown.\n\n"
        '# Example 1\n<Tools>\n```json\n{"x": "y"}\n```\n\n<User Question>\nold\n\n<Output>\n```json\n{}\n```\n\n'
        '# Example 2\n<Tools>\n```json\n{"sport": "games", "code": "Python"}\n```\n\n'
        "<User Question>\nCompare both\n\n<Output>\n"
    )
    fenced = client.chat_message(prompt)["content"].removeprefix("```json\n").removesuffix("\n```")
    assert [item["tool_name"] for item in json.loads(fenced)["items"]] == ["sport", "code"]


def test_prompt_with_a_schema_gets_matching_json(client: GatewayClient) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    schema["required"] = ["name", "age"]
    prompt = (
        f"Extract: Bob is 41\n\nHere's a JSON schema to follow:\n{json.dumps(schema)}\n\nOutput a valid JSON object."
    )
    assert json.loads(client.chat_message(prompt)["content"]) == {"name": "Bob", "age": 41}
