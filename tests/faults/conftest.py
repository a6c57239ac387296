"""The fault server, and retries without delay."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from aimlapi_integrations.transport import retries
from tests.support.fault_server import FaultServer


@pytest.fixture(scope="session")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off is drawn between 0 and a limit; make it always 0."""
    monkeypatch.setattr(retries, "random", SimpleNamespace(uniform=min))
