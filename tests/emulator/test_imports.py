"""The emulator shares no code with the package that is tested against it. import-linter notices when it does."""

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


def lint_copy(folder: Path, module: str = "", statement: str = "") -> subprocess.CompletedProcess[str]:
    """Run import-linter in a copy of the package in which a module has one more import."""
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if module:
        source = copy / module
        source.write_text(f"{source.read_text('utf-8')}\n{statement}\n", "utf-8")
    return subprocess.run(
        [sys.executable, "-c", LINT, str(PYPROJECT), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_contracts_of_the_unchanged_package_are_kept(tmp_path: Path) -> None:
    result = lint_copy(tmp_path)
    assert (result.returncode, "0 broken" in result.stdout) == (0, True), result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("emulator/gateway.py", "from ..endpoints import catalogue"),
        ("emulator/endpoints/responses.py", "from ...endpoints import responses"),
        ("emulator/faults/table.py", "from aimlapi_integrations.transport import sse"),
        ("emulator/model/generate.py", "def late(): from ... import errors"),
        ("emulator/wire/messages.py", "from ... import Client"),
        ("emulator/__init__.py", "import aimlapi_integrations"),
        ("emulator/store.py", "from ..langchain import ChatAIMLAPI"),
        ("endpoints/__init__.py", "from ..emulator import Emulator"),
        ("langchain/__init__.py", "from ..emulator.model import usage"),
        ("__main__.py", "import aimlapi_integrations.emulator.wire"),
        ("__init__.py", "from .emulator import Emulator"),
    ],
)
def test_import_across_the_emulators_border_breaks_a_contract(tmp_path: Path, module: str, statement: str) -> None:
    result = lint_copy(tmp_path, module, statement)
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert result.returncode == 1, result.stdout + result.stderr
    assert any("emulator" in contract for contract in broken), result.stdout
