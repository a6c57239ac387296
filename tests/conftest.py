"""The emulator, one for all tests of a process."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.models import loader
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from tests.support.sync_and_async import Run


def pytest_collection_finish() -> None:
    """Exempt what the frameworks' modules hold from garbage collection, which takes ten times as long with it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Emulator) -> Emulator:
    """The emulator, which knows of no other test."""
    running.reset()
    return running


@pytest.fixture(autouse=True)
def shipped_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use the shipped table alone, and forget the live schemas that a test reads."""
    monkeypatch.setenv("AIMLAPI_MODELS", "shipped")
    yield
    if loader._live_tables:
        loader._live_tables.clear()
        loader.clear_caches()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once, and ask for the state of a job again at once."""

    async def sleep(_: AsyncHTTPClient, __: float) -> None:
        pass

    monkeypatch.setattr(HTTPClient, "sleep", lambda *_: None)
    monkeypatch.setattr(AsyncHTTPClient, "sleep", sleep)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.param)
