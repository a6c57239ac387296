"""`python -m tests.live` on the emulator, as it is and with planted differences. Only the gateway itself is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.models import known_models, lookup
from tests.cassettes import recorder
from tests.cassettes.scenarios import SCENARIOS
from tests.live import __main__ as live
from tests.live.budget import Budget, Prices
from tests.live.cross_section import select
from tests.live.parts import Plan, run
from tests.support.proxy import Exchange, Proxy

KEY = "sk-live-0123456789abcdef"
MINI, NANO, CLAUDE = "openai/gpt-5-mini-2025-08-07", "openai/gpt-4.1-nano-2025-04-14", "anthropic/claude-haiku-4.5"
EMBEDDER = "text-embedding-3-small"
CHAT, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/responses", "/v1/embeddings"

Edit = Callable[[Exchange], Exchange]


@pytest.fixture(autouse=True)
def environment(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIML_API_KEY", "AIMLAPI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.md"


@contextmanager
def planted(gateway: Emulator, edit: Edit) -> Iterator[None]:
    """Put a proxy that changes responses in front of the emulator."""
    with pytest.MonkeyPatch.context() as environment, Proxy(gateway.base_url, edit=edit) as proxy:
        environment.setenv("AIMLAPI_BASE_URL", proxy.base_url)
        yield


def run_models(report: Path, *models: str, status: int = 0) -> str:
    assert live.main(["--yes", "--only", "models", "--models", *models, "--report", str(report)]) == status
    return report.read_text(encoding="utf-8")


def rows(text: str, section: str) -> list[str]:
    body = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [line for line in body.splitlines() if line.startswith("| ")][1:]


# --- without differences ----------------------------------------------------------------------------------------------


def test_run_on_the_unchanged_emulator_reports_no_difference(
    gateway: Emulator, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run_models(report, NANO, CLAUDE, EMBEDDER)
    assert rows(text, "Differences from the emulator") == []
    assert rows(text, "Differences from the table of models") == []
    assert "**The emulator answered" in text
    assert "| models | 5 | 0 | 0 | 0 |" in text
    assert {row.split(" | ")[0].strip("| ") for row in rows(text, "Costs")} == {NANO, CLAUDE, EMBEDDER}
    output = capsys.readouterr().out
    assert "of $0.50 in" in output
    assert "Differences: none." in output
    assert "The run stops at $0.50" in output


def test_cross_section_has_the_cheapest_model_of_each_developer_and_endpoint() -> None:
    with Emulator() as gateway, live.Client("k", gateway.base_url) as client:
        catalogue = client.models.list(include="all")
    prices = Prices(catalogue)
    subjects = select(catalogue, prices)
    families = [(lookup(subject.model).developer, subject.endpoint) for subject in subjects]
    assert len(set(families)) == len(families)
    served = {entry.id for entry in catalogue}
    rivals = [model for model in known_models() if model.developer == "OpenAI" and model.id in served]
    for subject in subjects:
        if lookup(subject.model).developer == "OpenAI":
            costs = [sum(prices[model.id]) for model in rivals if subject.endpoint in model.endpoints]
            assert sum(prices[subject.model]) == min(costs)
    assert {endpoint for _, endpoint in families} == {"chat_completions", "responses", "messages", "embeddings"}


# --- planted differences ----------------------------------------------------------------------------------------------


def on(path: str, change: Callable[[dict[str, Any]], Any], *, asked: Callable[[dict[str, Any]], Any] = bool) -> Edit:
    """Change the JSON of plain replies of a path to requests for which `asked` is true."""

    def edit(exchange: Exchange) -> Exchange:
        if exchange.path != path or exchange.streamed or exchange.status != 200 or not asked(exchange.request or {}):
            return exchange
        body = exchange.json
        change(body)
        return replace(exchange, body=json.dumps(body).encode())

    return edit


def headers(**changes: str | None) -> Edit:
    names = {name.replace("_", "-"): value for name, value in changes.items()}

    def edit(exchange: Exchange) -> Exchange:
        merged = {**exchange.headers, **names}
        return replace(exchange, headers={name: value for name, value in merged.items() if value is not None})

    return edit


def refusal(parameter: str, **inner: Any) -> Edit:
    """Refuse every request that has the parameter."""

    def edit(exchange: Exchange) -> Exchange:
        if parameter not in (exchange.request or {}):
            return exchange
        message = f"Unsupported parameter: '{parameter}' is not supported with this model."
        body = {"status": 400, "message": message, "error": {"name": "x", "message": message, **inner}}
        return replace(exchange, status=400, body=json.dumps(body).encode())

    return edit


def stream(old: bytes, new: bytes) -> Edit:
    return lambda it: replace(it, body=it.body.replace(old, new)) if it.streamed else it


def catalog(exchange: Exchange) -> Exchange:
    if not exchange.path.startswith("/v1/models"):
        return exchange
    body = exchange.json
    for row in body["data"]:
        row["info"] |= {"contextLength": 12_345}
    return replace(exchange, body=json.dumps(body).encode())


def not_served(exchange: Exchange) -> Exchange:
    body = {"status": 404, "message": "No endpoints found for this model"}
    return replace(exchange, status=404, body=json.dumps(body).encode()) if exchange.path == CHAT else exchange


def without_reasoning(body: dict[str, Any]) -> None:
    body["usage"].pop("completion_tokens_details", None)
    for name in ("reasoning", "reasoning_content", "reasoning_details"):
        body["choices"][0]["message"].pop(name, None)


def without_price(exchange: Exchange) -> Exchange:
    edit = headers(x_aimlapi_usd_spent=None, x_aimlapi_credits_used=None)
    return edit(on(EMBEDDINGS, lambda body: body.pop("meta"))(exchange))


def says(text: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["choices"][0]["message"].update(content=text)


def without_calls(body: dict[str, Any]) -> None:
    body["choices"][0]["message"].pop("tool_calls", None)
    body["choices"][0] |= {"finish_reason": "stop"}
    says("No.")(body)


OURS, TABLE = "Differences from the emulator", "Differences from the table of models"

DIFFERENCES: dict[str, tuple[str, Edit, str, list[str]]] = {
    "new token count": (
        NANO,
        on(CHAT, lambda body: body["usage"].update(thinking_tokens=3)),
        OURS,
        ["token counts", "`usage.thinking_tokens` (number) is not the emulator's"],
    ),
    "missing token count": (
        NANO,
        on(RESPONSES, lambda body: body["usage"].pop("output_tokens_details")),
        OURS,
        ["token counts", "responses", "`usage.output_tokens_details` is missing"],
    ),
    "token count as a string": (
        CLAUDE,
        on("/v1/messages", lambda body: body["usage"].update(input_tokens=str(body["usage"]["input_tokens"]))),
        OURS,
        ["token counts", "messages", "`usage.input_tokens` is string, the emulator's number"],
    ),
    "unknown field": (
        NANO,
        on(CHAT, lambda body: body["choices"][0]["message"].update(mood={"name": "calm"})),
        OURS,
        ["fields", "`choices.[].message.mood` (object) is not the emulator's"],
    ),
    "finish reason": (
        NANO,
        on(CHAT, lambda body: body["choices"][0].update(finish_reason="eos")),
        OURS,
        ["finish reasons", "`eos`, where the emulator has stop"],
    ),
    "new header": (NANO, headers(x_aimlapi_region="eu"), OURS, ["headers", "`x-aimlapi-region` is not the emulator's"]),
    "missing header": (NANO, headers(x_inference_id=None), OURS, ["headers", "`x-inference-id` is missing"]),
    "header of a network": (NANO, headers(x_envoy_upstream="7"), OURS, []),
    "stream without an end": (
        NANO,
        stream(b"data: [DONE]\n\n", b""),
        OURS,
        ["stream events", "chat/completions, streamed", "ends with an event, the emulator's with `[DONE]`"],
    ),
    "new event": (
        NANO,
        stream(b"data: [DONE]", b'data: {"type": "usage.final"}\n\ndata: [DONE]'),
        OURS,
        ["stream events", "`usage.final` is not the emulator's"],
    ),
    "other success": (
        NANO,
        lambda it: replace(on(CHAT, lambda body: body.update(mood=1))(it), status=201) if it.path == CHAT else it,
        OURS,
        ["status", "HTTP 201, the emulator's 200"],
    ),
    "field of another success": (
        NANO,
        lambda it: replace(on(CHAT, lambda body: body.update(mood=1))(it), status=201) if it.path == CHAT else it,
        OURS,
        ["fields", "`mood` (number) is not the emulator's"],
    ),
    "refused request": (NANO, refusal("seed"), OURS, ["status", "HTTP 400, the emulator's 200"]),
    "refused parameter": (NANO, refusal("seed"), TABLE, ["parameter refused: seed=7", NANO]),
    "refused parameter in details": (
        NANO,
        refusal("top_logprobs", details=[{"path": ["top_logprobs"], "reason": "No"}]),
        TABLE,
        ["parameter refused: top_logprobs=1", NANO],
    ),
    "missing reasoning": (MINI, on(CHAT, without_reasoning), TABLE, ["the table says that it reasons"]),
    "unexpected reasoning": (
        NANO,
        on(CHAT, lambda body: body["choices"][0]["message"].update(reasoning_content="Hm.")),
        TABLE,
        ["it reasons, and the table doesn't say so"],
    ),
    "no tool call": (NANO, on(CHAT, without_calls, asked=lambda it: "tools" in it), TABLE, ["but it called none"]),
    "no structure": (
        NANO,
        on(CHAT, says("The letter a."), asked=lambda it: "response_format" in it),
        TABLE,
        ["the table says that it follows a JSON schema"],
    ),
    "empty reply": (NANO, on(CHAT, says("")), TABLE, ["an empty reply, ended by stop"]),
    "no price": (EMBEDDER, without_price, TABLE, ["embeddings", "no price"]),
    "other length of vectors": (
        EMBEDDER,
        on(EMBEDDINGS, lambda body: [row.update(embedding=[0.5]) for row in body["data"]]),
        TABLE,
        ["the table says 1,536 dimensions, and 1 came"],
    ),
    "other context": (NANO, catalog, TABLE, ["catalog", "context: the table has 1,000,000, the catalog 12,345"]),
    "not served": (NANO, not_served, TABLE, ["plain: NotFoundError 404: No endpoints found", NANO]),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_planted_difference_is_reported(name: str, gateway: Emulator, report: Path) -> None:
    model, edit, section, expected = DIFFERENCES[name]
    with planted(gateway, edit):
        text = run_models(report, model)
    found = [row for row in rows(text, section) if all(part in row for part in expected)]
    assert found if expected else not rows(text, section), text


def test_model_that_is_not_served_is_called_once(gateway: Emulator, report: Path) -> None:
    with planted(gateway, not_served):
        run_models(report, NANO)
    live_calls = [request for request in gateway.requests if request.path == CHAT]
    assert len(live_calls) == 1


# --- the limit --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--only", "models", "--models", NANO, MINI], "models"),
        (["--only", "checks"], "checks"),
        (["--only", "suite", "--suite-filter", "TestEmbeddings"], "suite"),
    ],
)
def test_run_stops_at_the_limit_and_says_so(
    arguments: list[str], part: str, gateway: Emulator, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if part == "suite":
        pytest.importorskip("langchain_tests")
    assert live.main(["--yes", "--limit", "0.0000021", *arguments, "--report", str(report)]) == 1
    text = report.read_text(encoding="utf-8")
    assert "The spending limit stopped the run." in text
    assert rows(text, "Not run")
    assert all(row.startswith(f"| {part} |") for row in rows(text, "Not run"))
    assert rows(text, "Failed") == []
    spent = Decimal(text.partition("Spent $")[2].partition(" of")[0])
    assert spent <= Decimal("0.0000021")
    assert "The spending limit stopped the run." in capsys.readouterr().out


@pytest.mark.parametrize("answer", [None, "n", "y"])
def test_run_asks_before_it_spends(
    answer: str | None, gateway: Emulator, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: answer is not None, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    arguments = ["--only", "models", "--models", EMBEDDER, "--report", str(report)]
    assert live.main(arguments) == (0 if answer == "y" else 2)
    assert report.exists() == (answer == "y")
    assert any(request.method == "POST" for request in gateway.requests) == (answer == "y")


@pytest.mark.parametrize("variables", [{"AIMLAPI_API_KEY": ""}, {"AIMLAPI_BASE_URL": "http://127.0.0.1:9/v1"}])
def test_run_without_a_key_or_a_gateway_ends_before_the_rehearsal(
    variables: dict[str, str], report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert live.main(["--yes", "--report", str(report)]) == 2
    output = capsys.readouterr().out
    assert "failed" in output
    assert "Rehearsing" not in output


@pytest.mark.parametrize("limit", ["0", "-1", "much", "nan"])
def test_limit_that_is_no_amount_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        live.main([f"--limit={limit}"])
    assert ended.value.code == 2
    assert "expected dollars" in capsys.readouterr().err


def test_estimate_is_not_below_what_the_emulator_charges(
    gateway: Emulator, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run_models(report, CLAUDE)
    at_most = Decimal(capsys.readouterr().out.partition("At most $")[2].split()[0])
    assert at_most >= Decimal(text.partition("Spent $")[2].partition(" of")[0]) > 0


def test_interrupted_run_reports_what_was_done(
    gateway: Emulator, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(outcome: Any, _: Budget) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "_show", interrupt)
    text = run_models(report, NANO, EMBEDDER, status=1)
    assert "The run was interrupted." in text
    assert "| models | 1 | 0 | 0 | 0 |" in text


# --- checks and the suite ---------------------------------------------------------------------------------------------


def plan(*names: str, part: str = "checks", **kwargs: Any) -> Plan:
    return Plan(KEY, "emulator", parts=(part,), scenarios=tuple(SCENARIOS[name] for name in names), **kwargs)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (on(CHAT, lambda body: body.pop("choices")), "APIResponseError"),
        (on(CHAT, lambda body: body["usage"].update(total_tokens=1)), ""),
        (lambda it: replace(it, status=500, body=b"{}"), "InternalServerError"),
    ],
)
@pytest.mark.parametrize("name", ["langchain-chat-plain", "llama-index-chat-plain"])
def test_check_that_fails_is_an_outcome(name: str, edit: Edit, problem: str, gateway: Emulator) -> None:
    with Proxy(gateway.base_url, edit=edit) as proxy:
        [outcome] = run(plan(name), proxy)
    assert (outcome.status, problem in outcome.text) == ("failed" if problem else "passed", True), outcome


@pytest.mark.parametrize("edit", [None, lambda it: replace(it, body=b"{}")], ids=["unchanged", "empty replies"])
def test_suite_of_the_framework_runs_in_its_own_process(edit: Edit | None, gateway: Emulator) -> None:
    pytest.importorskip("langchain_tests")
    with Proxy(gateway.base_url, edit=edit) as proxy:
        outcomes = list(run(plan(part="suite", suite_filter="TestEmbeddings and embed_query"), proxy))
    assert {outcome.name for outcome in outcomes} == {f"TestEmbeddings.test_{a}embed_query" for a in ("", "a")}
    assert {outcome.status for outcome in outcomes} == {"failed" if edit else "passed"}
    assert len(proxy.exchanges) >= 2


# --- secrets and cassettes --------------------------------------------------------------------------------------------


def test_key_that_the_gateway_repeats_is_in_neither_report_nor_output(
    gateway: Emulator, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"message": f"Refused: Bearer {KEY}", "status": 400}).encode()
    with planted(gateway, lambda it: replace(it, status=400, body=body) if it.method == "POST" else it):
        text = run_models(report, NANO)
    output = capsys.readouterr()
    assert "Refused" in text
    assert KEY not in text + output.out + output.err


def test_cassettes_are_recorded_through_the_proxy_and_say_where_they_come_from(
    gateway: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FOLDER", tmp_path)
    names = ("core-chat-plain", "langchain-messages-tools", "llama-index-embeddings")
    with Proxy(gateway.base_url) as proxy:
        outcomes = list(run(plan(*names, part="cassettes", record=True), proxy))
        again = list(run(plan(*names, part="cassettes", record=True), proxy))
    assert [(outcome.status, outcome.text) for outcome in outcomes] == [("passed", "new")] * 3
    assert {outcome.text for outcome in again} == {"unchanged"}
    for name in names:
        cassette = recorder.read(name)
        assert cassette["provenance"]["source"] == "emulator"
        assert cassette["interactions"][0]["request"]["uri"].startswith(recorder.GATEWAY)
        assert KEY not in recorder.path_of(name).read_text(encoding="utf-8")


def test_rehearsal_of_cassettes_records_nothing(
    gateway: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FOLDER", tmp_path)
    with Proxy(gateway.base_url) as proxy:
        [outcome] = run(plan("core-chat-plain", part="cassettes"), proxy)
    assert (outcome.status, list(tmp_path.iterdir())) == ("passed", [])
    assert proxy.exchanges
