"""The estimated number of tokens: its accuracy, and all parts of a request."""

from __future__ import annotations

import base64

import pytest

from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.tokens import estimate_tokens
from aimlapi_integrations.types import (
    Audio,
    File,
    HostedItem,
    HostedTool,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    Video,
)

# The first article of the Universal Declaration of Human Rights, and the counts of two byte pair encodings in use.
SAMPLES = [
    ("All human beings are born free and equal in dignity and rights. They are endowed with reason.", 16, 24),
    ("Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt.", 18, 34),
    ("Все люди рождаются свободными и равными в своем достоинстве и правах.", 15, 36),
    ("人人生而自由,在尊严和权利上一律平等。", 11, 26),
    ("すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。", 25, 52),
    ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", 18, 45),
    ('{"city": "Paris", "days": 7, "hotels": [{"name": "Ritz", "stars": 5}]}', 22, 34),
]


@pytest.mark.parametrize(("text", "least", "most"), SAMPLES)
def test_text_of_any_script_is_close_to_the_count(text, least, most):
    assert least <= estimate_tokens(text) <= most


def estimate_parts(*parts) -> int:
    return estimate_tokens([Message("user", parts)])


def test_empty_text_has_no_tokens():
    assert estimate_tokens("") == 0
    assert 0 < estimate_parts() < 10


def test_message_has_more_tokens_than_its_text():
    assert estimate_parts(Text("Hello")) > estimate_tokens("Hello")


PCM = base64.b64encode(bytes(48_000)).decode()

PARTS = [
    Text("Some words of text here"),
    Reasoning("Some words of thought here"),
    Refusal("I would rather not do that"),
    Image(url="https://example.com/a.png"),
    Image(data="AAAA", mime="image/png", detail="low"),
    Audio(data=PCM, format="wav"),
    Audio(id="audio_1", transcript="Some words that were said"),
    Audio(url="https://example.com/a.mp3"),
    Video(url="https://example.com/a.mp4"),
    File(file_id="file-1"),
    File(data=PCM, mime="application/pdf"),
    ToolCall("1", "weather", '{"city": "Paris"}'),
    HostedItem({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_every_part_adds_tokens(part):
    assert estimate_parts(part) > estimate_parts() + 3


def test_unknown_part_raises_unsupported_content():
    with pytest.raises(UnsupportedContentError, match="str"):
        estimate_parts("text")


def test_image_tokens_depend_on_detail_and_family():
    low, high = Image(url="https://example.com/a.png", detail="low"), Image(url="https://example.com/a.png")
    assert estimate_parts(low) < estimate_parts(high)
    assert estimate_tokens([Message("user", (high,))], model="anthropic/claude-sonnet-4.5") > estimate_parts(high)


def test_second_of_audio_is_about_ten_tokens():
    assert estimate_parts(Audio(data=PCM, format="wav")) - estimate_parts() == pytest.approx(10, abs=1)


def test_text_file_counts_as_text():
    text = "word " * 400
    data = base64.b64encode(text.encode()).decode()
    assert estimate_parts(File(data=data, mime="text/plain")) == pytest.approx(estimate_parts(Text(text)), rel=0.3)


def test_tool_tokens_grow_with_the_schema():
    small = Tool("weather")
    large = Tool("weather", "The weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
    none = estimate_tokens([])
    assert none < estimate_tokens([], [small]) < estimate_tokens([], [large])
    assert none < estimate_tokens([], [HostedTool({"type": "web_search_preview"})])


def test_families_count_differently():
    text = SAMPLES[0][0]
    assert estimate_tokens(text, model="claude-opus-4-6") > estimate_tokens(text, model="gpt-4o")


def test_name_of_a_message_adds_tokens():
    assert estimate_tokens([Message("user", name="Alice")]) > estimate_tokens([Message("user")])
