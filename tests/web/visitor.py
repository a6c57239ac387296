"""The actions of a visitor of the chat page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WATCH = """log => {
  window.read = []
  const watcher = new MutationObserver(() => window.read.push(log.innerText))
  watcher.observe(log, {subtree: true, childList: true, characterData: true})
}"""


class Visitor:
    """A visitor with the page open. `foreign_urls` are the URLs of other hosts that the page requested."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.foreign_urls: list[str] = []
        page.on("request", lambda request: self._record_foreign_url(request.url, address))
        page.goto(address)
        self.chat.evaluate(WATCH)

    def _record_foreign_url(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.foreign_urls.append(url)

    @property
    def chat(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def box(self) -> Locator:
        return self.page.get_by_placeholder("Your question")

    @property
    def thoughts(self) -> Locator:
        """The titles of folded thoughts."""
        return self.chat.get_by_role("button", name="Thoughts", exact=True)

    @property
    def texts_shown(self) -> list[str]:
        """The text of the chat after each change."""
        texts: list[str] = self.page.evaluate("window.read")
        return texts

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def ask(self, question: str, model: str = "") -> None:
        """Wait until a question can be sent, and send it. Return once the page has taken it and emptied the box."""
        from playwright.sync_api import expect

        self.button("Send").wait_for()
        if model:
            self.page.get_by_label("Model").fill(model)
            self.page.get_by_label("Model").press("Enter")
        self.box.fill(question)
        self.button("Send").click()
        expect(self.box).to_have_value("", timeout=30_000)

    def wait_for_answer(self, number: int = 1) -> None:
        """Wait until that many answers have their cost, and the next question can be sent."""
        self.chat.get_by_text("in 1 call").nth(number - 1).wait_for()
        self.button("Send").wait_for()

    def leave(self) -> None:
        """Close the page, after checking that it requested nothing from other hosts."""
        self.page.close()
        assert not self.foreign_urls
