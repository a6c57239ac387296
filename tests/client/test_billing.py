"""`client.billing.balance()`, with the sync and the async client."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aimlapi_integrations import (
    AsyncClient,
    AuthenticationError,
    Client,
    InsufficientCreditsError,
    PermissionDeniedError,
)
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import APIResponseError


@pytest.fixture(params=[Client, AsyncClient])
def client_type(request: pytest.FixtureRequest) -> Any:
    return request.param


async def balance(client_type: Any, base_url: str, respond: Any = None) -> Any:
    """Return the balance, from a server on loopback or as `respond` has it."""
    http = httpx.Client if client_type is Client else httpx.AsyncClient
    client = client_type(
        "sk-0123456789",
        base_url,
        max_retries=0,
        http_client=http(transport=httpx.MockTransport(respond)) if respond else None,
    )
    result = client.billing.balance()
    try:
        return await result if inspect.isawaitable(result) else result
    finally:
        await client.aclose() if client_type is AsyncClient else client.close()


async def test_balance_is_read_at_the_root_of_the_host(client_type: Any, gateway: Emulator) -> None:
    result = await balance(client_type, gateway.base_url)
    assert (result.amount, result.currency, str(result)) == (Decimal("10.0"), "USD", "10.00 USD")
    assert result.call_metadata.request_id
    [request] = gateway.requests
    assert (request.method, request.path) == ("GET", "/v2/billing")
    assert request.headers["authorization"] == "Bearer sk-0123456789"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"balance": 1}, APIResponseError),
        (200, {"current_balance": "NaN"}, APIResponseError),
        (200, {"current_balance": None}, APIResponseError),
        (200, {"current_balance": True}, APIResponseError),
        (200, [], APIResponseError),
        (401, {"message": "Invalid key"}, AuthenticationError),
        (403, {"message": "No access"}, PermissionDeniedError),
        (403, {"message": "x", "error": {"data": {"kind": "err_insufficent_credits"}}}, InsufficientCreditsError),
    ],
)
async def test_balance_that_cannot_be_read_is_an_error_without_the_key(
    client_type: Any, status: int, body: Any, error: type[Exception]
) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=body, headers={"x-echo": request.headers["authorization"]})

    with pytest.raises(error) as raised:
        await balance(client_type, "https://example.com/v1", respond)
    assert "sk-0123456789" not in str(raised.value) + json.dumps(getattr(raised.value, "headers", {}))


@pytest.mark.parametrize(("value", "amount"), [(12, "12"), (0.1, "0.1"), ("7.25", "7.25"), (-1, "-1")])
async def test_balance_is_exact(client_type: Any, value: Any, amount: str) -> None:
    body = {"current_balance": value, "currency": "EUR"}
    result = await balance(client_type, "https://example.com/v1", lambda _: httpx.Response(200, json=body))
    assert (result.amount, result.currency) == (Decimal(amount), "EUR")
