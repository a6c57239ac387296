"""Which models reason: the emulator's own facts agree with the package's table."""

from __future__ import annotations

import pytest

from aimlapi_integrations.emulator.model.catalogue import catalogue, model_family
from aimlapi_integrations.models import lookup
from tests.emulator.gateway_client import GatewayClient

# Models that reason only when told to, or unseen, or by another name: Claude, Gemini, and DeepSeek's routers.
TOLD = {"claude", "gemini", "gemini before 3", "deepseek"}


def test_models_reason_as_the_packages_table_says() -> None:
    chat_models = [model_id for model_id in catalogue() if lookup(model_id).known and lookup(model_id).chat]
    differing = [each for each in chat_models if model_family(each).reasons != lookup(each).reasoning]
    assert len(chat_models) > 400
    assert [each for each in differing if model_family(each).reasons or model_family(each).name not in TOLD] == []


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ("moonshot/kimi-k2-0905-preview", None),  # its page shows no reasoning
        ("meituan/longcat-2.0", "reasoning_content"),
        ("xiaomi/mimo-v2-flash", "reasoning"),
    ],
)
def test_reasoning_is_where_the_models_pages_show_it(client: GatewayClient, model: str, field: str | None) -> None:
    message = client.chat(model=model).json()["choices"][0]["message"]
    assert {name for name in ("reasoning", "reasoning_content") if message.get(name)} == ({field} if field else set())
