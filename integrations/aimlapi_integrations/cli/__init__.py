"""The command `aimlapi`: `main` runs it, and the other modules have its subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = argparse._SubParsersAction


class Command(NamedTuple):
    """A subcommand: its name, its texts in `--help`, its arguments, and what it does, which returns the exit status."""

    name: str
    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]

    def add_to(self, subparsers: Subparsers) -> argparse.ArgumentParser:
        """Add the subcommand's parser, and return it."""
        parser = subparsers.add_parser(self.name, help=self.help, description=self.description)
        self.add_arguments(parser)
        parser.set_defaults(run=self.run)
        return parser
