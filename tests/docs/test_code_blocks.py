"""Every Python block of the documentation runs unchanged on the emulator."""

from __future__ import annotations

import ast
import asyncio
import gc
import inspect
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from aimlapi_integrations.emulator import Emulator

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted([ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md*"), *ROOT.glob("cassettes/*.md")])

NEEDS = {"bulk.md": "ray", "mcp.md": "langchain_mcp_adapters", "web_servers.md": "fastapi"}  # skipped if missing
IN_EVENT_LOOP = {"notebooks.md"}  # as a notebook runs its cells


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def emulator(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    yield
    gc.collect()  # sockets and event loops that the blocks leave open, while their warnings are ignored


pytestmark = [
    pytest.mark.usefixtures("no_waiting"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # other packages leave sockets open
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),  # from LlamaIndex's agents
    pytest.mark.filterwarnings("ignore:::ray"),  # Ray's warnings about its own parts
    pytest.mark.filterwarnings("ignore:::fastapi"),  # FastAPI's about Starlette's
]


RUN_ELSEWHERE = {"testing.md"}  # by tests/emulator/test_pytest_plugin.py


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if python_blocks(page) and page.name not in RUN_ELSEWHERE],
    ids=lambda page: page.name,
)
@pytest.mark.filterwarnings("ignore:The anyio.abc.BlockingPortal:DeprecationWarning")  # Starlette 0.40 imports it
def test_code_blocks_of_a_page_run_in_order(
    page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(NEEDS.get(page.name, "aimlapi_integrations"))
    with mcp_stand_in(monkeypatch) if page.name == "mcp.md" else nullcontext():
        run_blocks(page)
    assert "[emulated]" in capsys.readouterr().out


@contextmanager
def mcp_stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the stand-in for the gateway's MCP server."""
    with runpy.run_path(str(ROOT / "examples" / "mcp_stand_in.py"))["StandIn"]() as server:
        monkeypatch.setenv("AIMLAPI_MCP_URL", server.url)
        yield


def run_blocks(page: Path) -> None:
    if page.name in IN_EVENT_LOOP:
        asyncio.run(run_cells(page))
    else:
        names: dict[str, object] = {"__name__": page.stem}
        for block in python_blocks(page):
            exec(compile(block, str(page), "exec"), names)


async def run_cells(page: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in python_blocks(page):
        result = eval(compile(block, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.iscoroutine(result):
            await result


@pytest.mark.parametrize("block", python_blocks(README), ids=lambda block: block.rpartition("import ")[2][:20])
def test_code_block_of_the_readme_runs_alone(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, str(README), "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out


def test_log_snippet_prints_requests() -> None:
    """Run it in a new interpreter, because pytest configures logging itself."""
    [*_, block] = python_blocks(ROOT / "docs" / "pages" / "observability.md")
    setup = "from aimlapi_integrations.langchain import ChatAIMLAPI\nllm = ChatAIMLAPI()\n"
    process = subprocess.run([sys.executable, "-c", setup + block], capture_output=True, text=True, timeout=120)
    assert "DEBUG aimlapi_integrations" in process.stderr
    assert "/chat/completions: 200" in process.stderr


def test_http_traffic_snippets_print_bodies_and_redact_the_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-secret-key-in-no-output")
    page = ROOT / "docs" / "pages" / "http_traffic.md"
    names: dict[str, object] = {"__name__": page.stem}
    for block in python_blocks(page):
        exec(compile(block, str(page), "exec"), names)
    output = capsys.readouterr().out
    assert "'authorization': '[redacted]'" in output
    assert '"content":"Hello"' in output.replace('": "', '":"')
    assert "[emulated] You said: Hello" in output
    assert "data: [DONE]" in output
    assert "sk-secret-key-in-no-output" not in output
