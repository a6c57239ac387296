"""`examples/chat_page.py` in headless Chromium. `make web` runs these tests."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from tests.support.fault_server import FaultServer, Stall, stream
from tests.support.replies import chat_body, chat_events, sse
from tests.web.conftest import Visit
from tests.web.page_process import chat_page
from tests.web.visitor import Visitor

THOUGHT = "[emulated] The user wrote"
QUESTION = "Which river is longer, the Douro or the Tagus?"
ANSWER = f"[emulated] You said: {QUESTION}"
COST = re.compile(r"\$([\d.]+) for (\d+) tokens \(in \d+, out \d+\) in (\d) call")
REASONING_MODELS = ["openai/gpt-5-mini-2025-08-07", "anthropic/claude-haiku-4.5", "deepseek-reasoner"]


def costs(visitor: Visitor) -> list[tuple[Decimal, int, int]]:
    """Return dollars, tokens and calls of each answer, and finally of the chat."""
    matches = COST.findall(visitor.page.inner_text("body"))
    return [(Decimal(usd), int(tokens), int(calls)) for usd, tokens, calls in matches]


def body_of(gateway: Emulator, number: int = -1) -> Any:
    return gateway.requests[number].json


# --- one answer -------------------------------------------------------------------------------------------------------


def test_thoughts_and_answer_are_shown_while_they_stream(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, "deepseek-reasoner#fault=slow;seconds=0.05")
    visitor.wait_for_answer()
    thoughts = {text for text in visitor.texts_shown if THOUGHT in text and "You said" not in text}
    assert len(thoughts) > 1
    answers = [matches[0] for text in visitor.texts_shown if (matches := re.search(r"\[emulated\] You said.*", text))]
    assert len(set(answers)) > 2
    assert all(ANSWER.startswith(answer) for answer in answers)


@pytest.mark.parametrize("model", REASONING_MODELS)
def test_thoughts_fold_after_the_answer_and_can_be_opened(visit: Visit, address: str, model: str) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, model)
    visitor.wait_for_answer()
    thought = visitor.chat.get_by_text(THOUGHT)
    thought.wait_for(state="hidden")
    visitor.thoughts.click()
    thought.wait_for()


def test_answers_show_their_costs_and_the_chat_their_total(visit: Visit, address: str) -> None:
    visitor = visit(address)
    for number in (1, 2):
        visitor.ask(QUESTION)
        visitor.wait_for_answer(number)
    *each, total = costs(visitor)
    assert len(each) == 2
    assert total == tuple(map(sum, zip(*each, strict=True)))
    assert total[0] > 0


def test_refusal_is_shown_as_the_answer(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, "deepseek-reasoner#fault=refusal")
    visitor.chat.get_by_text("[emulated] I can't help with that.").wait_for()


def test_blank_question_sends_no_request(visit: Visit, address: str, gateway: Emulator) -> None:
    visitor = visit(address)
    before = len(gateway.requests)
    for blank in ("  ", "\t", " "):
        visitor.ask(blank)
    visitor.ask(QUESTION)
    visitor.wait_for_answer()
    assert len(gateway.requests) == before + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_screen_does_not_scroll_sideways(visit: Visit, address: str, scheme: str) -> None:
    visitor = visit(address, viewport={"width": 390, "height": 760}, color_scheme=scheme)
    visitor.ask(QUESTION)
    visitor.wait_for_answer()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visitor.page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")


# --- several turns ----------------------------------------------------------------------------------------------------


def test_second_question_sends_the_first_turn(visit: Visit, address: str, gateway: Emulator) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, "google/gemini-2.5-flash")
    visitor.wait_for_answer()
    visitor.ask("And wider?")
    visitor.wait_for_answer(2)
    assert [message["content"] for message in body_of(gateway)["messages"]] == [QUESTION, ANSWER, "And wider?"]


def test_signed_thoughts_return_only_to_the_model_that_signed_them(
    visit: Visit, address: str, gateway: Emulator
) -> None:
    visitor = visit(address)
    for number, model in enumerate(["anthropic/claude-haiku-4.5"] * 2 + ["openai/gpt-5-mini-2025-08-07"], 1):
        visitor.ask(QUESTION, model)
        visitor.wait_for_answer(number)
    thinking, text = body_of(gateway, -2)["messages"][1]["content"]
    assert thinking["thinking"].startswith(THOUGHT)
    assert thinking["signature"]
    assert text["text"] == ANSWER
    assert [item["role"] for item in body_of(gateway)["input"]] == ["user", "assistant"] * 2 + ["user"]


def test_new_chat_starts_without_turns_and_costs(visit: Visit, address: str, gateway: Emulator) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, "google/gemini-2.5-flash")
    visitor.wait_for_answer()
    visitor.button("New chat").click()
    visitor.page.get_by_text("Ask a model something.").wait_for()
    visitor.page.get_by_text("in 0 calls").wait_for()
    assert costs(visitor) == [(0, 0, 0)]
    visitor.ask("And wider?")
    visitor.wait_for_answer()
    assert [message["content"] for message in body_of(gateway)["messages"]] == ["And wider?"]


def test_visitors_have_separate_chats(visit: Visit, address: str) -> None:
    first, second = visit(address), visit(address)
    first.ask(QUESTION)
    first.wait_for_answer()
    second.ask("Hello")
    second.wait_for_answer()
    assert QUESTION not in second.chat.inner_text()


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message_parts"),
    [
        ("emulator/out-of-credit", "You've run out of credits."),
        ("emulator/status-404", "status 404"),
        ("deepseek-reasoner#fault=cut-mid-text", "The stream broke off"),
    ],
)
def test_error_is_shown_and_the_chat_continues(visit: Visit, address: str, model: str, message_parts: str) -> None:
    visitor = visit(address)
    visitor.ask(QUESTION, model)
    visitor.chat.get_by_text(message_parts).wait_for()
    assert "Traceback" not in visitor.page.inner_text("body")
    visitor.ask("And now?", "google/gemini-2.5-flash")
    visitor.chat.get_by_text("[emulated] You said: And now?").wait_for()


def test_page_without_key_uses_the_emulator_and_stops_at_the_budget(visit: Visit) -> None:
    with chat_page("0.00001") as address:
        visitor = visit(address)
        visitor.ask(QUESTION)
        visitor.wait_for_answer()
        visitor.ask("And wider?")
        visitor.chat.get_by_text("The budget of $0.00001 is used up").wait_for()
        visitor.leave()


@pytest.mark.parametrize("button", ["Stop", "New chat"])
def test_stop_and_new_chat_close_the_connection(visit: Visit, button: str) -> None:
    with FaultServer() as server:
        start_case = chat_events(chat_body("The Tagus, by far."), size=9)[:2]
        case = server.case([*stream(sse(start_case, done=False)), Stall()])
        with chat_page(AIMLAPI_API_KEY="any", AIMLAPI_API_BASE=case.base_url) as address:
            visitor = visit(address)
            visitor.ask(QUESTION, "deepseek-reasoner")
            text = visitor.chat.get_by_text("The Tagus", exact=True)
            text.wait_for()
            visitor.button(button).click()
            assert case.wait_for_disconnect()
            visitor.button("Send").wait_for()
            text.wait_for(state="visible" if button == "Stop" else "hidden")
            visitor.leave()
