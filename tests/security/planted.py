"""What the tests of SECURITY.md share: planted secrets, all classes, and servers that answer anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

KEY = "sk-planted-0123456789"
PASSWORD = "pass-planted-0123456789"
TOKEN = "token-planted-0123456789"
SECRETS = (KEY, PASSWORD, TOKEN)
URL = f"http://ann:{PASSWORD}@127.0.0.1:9/v1"
GATEWAY = "https://api.aimlapi.com/v1"
HEADERS = {"X-Token": TOKEN}
QUERY = {"token": TOKEN}

CLASSES: dict[str, Callable[..., Any]] = {
    "Client": Client,
    "AsyncClient": AsyncClient,
    "ChatAIMLAPI": ChatAIMLAPI,
    "AIMLAPIEmbeddings": AIMLAPIEmbeddings,
    "AIMLAPI": lambda base_url=None, **arguments: AIMLAPI(api_base=base_url, **arguments),
    "AIMLAPIEmbedding": lambda base_url=None, **arguments: AIMLAPIEmbedding(api_base=base_url, **arguments),
}
MODELS = [name for name in CLASSES if not name.endswith("Client")]
every_class = pytest.mark.parametrize("kind", CLASSES)


def secret_model(kind: str, **arguments: Any) -> Any:
    settings = {"api_key": KEY, "base_url": URL, "default_headers": HEADERS, "default_query": QUERY}
    return CLASSES[kind](**{**settings, **arguments})


def leaks(texts: Any) -> list[str]:
    return [text for text in texts if any(secret in text for secret in SECRETS)]


def replies(status: int = 200, body: Any = None, content: bytes | None = None, **headers: str) -> Any:
    """Return a transport that answers each request alike, and the list of these requests."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if content is not None:
            return httpx.Response(status, content=content, headers=headers)
        return httpx.Response(status, json=body, headers=headers)

    return httpx.MockTransport(answer), requests


def client_with(transport: httpx.MockTransport, base_url: str = GATEWAY, **arguments: Any) -> Client:
    http_client = httpx.Client(transport=transport)
    return Client(KEY, base_url, http_client=http_client, max_retries=0, **arguments)


def chat_reply(message: Any, finish: str = "stop") -> dict[str, Any]:
    return {"id": "1", "model": "gpt-4o", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def key_of(model: Any) -> str:
    secret = getattr(model, "aimlapi_api_key", None) or getattr(model, "api_key", None) or model._http._api_key
    assert isinstance(secret, SecretStr)
    return secret.get_secret_value()
