"""The model table: its format, lookup by every name, known facts, and defaults of unknown models."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import fields
from importlib.resources import files
from typing import Any

import pytest

from aimlapi_integrations.models import (
    CHAT,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    ChatCapabilities,
    EmbeddingsCapabilities,
    Model,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
    explain,
    known_models,
    lookup,
    table_date,
)

TEXT = files("aimlapi_integrations").joinpath("models", "models.json").read_text(encoding="utf-8")
TABLE: dict[str, Any] = json.loads(TEXT)
LINES = TEXT.splitlines()
ROW_KEYS = {"by", "name", "context", "max_output", "chat", "responses", "embeddings", "messages", "dimensions"}
ROW_KEYS |= {"inputs", "outputs", "prices", "aliases", "efforts", "quirks", "status", "successor"}
MODALITIES = {"text", "image", "pdf", "audio", "video", "embedding"}
CAPABILITIES = {"chat": ChatCapabilities, "responses": ResponsesCapabilities, "embeddings": EmbeddingsCapabilities}


def test_table_rows_decode_to_models() -> None:
    models = known_models()
    assert [model.id for model in models] == sorted(TABLE["models"])
    assert all(model.known and model.endpoints and model.name for model in models)
    assert len(models) > 450


@pytest.mark.parametrize("section", ["models", "families"])
def test_table_rows_have_only_known_keys(section: str) -> None:
    for key, row in TABLE[section].items():
        assert set(row) <= ROW_KEYS, key
        assert set(row.get("inputs", "text").split()) | set(row.get("outputs", "text").split()) <= MODALITIES, key
        assert set(row.get("quirks", "").split()) <= set(TABLE["quirks"]), key


@pytest.mark.parametrize("section", list(CAPABILITIES))
def test_capabilities_have_only_fields_of_their_class(section: str) -> None:
    allowed = {field.name for field in fields(CAPABILITIES[section])}
    for name, facts in TABLE["capabilities"][section].items():
        assert set(facts) <= allowed, name
        assert (
            set(facts.get("tools") or {}) <= {field.name for field in fields(ToolCapabilities)} or section != "chat"
        ), name


def test_table_has_no_unused_entries() -> None:
    rows = [*TABLE["models"].values(), *TABLE["families"].values()]
    chats = [row["chat"] for row in rows if "chat" in row]
    assert {shape for shape, _ in chats} == set(TABLE["capabilities"]["chat"])
    for section in ("responses", "embeddings"):
        assert {row[section] for row in rows if section in row} == set(TABLE["capabilities"][section])
    facts = [held for section in ("responses", "embeddings") for held in TABLE["capabilities"][section].values()]
    sets = TABLE["parameters"]["sets"]
    used = {name for _, name in chats} | {row["messages"] for row in rows if "messages" in row}
    used |= {held["parameters"] for held in facts} | {held["like"] for held in sets.values() if "like" in held}
    assert used == set(sets)
    labels = {label for held in sets.values() for label in held.get("with", "").split()}
    assert labels == set(TABLE["parameters"]["kinds"])


def test_quirks_are_described_and_used() -> None:
    met = {quirk for model in known_models() for quirk in model.quirks}
    assert met == set(TABLE["quirks"])
    assert all(explain(quirk).endswith(".") for quirk in met)


def test_ids_and_aliases_are_unique() -> None:
    ids = {key.casefold() for key in TABLE["models"]}
    aliases = [alias.casefold() for row in TABLE["models"].values() for alias in row.get("aliases", "").split()]
    assert len(ids) == len(TABLE["models"])
    assert len(set(aliases)) == len(aliases)
    assert not ids & set(aliases)


def test_table_file_is_sorted_with_one_model_per_line() -> None:
    assert len(TEXT) < 250_000
    rows = LINES[LINES.index(' "models": {') + 1 : -2]
    assert [row.split('"')[1] for row in rows] == list(TABLE["models"])
    assert list(TABLE["models"]) == sorted(TABLE["models"])
    assert table_date() == TABLE["about"]["date"]


@pytest.mark.parametrize("model", known_models(), ids=lambda model: model.id)
def test_lookup_finds_a_model_by_id_and_alias_in_any_case(model: Model) -> None:
    for name in (model.id, *model.aliases):
        assert lookup(name) == model
        assert lookup(name.upper()) == model
        assert lookup(name.lower()) == model


@pytest.mark.parametrize(
    ("model_name", "model_id"),
    [
        ("gpt-5-mini", "openai/gpt-5-mini-2025-08-07"),
        ("openai/gpt-5-mini", "openai/gpt-5-mini-2025-08-07"),
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("openai/text-embedding-3-small", "text-embedding-3-small"),
        ("text-embedding-ada-002-v2", "text-embedding-ada-002"),
        ("kimi-k2.5", "moonshot/kimi-k2-5"),
        ("MiniMax-M2.1", "minimax/m2-1"),
        ("qwen3-32b", "alibaba/qwen3-32b"),
        ("openai/gpt-5.5", "openai/gpt-5-5"),
        ("gpt-5.2-pro", "openai/gpt-5.2-pro"),
        ("gpt-5-2-pro", "openai/gpt-5-2-pro"),
    ],
)
def test_lookup_finds_a_model_by_short_and_native_names(model_name: str, model_id: str) -> None:
    assert lookup(model_name).id == model_id


def test_lookup_does_not_strip_the_prefix_of_another_vendor() -> None:
    assert not lookup("somebody/gpt-4o").known
    assert not lookup("mistralai/qwen3-32b").known


@pytest.mark.parametrize("model_name", ["", "/", "no-such-model", "some/où-Ω", "x" * 5000])
def test_lookup_of_any_text_returns_an_unknown_model(model_name: str) -> None:
    model = lookup(model_name)
    assert (model.id, model.known) == (model_name, False)
    assert model.endpoints == {CHAT}


@pytest.mark.parametrize(
    ("model_name", "developer", "endpoints"),
    [
        ("openai/gpt-99", "OpenAI", {CHAT, RESPONSES}),
        ("anthropic/claude-opus-99", "Anthropic", {CHAT, MESSAGES}),
        ("claude-opus-99", "Anthropic", {CHAT, MESSAGES}),
        ("google/gemini-99", "Google", {CHAT}),
        ("text-embedding-99", "OpenAI", {EMBEDDINGS}),
    ],
)
def test_lookup_of_unknown_id_returns_the_defaults_of_its_family(
    model_name: str, developer: str, endpoints: set[str]
) -> None:
    model = lookup(model_name)
    assert (model.known, model.developer, set(model.endpoints)) == (False, developer, endpoints)


def test_unknown_model_supports_everything() -> None:
    model = lookup("somebody/new")
    assert model.tools
    assert model.tool_choice
    assert model.structured_output
    assert model.json_mode
    assert model.vision
    assert model.parallel_tool_calls
    assert model.system_role
    assert model.parameter("of_tomorrow") is not None
    assert model.parameter("of_tomorrow", RESPONSES) is not None


def test_default_model_has_its_published_facts() -> None:
    model = lookup("openai/gpt-5-mini-2025-08-07")
    assert (model.developer, model.context, model.max_output) == ("OpenAI", 400_000, 128_000)
    assert model.endpoints == {CHAT, RESPONSES}
    assert model.inputs == {"text", "image", "pdf"}
    assert model.tools
    assert model.tool_choice
    assert model.structured_output
    assert model.reasoning
    assert model.vision
    assert model.parameter("temperature") is None
    assert model.parameter("stop") is None
    effort = model.parameter("reasoning_effort")
    assert effort is not None
    assert effort.enum == ("low", "medium", "high")
    output = model.parameter("max_output_tokens", RESPONSES)
    assert output is not None
    assert output.minimum == 16


@pytest.mark.parametrize(
    ("model", "quirk"),
    [
        ("anthropic/claude-opus-4.1", "swapped_tools"),
        ("anthropic/claude-opus-4.1", "system_field"),
        ("anthropic/claude-sonnet-4.6", "stop_sequences_only"),
        ("anthropic/claude-sonnet-4.6", "effort_ignored"),
        ("anthropic/claude-opus-4.8", "adaptive_thinking"),
        ("anthropic/claude-fable-5-1", "forced_tool_refused"),
        ("moonshotai/kimi-k3", "named_tool_refused"),
        ("google/gemini-3.7-flash", "reasoning_mandatory"),
        ("typesafe/jev-router", "router"),
        ("google/gemma-3-4b-it", "no_system_role"),
        ("alibaba/qwen-max", "no_developer_role"),
        ("gpt-4o", "string_tool_results"),
        ("gpt-4o", "parameters_required"),
        ("google/gemma-2-9b-it", "description_required"),
        ("google/gemini-2.5-pro", "small_default_output"),
        ("google/gemini-3-5-flash", "echo_thought_signature"),
        ("minimax/m2-1", "inline_think"),
        ("moonshot/kimi-k2-5", "tool_choice_refused"),
        ("openai/gpt-5.6-terra", "no_reasoning_with_tools"),
        ("deepseek/deepseek-v4-pro", "echo_reasoning_content"),
        ("openai/gpt-5-2-codex", "one_input_item"),
        ("openai/o3-pro", "responses_only"),
        ("voyage-2", "document_input_only"),
    ],
)
def test_model_has_its_quirk(model: str, quirk: str) -> None:
    assert quirk in lookup(model).quirks


def test_reasoning_is_returned_only_to_endpoints_that_accept_it() -> None:
    for model in known_models():
        if "echo_reasoning_content" in model.quirks and model.chat:
            closed = model.chat.closed.get("assistant")
            assert closed is None or "reasoning_content" in closed, model.id


def test_tool_choice_is_unsupported_if_the_model_rejects_it() -> None:
    kimi = lookup("moonshot/kimi-k2-6")
    assert kimi.chat is not None
    assert "required" in kimi.chat.tool_choice
    assert kimi.tools
    assert not kimi.tool_choice


def test_hosted_tools_do_not_imply_function_tools() -> None:
    chat = lookup("openai/gpt-5-chat-latest")
    assert chat.responses is not None
    assert chat.responses.tools == {"mcp"}
    assert not chat.tools
    assert not chat.tool_choice


def test_embedding_model_has_no_chat_capabilities() -> None:
    small, qwen, voyage = map(lookup, ("text-embedding-3-small", "alibaba/qwen-text-embedding-v4", "voyage-2"))
    assert small.embeddings is not None
    assert small.embeddings.closed
    assert small.dimensions == 1536
    dimensions = qwen.parameter("dimensions", EMBEDDINGS)
    assert dimensions is not None
    assert (dimensions.minimum, dimensions.maximum, dimensions.default) == (64, 2048, 1024)
    assert voyage.embeddings is not None
    assert voyage.embeddings.max_item_characters == 800
    assert voyage.parameter("dimensions", EMBEDDINGS) is None
    assert not (small.tools)
    assert not (small.vision)
    assert not (small.structured_output)
    assert small.outputs == {"embedding"}


def test_parameter_of_unknown_endpoint_raises() -> None:
    with pytest.raises(KeyError, match="nothing"):
        lookup("gpt-4o").parameter("seed", "nothing")


def test_explain_unknown_quirk_raises() -> None:
    with pytest.raises(KeyError):
        explain("walks_on_water")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_model_survives_copy_and_pickle(copied: Any) -> None:
    for name in ("gpt-4o", "anthropic/claude-opus-5", "somebody/new", "voyage-2"):
        assert copied(lookup(name)) == lookup(name)
        assert hash(copied(lookup(name))) == hash(lookup(name))


@pytest.mark.parametrize(
    ("parameter", "taken", "refused"),
    [
        (Parameter(), [None, 1, "a", [], {}], []),
        (Parameter(types=("number",), minimum=0.01, maximum=1), [0.01, 1, 0.5], [0, 1.1, "1", True, None]),
        (Parameter(types=("integer",), minimum=1), [1, 2.0], [0, 1.5, False]),
        (Parameter(types=("integer", "null")), [None, 3], ["3"]),
        (Parameter(types=("string",), enum=("low", "high")), ["low"], ["none", 1]),
        (Parameter(types=("string",), pattern="^a"), ["ab"], ["ba"]),
        (Parameter(types=("array",), items=Parameter(types=("string",))), [[], ["a"]], [[1], "a"]),
        (
            Parameter(types=("object",), fields={"a": Parameter(types=("boolean",))}, required=("a",)),
            [{"a": True}, {"a": False, "b": 1}],
            [{}, {"a": 1}],
        ),
        (Parameter(types=("object",), values=Parameter(types=("string",))), [{"a": "b"}], [{"a": 1}]),
        (Parameter(any_of=(Parameter(types=("string",)), Parameter(types=("null",)))), ["a", None], [1]),
    ],
)
def test_parameter_accepts_its_values_and_rejects_others(
    parameter: Parameter, taken: list[Any], refused: list[Any]
) -> None:
    assert [value for value in taken if not parameter.accepts(value)] == []
    assert [value for value in refused if parameter.accepts(value)] == []
