"""What `make types` checks of the README and the pages, and that it needs no network."""

from __future__ import annotations

import re
import textwrap
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.packaging import snippet_types
from tests.packaging.snippet_types import BLOCK, IN_EVENT_LOOP, OPTIONAL, ROOT, run_pyright, snippets, write_stubs


def test_every_block_of_readme_and_pages_is_checked() -> None:
    checked = textwrap.dedent("\n".join(snippets().values()))
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            assert block in checked or textwrap.indent(block, "    ") in checked


def test_only_packages_that_the_environment_lacks_are_stubs(tmp_path: Path) -> None:
    write_stubs(tmp_path)
    stubs = {".".join(path.relative_to(tmp_path).parent.parts) for path in tmp_path.rglob("*.pyi")}
    assert stubs <= {*OPTIONAL}
    assert stubs.isdisjoint(packages_distributions())
    imports = "\n".join(snippets().values())
    assert [module for module in OPTIONAL if not re.search(rf"\b(import|from) {module}\b", imports)] == []


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
