"""Puts sections of the README into the pages that name them: `<!-- readme: Heading -->`; without one, its beginning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"

_NAMED = re.compile(r"<!-- readme:? ?(.*?) ?-->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    return _NAMED.sub(lambda named: section(named[1]), markdown)


def section(heading: str) -> str:
    """The text below `heading`, its links as they are among the pages.

    Raises:
        KeyError: the README has no such section.
    """
    first, *others = re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = dict(part.split("\n", 1) for part in others)
    text = sections[heading] if heading else first.split("\n", 1)[1]
    return text.replace("docs/pages/", "").strip()
