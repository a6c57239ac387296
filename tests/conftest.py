"""The emulator, one for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimlapi_integrations.emulator import Emulator


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Emulator) -> Emulator:
    """The emulator, which knows of no other test."""
    running.reset()
    return running
