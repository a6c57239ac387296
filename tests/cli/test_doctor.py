"""`aimlapi doctor`: what it says about a working gateway, and about each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from aimlapi_integrations.cli.doctor import Result, examine
from aimlapi_integrations.cli.main import main
from aimlapi_integrations.emulator import Emulator
from tests.support.proxy import Exchange, Proxy

KEY = "sk-doctor-0123456789abcdef"
CHECKS = ["versions", "key", "address", "catalog", "account", "clock", "chat completions", "… streamed", "responses"]
CHECKS += ["messages", "embeddings", "decisions", "OCR"]


@pytest.fixture(autouse=True)
def environment(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
    for name in ("AIML_API_KEY", "AIMLAPI_API_BASE", *proxies):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)


@contextmanager
def changed(gateway: Emulator, edit: Callable[[Exchange], Exchange]) -> Iterator[Proxy]:
    """Put a proxy that changes responses between the command and the emulator."""
    with pytest.MonkeyPatch.context() as environment, Proxy(gateway.base_url, edit=edit) as proxy:
        environment.setenv("AIMLAPI_BASE_URL", proxy.base_url)
        yield proxy


def results(**options: Any) -> dict[str, Result]:
    return {result.check: result for result in examine(**options)}


# --- a working gateway ------------------------------------------------------------------------------------------------


def test_doctor_on_a_working_gateway_calls_each_endpoint_and_shows_the_cost(
    gateway: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    output = capsys.readouterr().out
    lines = [line for line in output.splitlines() if line.startswith("ok")]
    assert [check for check, line in zip(CHECKS, lines, strict=True) if check not in line] == []
    assert "the balance is 10.00 USD" in output
    assert "Nothing failed. The calls cost $0.00" in output
    posts = [request.path for request in gateway.requests if request.method == "POST"]
    chat = ["/v1/chat/completions"] * 2
    assert posts == [*chat, "/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/decisions", "/v1/ocr"]


def test_free_doctor_only_reads(gateway: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--free"]) == 0
    assert {request.method for request in gateway.requests} == {"GET"}
    assert "Nothing was charged" in capsys.readouterr().out


def test_doctor_calls_the_requested_model_on_chat_completions(gateway: Emulator) -> None:
    assert main(["doctor", "--model", "gpt-4o-mini"]) == 0
    models = [request.json["model"] for request in gateway.requests if request.path.endswith("completions")]
    assert models == ["gpt-4o-mini"] * 2


def test_json_has_every_check_and_the_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [check["check"] for check in summary["checks"]] == CHECKS
    assert {check["status"] for check in summary["checks"]} == {"ok"}
    assert float(summary["cost_usd"]) > 0


# --- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "check", "status", "text", "advice"),
    [
        ({"AIMLAPI_API_KEY": ""}, "key", "failed", "No API key", "https://aimlapi.com/app/keys"),
        ({"AIMLAPI_API_KEY": "a\tb\nc"}, "key", "failed", "can't carry it", "AIMLAPI_API_KEY"),
        ({"AIMLAPI_API_KEY": "<YOUR_KEY>"}, "key", "warning", "looks like a placeholder", "Create a key"),
        ({"AIML_API_KEY": "another-one"}, "key", "warning", "AIML_API_KEY has another key", "Unset AIML_API_KEY"),
        ({"AIMLAPI_BASE_URL": "ftp://x"}, "address", "failed", "expected an http or https URL", "AIMLAPI_BASE_URL"),
        ({"AIMLAPI_API_BASE": "http://127.0.0.1:9"}, "address", "warning", "has another address", "Unset"),
        ({"AIMLAPI_BASE_URL": "http://127.0.0.1:9"}, "catalog", "failed", "APIConnectionError", "HTTPS_PROXY"),
        (
            {"AIMLAPI_BASE_URL": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
            "catalog",
            "failed",
            "APIConnectionError",
            "These variables are set: HTTPS_PROXY",
        ),
        ({"AIMLAPI_BASE_URL": "http://127.0.0.1:9"}, "account and calls", "skipped", "can't be reached", ""),
    ],
)
def test_wrong_environment_is_reported_with_advice(
    variables: dict[str, str], check: str, status: str, text: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = results(free=True)[check]
    assert result.status == status
    assert text in result.text
    assert advice in result.advice


def test_missing_key_fails_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AIMLAPI_API_KEY")
    assert main(["doctor"]) == 1
    assert "1 of 4 checks failed: key." in capsys.readouterr().out


@pytest.mark.parametrize("url", ["https://api.aimlapi.com/v2", "http://example.com/v1"])
def test_address_that_can_be_used_but_looks_wrong_is_a_warning(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", url)
    checks = examine(free=True)
    _, _, address = next(checks), next(checks), next(checks)
    assert address.status == "warning"
    checks.close()  # type: ignore[attr-defined]


# --- the gateway ------------------------------------------------------------------------------------------------------


def error(status: int, message: str, **data: Any) -> Callable[[Exchange], Exchange]:
    body = {"title": "", "status": status, "message": message, "error": {"name": "", "message": message, **data}}
    headers = {"content-type": "application/problem+json", "x-request-id": "r-1"}
    return lambda exchange: replace(exchange, status=status, headers=headers, body=json.dumps(body).encode())


def headers(**changes: str) -> Callable[[Exchange], Exchange]:
    return lambda exchange: replace(exchange, headers={**exchange.headers, **changes})


def body(**changes: Any) -> Callable[[Exchange], Exchange]:
    return lambda exchange: replace(exchange, body=json.dumps({**exchange.json, **changes}).encode())


def date(seconds: float) -> Callable[[Exchange], Exchange]:
    def edit(exchange: Exchange) -> Exchange:
        time = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        return headers(date=format_datetime(time, usegmt=True))(exchange)

    return edit


def without_price(exchange: Exchange) -> Exchange:
    kept = {name: value for name, value in exchange.headers.items() if not name.startswith("x-aimlapi")}
    return replace(body(meta={})(exchange), headers=kept)


def cut(exchange: Exchange) -> Exchange:
    return replace(exchange, body=exchange.body[: len(exchange.body) // 2].rpartition(b"\n\n")[0] + b"\n\n")


CATALOG, BILLING, CHAT, EMBEDDINGS = (
    "/model/openai/gpt-5-mini-2025-08-07",
    "/v2/billing",
    "/v1/chat/completions",
    "/v1/embeddings",
)
NO_CREDITS = error(403, "You've run out of credits.", data={"kind": "err_insufficent_credits"})

PROBLEMS = {
    "no catalog": (CATALOG, error(404, "Cannot GET"), "catalog", "warning", "NotFoundError", "aimlapi models"),
    "broken catalog": (CATALOG, error(502, "Bad Gateway"), "catalog", "failed", "HTTP 502", "Try again later"),
    "wrong key": (BILLING, error(401, "Invalid key"), "account", "failed", "HTTP 401, request r-1", "create a key"),
    "key without rights": (BILLING, error(403, "No access"), "account", "warning", "No access", "scopes"),
    "no balance here": (BILLING, error(404, "Cannot GET"), "account", "warning", "doesn't report a balance", ""),
    "no credits": (BILLING, NO_CREDITS, "account", "failed", "InsufficientCreditsError", "Top up"),
    "empty account": (BILLING, body(current_balance=0), "account", "failed", "0.00 USD", "Top up"),
    "low balance": (BILLING, body(current_balance=0.4), "account", "warning", "0.40 USD", "Top up"),
    "unreadable balance": (BILLING, body(current_balance="much"), "account", "failed", "current_balance", "proxy"),
    "clock behind": (BILLING, date(120), "clock", "warning", "behind the gateway's", "Synchronize"),
    "clock ahead": (BILLING, date(-120), "clock", "warning", "ahead of the gateway's", "Synchronize"),
    "clock a little ahead": (BILLING, date(-10), "clock", "ok", "ahead of the gateway's", ""),
    "no date": (BILLING, headers(date=""), "clock", "skipped", "no date", ""),
    "too many requests": (CHAT, error(429, "Slow down"), "chat completions", "failed", "RateLimitError", "Wait"),
    "broken provider": (EMBEDDINGS, error(500, "Sorry"), "embeddings", "failed", "HTTP 500", "Try again later"),
    "scope of the key": (EMBEDDINGS, error(403, "No"), "embeddings", "failed", "PermissionDenied", "model:embeddings"),
    "unknown model": (CHAT, error(404, "Model x not found"), "chat completions", "failed", "404", "aimlapi models"),
    "refused request": (CHAT, error(400, "No"), "chat completions", "failed", "BadRequestError", "--model"),
    "no price": (EMBEDDINGS, without_price, "embeddings", "warning", "no price", ""),
    "cut stream": (CHAT, cut, "… streamed", "failed", "StreamError", "a proxy cuts"),
    "not JSON": (EMBEDDINGS, lambda it: replace(it, body=b"<html>"), "embeddings", "failed", "APIResponse", "proxy"),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_problem_at_the_gateway_is_reported_with_advice(problem: str, gateway: Emulator) -> None:
    path, edit, check, status, text, advice = PROBLEMS[problem]
    with changed(gateway, lambda exchange: edit(exchange) if exchange.path == path else exchange):
        result = results()[check]
    assert (result.status, text in result.text, advice in result.advice) == (status, True, True), result


def test_rejected_key_is_not_used_for_calls(gateway: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    edit = error(401, "Invalid key")
    with changed(gateway, lambda exchange: edit(exchange) if exchange.path == BILLING else exchange):
        assert main(["doctor"]) == 1
    assert not [request for request in gateway.requests if request.method == "POST"]
    assert "skipped  calls" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_key_is_never_printed(arguments: list[str], gateway: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    edit = error(400, f"Bad Request: authorization was Bearer {KEY}")
    with changed(gateway, lambda exchange: edit(exchange) if exchange.method == "POST" else exchange):
        assert main(["doctor", *arguments]) == 1
    output = capsys.readouterr()
    assert "Bad Request" in output.out
    assert KEY not in output.out + output.err


def test_password_of_the_address_is_never_printed(
    gateway: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url.replace("//", "//ann:pass1234word@"))
    main(["doctor", "--free"])
    output = capsys.readouterr()
    assert "***@" in output.out
    assert "pass1234word" not in output.out + output.err
