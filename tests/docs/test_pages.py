"""What the README and the pages hold: pictures that are true, every public name, no link that leads nowhere."""

from __future__ import annotations

import html
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "pages"
MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("cassettes/*.md")])

_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)|<img src=\"([^\"]+)\"")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    targets = [link or image for link, image in _LINK.findall(read(page))]
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_readme_stays_short() -> None:
    assert len(read(ROOT / "README.md").splitlines()) < 300


def test_sections_that_pages_take_from_the_readme_are_there() -> None:
    headings = set(re.findall(r"^## (.+)", read(ROOT / "README.md"), re.MULTILINE))
    named = {name for page in MARKDOWN if page.is_relative_to(PAGES) for name in _named(page)}
    assert named
    assert named <= headings


def _named(page: Path) -> list[str]:
    return re.findall(r"<!-- readme: (.+?) -->", read(page))


def test_every_example_is_on_the_page_of_examples() -> None:
    examples = {path.name for path in ROOT.glob("examples/*.py")} - {"common.py"}
    assert set(re.findall(r"`(\w+\.py)`", read(PAGES / "examples.md"))) == examples


@pytest.mark.parametrize("part", ["", ".langchain", ".llama_index", ".emulator"])
def test_every_public_name_is_in_the_reference(part: str) -> None:
    written = {name for page in PAGES.glob("reference/*.md") for name in re.findall(r"^::: (\S+)", read(page), re.M)}
    whole = {"aimlapi_integrations.types", "aimlapi_integrations.errors", "aimlapi_integrations.models"}
    module = importlib.import_module(f"aimlapi_integrations{part}")
    homes = {name: getattr(module, name).__module__ for name in module.__all__ if name != "__version__"}
    assert whole <= written
    elsewhere = {name: home for name, home in homes.items() if not home.startswith(tuple(whole))}
    assert not [name for name, home in elsewhere.items() if f"{home}.{name}" not in written]


def test_the_picture_of_the_demo_shows_what_the_demo_says(tmp_path: Path) -> None:
    drawn = tmp_path / "demo.svg"
    command = [sys.executable, str(ROOT / "docs" / "demo_picture.py"), str(drawn)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert _words(PAGES / "demo.svg") == _words(drawn)


def _words(picture: Path) -> list[str]:
    """What is written in a picture; lines that are drawn of letters left out."""
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", read(picture))
    return html.unescape(" ".join(text.strip("\u2500 \n\xa0") for text in texts)).split()


def test_pictures_fetch_nothing() -> None:
    for picture in PAGES.glob("*.svg"):
        assert not re.findall(r"(?:href|src|url)\W{1,3}https?:", read(picture))
