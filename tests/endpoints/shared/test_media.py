"""Data URLs: one function splits them, for every endpoint."""

from __future__ import annotations

import pytest

from aimlapi_integrations.endpoints import ENDPOINTS, get_endpoint
from aimlapi_integrations.endpoints.shared.media import is_data_url, normalize_media, parse_data_url
from aimlapi_integrations.types import Image, Json, Message, Request


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,QUJD", ("image/png", "QUJD")),
        ("DATA:image/png;BASE64,QUJD", ("image/png", "QUJD")),
        ("data:text/plain;charset=utf-8;base64,QUJD", ("text/plain;charset=utf-8", "QUJD")),
        ("data:;base64,QUJD", ("", "QUJD")),
        ("data:image/png;base64,", None),
        ("data:text/plain,ABC", None),
        ("https://example.com/a.png?b=;base64,QUJD", None),
        ("", None),
        (None, None),
    ],
)
def test_data_url_is_split_only_if_base64(url: str | None, expected: tuple[str, str] | None) -> None:
    assert parse_data_url(url) == expected
    assert is_data_url(url) == (url or "").lower().startswith("data:")


URL = "data:image/png;base64,QUJD"
SOURCE = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
ENCODED: dict[str, tuple[str, Json]] = {
    "chat_completions": ("gpt-4o", {"type": "image_url", "image_url": {"url": URL}}),
    "responses": ("openai/gpt-5-mini-2025-08-07", {"type": "input_image", "image_url": URL}),
    "messages": ("anthropic/claude-opus-4-8", {"type": "image", "source": SOURCE}),
}


@pytest.mark.parametrize("url", [URL, "DATA:image/x-png;charset=binary;base64,QUJD"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_image_in_a_data_url_of_any_spelling_is_encoded_alike(endpoint: str, url: str) -> None:
    model, encoded = ENCODED[endpoint]
    turns = normalize_media((Message("user", (Image(url=url),)),))
    body = get_endpoint(endpoint).encode(Request(model, turns))
    [turn] = body.get("messages") or body["input"]
    assert turn["content"] == [encoded]
