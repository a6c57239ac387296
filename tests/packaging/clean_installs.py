"""Builds the wheel, installs it with each extra into an environment of its own, and uses what the extra is for.

    python -m tests.packaging.clean_installs [extra…]    # `-` is the package without extras; all where none is named

Needs a package index. For `make installs`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]

_ANSWERED = """
from aimlapi_integrations.emulator import Emulator
with Emulator() as gateway:
    {}
"""

# What must work with an extra and no other, by the extra. `-` is the package alone.
USES = {
    "-": "from aimlapi_integrations import Client; Client('key').close()",
    "langchain": "from aimlapi_integrations.langchain import *; ChatAIMLAPI(api_key='key')",
    "llama-index": "from aimlapi_integrations.llama_index import *; AIMLAPI(api_key='key')",
    "emulator": _ANSWERED.format(
        "from aimlapi_integrations import Client; assert Client('key', gateway.base_url).chat('Hello').text"
    ),
    "cli": "from aimlapi_integrations.cli.main import main; assert main(['models', '--search', 'gpt-5']) == 0",
    "tracing": "from opentelemetry.sdk.trace.export import ConsoleSpanExporter; "
    "from aimlapi_integrations.tracing import CostExporter; CostExporter(ConsoleSpanExporter())",
    "aiohttp": "from httpx_aiohttp import AiohttpTransport",
    "mcp": "import langchain_mcp_adapters.client, llama_index.tools.mcp",
    "all": f"import runpy, sys; sys.path.insert(0, {str(ROOT / 'examples')!r}); "
    "runpy.run_path(sys.path[0] + '/quickstart.py', run_name='__main__')",
    "examples": "import langchain.agents, langchain_chroma, langgraph.checkpoint.sqlite, matplotlib, "
    "llama_index.vector_stores.chroma",
    "ray": "from aimlapi_integrations.bulk import Answers, Vectors; import ray.data",
    "web": "import gradio; from aimlapi_integrations.langchain import ChatAIMLAPI",
}


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command that must succeed; otherwise print its output and exit."""
    keyless = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "PYTHON"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=keyless, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def installed(wheel: Path, extra: str, folder: Path) -> Path:
    """The interpreter of a new environment in `folder` that has the wheel with the extra, and nothing else."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    what = str(wheel) if extra == "-" else f"{wheel}[{extra}]"
    if uv := shutil.which("uv"):
        run(uv, "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
        run(uv, "pip", "install", "--quiet", "--python", python, what, cwd=folder.parent)
    else:
        venv.create(folder, with_pip=True)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what, cwd=folder.parent)
    return python


def use(python: str | Path, extra: str, folder: Path) -> None:
    """Run what must work with the extra, in `folder`; the package's own warnings are errors."""
    run(python, "-W", "error:::aimlapi_integrations", "-c", USES[extra], cwd=folder)


def main(extras: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT, cwd=folder)
        [wheel] = folder.glob("*.whl")
        for extra in extras or USES:
            environment = folder / f"with{extra}"
            use(installed(wheel, extra, environment), extra, folder)
            shutil.rmtree(environment)
            print(f"{wheel.name} {'alone' if extra == '-' else f'[{extra}]'}: installed and used", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
