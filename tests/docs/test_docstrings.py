"""Every example in a docstring runs as it stands, on the emulator, and gives what it says."""

from __future__ import annotations

import doctest
import gc
from importlib import import_module
from pathlib import Path

import pytest

import aimlapi_integrations
from aimlapi_integrations.emulator import Emulator

SOURCE = Path(aimlapi_integrations.__file__).parent
WITH_EXAMPLES = [path for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text("utf-8")]
NAMES = [
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__") for path in WITH_EXAMPLES
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # examples leave connections open
@pytest.mark.parametrize("name", NAMES)
def test_examples_give_what_they_say(name: str, gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    said: list[str] = []
    for examples in doctest.DocTestFinder().find(import_module(name)):
        doctest.DocTestRunner().run(examples, out=said.append)
    gc.collect()
    assert not said, "".join(said)
