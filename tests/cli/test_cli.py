"""The command `aimlapi models`, with the shipped table and live."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys

import pytest

from aimlapi_integrations.cli.main import main
from aimlapi_integrations.cli.models import live_rows
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from aimlapi_integrations.models import known_models, lookup, table_date
from aimlapi_integrations.version import __version__

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]):
    def show(*arguments: str, status: int = 0) -> list[str]:
        assert main(["models", *arguments]) == status
        return capsys.readouterr().out.splitlines()

    return show


def ids(lines: list[str]) -> set[str]:
    return {line.split()[0] for line in lines[1:-1]}


def test_models_without_filters_lists_the_table_and_its_age(shown) -> None:
    lines = shown()
    assert ids(lines) == {model.id for model in known_models()}
    assert f"from the table of {table_date()} (" in lines[-1]
    assert "--live" in lines[-1]
    [mini] = [line for line in lines if line.startswith(MINI)]
    assert mini.split() == [MINI, "400k", "image", "pdf", "tools", "schema", "reasoning"]


@pytest.mark.parametrize(
    ("arguments", "matches"),
    [
        (["--tools"], lambda model: model.tools),
        (["--vision", "--reasoning"], lambda model: model.vision and model.reasoning),
        (["--structured"], lambda model: model.structured_output),
        (["--endpoint", "messages"], lambda model: model.messages),
        (["--endpoint", "responses"], lambda model: model.responses is not None),
        (["--search", "OPENAI"], lambda model: "openai" in f"{model.id} {model.developer}".casefold()),
    ],
)
def test_models_with_a_filter_lists_the_matching_models(shown, arguments, matches) -> None:
    listed = ids(shown(*arguments))
    assert listed
    assert listed < {model.id for model in known_models()}
    assert listed == {model.id for model in known_models() if matches(model)}


def test_models_without_a_match_exits_with_1(shown) -> None:
    assert "0 of" in shown("--search", "no such model", status=1)[-1]


def test_max_price_without_prices_suggests_live(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "aimlapi_integrations.cli.models.shipped_rows", lambda: live_rows([CatalogueModel("a", type=CHAT)])
    )
    assert main(["models", "--max-price", "1"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "Add --live" in output.err


def test_live_without_a_key_lists_prices(shown, gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    lines = shown("--live", "--max-price", "2.5", "--endpoint", "chat")
    [mini] = [line for line in lines if line.startswith(MINI)]
    assert mini.split()[-2:] == ["0.3", "2.5"]
    assert not any("opus" in line for line in lines)
    assert "live catalog;" in lines[-1]
    assert lines[-1].endswith("The emulator answered: its prices are invented.")


@pytest.mark.usefixtures("no_waiting")
def test_live_without_a_gateway_reports_the_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://127.0.0.1:9/v1")
    assert main(["models", "--live"]) == 1
    assert "The catalog can't be read" in capsys.readouterr().err


def test_package_run_as_a_module_is_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["aimlapi", "models", "--search", MINI])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("aimlapi_integrations", run_name="__main__")
    assert ended.value.code == 0
    assert MINI in capsys.readouterr().out


# --- rows of the live catalog -----------------------------------------------------------------------------------------

CHAT = "openai/chat-completions"


def test_live_row_without_features_takes_those_of_the_table() -> None:
    [row] = live_rows([CatalogueModel(MINI, type=CHAT, capabilities=("streaming",), context_length=5)])
    assert row.marks == {"tools", "vision", "reasoning", "structured"}
    assert (row.context, set(row.inputs)) == (5, set(lookup(MINI).inputs))


def test_live_row_of_an_unknown_model_has_its_declared_features() -> None:
    [row] = live_rows(
        [CatalogueModel("acme/new", type=CHAT, capabilities=("tools",), input_modalities=("image", "text"))]
    )
    assert (row.marks, row.inputs, row.endpoints) == ({"tools"}, ("text", "image"), {"chat"})


def test_live_rows_merge_endpoints_and_omit_image_models() -> None:
    entries = [CatalogueModel("a", type=CHAT), CatalogueModel("a", type="openai/responses")]
    [row] = live_rows([*entries, CatalogueModel("b", type="openai/image-generations")])
    assert row.endpoints == {"chat", "responses"}


def test_command_without_rich_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["models"]) == 1
    assert 'pip install "aimlapi-integrations[cli]"' in capsys.readouterr().err
    assert main(["models", "--ids"]) == 0  # which needs no table
    assert MINI in capsys.readouterr().out


# --- output -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_table_fits_80_columns_without_empty_columns(
    live: bool, gateway: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["models", *(["--live"] if live else [])]) == 0
    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert lines[0].split() == ["model", "context", "features", *(["$", "in", "$", "out"] if live else [])]


def test_json_has_every_field_and_null_where_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json", "--search", MINI]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["id"] == MINI
    assert row["context"] == 400_000
    assert row["inputs"] == ["text", "image", "pdf"]
    assert row["features"] == ["reasoning", "structured", "tools", "vision"]
    assert row["endpoints"] == ["chat", "responses"]
    assert row["usd_per_million_tokens"].keys() == {"input", "output"}


def test_json_without_a_match_is_an_empty_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json", "--search", "no such model"]) == 1
    assert json.loads(capsys.readouterr().out) == []


# --- the command itself -----------------------------------------------------------------------------------------------


def test_command_without_arguments_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    output = capsys.readouterr().out
    assert output.startswith("usage: aimlapi ")
    assert all(f"\n    {command}" in output for command in ("models", "chat", "completion"))


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aimlapi-integrations {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "usage", "problem"),
    [
        (["models", "--tool-use"], "aimlapi models", "unrecognized arguments: --tool-use"),
        (["models", "--serach", "claude"], "aimlapi models", "arguments: --serach. Did you mean '--search'?"),
        (["models", "check", "gpt-4o", "--tabel"], "aimlapi models check", "unrecognized arguments: --tabel"),
        (["models", "check", "gpt-4o", "--tools"], "aimlapi models", "unrecognized arguments: --tools"),
        (["models", "claude"], "aimlapi models", "only refresh, check. To search: aimlapi models --search claude"),
        (["models", "--search", "gpt", "chekc"], "aimlapi models", "Did you mean 'check'?"),
        (["models", "--endpoint", "audio"], "aimlapi models", "invalid choice: 'audio'"),
        (["models", "--json", "--ids"], "aimlapi models", "not allowed with"),
        (["chat", "--max-tokens", "many", "Hello"], "aimlapi chat", "invalid int value: 'many'"),
        (["chat", "--modle", "gpt-4o", "Hello"], "aimlapi chat", "arguments: --modle. Did you mean '--model'?"),
        (["chat", "--max-cost", "1,5", "Hello"], "aimlapi chat", "expected dollars, such as 0.50, received '1,5'"),
        (["completion", "tcsh"], "aimlapi completion", "invalid choice: 'tcsh'"),
        (
            ["modles"],
            "aimlapi",
            "there is no aimlapi modles, only models, chat, doctor, completion. Did you mean 'models'?",
        ),
        (["ask"], "aimlapi", "there is no aimlapi ask, only models, chat, doctor, completion.\n"),
        (["--live"], "aimlapi", "unrecognized arguments: --live"),
    ],
)
def test_wrong_arguments_show_the_usage_of_their_command(
    arguments: list[str], usage: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    output = capsys.readouterr().err
    assert output.startswith(f"usage: {usage} [-h]")
    assert problem in output


@pytest.mark.parametrize(
    "arguments",
    [["--search", "refresh", "--tools"], ["--search=check", "--tools"], ["--endp", "chat", "--search", "check"]],
)
def test_value_of_an_option_that_is_called_like_a_command_is_a_value(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == 1
    assert capsys.readouterr().out.startswith("0 of ")


# --- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (["mo"], {"models"}),
        ([""], {"models", "chat", "doctor", "completion", "-h", "--help", "--version"}),
        (["models", "--to"], {"--tools"}),
        (["models", "--endpoint", "re"], {"responses"}),
        (["completion", "f"], {"fish"}),
        (["chat", "--model", "gpt-5-mini"], set()),
        (["chat", "--model", MINI[:-4]], {MINI}),
    ],
)
def test_bash_completes(words: list[str], completions: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    command = f'aimlapi() {{ {sys.executable} -m aimlapi_integrations "$@"; }}\n'
    state = f"COMP_WORDS=(aimlapi {' '.join(words[:-1])} '{words[-1]}'); COMP_CWORD={len(words)}; _aimlapi\n"
    script = command + capsys.readouterr().out + state + 'printf "%s\\n" "${COMPREPLY[@]}"'
    process = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert {*process.stdout.split()} == completions
    assert process.stderr == ""


@pytest.mark.parametrize(
    ("shell", "parts"),
    [
        ("zsh", ["bashcompinit", "complete -o default -F _aimlapi aimlapi"]),
        ("fish", ["-a models -d 'list and filter the models'", "-l model -s m", "-l endpoint -x -a 'chat responses"]),
    ],
)
def test_completion_scripts_of_other_shells_name_commands_and_options(
    shell: str, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    output = capsys.readouterr().out
    assert all(part in output.replace("-s m -l model", "-l model -s m") for part in parts)
