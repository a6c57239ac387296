"""Take the picture of the chat page; needs `.venv-web` and CHROMIUM: `python -m docs.chat_page_picture page.png`."""

from __future__ import annotations

import os
import sys

from playwright.sync_api import sync_playwright

from tests.web.conftest import FLAGS
from tests.web.page_process import chat_page
from tests.web.visitor import Visitor

QUESTIONS = ("Which is longer, the Douro or the Tagus?", "And which of them is wider at its mouth?")


def main(path: str) -> None:
    """Ask two questions on the emulator, unfold the first reasoning, and save what the browser shows."""
    with chat_page() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
        visitor = Visitor(browser.new_page(viewport={"width": 820, "height": 740}), address)
        for number, question in enumerate(QUESTIONS, 1):
            visitor.ask(question)
            visitor.wait_for_answer(number)
        visitor.thoughts.first.click()
        visitor.page.wait_for_timeout(500)  # the page moves
        visitor.page.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
