"""Encoders and decoders use the model that the caller resolved."""

from __future__ import annotations

import pytest

from aimlapi_integrations.endpoints import ENDPOINTS, get_endpoint
from aimlapi_integrations.models import lookup
from aimlapi_integrations.types import CallMetadata, Embeddings, Json, Message, Reply, Request, Text

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-opus-4-8",
}
BODIES: dict[str, Json] = {
    "chat_completions": {"model": "gpt-4o", "choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}]},
    "responses": {"model": MODELS["responses"], "status": "completed", "output_text": "Hi", "output": []},
    "messages": {"model": MODELS["messages"], "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"},
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_model_passed_in_is_not_looked_up_again(name: str) -> None:
    endpoint, model = get_endpoint(name), lookup(MODELS[name])
    before = lookup.cache_info()
    body = endpoint.encode(Request(MODELS[name], (Message("user", (Text("Hello"),)),)), model)
    endpoint.stream_options(body, True, model)
    endpoint.Decoder(MODELS[name], {}, (), model)
    assert endpoint.decode(BODIES[name], {}, (), model).text == "Hi"
    assert lookup.cache_info() == before


@pytest.mark.parametrize("reply", [Reply("m", ()), Embeddings((), "m")])
def test_trail_is_a_deprecated_name_of_call_metadata(reply: Reply | Embeddings) -> None:
    with pytest.warns(DeprecationWarning, match="call_metadata"):
        assert reply.trail == reply.call_metadata == CallMetadata()
