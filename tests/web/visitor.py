"""What a visitor of the chat page does and sees."""

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
    """Someone who opened the page. `elsewhere` has the addresses that the page asked for and that are not its own."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        page.on("request", lambda request: self._note(request.url, address))
        page.goto(address)
        self.chat.evaluate(WATCH)

    def _note(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.elsewhere.append(url)

    @property
    def chat(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def box(self) -> Locator:
        return self.page.get_by_placeholder("Your question")

    @property
    def thoughts(self) -> Locator:
        """The titles that thoughts fold under."""
        return self.chat.get_by_role("button", name="Thoughts", exact=True)

    @property
    def read(self) -> list[str]:
        """What was to be read in the chat, each time that it changed."""
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
        """Waits until that many answers have their price, and the next question may come."""
        self.chat.get_by_text("in 1 call").nth(number - 1).wait_for()
        self.button("Send").wait_for()

    def leave(self) -> None:
        """Closes the page, which asked for nothing but itself."""
        self.page.close()
        assert not self.elsewhere
