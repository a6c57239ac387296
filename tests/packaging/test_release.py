"""The release tools: what a tag changes in a checkout, and what the workflows run."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".github" / "release.py"
WORKFLOWS = ROOT / ".github" / "workflows"
REPOSITORY = "https://github.com/owner/name"
STAMPED = [
    "README.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "pyproject.toml",
    "integrations/aimlapi_integrations/version.py",
]
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n- Next.\n\n## 1.0.0 - 2026-01-02\n\n- First.\n\n### Costs\n- Exact.\n\n## 0.9.0\n"
)

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the sdist has no release tools")


@pytest.fixture
def release() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the files that a release changes, with a changelog of its own."""
    for name in STAMPED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    return tmp_path


# --- one tag ----------------------------------------------------------------------------------------------------------


def test_prepare_writes_version_links_and_urls(release: SimpleNamespace, checkout: Path) -> None:
    notes = release.prepare(checkout, "v1.0.0", REPOSITORY)
    text = {name: (checkout / name).read_text(encoding="utf-8") for name in STAMPED}
    assert notes == "- First.\n\n### Costs\n- Exact."
    assert '__version__ = "1.0.0"' in text["integrations/aimlapi_integrations/version.py"]
    assert "\nversion: 1.0.0\n" in text["CITATION.cff"]
    assert f'Repository = "{REPOSITORY}"' in text["pyproject.toml"]
    assert f"]({REPOSITORY}/blob/v1.0.0/docs/pages/models.md)" in text["README.md"]
    assert f'src="{REPOSITORY}/raw/v1.0.0/docs/pages/demo.svg"' in text["README.md"]


def test_readme_of_a_release_has_no_relative_link(release: SimpleNamespace) -> None:
    markdown = release.absolute_links((ROOT / "README.md").read_text(encoding="utf-8"), REPOSITORY, "v1.0.0")
    assert "](docs/" not in markdown
    assert 'src="docs/' not in markdown
    assert "](CHANGELOG.md)" not in markdown


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.2.3", "1.2.3"), ("v0.2.0rc1", "0.2.0rc1"), ("v1.0.0a2", "1.0.0a2"), ("v1.0.0b3", "1.0.0b3")],
)
def test_version_of_a_valid_tag_is_the_tag_without_its_letter(release: SimpleNamespace, tag: str, version: str) -> None:
    assert release.version_of(tag) == version


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3.dev1", "v1.2.3-rc1", "v1.2.3rc", "release", ""])
def test_version_of_an_invalid_tag_ends_with_advice(release: SimpleNamespace, tag: str) -> None:
    with pytest.raises(SystemExit, match=r"Name it v1\.2\.3"):
        release.version_of(tag)


@pytest.mark.parametrize("version", ["2.0.0", "0.9.0"], ids=["no section", "empty section"])
def test_notes_of_an_undocumented_version_end_with_advice(release: SimpleNamespace, version: str) -> None:
    with pytest.raises(SystemExit, match=f"## {version}"):
        release.release_notes(CHANGELOG, version)


def test_notes_of_a_prerelease_are_the_unreleased_section(release: SimpleNamespace) -> None:
    assert release.release_notes(CHANGELOG, "1.1.0rc1") == "- Next."


def test_rejected_release_changes_no_file(release: SimpleNamespace, checkout: Path) -> None:
    before = {name: (checkout / name).read_bytes() for name in STAMPED}
    with pytest.raises(SystemExit):
        release.prepare(checkout, "v2.0.0", REPOSITORY)
    assert {name: (checkout / name).read_bytes() for name in STAMPED} == before


def test_command_prepares_a_checkout(
    release: SimpleNamespace, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = checkout / "notes.md"
    release.main(["v1.0.0", "--repository", REPOSITORY + "/", "--root", str(checkout), "--notes", str(notes)])
    assert notes.read_text(encoding="utf-8").startswith("- First.")
    assert "ready for v1.0.0" in capsys.readouterr().out


# --- workflows --------------------------------------------------------------------------------------------------------


def steps() -> list[tuple[str, dict[str, Any]]]:
    yaml = pytest.importorskip("yaml")
    return [
        (path.name, step)
        for path in sorted(WORKFLOWS.glob("*.yml"))
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        for step in job["steps"]
    ]


def test_every_action_is_pinned_to_a_commit() -> None:
    for name, step in steps():
        action = step.get("uses", "")
        assert not action or len(action.partition("@")[2]) == 40, f"{name}: {action}"


def test_every_make_target_of_a_workflow_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = [line.split() for _, step in steps() for line in step.get("run", "").splitlines() if "make " in line]
    targets = {words[words.index("make") + 1] for words in commands}
    assert {"test", "release", "publish-docs", "audit"} <= targets
    for target in targets:
        assert f"\n{target}: " in makefile, target


def test_no_workflow_has_write_permission_by_default() -> None:
    yaml = pytest.importorskip("yaml")
    for path in WORKFLOWS.glob("*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}, path.name


# --- llms.txt ---------------------------------------------------------------------------------------------------------


def test_llms_txt_lists_pages_with_their_first_sentence(tmp_path: Path) -> None:
    hook = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "llms.py")))
    hook.on_pre_build()
    hook.on_page_markdown("# Costs\n\nWhat a call costs. And more.\n", SimpleNamespace(title="Costs", url="costs.html"))
    hook.on_page_markdown("# OCR\n\n`/v1/ocr` reads PDFs.\n", SimpleNamespace(title="OCR", url="ocr.html"))
    hook.on_page_markdown("# Tools\n\n```sh\nmake\n```\n", SimpleNamespace(title="Tools", url="tools.html"))
    hook.on_page_markdown("# Models\n\n| a | b |\n", SimpleNamespace(title="Models", url="models.html"))
    hook.on_post_build({"site_dir": str(tmp_path)})
    lines = (tmp_path / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# aimlapi-integrations"
    assert lines[-4:] == [
        "- [Costs](costs.html): What a call costs.",
        "- [OCR](ocr.html): `/v1/ocr` reads PDFs.",
        "- [Tools](tools.html)",
        "- [Models](models.html)",
    ]
