"""`aimlapi models refresh` and `aimlapi models check`, and what both adapters do with refreshed models."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("jsonschema")

from aimlapi_integrations.cli.main import main
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.models import ModelDeprecationWarning, loader, lookup
from tests.support.fault_server import FaultServer, reply

NEWCOMER = "emulator/newcomer"
RULES = "Answer in one word."


@pytest.fixture(scope="module")
def gateway() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gateway: Emulator) -> Iterator[Path]:
    """Use the emulator without a key, and a file of refreshed models of this test's."""
    path = tmp_path / "models.json"
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")
    monkeypatch.setenv("AIMLAPI_MODELS", str(path))
    loader.clear_caches()
    yield path
    monkeypatch.setenv("AIMLAPI_MODELS", "shipped")
    loader.clear_caches()


def ask_langchain() -> str:
    return str(ChatAIMLAPI(model=NEWCOMER).invoke([("system", RULES), ("human", "Name a river.")]).text)


def ask_llama_index() -> str:
    from llama_index.core.llms import ChatMessage

    messages = [ChatMessage(role="system", content=RULES), ChatMessage(role="user", content="Name a river.")]
    return str(AIMLAPI(model=NEWCOMER).chat(messages).message.content)


# --- refresh ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [ask_langchain, ask_llama_index])
def test_model_that_the_shipped_table_lacks_is_adapted_by_its_live_schema(
    ask: Callable[[], str], gateway: Emulator
) -> None:
    assert not lookup(NEWCOMER).known
    assert main(["models", "refresh", NEWCOMER]) == 0
    assert "[emulated]" in ask()
    [message] = gateway.requests[-1].json["messages"]
    assert message["role"] == "user"  # the schema lists no system role
    assert RULES in str(message["content"])


@pytest.mark.parametrize("construct", [ChatAIMLAPI.from_catalogue, AIMLAPI.from_catalogue])
def test_from_catalogue_adapts_to_the_live_schema(construct: Callable[[str], object]) -> None:
    construct(NEWCOMER)
    assert lookup(NEWCOMER).known
    assert lookup(NEWCOMER).chat.roles == {"user", "assistant"}  # type: ignore[union-attr]


@pytest.mark.parametrize("construct", [ChatAIMLAPI.afrom_catalogue, AIMLAPI.afrom_catalogue])
async def test_afrom_catalogue_adapts_to_the_live_schema(construct) -> None:
    await construct(NEWCOMER)
    assert lookup(NEWCOMER).known


def test_refresh_of_several_models_one_after_the_other_keeps_all(cache_file: Path) -> None:
    for model in (NEWCOMER, "gpt-4o", NEWCOMER):
        assert main(["models", "refresh", model]) == 0
    assert set(json.loads(cache_file.read_text())["table"]["models"]) >= {NEWCOMER, lookup("gpt-4o").id}


@pytest.mark.parametrize("model", [[NEWCOMER], ["gpt-4o"]])
def test_refresh_from_the_emulator_says_that_prices_are_invented(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "refresh", *model]) == 0
    output = capsys.readouterr()
    assert output.out.startswith("1 model written")
    assert "prices are invented" in output.err
    assert main(["models"]) == 0
    assert "refreshed from the emulator: the prices are invented" in capsys.readouterr().out


def test_refresh_of_an_unknown_model_changes_nothing(cache_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "refresh", "acme/none"]) == 1
    assert "acme/none" in capsys.readouterr().err
    assert not cache_file.exists()


ENTRY = {"id": "acme/one", "type": "openai/chat-completions", "info": {"name": "One", "developer": "Acme"}}
CATALOG = reply({"object": "list", "data": [ENTRY]})
DEPRECATIONS = reply({"object": "list", "data": []})


@pytest.mark.parametrize(
    "acts",
    [
        [reply({"error": "no"}, 400)],
        [CATALOG, reply({"error": "no"}, 400)],
        [CATALOG, reply({"paths": {}}), reply({"error": "no"}, 400)],
        [CATALOG, reply({"paths": {}}), reply({"data": "none"})],
    ],
    ids=["catalog", "schema", "deprecations", "damaged deprecations"],
)
def test_refresh_that_fails_halfway_changes_nothing(
    cache_file: Path, acts: list[bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["models", "refresh", NEWCOMER])
    before = cache_file.read_bytes()
    with FaultServer() as server:
        monkeypatch.setenv("AIMLAPI_BASE_URL", server.case(*[[act] for act in acts]).base_url)
        assert main(["models", "refresh"]) == 1
    assert "nothing was changed" in capsys.readouterr().err
    assert cache_file.read_bytes() == before


@pytest.mark.parametrize(
    "document", [reply({"paths": {}}), reply(b"<html>", content_type="text/html"), reply(["no", "object"])]
)
def test_refresh_reports_a_schema_that_it_does_not_understand(
    document: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FaultServer() as server:
        acts = [[CATALOG], [document], [DEPRECATIONS]]
        monkeypatch.setenv("AIMLAPI_BASE_URL", server.case(*acts).base_url)
        assert main(["models", "refresh"]) == 0
    output = capsys.readouterr()
    assert "acme/one chat: its schema was not understood" in output.err
    assert "1 model written" in output.out


def test_refresh_from_the_gateway_drops_what_the_emulator_said(
    cache_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "refresh", "gpt-4o"]) == 0
    capsys.readouterr()
    with FaultServer() as server:
        acts = [[CATALOG], [reply({"paths": {}})], [DEPRECATIONS]]
        monkeypatch.setenv("AIMLAPI_BASE_URL", server.case(*acts).base_url)
        assert main(["models", "refresh"]) == 0
    assert set(json.loads(cache_file.read_text())["table"]["models"]) == {"acme/one"}
    assert "invented" not in capsys.readouterr().err


def test_refresh_for_maintainers_writes_the_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(loader.shipped_table()), encoding="utf-8")
    assert main(["models", "refresh", NEWCOMER, "--table", str(path)]) == 0
    table, shipped = json.loads(path.read_text(encoding="utf-8")), loader.shipped_table()
    added = {model: table["models"][model].get("status") for model in table["models"].keys() - shipped["models"].keys()}
    assert added == {NEWCOMER: None, "anthropic/claude-opus-4.7-fast": "withdrawn"}
    assert table["families"] == shipped["families"]
    assert table["models"]["gpt-4o"] == shipped["models"]["gpt-4o"]


def test_refresh_without_a_place_to_write_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_MODELS", "shipped")
    assert main(["models", "refresh", NEWCOMER]) == 1
    assert "AIMLAPI_MODELS" in capsys.readouterr().err


# --- deprecations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "construct",
    [
        lambda model: ChatAIMLAPI(model=model),
        lambda model: AIMLAPI(model=model),
        lambda model: AIMLAPIEmbeddings(model=model),
        lambda model: AIMLAPIEmbedding(model=model),
    ],
    ids=["ChatAIMLAPI", "AIMLAPI", "AIMLAPIEmbeddings", "AIMLAPIEmbedding"],
)
def test_deprecated_model_warns_at_construction_at_the_callers_line(
    construct: Callable[[str], object],
) -> None:
    main(["models", "refresh", NEWCOMER])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        construct("anthropic/claude-3-opus")
        construct("anthropic/claude-3-opus")
    [warning] = [each for each in caught if each.category is ModelDeprecationWarning]
    assert "deprecated (2027-01-15). Use anthropic/claude-opus-4-8 instead." in str(warning.message)
    assert warning.filename == __file__


# --- check -----------------------------------------------------------------------------------------------------------


def test_check_names_what_is_unknown_deprecated_or_withdrawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["models", "refresh", NEWCOMER])
    capsys.readouterr()
    source = tmp_path / "app"
    (source / "node_modules").mkdir(parents=True)
    (source / "node_modules" / "left_out.py").write_text('model = "openai/gpt-99"')
    (source / "agent.py").write_text('llm = ChatAIMLAPI(model="openai/gpt-4o")\nold = "anthropic/claude-3-opus"\n')
    (source / "settings.toml").write_text('name = "claude-monet-1"\nmodel = "openai/gpt-99-mini"\n')
    (source / "notebook.ipynb").write_text('{"source": ["llm = AIMLAPI(model=\\"sakana/sakana-namazu\\")"]}')
    (source / "picture.py").write_bytes(b'\xff\xfemodel = "openai/gpt-99"')
    assert main(["models", "check", str(source)]) == 1
    lines = capsys.readouterr().out.splitlines()
    places = {re.sub(r".*app/", "", line.split(" is ")[0]): line for line in lines[:-1]}
    assert set(places) == {
        "agent.py:2: anthropic/claude-3-opus",
        "settings.toml:2: openai/gpt-99-mini",
        "notebook.ipynb:1: sakana/sakana-namazu",
    }
    assert "Use anthropic/claude-opus-4-8 instead." in places["agent.py:2: anthropic/claude-3-opus"]
    assert lines[-1] == "4 models checked, 3 to change."


@pytest.mark.parametrize(("model", "status", "text"), [("gpt-4o", 0, "0 to change"), ("gpt-4oo", 1, "Similar: ")])
def test_check_of_an_id(model: str, status: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", model]) == status
    assert text in capsys.readouterr().out


@pytest.mark.parametrize("name", ["missing.py", "./missing", "/missing/folder", "missing/"])
def test_check_of_a_missing_file_is_an_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", name]) == 2
    assert capsys.readouterr().err == f"There is no file or folder {name}\n"
