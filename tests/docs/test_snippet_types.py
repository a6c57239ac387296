"""What `make types` checks of the README and the pages, and that it needs no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging import snippet_types
from tests.packaging.snippet_types import BLOCK, IN_EVENT_LOOP, NOT_CHECKED, ROOT, run_pyright, snippets


def test_every_page_with_code_is_checked_or_listed_with_a_reason() -> None:
    checked = "\n".join(snippets().values())
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            line = block.strip().splitlines()[-1].strip()
            assert line in checked or page.name in NOT_CHECKED


@pytest.mark.parametrize("module", sorted(snippets()))
def test_snippets_are_modules(module: str) -> None:
    code = snippets()[module]
    compile(code, module, "exec")
    assert code.startswith("async def") == any(module.endswith(Path(page).stem) for page in IN_EVENT_LOOP)


@pytest.mark.parametrize(
    ("which", "message"), [(None, "pyright is not installed"), ("pyright", "needs Node.js, which is not installed")]
)
def test_pyright_is_skipped_with_a_message_where_it_cannot_run(
    which: str | None, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("PYRIGHT", raising=False)
    monkeypatch.setattr(snippet_types.shutil, "which", lambda name, **_: which if name == "pyright" else None)
    monkeypatch.setattr(snippet_types, "find_spec", lambda _: None)
    assert run_pyright(tmp_path, []) == 0
    assert message in capsys.readouterr().out
