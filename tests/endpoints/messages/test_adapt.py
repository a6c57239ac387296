"""Adapting requests to Claude models on the messages endpoint."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt, messages
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError
from aimlapi_integrations.types import Audio, File, HostedTool, Image, Message, Text, Tool, ToolChoice, Video
from tests.endpoints.adapted import ASK, BRIEF, CALL, CLAUDE_BOTH, RAIN, WEATHER, Json, make_request

OPUS = CLAUDE_BOTH  # lists no sampling
SONNET = "anthropic/claude-sonnet-4.5"
BUDGET = {"type": "enabled", "budget_tokens": 2048}


def encode_adapted(model: str, *turns: Message, warns: str | None = None, **fields: Any) -> Json:
    """Encode the adapted request; expect one warning that contains `warns`, or none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        body = messages.encode(adapt(make_request(model, *turns, **fields), "messages"))
    texts = [str(warning.message) for warning in caught]
    assert all(warning.category is ParameterWarning for warning in caught)
    assert (len(texts) == 1 and warns in texts[0] and model in texts[0]) if warns else not texts, texts
    return {key: value for key, value in body.items() if key not in ("model", "messages")}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"stop": "END", "max_tokens": 9}, {"stop_sequences": ["END"], "max_tokens": 9}),
        ({"max_completion_tokens": 9, "n": 1}, {"max_tokens": 9}),
        ({"stop": [], "seed": None, "stream_options": {"include_usage": True}}, {}),
        ({"metadata": {"user_id": "u"}}, {"metadata": {"user_id": "u"}}),
        ({"thinking": BUDGET, "temperature": 1, "top_p": 0.95}, {"thinking": BUDGET, "temperature": 1, "top_p": 0.95}),
        ({"reasoning_effort": "low"}, {"thinking": BUDGET}),
        ({"reasoning_effort": "none"}, {}),
        ({"reasoning": {"effort": "low"}}, {"thinking": BUDGET}),
        ({"reasoning": {"max_tokens": 3000}}, {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
        ({"reasoning": {"max_tokens": 1}}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ({"reasoning": {"effort": "low", "exclude": True}}, {"thinking": {**BUDGET, "display": "omitted"}}),
        ({"reasoning_effort": "high", "reasoning": {"effort": "low"}, "thinking": BUDGET}, {"thinking": BUDGET}),
    ],
)
def test_accepted_options_are_sent_without_a_warning(parameters: Json, expected: Json) -> None:
    assert encode_adapted(SONNET, options=parameters) == expected


@pytest.mark.parametrize(("most", "budget"), [(1025, 1024), (4000, 2976), (50_000, 24_576)])
def test_thinking_budget_leaves_room_for_the_answer(most: int, budget: int) -> None:
    body = encode_adapted(SONNET, options={"reasoning_effort": "high", "max_tokens": most})
    assert body == {"max_tokens": most, "thinking": {"type": "enabled", "budget_tokens": budget}}


ADAPTIVE = {"thinking": {"type": "adaptive"}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"reasoning_effort": "max"}, {**ADAPTIVE, "output_config": {"effort": "max"}}),
        (
            {"reasoning": {"effort": "low"}, "max_tokens": 9},
            {**ADAPTIVE, "output_config": {"effort": "low"}, "max_tokens": 9},
        ),
        ({"reasoning": {"max_tokens": 3000}}, {**ADAPTIVE, "output_config": {"effort": "medium"}}),
        (
            {"reasoning": {"effort": "high", "exclude": True}},
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "high"}},
        ),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "low", "thinking": BUDGET}, {"thinking": BUDGET, "output_config": {"effort": "low"}}),
        ({"thinking": BUDGET}, {"thinking": BUDGET}),
    ],
)
@pytest.mark.parametrize("model", ["anthropic/claude-opus-4.8", "claude-fable-5", OPUS, "anthropic/claude-opus-99"])
def test_effort_of_later_models_goes_with_adaptive_thinking(model: str, given: Json, expected: Json) -> None:
    assert encode_adapted(model, options=given) == expected


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        (SONNET, {"seed": 1}, {}),
        (SONNET, {"logprobs": True}, {}),
        (SONNET, {"presence_penalty": 1}, {}),
        (SONNET, {"repetition_penalty": 1.1}, {}),
        (OPUS, {"temperature": 0.5}, {}),
        (OPUS, {"top_k": 3}, {}),
        (SONNET, {"container": "c"}, {"container": "c"}),
        (SONNET, {"reasoning_effort": "minimal"}, {"thinking": BUDGET}),
        (SONNET, {"reasoning_effort": "max"}, {"thinking": {"type": "enabled", "budget_tokens": 24576}}),
        (SONNET, {"reasoning_effort": "low", "max_tokens": 1024}, {"max_tokens": 1024}),
        (SONNET, {"reasoning": {"effort": "low"}, "max_completion_tokens": 9}, {"max_tokens": 9}),
        (SONNET, {"thinking": BUDGET, "temperature": 0}, {"thinking": BUDGET}),
        (SONNET, {"thinking": BUDGET, "top_p": 0.5}, {"thinking": BUDGET}),
        (SONNET, {"reasoning_effort": "low", "top_k": 3}, {"thinking": BUDGET}),
    ],
)
def test_unsupported_option_is_changed_with_a_warning(model: str, parameters: Json, expected: Json) -> None:
    assert encode_adapted(model, options=parameters, warns=model) == expected
    with pytest.raises(UnsupportedParameterError, match=model):
        adapt(make_request(model, options=parameters), "messages", strict=True)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n": 2}, "chat completions"),
        ({"temperature": 1.5}, "from 0 to 1"),
        ({"previous_response_id": "resp_1"}, "Responses"),
    ],
)
def test_invalid_option_raises(parameters: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(make_request(SONNET, options=parameters), "messages")


def test_unknown_claude_accepts_any_option() -> None:
    parameters = {"temperature": 9, "container": "c", "max_tokens": 5}
    assert encode_adapted("anthropic/claude-opus-99", options=parameters) == parameters


# --- tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        ToolChoice("required"),
        ToolChoice("named", "weather"),
        ToolChoice("raw", item={"type": "any"}),
        ToolChoice("hosted", "web_search"),
    ],
)
def test_forced_tool_with_thinking_is_left_out(choice: ToolChoice) -> None:
    fields: Json = {"tools": (WEATHER,), "tool_choice": choice}
    assert "tool_choice" in encode_adapted(SONNET, **fields)
    assert "tool_choice" not in encode_adapted(SONNET, **fields, options={"thinking": BUDGET}, warns="forced tool")
    with pytest.raises(UnsupportedParameterError, match="forced tool"):
        adapt(make_request(SONNET, **fields, options={"thinking": BUDGET}), "messages", strict=True)


@pytest.mark.parametrize("mode", ["auto", "none"])
def test_unforced_tool_choice_with_thinking_is_kept(mode: Any) -> None:
    body = encode_adapted(SONNET, tools=(WEATHER,), tool_choice=ToolChoice(mode), options={"thinking": BUDGET})
    assert body["tool_choice"] == {"type": mode}


def test_hosted_tool_of_another_model_raises() -> None:
    with pytest.raises(UnsupportedParameterError, match=r"'mcp'.*Responses"):
        adapt(make_request(SONNET, tools=(HostedTool({"type": "mcp"}),)), "messages")
    search = HostedTool({"type": "web_search_20250305", "name": "web_search"})
    assert encode_adapted(SONNET, tools=(search, WEATHER))["tools"][0] == search.item


def test_tool_without_parameters_has_an_empty_schema() -> None:
    [tool] = encode_adapted(SONNET, tools=(Tool("now"),))["tools"]
    assert tool == {"name": "now", "input_schema": {"type": "object", "properties": {}}}


# --- turns ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "part", "words"),
    [
        (SONNET, Audio(data="QQ=="), "audio input"),
        (SONNET, Video(url="https://a/b.mp4"), "video input"),
        (OPUS, Audio(data="QQ=="), "chat completions lists it"),
    ],
)
def test_unsupported_content_raises_with_an_alternative(model: str, part: Any, words: str) -> None:
    with pytest.raises(UnsupportedContentError, match=words):
        adapt(make_request(model, Message("user", (part,))), "messages")


@pytest.mark.parametrize("part", [Image(url="https://a/b.png"), File(url="https://a/b.pdf")])
def test_link_to_a_base64_only_model_warns(part: Any) -> None:
    turn = Message("user", (part,))
    assert encode_adapted(SONNET, turn, warns="as a link") == encode_adapted(OPUS, turn) == {}


def test_images_of_assistant_turns_move_and_those_of_tool_results_stay() -> None:
    picture = Image(data="QQ==", mime="image/png")
    shown = Message("tool", (picture,), tool_call_id="c1")
    drawn = Message("assistant", (Text("Here."), picture))
    turns = messages.encode(adapt(make_request(OPUS, ASK, CALL, shown, drawn), "messages"))["messages"]
    kinds = [(turn["role"], [block["type"] for block in turn["content"]]) for turn in turns]
    assert kinds == [
        ("user", ["text"]),
        ("assistant", ["tool_use"]),
        ("user", ["tool_result"]),
        ("assistant", ["text"]),
        ("user", ["text", "image"]),
    ]
    assert turns[2]["content"][0]["content"][0]["type"] == "image"


def test_request_without_changes_is_returned_as_is() -> None:
    options = {"max_tokens": 4000, "thinking": BUDGET}
    request = make_request(OPUS, BRIEF, ASK, CALL, RAIN, tools=(WEATHER,), options=options)
    assert adapt(request, "messages", strict=True) is request
