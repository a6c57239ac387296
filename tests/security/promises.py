"""Which test holds which sentence of SECURITY.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])

POLICY = Path(__file__).parents[2] / "SECURITY.md"
HELD: dict[str, list[str]] = {}
"""Names of tests, by the beginning of the sentence that they hold."""


def holds(*sentences: str) -> Callable[[Test], Test]:
    """Mark a test as holding the sentences that begin like this."""

    def register(test: Test) -> Test:
        for sentence in sentences:
            HELD.setdefault(sentence, []).append(test.__name__)
        return test

    return register


def promised_sentences() -> list[str]:
    """Return the sentences below the headings in bold."""
    section = POLICY.read_text("utf-8").split("## What it doesn't cover")[0]
    paragraphs = re.findall(r"^\*\*[^*]+\*\* (.+)$", section, flags=re.MULTILINE)
    return [sentence for text in paragraphs for sentence in re.split(r"(?<=[a-z`)]\.) (?=[A-Z])", text)]
