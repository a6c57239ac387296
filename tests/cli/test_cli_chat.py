"""The command `aimlapi chat`, as a process: in pipes, and in a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from aimlapi_integrations.emulator import Emulator

MINI = "openai/gpt-5-mini-2025-08-07"
SLOW = "deepseek/deepseek-reasoner#fault=slow;seconds=0.1"
COST = r"\d+ tokens \(\d+ reasoning\), \$0\.\d+"
DIM = re.compile(r"\x1b\[2m(.*?)\x1b\[0m", re.DOTALL)

COMMAND = [sys.executable, "-m", "aimlapi_integrations", "chat"]


@pytest.fixture(autouse=True)
def environment(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIML_API_KEY", "AIMLAPI_API_BASE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    monkeypatch.setenv("TERM", "xterm")


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=120)


# --- pipes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "stdin", "question"),
    [
        (["What", "is", "new?"], "", "What is new?"),
        ([], "What is new?\n", "What is new?"),
        (["Summarize:"], "A long text.\n", "Summarize:\n\nA long text."),
        (["--model", "deepseek/deepseek-reasoner", "What is new?"], "", "What is new?"),
    ],
)
def test_answer_goes_to_stdout_and_the_cost_to_stderr(
    arguments: list[str], stdin: str, question: str, gateway: Emulator
) -> None:
    process = run(*arguments, stdin=stdin)
    assert process.returncode == 0
    assert process.stdout == f"[emulated] You said: {question}\n"
    assert re.fullmatch(f"{COST}\n", process.stderr)
    body = gateway.requests[-1].json
    assert body["stream"] is True
    assert body["model"] == ("deepseek/deepseek-reasoner" if "--model" in arguments else MINI)
    assert body["messages"] == [{"role": "user", "content": question}]


def test_options_are_sent(gateway: Emulator) -> None:
    assert run("--system", "Be brief.", "--effort", "low", "--max-tokens", "500", "Hello").returncode == 0
    body = gateway.requests[-1].json
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "Hello"]
    assert (body["reasoning_effort"], body["max_tokens"]) == ("low", 500)


@pytest.mark.parametrize(
    ("arguments", "status", "problem"),
    [
        (["--model", "nope/nope", "Hello"], 1, "NotFoundError: .*aimlapi models --search"),
        (["--model", "emulator/out-of-credit", "Hello"], 1, "InsufficientCreditsError: "),
        (["--model", "emulator/cut-mid-text", "Hello"], 1, "StreamError: "),
        (["--max-cost", "many", "Hello"], 2, "expected dollars, such as 0.50, received 'many'"),
        ([], 2, "there is no question"),
    ],
)
def test_failure_is_one_message_and_a_status(arguments: list[str], status: int, problem: str) -> None:
    process = run(*arguments)
    assert process.returncode == status
    assert re.search(problem, process.stderr)
    assert "Traceback" not in process.stderr


def test_missing_key_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMLAPI_API_KEY")
    process = run("Hello")
    assert process.returncode == 1
    assert "https://aimlapi.com/app/keys" in process.stderr
    assert "Traceback" not in process.stderr


def test_reader_that_leaves_ends_the_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run([*COMMAND, "Hello"], stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.returncode == 141
    assert process.stderr == b""


# --- a terminal -------------------------------------------------------------------------------------------------------


class Terminal:
    """The command in a pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        self._end, child = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)
        self.shown = ""

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Read until the pattern is on the screen. Return what was shown up to its end, and forget that."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.shown)):
            ready, _, _ = select.select([self._end], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{pattern!r} is not in {self.shown!r}"
            self.shown += self._read()
        text, self.shown = self.shown[: match.end()], self.shown[match.end() :]
        return text

    def _read(self) -> str:
        try:
            return os.read(self._end, 4096).decode().replace("\r\n", "\n")
        except OSError as error:  # the process has ended
            raise AssertionError(self.shown) from error

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def interrupt(self) -> None:
        """Do what Ctrl-C does in a terminal that controls the process."""
        self.process.send_signal(signal.SIGINT)

    def close(self) -> int:
        status = self.process.wait(timeout=60)
        os.close(self._end)
        return status


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.process.kill()
        terminal.process.wait()


def open_terminal(terminals: list[Terminal], *arguments: str) -> Terminal:
    terminals.append(Terminal(*arguments))
    return terminals[-1]


def test_conversation_goes_on_until_the_end_of_input(terminals: list[Terminal], gateway: Emulator) -> None:
    terminal = open_terminal(terminals)
    terminal.wait_for("> ")
    terminal.type("Name a river.\n")
    assert "[emulated] The user wrote" in "".join(DIM.findall(terminal.wait_for(COST)))  # the reasoning
    terminal.wait_for("> ")
    terminal.type("And a lake?\n")
    terminal.wait_for(rf"\[emulated\] You said: And a lake\?\n[^\n]*{COST}")
    terminal.wait_for("> ")
    terminal.type("\x04")
    terminal.wait_for("Total: .* in 2 calls")
    assert terminal.close() == 0
    turns = [item.get("content") for item in gateway.requests[-1].json["input"] if item.get("role")]
    assert len(turns) == 3


def test_ctrl_c_stops_the_answer_and_the_chat_goes_on(terminals: list[Terminal]) -> None:
    terminal = open_terminal(terminals, "--model", SLOW)
    terminal.wait_for("> ")
    terminal.type("Which river is longer?\n")
    terminal.wait_for(r"\[emulated\]")
    terminal.interrupt()
    assert "tokens" not in terminal.wait_for("Stopped")
    terminal.wait_for("> ")
    terminal.interrupt()
    terminal.wait_for('Ctrl-D or "exit" ends the chat')
    terminal.wait_for("> ")
    terminal.type("\x04")
    assert terminal.close() == 0


@pytest.mark.parametrize("word", ["exit", "Quit", " /quit ", "/exit", "/bye"])
def test_conversation_ends_with_a_word(word: str, terminals: list[Terminal], gateway: Emulator) -> None:
    terminal = open_terminal(terminals)
    terminal.wait_for("> ")
    terminal.type(f"{word}\n")
    assert terminal.close() == 0
    assert gateway.requests == []


def test_warning_is_a_sentence_without_a_line_of_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://host.invalid/v1")
    lines = run("Hello").stderr.splitlines()
    assert lines[0] == "Warning: base_url='http://host.invalid/v1' sends the API key over plain http."
    assert lines[1].startswith("APIConnectionError: ")


def test_ctrl_c_ends_a_single_question_with_130(terminals: list[Terminal]) -> None:
    terminal = open_terminal(terminals, "--model", SLOW, "Which river is longer?")
    terminal.wait_for(r"\[emulated\]")
    terminal.interrupt()
    assert terminal.close() == 130


def test_error_and_spent_budget_are_shown_and_the_chat_goes_on(terminals: list[Terminal]) -> None:
    terminal = open_terminal(terminals, "--model", "deepseek/deepseek-reasoner", "--max-cost", "0.00001")
    for shown in (COST, r"The budget of \$0.00001 is used up", r"The budget of \$0.00001 is used up"):
        terminal.wait_for("> ")
        terminal.type("Name a river.\n")
        terminal.wait_for(shown)
    terminal.wait_for("> ")
    terminal.type("\x04")
    assert terminal.close() == 0


def test_reasoning_can_be_hidden(terminals: list[Terminal]) -> None:
    terminal = open_terminal(terminals, "--no-reasoning", "Name a river.")
    assert "The user wrote" not in terminal.wait_for(COST)
    assert terminal.close() == 0
