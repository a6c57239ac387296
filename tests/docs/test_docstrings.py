"""Every example in a docstring runs on the emulator and prints what it shows."""

from __future__ import annotations

import doctest
import gc
from importlib import import_module
from pathlib import Path

import pytest

import aimlapi_integrations
from aimlapi_integrations.emulator import Emulator

PACKAGE = Path(aimlapi_integrations.__file__).parent
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text("utf-8")]
MODULES = [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in FILES]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # examples leave connections open
@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_print_what_they_show(
    module: str, gateway: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    failures: list[str] = []
    for examples in doctest.DocTestFinder().find(import_module(module)):
        doctest.DocTestRunner().run(examples, out=failures.append)
    gc.collect()
    assert not failures, "".join(failures)
