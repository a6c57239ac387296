"""Every cassette plays through its scenario, whole, and users see what its bodies state."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cassettes import record as recording
from tests.cassettes.expected import stated
from tests.cassettes.observed import Line, Seen, Tokens
from tests.cassettes.provenance import NOTES
from tests.cassettes.recorder import FOLDER, GATEWAY, leaks, path_of, read, replaying
from tests.cassettes.scenarios import ADAPTERS, CAPABILITIES, DOCUMENTED, SCENARIOS, Scenario

PAGE = "https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-5-mini"
RECORDED = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem not in DOCUMENTED)

colours = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
every_cassette = pytest.mark.parametrize("name", [*DOCUMENTED, *RECORDED])


def line(asynchronous: bool) -> Line:
    return Line("no key is needed", f"{GATEWAY}/v1", asynchronous=asynchronous)


# --- what is said -----------------------------------------------------------------------------------------------------


@colours
@pytest.mark.parametrize("name", RECORDED)
def test_users_see_what_the_cassette_states(name: str, asynchronous: bool) -> None:
    with replaying(path_of(name)):
        sights = SCENARIOS[name].run(line(asynchronous))
    assert sights == [stated(exchange, like) for exchange, like in zip(read(name)["interactions"], sights, strict=True)]


DOCUMENTED_TEXT = {
    "documented-chat-completions": """\
Hi — how can I help you today? \n
Here are a few things I can do if you want ideas:
- Answer questions or explain something
- Help draft or edit text (emails, essays, resumes)
- Write or debug code
- Brainstorm ideas or plan projects
- Summarize articles or long documents
- Translate or practice another language

What do you need?""",
    "documented-responses": "Hi — how can I help you today?",
}
DOCUMENTED_TOKENS = {
    "documented-chat-completions": Tokens(4, 903, 907, reasoning=128),
    "documented-responses": Tokens(4, 63, 67, reasoning=0),
}


@colours
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("name", "endpoint"), DOCUMENTED.items())
def test_users_see_what_the_vendor_documents(name: str, endpoint: str, adapter: str, asynchronous: bool) -> None:
    with replaying(path_of(name)):
        sights = Scenario(adapter, endpoint, "hello").run(line(asynchronous))
    assert sights == [Seen(DOCUMENTED_TEXT[name], "stop", DOCUMENTED_TOKENS[name])]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("documented-chat-completions", {"messages": [{"role": "user", "content": "Hello"}]}),
        ("documented-responses", {"input": "Hello"}),
    ],
)
def test_documented_requests_are_the_documented_ones(name: str, body: dict[str, Any]) -> None:
    [exchange] = read(name)["interactions"]
    assert exchange["request"]["json"] == {"model": "openai/gpt-5-mini-2025-08-07", **body}


# --- what a cassette is -----------------------------------------------------------------------------------------------


def test_there_is_a_cassette_for_each_scenario_and_no_other() -> None:
    assert set(SCENARIOS) == set(RECORDED)


def test_every_adapter_shows_every_capability_on_every_endpoint() -> None:
    shown = {(s.adapter, s.endpoint, s.capability) for s in SCENARIOS.values()}
    everywhere = set(product(ADAPTERS, ("chat", "responses", "messages"), CAPABILITIES))
    other = [("responses", "citations"), ("embeddings",) * 2, ("batches",) * 2, ("decisions", "rerank")]
    elsewhere = set(product(ADAPTERS, other))
    decide = {(adapter, "decisions", "decide") for adapter in ("core", "langchain")}
    single = {("core", "catalogue", "catalogue"), *decide}
    assert shown == everywhere | {(adapter, *what) for adapter, what in elsewhere} | single


@pytest.mark.parametrize("name", [name for name in RECORDED if name.endswith("stream")])
def test_a_stream_is_one_on_its_cassette(name: str) -> None:
    first = read(name)["interactions"][0]
    assert first["request"]["json"]["stream"] is True
    assert len(first["response"]["events"]) > 3


@pytest.mark.parametrize("name", [name for name in RECORDED if name.endswith("messages-reasoning")])
def test_thinking_is_handed_back_with_its_signature(name: str) -> None:
    asked, answered = read(name)["interactions"]
    [thought] = [block for block in asked["response"]["json"]["content"] if block["type"] == "thinking"]
    assert thought["thinking"]
    assert thought["signature"]
    assert answered["request"]["json"]["messages"][1]["content"][0] == thought


@every_cassette
def test_a_cassette_says_where_it_comes_from(name: str) -> None:
    said = read(name)["provenance"]
    if name in DOCUMENTED:
        assert (said["source"], said["page"]) == ("documentation", PAGE)
        assert "Transcribed" in said["note"]
        assert "not recorded" in said["note"]
    else:
        assert said["note"] == NOTES[said["source"]]
        assert said["scenario"] == name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", said["recorded"])


@every_cassette
def test_what_the_emulator_made_up_is_not_passed_off_as_live(name: str) -> None:
    cassette = read(name)
    made_up = re.search(r"aimlapi-emulator|\[emu", path_of(name).read_text(encoding="utf-8"))
    if cassette["provenance"]["source"] == "emulator":
        assert "No answer of the live service" in cassette["provenance"]["note"]
        assert made_up or name.endswith(("embeddings", "catalogue", "messages-structured", "decide", "rerank"))
    else:
        assert not made_up


@every_cassette
def test_a_cassette_carries_no_secret(name: str) -> None:
    assert leaks(path_of(name).read_text(encoding="utf-8")) == []


@every_cassette
def test_a_cassette_is_for_the_gateway_and_carries_no_null_request(name: str) -> None:
    for exchange in read(name)["interactions"]:
        sent = exchange["request"].get("json", {})
        assert exchange["request"]["uri"].startswith((f"{GATEWAY}/v1/", f"{GATEWAY}/model/"))
        assert exchange["request"]["headers"] == ({"content-type": "application/json"} if sent else {})
        assert None not in sent.values()


@every_cassette
def test_a_cassette_is_small_enough_to_read(name: str) -> None:
    assert len(path_of(name).read_text(encoding="utf-8").splitlines()) < 200


# --- recording anew ---------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cassettes that may be written to, and no key."""
    for module in ("recorder", "record"):
        monkeypatch.setattr(f"tests.cassettes.{module}.FOLDER", tmp_path)
    monkeypatch.delenv("AIMLAPI_API_KEY", raising=False)
    return tmp_path


NAME = "core-chat-plain"


def test_without_a_key_the_emulator_is_recorded_and_said(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recording.main([NAME]) == 0
    assert (
        capsys.readouterr().out == f"No AIMLAPI_API_KEY: recording answers that the emulator makes up.\n{NAME}: new\n"
    )
    assert read(NAME)["provenance"]["source"] == "emulator"


def test_what_says_the_same_stays_as_it_is(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording.main([NAME])
    before = path_of(NAME).read_bytes()
    recording.main([NAME])
    assert capsys.readouterr().out.endswith(f"{NAME}: unchanged\n")
    assert path_of(NAME).read_bytes() == before


def test_what_changed_is_shown(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording.main([NAME])
    path = path_of(NAME)
    path.write_text(path.read_text(encoding="utf-8").replace("[emulated]", "[other]"), encoding="utf-8")
    recording.main([NAME])
    shown = capsys.readouterr().out
    assert f"{NAME}: changed" in shown
    assert re.search(r"^ +- .*\[other\]", shown, re.MULTILINE)
    assert re.search(r"^ +\+ .*\[emulated\]", shown, re.MULTILINE)


def test_a_live_cassette_is_not_replaced_by_the_emulator(shelf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = "provenance: {source: live}\ninteractions: []\n"
    path_of(NAME).write_text(live, encoding="utf-8")
    recording.main([NAME])
    assert capsys.readouterr().out.endswith(f"{NAME}: kept: recorded live\n")
    assert path_of(NAME).read_text(encoding="utf-8") == live


@pytest.mark.parametrize(
    ("name", "reason"), [("documented-responses", "is transcribed, not recorded"), ("nonsense", "is none of core-")]
)
def test_what_is_no_scenario_is_not_recorded(shelf: Path, capsys: Any, name: str, reason: str) -> None:
    assert recording.main([name]) == 2
    assert f"{name} {reason}" in capsys.readouterr().out
    assert not list(shelf.iterdir())
