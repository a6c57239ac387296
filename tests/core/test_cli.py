"""`aimlapi models`: what it lists, from the table and live."""

from __future__ import annotations

import runpy
import sys

import pytest

from aimlapi_integrations.cli.main import main
from aimlapi_integrations.cli.models import live_rows
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from aimlapi_integrations.models import known_models, lookup, table_date

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]):
    def show(*arguments: str, status: int = 0) -> list[str]:
        assert main(["models", *arguments]) == status
        return capsys.readouterr().out.splitlines()

    return show


def ids(lines: list[str]) -> set[str]:
    return {line.split()[0] for line in lines[1:-1]}


def test_every_model_of_the_table_and_how_old_it_is(shown) -> None:
    lines = shown()
    assert ids(lines) == {model.id for model in known_models()}
    assert f"from the table of {table_date()} (" in lines[-1]
    assert "--live" in lines[-1]
    [mini] = [line for line in lines if line.startswith(MINI)]
    assert mini.split() == [MINI, "400,000", "text", "image", "pdf", "yes", "yes", "yes"]


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (["--tools"], lambda model: model.tools),
        (["--vision", "--reasoning"], lambda model: model.vision and model.reasoning),
        (["--structured"], lambda model: model.structured_output),
        (["--endpoint", "messages"], lambda model: model.messages),
        (["--endpoint", "responses"], lambda model: model.responses is not None),
        (["--search", "OPENAI"], lambda model: "openai" in f"{model.id} {model.developer}".casefold()),
    ],
)
def test_filters(shown, asked, holds) -> None:
    found = ids(shown(*asked))
    assert found
    assert found < {model.id for model in known_models()}
    assert found == {model.id for model in known_models() if holds(model)}


def test_nothing_found_is_no_success(shown) -> None:
    assert "0 of" in shown("--search", "no such model", status=1)[-1]


def test_without_prices_a_limit_says_where_there_are_some(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "aimlapi_integrations.cli.main.shipped_rows", lambda: live_rows([CatalogueModel("a", type=CHAT)])
    )
    assert main(["models", "--max-price", "1"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "--live asks the gateway" in told.err


def test_live_with_prices_and_without_a_key(shown, gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY", "AIMLAPI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    lines = shown("--live", "--max-price", "2.5", "--endpoint", "chat")
    [mini] = [line for line in lines if line.startswith(MINI)]
    assert mini.split()[-2:] == ["0.3", "2.5"]
    assert not any("opus" in line for line in lines)
    assert "live catalogue" in lines[-1]


def test_a_gateway_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("aimlapi_integrations.transport.client.HTTPClient.sleep", lambda *_: None)
    assert main(["models", "--live"]) == 1
    assert "The catalogue cannot be read" in capsys.readouterr().err


def test_the_package_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["aimlapi", "models", "--search", MINI])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("aimlapi_integrations", run_name="__main__")
    assert ended.value.code == 0
    assert MINI in capsys.readouterr().out


# --- rows of the live catalogue ---------------------------------------------------------------------------------------

CHAT = "openai/chat-completions"


def test_what_the_catalogue_leaves_unsaid_the_table_says() -> None:
    [row] = live_rows([CatalogueModel(MINI, type=CHAT, capabilities=("streaming",), context_length=5)])
    assert row.marks == {"tools", "vision", "reasoning", "structured"}
    assert (row.context, set(row.inputs)) == (5, set(lookup(MINI).inputs))


def test_a_model_that_is_in_no_table_has_what_it_declares() -> None:
    [row] = live_rows(
        [CatalogueModel("acme/new", type=CHAT, capabilities=("tools",), input_modalities=("image", "text"))]
    )
    assert (row.marks, row.inputs, row.endpoints) == ({"tools"}, ("text", "image"), {"chat"})


def test_a_model_listed_for_each_of_its_endpoints_is_one_and_pictures_are_none() -> None:
    entries = [CatalogueModel("a", type=CHAT), CatalogueModel("a", type="openai/responses")]
    [row] = live_rows([*entries, CatalogueModel("b", type="openai/image-generations")])
    assert row.endpoints == {"chat", "responses"}


def test_without_rich_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["models"]) == 1
    assert capsys.readouterr().err == 'The table needs rich: pip install "aimlapi-integrations[cli]"\n'
