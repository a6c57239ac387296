"""The whole web that the emulated search knows: a few pages, written for it."""

from __future__ import annotations

from dataclasses import dataclass

from .prompts import words


@dataclass(frozen=True)
class Page:
    url: str
    title: str
    date: str
    text: str


PAGES = (
    Page(
        "https://example.com/emulated/vienna",
        "Vienna (emulated page)",
        "2025-01-15",
        "Vienna is the capital of Austria and lies on the Danube.",
    ),
    Page(
        "https://example.com/emulated/honey",
        "Honey (emulated page)",
        "2025-02-03",
        "Honey keeps for years in a closed jar because it holds little water and much sugar.",
    ),
    Page(
        "https://example.com/emulated/weather",
        "Weather today (emulated page)",
        "2025-03-21",
        "The weather today is mild and dry, with light wind from the west.",
    ),
    Page(
        "https://example.com/emulated/python",
        "Python releases (emulated page)",
        "2025-10-07",
        "A new release of the Python programming language appears every October.",
    ),
    Page(
        "https://example.com/emulated/news",
        "News of the day (emulated page)",
        "2025-04-02",
        "A positive news story today: the town library opened its new reading room.",
    ),
)


def look_up(query: str) -> Page:
    """The page that shares most words with the query."""
    return max(PAGES, key=lambda page: len(words(f"{page.title} {page.text}") & words(query)))
