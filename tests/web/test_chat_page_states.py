"""How the chat page shows where answers come from, and how they end: looked at in screenshots. `make web` runs this."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aimlapi_integrations.emulator import Emulator
from tests.support.fault_server import FaultServer, Stall, stream
from tests.support.replies import chat_body, chat_events, sse

from .conftest import Visit
from .page_process import chat_page
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Locator

ROOT = Path(__file__).parents[2]
QUESTION = "Which river is longer, the Douro or the Tagus?"


def look_at(visitor: Visitor, element: Locator, folder: Path) -> None:
    """Take a screenshot, and check that the element is inside it, in front of others, and is no empty picture."""
    from playwright.sync_api import expect

    expect(element).to_be_in_viewport(ratio=1)
    element.click(trial=True)  # waits until it stands still and nothing covers it
    picture = folder / "page.png"
    visitor.page.screenshot(path=picture)
    assert picture.stat().st_size > 5_000
    assert len(set(element.screenshot())) > 50  # letters, not an empty rectangle


@pytest.mark.parametrize("own", [True, False])
def test_page_says_that_it_talks_to_an_emulator(own: bool, visit: Visit, gateway: Emulator, tmp_path: Path) -> None:
    settings = {} if own else {"AIMLAPI_API_KEY": "emulator", "AIMLAPI_API_BASE": gateway.base_url}
    with chat_page(**settings) as address:
        visitor = visit(address)
        text = "Emulator: answers are made up" if own else f"{gateway.base_url}: a local gateway, not AI/ML API"
        look_at(visitor, visitor.page.locator("#notice").get_by_text(text), tmp_path)
        visitor.leave()


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("emulator/out-of-credit", "InsufficientCreditsError"),
        ("emulator/status-404", "NotFoundError"),
        ("deepseek-reasoner#fault=cut-mid-text", "StreamError"),
    ],
)
def test_error_is_shown_unfolded_with_its_name(
    model: str, text: str, visit: Visit, address: str, tmp_path: Path
) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, model)
    look_at(visitor, visitor.chat.get_by_text(text), tmp_path)
    visitor.button("Send").wait_for()


def test_spent_budget_is_shown_and_a_new_chat_goes_on(visit: Visit, tmp_path: Path) -> None:
    with chat_page("0.00001") as address:
        visitor = visit(address)
        visitor.ask(QUESTION)
        visitor.wait_for_answer()
        visitor.ask("And wider?")
        look_at(visitor, visitor.chat.get_by_text("The budget of $0.00001 is used up"), tmp_path)
        visitor.button("Stop").wait_for(state="hidden")
        assert not visitor.button("Send").is_visible()
        visitor.button("New chat").click()
        visitor.ask("And wider?")
        visitor.wait_for_answer()
        visitor.leave()


def test_stop_closes_the_request_and_says_so(visit: Visit, tmp_path: Path) -> None:
    with FaultServer() as server:
        events = chat_events(chat_body("The Tagus, by far."), size=9)[:2]
        case = server.case([*stream(sse(events, done=False)), Stall()])
        with chat_page(AIMLAPI_API_KEY="any", AIMLAPI_API_BASE=case.base_url) as address:
            visitor = visit(address)
            visitor.ask(QUESTION, "deepseek-reasoner")
            visitor.chat.get_by_text("The Tagus", exact=True).wait_for()
            visitor.button("Stop").click()
            assert case.wait_for_disconnect()  # the gateway sees that nobody reads on
            look_at(visitor, visitor.chat.get_by_text("Stopped: the request is closed."), tmp_path)
            visitor.leave()


def test_picture_in_the_documentation_can_be_taken_again_in_the_same_size(gateway: Emulator, tmp_path: Path) -> None:
    pictures = tmp_path / "page.png", ROOT / "docs" / "pages" / "chat_page.png"
    subprocess.run([sys.executable, "-m", "docs.chat_page_picture", pictures[0].as_posix()], cwd=ROOT, check=True)
    taken, kept = (picture.read_bytes()[16:24] for picture in pictures)  # width and height
    assert taken == kept
