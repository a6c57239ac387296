"""`aimlapi completion`: scripts that complete the command's words in a shell, written from its parsers."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Mapping
from string import Template

HELP = "print a script for completion in your shell"
DESCRIPTION = """Print a completion script. For bash, put this into ~/.bashrc: eval "$(aimlapi completion bash)". For
zsh, the same with zsh into ~/.zshrc. For fish: aimlapi completion fish > ~/.config/fish/completions/aimlapi.fish"""

SHELLS = ("bash", "zsh", "fish")

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")


def set_parsers(parser: argparse.ArgumentParser, commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Pass the parsers of `aimlapi` and of its commands on to `run`."""
    commands["completion"].set_defaults(parser=parser, parsers=commands)


def run(options: argparse.Namespace) -> int:
    """Print the script. Return the exit status."""
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
