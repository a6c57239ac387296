"""The command `aimlapi`: its options, which module has each of its subcommands, and completion in shells."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from string import Template

from .._utils.diagnostics import did_you_mean
from ..version import __version__
from . import Command, chat, doctor, models

INTERRUPTED, BROKEN_PIPE = 130, 141
"""What shells report of a program that ends by SIGINT, and by SIGPIPE."""

_COMPLETION_DESCRIPTION = """Print a completion script. For bash, put this into ~/.bashrc:
eval "$(aimlapi completion bash)". For zsh, the same with zsh into ~/.zshrc. For fish:
aimlapi completion fish > ~/.config/fish/completions/aimlapi.fish"""

_SHELLS = ("bash", "zsh", "fish")

_IDS = "aimlapi models --ids 2>/dev/null"

_BASH = Template("""\
_aimlapi() {
    local current=$${COMP_WORDS[COMP_CWORD]} previous=$${COMP_WORDS[COMP_CWORD-1]} words
    case "$$previous" in
        -m|--model) words=$$($ids) ;;
$choices
        *) case "$${COMP_WORDS[1]}" in
$commands
            *) words="$top" ;;
        esac ;;
    esac
    COMPREPLY=($$(compgen -W "$$words" -- "$$current"))
}
complete -o default -F _aimlapi aimlapi
""")

_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


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
    for command in (models.COMMAND, chat.COMMAND, doctor.COMMAND):
        command.add_to(commands)
    _COMPLETION.add_to(commands).set_defaults(parser=parser, parsers=_subparsers(parser))
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


# --- completion ---------------------------------------------------------------------------------------------------


def _add_completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=_SHELLS, help="the shell to complete in")


def _print_completion(options: argparse.Namespace) -> int:
    """Print the script that completes the command's words in a shell, written from its parsers."""
    match options.shell:
        case "bash":
            script = _bash(options.parser, options.parsers)
        case "zsh":
            script = _ZSH + _bash(options.parser, options.parsers)
        case "fish":
            script = _fish(options.parser, options.parsers)
        case _:
            raise ValueError(f"No completion for {options.shell!r}.")
    print(script, end="")  # noqa: T201
    return 0


_COMPLETION = Command(
    "completion",
    "print a script for completion in your shell",
    _COMPLETION_DESCRIPTION,
    _add_completion_arguments,
    _print_completion,
)


def _bash(parser: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser]) -> str:
    choices = {
        flag: " ".join(map(str, action.choices))
        for command in commands.values()
        for action in command._actions
        for flag in action.option_strings
        if action.choices
    }
    words = {name: " ".join([*_flags(command), *_positional_choices(command)]) for name, command in commands.items()}
    return _BASH.substitute(
        ids=_IDS,
        choices="\n".join(f'        {flag}) words="{values}" ;;' for flag, values in choices.items()),
        commands="\n".join(f'            {name}) words="{values}" ;;' for name, values in words.items()),
        top=" ".join([*commands, *_flags(parser)]),
    )


def _fish(parser: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser]) -> str:
    top = "complete -c aimlapi -n __fish_use_subcommand -f"
    lines = [f"{top} -a {name} -d {shlex.quote(_help(parser, name))}" for name in commands]
    lines += [f"{top} -l {flag[2:]}" for flag in _flags(parser) if flag.startswith("--")]
    for name, command in commands.items():
        prefix = f"complete -c aimlapi -n '__fish_seen_subcommand_from {name}' -f"
        lines += [f"{prefix} {_fish_option(action)}" for action in command._actions if action.option_strings]
        lines += [f"{prefix} -a {shlex.quote(' '.join(values))}" for values in [_positional_choices(command)] if values]
    return "\n".join(lines) + "\n"


def _fish_option(action: argparse.Action) -> str:
    flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in action.option_strings]
    description = f"-d {shlex.quote(action.help or '')}"
    if "--model" in action.option_strings:
        return f"{' '.join(flags)} -x -a '({_IDS})' {description}"
    if action.choices:
        return f"{' '.join(flags)} -x -a {shlex.quote(' '.join(map(str, action.choices)))} {description}"
    return f"{' '.join(flags)} {'-x ' if action.nargs is None else ''}{description}"


def _flags(parser: argparse.ArgumentParser) -> Iterable[str]:
    return [flag for action in parser._actions for flag in action.option_strings]


def _positional_choices(parser: argparse.ArgumentParser) -> list[str]:
    actions = [action for action in parser._actions if not action.option_strings and action.choices]
    return [str(choice) for action in actions for choice in action.choices or ()]


def _help(parser: argparse.ArgumentParser, command: str) -> str:
    [action] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return next(choice.help or "" for choice in action._choices_actions if choice.dest == command)
