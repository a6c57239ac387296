"""Every cassette replays its scenario completely, and users observe what its bodies contain."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cassettes import record as recording
from tests.cassettes.expected import expected_observation, is_pending
from tests.cassettes.observed import Answer, Target, Tokens
from tests.cassettes.provenance import NOTES
from tests.cassettes.recorder import FOLDER, GATEWAY, find_secrets, path_of, read, replaying
from tests.cassettes.scenarios import ADAPTERS, CAPABILITIES, DOCUMENTED, SCENARIOS, Scenario

PAGE = "https://docs.aimlapi.com/api-references/text-models-llm/openai/gpt-5-mini"
RECORDED = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem not in DOCUMENTED)

both_drivers = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
every_cassette = pytest.mark.parametrize("name", [*DOCUMENTED, *RECORDED])


def target(is_async: bool) -> Target:
    return Target("no key is needed", f"{GATEWAY}/v1", is_async=is_async)


# --- what users observe -----------------------------------------------------------------------------------------------


@both_drivers
@pytest.mark.parametrize("name", RECORDED)
def test_replayed_scenario_matches_the_bodies_of_its_cassette(name: str, is_async: bool) -> None:
    with replaying(path_of(name)):
        observations = SCENARIOS[name].run(target(is_async))
    exchanges = [exchange for exchange in read(name)["interactions"] if not is_pending(exchange)]
    expected = [expected_observation(exchange, like) for exchange, like in zip(exchanges, observations, strict=True)]
    assert observations == expected


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


@both_drivers
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("name", "endpoint"), DOCUMENTED.items())
def test_documented_reply_is_observed_in_every_adapter(name: str, endpoint: str, adapter: str, is_async: bool) -> None:
    with replaying(path_of(name)):
        observations = Scenario(adapter, endpoint, "hello").run(target(is_async))
    assert observations == [Answer(DOCUMENTED_TEXT[name], "stop", DOCUMENTED_TOKENS[name])]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("documented-chat-completions", {"messages": [{"role": "user", "content": "Hello"}]}),
        ("documented-responses", {"input": "Hello"}),
    ],
)
def test_documented_cassette_has_the_documented_request(name: str, body: dict[str, Any]) -> None:
    [exchange] = read(name)["interactions"]
    assert exchange["request"]["json"] == {"model": "openai/gpt-5-mini-2025-08-07", **body}


# --- the contents of cassettes ----------------------------------------------------------------------------------------


def test_cassettes_match_the_scenarios() -> None:
    assert set(SCENARIOS) == set(RECORDED)


def test_scenarios_cover_every_adapter_endpoint_and_capability() -> None:
    output = {(s.adapter, s.endpoint, s.capability) for s in SCENARIOS.values()}
    everywhere = set(product(ADAPTERS, ("chat", "responses", "messages"), CAPABILITIES))
    alone = ("embeddings", "batches", "ocr", "speech", "images")
    other = [("responses", "citations"), ("decisions", "rerank"), *((endpoint, endpoint) for endpoint in alone)]
    elsewhere = set(product(ADAPTERS, other))
    decide = {(adapter, "decisions", "decide") for adapter in ("core", "langchain")}
    single = {("core", "catalogue", "catalogue"), *decide}
    assert output == everywhere | {(adapter, *what) for adapter, what in elsewhere} | single


@pytest.mark.parametrize("name", [name for name in RECORDED if name.endswith("stream")])
def test_stream_cassette_has_a_stream(name: str) -> None:
    first = read(name)["interactions"][0]
    assert first["request"]["json"]["stream"] is True
    assert len(first["response"]["events"]) > 3


@pytest.mark.parametrize("name", [name for name in RECORDED if name.endswith("messages-reasoning")])
def test_thinking_is_returned_with_its_signature(name: str) -> None:
    first, final = read(name)["interactions"]
    [thought] = [block for block in first["response"]["json"]["content"] if block["type"] == "thinking"]
    assert thought["thinking"]
    assert thought["signature"]
    assert final["request"]["json"]["messages"][1]["content"][0] == thought


@every_cassette
def test_cassette_has_a_provenance(name: str) -> None:
    content = read(name)["provenance"]
    if name in DOCUMENTED:
        assert (content["source"], content["page"]) == ("documentation", PAGE)
        assert "Transcribed" in content["note"]
        assert "not recorded" in content["note"]
    else:
        assert content["note"] == NOTES[content["source"]]
        assert content["scenario"] == name
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["recorded"])


@every_cassette
def test_emulated_cassette_is_marked_as_emulated(name: str) -> None:
    cassette = read(name)
    emulated = re.search(r"aimlapi-emulator|\[emu", path_of(name).read_text(encoding="utf-8"))
    if cassette["provenance"]["source"] == "emulator":
        assert "No answer of the live service" in cassette["provenance"]["note"]
        assert emulated or name.endswith(("embeddings", "catalogue", "messages-structured", "decide", "rerank"))
    else:
        assert not emulated


@every_cassette
def test_cassette_has_no_secret(name: str) -> None:
    assert find_secrets(path_of(name).read_text(encoding="utf-8")) == []


@every_cassette
def test_cassette_request_goes_to_the_gateway_without_nulls(name: str) -> None:
    for exchange in read(name)["interactions"]:
        request = exchange["request"]
        media_types = {"json": "application/json", "form": "multipart/form-data"}
        kinds = [media for field, media in media_types.items() if field in request]
        assert request["uri"].startswith((f"{GATEWAY}/v1/", f"{GATEWAY}/model/"))
        assert list(request["headers"].items()) == [("content-type", media) for media in kinds]
        assert None not in request.get("json", {}).values()


@every_cassette
def test_cassette_has_fewer_than_200_lines(name: str) -> None:
    assert len(path_of(name).read_text(encoding="utf-8").splitlines()) < 200


# --- recording --------------------------------------------------------------------------------------------------------


@pytest.fixture
def cassette_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A writable folder of cassettes, and no API key."""
    for module in ("recorder", "record"):
        monkeypatch.setattr(f"tests.cassettes.{module}.FOLDER", tmp_path)
    monkeypatch.delenv("AIMLAPI_API_KEY", raising=False)
    return tmp_path


NAME = "core-chat-plain"


def test_record_without_key_uses_the_emulator(cassette_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recording.main([NAME]) == 0
    assert (
        capsys.readouterr().out == f"No AIMLAPI_API_KEY: recording answers that the emulator makes up.\n{NAME}: new\n"
    )
    assert read(NAME)["provenance"]["source"] == "emulator"


def test_record_again_leaves_an_equal_cassette_unchanged(
    cassette_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.main([NAME])
    before = path_of(NAME).read_bytes()
    recording.main([NAME])
    assert capsys.readouterr().out.endswith(f"{NAME}: unchanged\n")
    assert path_of(NAME).read_bytes() == before


def test_record_again_prints_changes(cassette_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording.main([NAME])
    path = path_of(NAME)
    path.write_text(path.read_text(encoding="utf-8").replace("[emulated]", "[other]"), encoding="utf-8")
    recording.main([NAME])
    output = capsys.readouterr().out
    assert f"{NAME}: changed" in output
    assert re.search(r"^ +- .*\[other\]", output, re.MULTILINE)
    assert re.search(r"^ +\+ .*\[emulated\]", output, re.MULTILINE)


def test_record_without_key_keeps_a_live_cassette(cassette_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    live = "provenance: {source: live}\ninteractions: []\n"
    path_of(NAME).write_text(live, encoding="utf-8")
    recording.main([NAME])
    assert capsys.readouterr().out.endswith(f"{NAME}: kept: recorded live\n")
    assert path_of(NAME).read_text(encoding="utf-8") == live


@pytest.mark.parametrize(
    ("name", "reason"), [("documented-responses", "is transcribed, not recorded"), ("nonsense", "is none of core-")]
)
def test_record_unknown_scenario_fails(cassette_folder: Path, capsys: Any, name: str, reason: str) -> None:
    assert recording.main([name]) == 2
    assert f"{name} {reason}" in capsys.readouterr().out
    assert not list(cassette_folder.iterdir())
