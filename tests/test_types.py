"""The arguments of a tool call, which a model wrote."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.types import ToolCall


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ('{"mood": "\ud83d"}', {"mood": "\ufffd"}),
        (r'{"mood": "\ud83d\ude00"}', {"mood": "\U0001f600"}),
        ('{"city": "Os', None),
        ('["Oslo"]', None),
        ("\ude00", None),
        ("[" * 100_000, None),
        ('{"text": "one\ntwo\x00"}', {"text": "one\ntwo\x00"}),
        ('{"text": "say \\"\n\\""}', {"text": 'say "\n"'}),
        (r'"{\"city\": \"Oslo\"}"', {"city": "Oslo"}),
        ('{"text": "one\\\ntwo"}', None),
        ('{"city": \x00 "Oslo"}', None),
        ("{'city': 'Oslo'}", None),
        ('{"city": "Oslo",}', None),
        ('{"city": "Oslo"} {}', None),
        ('"Oslo"', None),
        ('""', None),
    ],
)
def test_parsed_arguments_are_an_object_or_none(written: str, read: dict[str, Any] | None) -> None:
    assert ToolCall("call_1", "get_weather", written).parsed() == read
