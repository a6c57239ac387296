"""The emulator, one for all tests of tracing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimlapi_integrations.emulator import Emulator


@pytest.fixture(scope="session")
def gateway() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator
