"""The command `aimlapi`: its options, and which module runs each of its commands."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ..version import __version__
from . import chat, completion, doctor, models

_COMMANDS = {"models": models, "chat": chat, "doctor": doctor, "completion": completion}

INTERRUPTED, BROKEN_PIPE = 130, 141
"""What shells report of a program that ends by SIGINT, and by SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit status: 1 if nothing matches or a call failed, 2 for wrong arguments."""
    parser = build_parser()
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None and not unknown:
        parser.print_help()
        return 0
    if unknown:
        _subparsers(parser).get(options.command, parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
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
    [action] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(action.choices)
