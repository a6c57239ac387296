"""The README and the pages match the code, their links work, and their pictures are current."""

from __future__ import annotations

import html
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aimlapi_integrations
from aimlapi_integrations import AIMLAPIError

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
PACKAGE = Path(aimlapi_integrations.__file__).parent
MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("cassettes/*.md")])

_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)|<img src=\"([^\"]+)\"")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page_ids(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# --- links and sections -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", MARKDOWN, ids=page_ids)
def test_relative_links_lead_to_files(page: Path) -> None:
    targets = [link or image for link, image in _LINK.findall(read(page))]
    assert not [target for target in targets if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", MARKDOWN, ids=page_ids)
def test_paths_in_code_exist(page: Path) -> None:
    names = re.findall(r"`((?:integrations|tests|docs|examples|benchmarks|cassettes)/[\w./-]*)`", read(page))
    assert not [name for name in names if not (ROOT / name).exists()]


def test_readme_has_less_than_300_lines() -> None:
    assert len(read(ROOT / "README.md").splitlines()) < 300


def test_readme_sections_named_by_pages_exist() -> None:
    headings = set(re.findall(r"^## (.+)", read(ROOT / "README.md"), re.MULTILINE))
    inserted = {name for page in PAGES.rglob("*.md") for name in re.findall(r"<!-- readme: (.+?) -->", read(page))}
    assert inserted
    assert inserted <= headings


def test_every_example_is_on_the_examples_page() -> None:
    examples = {path.name for path in ROOT.glob("examples/*.py")} - {"common.py", "mcp_stand_in.py"}
    assert set(re.findall(r"`(\w+\.py)`", read(PAGES / "examples.md"))) == examples


def test_every_page_is_in_the_navigation_and_the_cookbook_links_every_how_to_page() -> None:
    navigation = read(ROOT / "docs" / "mkdocs.yml").partition("\nnav:")[2]
    pages = {path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*.md")}
    assert set(re.findall(r"[\w/]+\.md", navigation)) == pages
    how_to = set(re.findall(r"[\w/]+\.md", navigation.partition("How to:")[2].partition("- Speed")[0]))
    assert how_to <= set(re.findall(r"[\w/]+\.md", read(PAGES / "cookbook.md")))


# --- the code ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["", ".langchain", ".llama_index", ".emulator", ".models"])
def test_every_public_name_is_in_the_reference(part: str) -> None:
    documented = {name for page in PAGES.glob("reference/*.md") for name in re.findall(r"^::: (\S+)", read(page), re.M)}
    for module in ("errors", "types"):  # documented whole
        documented |= {f"aimlapi_integrations.{name}" for name in vars(importlib.import_module(f"{_ROOT}.{module}"))}
    module = importlib.import_module(f"{_ROOT}{part}")
    names = {f"{_ROOT}{part}.{name}" for name in module.__all__ if isinstance(getattr(module, name), type) or part}
    assert not {name for name in names - documented if not name.rpartition(".")[2].isupper()}


_ROOT = "aimlapi_integrations"


def test_error_table_shows_the_class_tree() -> None:
    rows = re.findall(r"^\| ((?:— )*)`(\w+)`( \\\*)? \|", read(PAGES / "errors.md"), re.MULTILINE)
    documented = [(len(dashes) // 2, name, bool(star)) for dashes, name, star in rows]
    path: list[str] = []
    parents = {}
    for depth, name, _ in documented:
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else None
    classes = list(_error_classes(AIMLAPIError))
    assert parents == {cls.__name__: parent for cls, parent in classes}
    assert {name for _, name, retryable in documented if retryable} == {
        cls.__name__ for cls, _ in classes if cls.retryable
    }


def _error_classes(
    cls: type[AIMLAPIError], parent: str | None = None
) -> Iterator[tuple[type[AIMLAPIError], str | None]]:
    yield cls, parent
    for subclass in cls.__subclasses__():
        if subclass.__module__.startswith(f"{_ROOT}.errors"):
            yield from _error_classes(subclass, cls.__name__)


# --- the architecture -------------------------------------------------------------------------------------------------


def test_architecture_page_names_every_folder_of_the_package_and_no_other() -> None:
    folders = {f"{path.parent.relative_to(PACKAGE).as_posix()}/" for path in PACKAGE.rglob("__init__.py")} - {"./"}
    named = set(re.findall(r"`([\w/]+/)`", read(PAGES / "architecture.md")))
    assert named - {"integrations/aimlapi_integrations/"} == folders


@pytest.mark.parametrize("name", ["architecture.md", "architecture.svg"])
def test_architecture_names_only_files_that_exist(name: str) -> None:
    text = read(PAGES / name)
    paths = re.findall(r"`([\w/]+\.(?:py|json))`", text) + re.findall(r">(?:\w+ )*([\w/]+(?:/|\.py))</text>", text)
    assert paths
    assert not [path for path in paths if not (PACKAGE / path).exists()]


def test_architecture_page_shows_the_layers_of_import_linter() -> None:
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    contracts = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    enforced = [set(layer.split(" | ")) - {"version"} for layer in layers[1:]]  # the first one has loose modules
    shown = re.findall(r"```text\n(tracing\n.*?)```", read(PAGES / "architecture.md"), re.DOTALL)[0].splitlines()
    assert enforced == [set(line.split(" · ")) for line in shown]


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_demo_picture_shows_the_output_of_the_demo(tmp_path: Path) -> None:
    current = tmp_path / "demo.svg"
    command = [sys.executable, str(ROOT / "docs" / "demo_picture.py"), str(current)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    assert _picture_words(PAGES / "demo.svg") == _picture_words(current)


def _picture_words(picture: Path) -> list[str]:
    """Return the words in a picture, without box-drawing characters."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", read(picture))
    return html.unescape(" ".join(text.strip("\u2500 \n\xa0") for text in texts)).split()


def test_pictures_and_scripts_load_nothing_remote() -> None:
    for path in [*PAGES.glob("*.svg"), *PAGES.glob("assets/*")]:
        assert not re.findall(r"(?:href|src|url)\W{1,3}https?:", read(path))


def test_search_from_disk_uses_a_script_of_the_site() -> None:
    """The plugin `offline` adds a remote script unless one is configured with this name."""
    [script] = re.findall(r"polyfills: \[(\S+)\]", read(ROOT / "docs" / "mkdocs.yml"))
    assert "iframe-worker" in script
    assert (PAGES / script).exists()
