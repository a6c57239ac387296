from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator
from tests.emulator.gateway_client import GatewayClient


@pytest.fixture
def client(running: Emulator) -> Iterator[GatewayClient]:
    running.reset()
    with httpx.Client(base_url=running.base_url, headers={"authorization": "Bearer any"}, timeout=10) as http:
        yield GatewayClient(running, http)
