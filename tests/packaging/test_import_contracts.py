"""The import contracts in pyproject.toml: the package complies, and a copy that violates one is rejected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aimlapi_integrations

pytest.importorskip("importlinter")

PACKAGE = Path(aimlapi_integrations.__file__).parent
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

LAYERS = "The layers"
TRANSPORT = "The transport"
EMULATOR = "The emulator imports nothing"
PUBLIC_NAMES = "The emulator doesn't import"
NO_EMULATOR = "Nothing of the package imports the emulator"
FRAMEWORKS = "Only the adapters"
LANGCHAIN = "The LangChain adapter"
LLAMA_INDEX = "The LlamaIndex adapter"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The imports of each module, by the time of its last change: copies of the package have the same."""
    return tmp_path_factory.mktemp("import-linter")


def lint_copy(folder: Path, cache: Path, module: str = "", statement: str = "") -> subprocess.CompletedProcess[str]:
    """Run import-linter in a copy of the package in which a module has one more statement. Creates the module."""
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if module:
        with (copy / module).open("a", encoding="utf-8") as source:
            source.write(f"\n{statement}\n")
    return subprocess.run(
        [sys.executable, "-c", LINT, str(PYPROJECT), "--cache-dir", str(cache)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_contracts_of_the_unchanged_package_are_kept(tmp_path: Path, cache: Path) -> None:
    result = lint_copy(tmp_path, cache)
    assert (result.returncode, "0 broken" in result.stdout) == (0, True), result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("types.py", "from . import models", LAYERS),
        ("errors/__init__.py", "from .. import types", LAYERS),
        ("_utils/json.py", "from .. import errors", LAYERS),
        ("models/lookup.py", "from ..endpoints import routing", LAYERS),
        ("endpoints/routing.py", "from ..transport import event_stream", LAYERS),
        ("transport/retries.py", "from ..endpoints import catalogue", LAYERS),
        ("costs.py", "from . import client", LAYERS),
        ("client/call.py", "from ..langchain import ChatAIMLAPI", LAYERS),
        ("client/options.py", "from .. import cli", LAYERS),
        ("langchain/request.py", "from ..llama_index import AIMLAPI", LAYERS),
        ("llama_index/request.py", "from .. import bulk", LAYERS),
        ("a_new_module.py", "", LAYERS),
        ("transport/client.py", "from .. import types", TRANSPORT),
        ("transport/client.py", "def late(): from ..models import lookup", TRANSPORT),
        ("emulator/gateway.py", "from ..endpoints import catalogue", EMULATOR),
        ("emulator/endpoints/responses.py", "from ...endpoints import responses", EMULATOR),
        ("emulator/faults/table.py", "from aimlapi_integrations.transport import event_stream", EMULATOR),
        ("emulator/model/generate.py", "def late(): from ... import errors", EMULATOR),
        ("emulator/store.py", "from ..langchain import ChatAIMLAPI", EMULATOR),
        ("emulator/wire/messages.py", "from ... import Client", PUBLIC_NAMES),
        ("emulator/__init__.py", "import aimlapi_integrations", PUBLIC_NAMES),
        ("endpoints/__init__.py", "from ..emulator import Emulator", NO_EMULATOR),
        ("langchain/__init__.py", "from ..emulator.model import catalogue", NO_EMULATOR),
        ("__main__.py", "import aimlapi_integrations.emulator.wire", NO_EMULATOR),
        ("__init__.py", "from .emulator import Emulator", NO_EMULATOR),
        ("client/call.py", "import langchain_core.messages", FRAMEWORKS),
        ("costs.py", "def late(): from llama_index.core import Settings", FRAMEWORKS),
        ("langchain/request.py", "from llama_index.core import tools", LANGCHAIN),
        ("llama_index/request.py", "from langchain_core import tools", LLAMA_INDEX),
    ],
)
def test_import_across_a_border_breaks_its_contract(
    tmp_path: Path, cache: Path, module: str, statement: str, contract: str
) -> None:
    result = lint_copy(tmp_path, cache, module, statement)
    output = result.stdout + result.stderr
    assert result.returncode == 1, output
    assert [line for line in output.splitlines() if line.startswith(contract) and "BROKEN" in line], output
