"""Raw HTTP against the emulator, for its tests: no client of ours is involved."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from aimlapi_integrations.emulator import Emulator

Json = dict[str, Any]
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


def function(name: str, parameters: Json, description: str = "") -> Json:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = [function("get_weather", WEATHER, "The weather in a city"), function("add", ADD, "Adds two numbers")]


class Wire:
    """One gateway and one HTTP client to it."""

    def __init__(self, gateway: Emulator, http: httpx.Client) -> None:
        self.gateway = gateway
        self.http = http

    def post(self, path: str, body: Json, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, json=body, headers=named)

    def chat(self, text: str = "Hello", model: str = MODEL, **body: Any) -> httpx.Response:
        messages = body.pop("messages", [{"role": "user", "content": text}])
        return self.post("chat/completions", {"model": model, "messages": messages, **body})

    def said(self, text: str = "Hello", **body: Any) -> Json:
        """The message of a chat reply."""
        message: Json = self.chat(text, **body).raise_for_status().json()["choices"][0]["message"]
        return message

    def called(self, text: str, tools: list[Json] = TOOLS, **body: Any) -> list[tuple[str, Json]]:
        """The calls of a chat reply, as (name, arguments)."""
        calls = self.said(text, tools=tools, **body).get("tool_calls", [])
        return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]

    def chunks(self, text: str = "Hello", **body: Any) -> list[Json]:
        return events(self.chat(text, stream=True, **body).raise_for_status().text)

    def respond(self, body: Json, model: str = MODEL) -> httpx.Response:
        return self.post("responses", {"model": model, **body})


def events(text: str) -> list[Json]:
    """The JSON of each event of a stream; [DONE] is left out."""
    lines = re.split("\r\n|\n|\r", text.removeprefix("\ufeff"))
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(item) for item in data if item != "[DONE]"]


def refusal(response: httpx.Response) -> list[tuple[str, str]]:
    """What a 400 complains of, as (path, reason)."""
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json; charset=utf-8"
    return [(detail["path"], detail["reason"]) for detail in response.json()["error"]["details"]]
