"""`aimlapi chat`: ask a model in the terminal. The answer goes to stdout, its reasoning and its cost to stderr."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TextIO

from ..client.client import Client
from ..client.options import DEFAULT_MODEL
from ..costs import Ledger, track_costs
from ..errors import AIMLAPIError, BudgetExceededError
from ..models import lookup
from ..types import Delta, Message, Reply, Text
from . import Command

_DESCRIPTION = """Ask a model and print its answer while it is generated. Without a question, start a conversation,
which Ctrl-D or "exit" ends; Ctrl-C stops an answer. Text that is piped in is the question, or follows it. The answer
alone goes to standard output; reasoning and the cost go to standard error."""

_PROMPT = "> "
_EXITS = {"exit", "quit", "/exit", "/quit", "/bye"}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="*", help="the question; without one, a conversation starts")
    parser.add_argument("-m", "--model", default=DEFAULT_MODEL, metavar="ID", help="default: %(default)s")
    parser.add_argument("-s", "--system", metavar="TEXT", help="instructions for the model")
    parser.add_argument("--effort", metavar="LEVEL", help="reasoning effort: low, medium or high")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest answer, reasoning included")
    parser.add_argument(
        "--max-cost", type=_dollars, metavar="USD", help="send nothing more once this many dollars are spent"
    )
    parser.add_argument("--no-reasoning", action="store_true", help="don't show the model's reasoning")


def _dollars(text: str) -> Decimal:
    try:
        return Ledger(text).max_cost_usd or Decimal(0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected dollars, such as 0.50, received {text!r}") from None


def _run(options: argparse.Namespace) -> int:
    """Answer the question or hold a conversation. Return the exit status: 1 if a call failed."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().strip()
    question = "\n\n".join(filter(None, [" ".join(options.question), piped]))
    if not question and not sys.stdin.isatty():
        sys.stderr.write("aimlapi chat: there is no question, neither as an argument nor on standard input.\n")
        return 2
    try:
        with Client() as client, track_costs(max_cost_usd=options.max_cost) as costs:
            chat = _Chat(client, options)
            if question:
                return int(not chat.ask(question))
            chat.converse()
            if costs.total.calls > 1:
                _note(f"Total: {costs.total}")
    except (AIMLAPIError, ValueError) as error:  # no key, or an option that can't be used
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


COMMAND = Command("chat", "ask a model, once or in a conversation", _DESCRIPTION, _add_arguments, _run)


class _Chat:
    """A conversation with one model."""

    def __init__(self, client: Client, options: argparse.Namespace) -> None:
        self._client = client
        self._model: str = options.model
        self._show_reasoning = sys.stderr.isatty() and not options.no_reasoning
        self._options = _call_options(options)
        self._messages = [Message("system", (Text(options.system),))] if options.system else []

    def converse(self) -> None:
        """Ask what is typed, until the end of input or one of `_EXITS`."""
        _note(f'{self._model}. Ctrl-C stops an answer, Ctrl-D or "exit" ends the chat.')
        with _line_editing():
            while (question := _read_line()) is not None and question.strip().lower() not in _EXITS:
                if question.strip():
                    self._ask_and_catch_interrupt(question)

    def _ask_and_catch_interrupt(self, question: str) -> None:
        try:
            self.ask(question)
        except KeyboardInterrupt:  # the stream is closed: nothing more is generated
            _note("\nStopped.")

    def ask(self, question: str) -> bool:
        """Print the answer. Return whether there is one; an error is printed, and its question forgotten."""
        messages = [*self._messages, Message("user", (Text(question),))]
        try:
            with self._client.chat_stream(messages, model=self._model, **self._options) as deltas:
                reply = self._print(deltas)
        except AIMLAPIError as error:
            sys.stdout.flush()
            sys.stderr.write(
                f"\n{_error_text(error)}\n" if getattr(error, "partial", "") else f"{_error_text(error)}\n"
            )
            return False
        self._messages = [*messages, reply.message]
        _note(_summary(reply))
        return True

    def _print(self, deltas: Iterator[Delta]) -> Reply:
        """Print reasoning and text as they arrive, and return the whole reply."""
        reasoning, reply = False, None
        for delta in deltas:
            if delta.reasoning and self._show_reasoning:
                reasoning = True
                _write(sys.stderr, _dim(delta.reasoning, sys.stderr))
            if delta.text:
                if reasoning:
                    _write(sys.stderr, "\n\n")
                    reasoning = False
                _write(sys.stdout, delta.text)
            reply = delta.reply
        _write(sys.stdout, "\n")
        assert reply is not None  # the last delta has it
        return reply


def _call_options(options: argparse.Namespace) -> Any:
    """Return the parameters of each call. A model with reasoning on Responses returns a summary of it there."""
    model = lookup(options.model)
    parameters: dict[str, Any] = {"max_tokens": options.max_tokens}
    if model.known and model.reasoning and model.responses and not options.no_reasoning and sys.stderr.isatty():
        effort = {"effort": options.effort} if options.effort else {}
        parameters["reasoning"] = {**effort, "summary": "auto"}
    else:
        parameters["reasoning_effort"] = options.effort
    return {name: value for name, value in parameters.items() if value is not None}


# --- the terminal -------------------------------------------------------------------------------------------------


@contextmanager
def _line_editing() -> Iterator[None]:
    """Let the arrow keys edit lines and recall earlier ones, where Python has readline."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    readline.set_auto_history(True)
    yield


def _read_line() -> str | None:
    """Return the next question, an empty one after Ctrl-C, None at the end of input."""
    try:
        return input(_PROMPT)
    except EOFError:
        _write(sys.stderr, "\n")
        return None
    except KeyboardInterrupt:
        _note('\nCtrl-D or "exit" ends the chat.')
        return ""


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _note(text: str) -> None:
    """Print a line about the chat, apart from its answers."""
    sys.stdout.flush()
    _write(sys.stderr, f"{_dim(text, sys.stderr)}\n")


def _dim(text: str, stream: TextIO) -> str:
    return f"\x1b[2m{text}\x1b[0m" if stream.isatty() and not os.environ.get("NO_COLOR") else text


def _error_text(error: AIMLAPIError) -> str:
    if isinstance(error, BudgetExceededError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _summary(reply: Reply) -> str:
    """Return the tokens and the cost of an answer, and why it ended if it is incomplete.

    >>> from aimlapi_integrations.types import Choice, Cost, Usage
    >>> usage = Usage(10, 37, 47, output_details={"reasoning": 27})
    >>> _summary(Reply("m", (Choice(Message("assistant", ())),), usage=usage, cost=Cost("0.000120000")))
    '47 tokens (27 reasoning), $0.00012'
    """
    parts = []
    if reply.usage is not None:
        reasoning = reply.usage.output_details.get("reasoning")
        parts.append(f"{reply.usage.total:,} tokens" + (f" ({reasoning:,} reasoning)" if reasoning else ""))
    if reply.cost is not None:
        dollars = reply.cost.usd.rstrip("0").rstrip(".")
        parts.append(f"${dollars or '0'}")
    if reply.finish_reason not in (None, "stop"):
        parts.append(f"ended by {reply.finish_reason}")
    return ", ".join(parts)
