from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator
from tests.emulator.gateway_client import GatewayClient


@pytest.fixture
def client(running: Emulator) -> Iterator[GatewayClient]:
    """A client without certificates, whose loading would take longer than most tests."""
    running.reset()
    headers = {"authorization": "Bearer any"}
    with httpx.Client(base_url=running.base_url, headers=headers, timeout=10, verify=False) as http:
        yield GatewayClient(running, http)
