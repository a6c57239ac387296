from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator

from .wires import Wire


@pytest.fixture
def wire(running: Emulator) -> Iterator[Wire]:
    running.reset()
    with httpx.Client(base_url=running.base_url, headers={"authorization": "Bearer any"}, timeout=10) as http:
        yield Wire(running, http)
