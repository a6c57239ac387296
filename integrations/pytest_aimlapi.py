"""Fixtures for pytest: the gateway, offline, in your tests.

    def test_answer(aimlapi_gateway):
        assert ChatAIMLAPI().invoke("Hello").text.startswith("[emulated]")
        assert aimlapi_gateway.requests[-1].json["messages"][-1]["content"] == "Hello"

pytest loads this module in every run on an environment that has the package. So it is a module of its own that imports
pytest alone; the package and the server are imported by the first test that uses a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aimlapi_integrations.emulator import Emulator

_BASE_URL_VARIABLES = ("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL")
_API_KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")


@pytest.fixture(scope="session")
def aimlapi_emulator() -> Iterator[Emulator]:
    """Run the emulator of AI/ML API, offline, once per session (and once per pytest-xdist worker).

    To start it with options, override this fixture in your `conftest.py`. `aimlapi_gateway` uses yours, then.
    """
    from aimlapi_integrations.emulator import Emulator

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def aimlapi_gateway(aimlapi_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Point the environment of one test at the emulator: models created in it need no key and no URL.

    `.requests` has the requests of this test only, and `.fail("status-429")` makes the next request fail.
    """
    aimlapi_emulator.reset()
    for name in _BASE_URL_VARIABLES:
        monkeypatch.setenv(name, aimlapi_emulator.base_url)
    for name in _API_KEY_VARIABLES:
        monkeypatch.setenv(name, "emulator")
    yield aimlapi_emulator
    aimlapi_emulator.reset()
