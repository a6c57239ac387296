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
    """Delays are drawn between two limits, of which the lower one is above 0 after a 429; make them always 0."""
    monkeypatch.setattr(retries, "random", SimpleNamespace(uniform=lambda _lower, _upper: 0.0))
