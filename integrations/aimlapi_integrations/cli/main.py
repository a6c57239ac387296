"""The command `aimlapi`: its options, and which module runs each of its commands."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from .._utils.diagnostics import did_you_mean
from ..version import __version__
from . import chat, completion, doctor, models

_COMMANDS = {"models": models, "chat": chat, "doctor": doctor, "completion": completion}

INTERRUPTED, BROKEN_PIPE = 130, 141
"""What shells report of a program that ends by SIGINT, and by SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit status: 1 if nothing matches or a call failed, 2 for wrong arguments."""
    parser = build_parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    _reject_misspelled(parser, arguments)
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None and not unknown:
        parser.print_help()
        return 0
    if unknown:
        _subparsers(parser).get(options.command, parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        with _plain_warnings():
            return options.run(options)  # type: ignore[no-any-return]
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit doesn't fail too
        return BROKEN_PIPE


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command, with one subparser for each of its commands."""
    parser = argparse.ArgumentParser(
        prog="aimlapi",
        description="The text and embedding models of AI/ML API.",
        epilog="The key is read from AIMLAPI_API_KEY, another gateway's URL from AIMLAPI_BASE_URL.",
    )
    parser.add_argument("--version", action="version", version=f"aimlapi-integrations {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, module in _COMMANDS.items():
        subparser = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    completion.set_parsers(parser, _subparsers(parser))
    return parser


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: subparser
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, subparser in action.choices.items()
    }


def _reject_misspelled(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """End with a suggestion if an option or a command doesn't exist. argparse blames what follows such an option."""
    known: list[str] = []
    previous = ""
    for argument in arguments:
        known += parser._option_string_actions
        if argument == "--":
            return
        if argument.startswith("--"):
            name = argument.partition("=")[0]
            if not any(option.startswith(name) for option in known):
                parser.error(f"unrecognized arguments: {name}.{did_you_mean(name, known)}")
        elif not argument.startswith("-") and not _takes_value(parser, previous) and (commands := _subparsers(parser)):
            if argument not in commands:
                parser.error(_unknown_command(parser, argument, commands))
            parser = commands[argument]
        previous = argument


def _takes_value(parser: argparse.ArgumentParser, option: str) -> bool:
    """Return whether the argument after `option` belongs to it. An option can be abbreviated."""
    matching = [action for name, action in parser._option_string_actions.items() if option and name.startswith(option)]
    return option.startswith("-") and any(action.nargs != 0 for action in matching)


def _unknown_command(parser: argparse.ArgumentParser, name: str, commands: Iterable[str]) -> str:
    choices = ", ".join(commands)
    search = f" To search: {parser.prog} --search {name}" if "--search" in parser._option_string_actions else ""
    return f"there is no {parser.prog} {name}, only {choices}.{did_you_mean(name, commands) or search}"


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings as sentences. The line of code that they blame is one of this command."""
    original = warnings.formatwarning
    warnings.formatwarning = lambda message, *_details: f"Warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = original
