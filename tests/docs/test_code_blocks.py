"""Every Python block of the documentation runs as it stands, page by page, on the emulator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aimlapi_integrations.emulator import Emulator

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("cassettes/*.md")])

NEEDS = {"bulk.md": "ray"}  # run where it is installed


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets that other packages leave
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # LlamaIndex's agents use old names
@pytest.mark.filterwarnings("ignore:::ray")  # what Ray warns of among its own parts is Ray's
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_every_block_runs(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(NEEDS.get(page.name, "aimlapi_integrations"))
    with Emulator() as gateway:
        monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
        monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
        names: dict[str, object] = {"__name__": page.stem}
        for block in blocks(page):
            exec(compile(block, str(page), "exec"), names)
    assert "[emulated]" in capsys.readouterr().out
