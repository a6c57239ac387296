"""A browser for the chat page. `make web` sets CHROMIUM; without it, these tests are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from aimlapi_integrations.emulator import Emulator
from tests.web.page_process import chat_page
from tests.web.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Visit(Protocol):
    """Open a page as a new visitor; `settings` are those of Playwright's `new_page`."""

    def __call__(self, address: str, **settings: Any) -> Visitor: ...


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = os.environ.get("CHROMIUM")
    if not chromium:
        pytest.skip("`make web` tests the chat page in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=FLAGS)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    visitors: list[Visitor] = []

    def open_page(address: str, **settings: Any) -> Visitor:
        visitors.append(Visitor(browser.new_page(**settings), address))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.leave()


@pytest.fixture(scope="session")
def gateway(browser: Browser) -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def address(gateway: Emulator) -> Iterator[str]:
    """The page, connected to `gateway`."""
    with chat_page(AIMLAPI_API_KEY="emulator", AIMLAPI_API_BASE=gateway.base_url) as served:
        yield served
