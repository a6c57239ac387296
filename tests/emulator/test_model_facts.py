"""Facts about models: the live request schema in /docs-json, and reasoning effort as measured."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aimlapi_integrations.emulator.model.catalogue import chat_refusals, reasoning_efforts, responses_refusals
from tests.emulator.gateway_client import JSON, MODEL, TOOLS, GatewayClient, refused_fields

USER = {"role": "user", "content": "Hi"}
PATHS = {
    "openai/chat-completions": "chat/completions",
    "openai/responses": "responses",
    "openai/embeddings": "embeddings",
    "anthropic/messages": "messages",
}


def request_schema(client: GatewayClient, model: str, endpoint: str) -> JSON:
    root = client.gateway.base_url.removesuffix("/v1")
    response = client.http.get(f"{root}/docs-json", params={"model": model, "endpoint": endpoint})
    document = response.raise_for_status().json()
    schema: JSON = document["paths"][f"/v1/{PATHS[endpoint]}"]["post"]["requestBody"]["content"]["application/json"]
    return dict(schema["schema"])


def test_request_schema_of_every_model_is_standalone_and_names_it(client: GatewayClient) -> None:
    """One of the models that take the same parts, roles and efforts stands for the others."""
    del client.http.headers["authorization"]
    models = client.http.get("models").json()["data"]
    alike = {(model["type"], *map(str, facts(model["id"]))): model for model in models}
    checked: set[str] = set()
    for model in alike.values():
        schema = request_schema(client, model["id"], model["type"])
        assert "$ref" not in str(schema)
        assert schema["properties"]["model"]["enum"] == [model["id"]]
        for part in ({**schema, "properties": {}}, *schema["properties"].values()):
            if str(part) not in checked:
                Draft202012Validator.check_schema(part)
                checked.add(str(part))


def facts(model: str) -> list[list[str]]:
    return [sorted(of(model)) for of in (chat_refusals, responses_refusals, reasoning_efforts)]


CHAT = "openai/chat-completions"
SYSTEM = {"role": "system", "content": "Be kind"}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}}
LIST_TURN = {"role": "user", "content": [{"type": "text", "text": "x"}]}
CACHED_TOOL = TOOLS[0] | {"cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("model", "endpoint", "body"),
    [
        (MODEL, CHAT, {"messages": [SYSTEM, USER], "tools": TOOLS, "tool_choice": "auto"}),
        (MODEL, CHAT, {"messages": [USER], "tools": [CACHED_TOOL]}),
        (MODEL, CHAT, {"messages": [USER], "seed": 0}),
        (MODEL, CHAT, {"messages": [USER], "reasoning_effort": "xhigh"}),
        (MODEL, CHAT, {"messages": [USER], "temperature": None}),
        ("google/gemma-3-4b-it", CHAT, {"messages": [SYSTEM, USER]}),
        ("nvidia/nemotron-3-ultra-550b-a55b", CHAT, {"messages": [LIST_TURN]}),
        ("gpt-4o", CHAT, {"messages": [{"role": "user", "content": [DOCUMENT]}]}),
        ("z-ai/glm-4.5v", CHAT, {"messages": [LIST_TURN], "reasoning_effort": "max"}),
        ("google/gemini-3-7-flash", CHAT, {"messages": [USER], "reasoning_effort": "none"}),
        ("google/gemini-3-7-flash", CHAT, {"messages": [USER], "reasoning_effort": "max"}),
        (MODEL, "openai/responses", {"input": "Hi", "tools": [{"type": "web_search_preview"}]}),
        ("gpt-3.5-turbo", "openai/responses", {"input": "Hi", "tools": [{"type": "web_search_preview"}]}),
        ("openai/gpt-6-sol", "openai/responses", {"input": "Hi", "reasoning": {"effort": "xhigh"}}),
        (MODEL, "openai/responses", {"input": "Hi", "reasoning": {"effort": "xhigh"}}),
        ("anthropic/claude-opus-4-8", "anthropic/messages", {"messages": [USER], "output_config": {"effort": "max"}}),
        ("anthropic/claude-opus-4", "anthropic/messages", {"messages": [USER], "output_config": {"effort": "max"}}),
        ("text-embedding-3-small", "openai/embeddings", {"input": ["Hi"], "user": "me"}),
    ],
)
def test_request_schema_and_endpoint_agree_on_a_request(
    client: GatewayClient, model: str, endpoint: str, body: JSON
) -> None:
    body = {"model": model, **body}
    is_valid = Draft202012Validator(request_schema(client, model, endpoint)).is_valid(body)
    assert is_valid is (client.post(PATHS[endpoint], body).status_code == 200)


def test_request_schema_of_gpt_6_lists_no_sampling_parameters(client: GatewayClient) -> None:
    properties = request_schema(client, "openai/gpt-6-luna", CHAT)["properties"]
    assert not properties.keys() & {"temperature", "top_p", "stop", "logprobs"}
    assert properties.keys() >= {"messages", "tools", "reasoning_effort"}


@pytest.mark.parametrize(
    ("model", "endpoint"),
    [("made-up/model", CHAT), ("anthropic/claude-opus-4.8-fast", CHAT), (MODEL, "openai/made-up"), ("", "")],
)
def test_request_schema_of_an_unknown_model_or_endpoint_answers_404(
    client: GatewayClient, model: str, endpoint: str
) -> None:
    root = client.gateway.base_url.removesuffix("/v1")
    response = client.http.get(f"{root}/docs-json", params={"model": model, "endpoint": endpoint})
    assert response.status_code == 404


LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize(
    ("model", "accepted"),
    [
        ("anthropic/claude-sonnet-5", "none low medium high xhigh max"),
        ("anthropic/claude-opus-4-8", "none low medium high xhigh max"),
        ("anthropic/claude-haiku-4.5", "none minimal low medium high xhigh max"),
        ("google/gemini-3-7-flash", "low medium high max"),
        ("google/gemini-3-6-flash", "minimal low medium high max"),
        ("openai/gpt-5.4-pro", "low medium high"),
        ("openai/gpt-5.6-luna", "none low medium high xhigh"),
        ("o1", "low medium high xhigh"),
        ("deepseek/deepseek-v4-pro", "none low high"),
        ("deepseek/deepseek-v4-flash", "none low medium high"),
        (MODEL, "none low medium high"),
    ],
)
def test_reasoning_effort_is_accepted_as_measured(client: GatewayClient, model: str, accepted: str) -> None:
    def status(level: str) -> int:
        return client.chat(model=model, reasoning_effort=level).status_code

    assert {level for level in LEVELS if status(level) == 200} == set(accepted.split())


def test_reasoning_effort_none_of_gemini_is_refused_as_mandatory(client: GatewayClient) -> None:
    response = client.chat(model="google/gemini-3-7-flash", reasoning_effort="none")
    [(path, reason)] = refused_fields(response)
    assert (path, reason) == (
        "reasoning_effort",
        "Reasoning is mandatory for this endpoint and cannot be disabled.",
    )


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        ("openai/gpt-6-sol", {"reasoning_effort": "low", "tools": TOOLS}, "reasoning_effort"),
        ("anthropic/claude-fable-5-1", {"tools": TOOLS, "tool_choice": "required"}, "tool_choice"),
        (
            "moonshotai/kimi-k3",
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "add"}}},
            "tool_choice",
        ),
    ],
)
def test_tool_options_refused_in_live_calls_are_refused(
    client: GatewayClient, model: str, body: dict[str, Any], path: str
) -> None:
    assert [refused_path for refused_path, _ in refused_fields(client.chat(model=model, **body))] == [path]
