"""The notebooks run from top to bottom in a Jupyter kernel, on the emulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator

nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Jupyter's own packages


def run(path: Path) -> Any:
    """Run the cells of a notebook, except for the one that installs packages."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith("%pip")]
    return nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_top_to_bottom(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as gateway:
        monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
        monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
        monkeypatch.delenv("PYTHONDEVMODE", raising=False)  # Jupyter's own kernel warns in it
        notebook = run(path)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    text = "".join(output.get("text", "") + str(output.get("data", "")) for output in outputs)
    assert "[emulated]" in text
    assert "Trip(city='Lisbon', days=4)" in text
    assert "Sunny in Paris" in text
    assert "$" in text
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_text_above_the_installation_has_the_line_for_a_clone(path: Path) -> None:
    text, install = (cell.source for cell in nbformat.read(path, as_version=4).cells[:2])
    [(folder, extras)] = re.findall(r'^%pip install --quiet "(.+?)\[(.+?)\]"', text, re.MULTILINE)
    assert (path.parent / folder).resolve() == ROOT
    assert f'%pip install --quiet "aimlapi-integrations[{extras}]"' in install
    assert "isn't on PyPI yet" in text
