"""Insert README sections into pages: `<!-- readme: Heading -->`, or `<!-- readme -->` for the introduction."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"

_MARKER = re.compile(r"<!-- readme:? ?(.*?) ?-->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the markers. mkdocs calls this for each page."""
    return _MARKER.sub(lambda match: section(match[1]), markdown)


def section(heading: str) -> str:
    """Return the text below `heading`, with links relative to the pages folder.

    Raises:
        KeyError: the README has no such section.
    """
    introduction, *sections = re.split(r"^## ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text_by_heading = dict(text.split("\n", 1) for text in sections)
    text = text_by_heading[heading] if heading else introduction.split("\n", 1)[1]
    return text.replace("docs/pages/", "").strip()
