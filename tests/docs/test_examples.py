"""Every example runs as it is, on the emulator when no key is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_it_runs(example: Path, tmp_path: Path) -> None:
    keyless = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        env=keyless,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "emulator" in done.stdout
