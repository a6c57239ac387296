from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimlapi_integrations.emulator import Emulator


@pytest.fixture(scope="package")
def server_of_all() -> Iterator[Emulator]:
    with Emulator() as server:
        yield server


@pytest.fixture
def gateway(server_of_all: Emulator) -> Emulator:
    server_of_all.reset()
    return server_of_all


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def responses(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
