"""Raw HTTP against the emulator, without this package's client."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from aimlapi_integrations.emulator import Emulator

JSON = dict[str, Any]
MODEL = "openai/gpt-5-mini-2025-08-07"
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
ADD = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}


def function(name: str, parameters: JSON, description: str = "") -> JSON:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = [function("get_weather", WEATHER, "The weather in a city"), function("add", ADD, "Adds two numbers")]


class GatewayClient:
    """An emulator and an HTTP client for it."""

    def __init__(self, gateway: Emulator, http: httpx.Client) -> None:
        self.gateway = gateway
        self.http = http

    def post(self, path: str, body: JSON, **headers: str) -> httpx.Response:
        named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, json=body, headers=named_headers)

    def chat(self, text: str = "Hello", model: str = MODEL, **body: Any) -> httpx.Response:
        messages = body.pop("messages", [{"role": "user", "content": text}])
        return self.post("chat/completions", {"model": model, "messages": messages, **body})

    def chat_message(self, text: str = "Hello", **body: Any) -> JSON:
        """The message of a chat reply."""
        message: JSON = self.chat(text, **body).raise_for_status().json()["choices"][0]["message"]
        return message

    def tool_calls(self, text: str, tools: list[JSON] = TOOLS, **body: Any) -> list[tuple[str, JSON]]:
        """The calls of a chat reply, as (name, arguments)."""
        calls = self.chat_message(text, tools=tools, **body).get("tool_calls", [])
        return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]

    def chat_chunks(self, text: str = "Hello", **body: Any) -> list[JSON]:
        return parse_events(self.chat(text, stream=True, **body).raise_for_status().text)

    def respond(self, body: JSON, model: str = MODEL) -> httpx.Response:
        return self.post("responses", {"model": model, **body})


def parse_events(text: str) -> list[JSON]:
    """The JSON of each event of a stream, without [DONE]."""
    lines = re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(item) for item in data if item != "[DONE]"]


def refused_fields(response: httpx.Response) -> list[tuple[str, str]]:
    """The details of a 400, as (path, reason)."""
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json; charset=utf-8"
    return [(detail["path"], detail["reason"]) for detail in response.json()["error"]["details"]]
