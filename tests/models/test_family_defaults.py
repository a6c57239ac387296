"""What is sent for a model that the table doesn't know: by every prefix of a family and every feature.

`REFUSALS` is written by hand, after what the gateway's documentation and live tests of it say that a family refuses.
What the package adds by itself must never be among that.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from pydantic import BaseModel

from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.models import lookup

from ..contract.minimal_server import MinimalServer

Json = dict[str, Any]
FAMILIES: Json = json.loads(files("aimlapi_integrations").joinpath("models", "models.json").read_text(encoding="utf-8"))
PREFIXES = [
    prefix
    for prefixes, row in FAMILIES["families"].items()
    if row.keys() & {"chat", "responses"}
    for prefix in prefixes.split() or [""]
]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"


class City(BaseModel):
    """A city."""

    name: str


def find(name: str) -> str:
    """Find a city."""
    return name


# --- what families refuse ---------------------------------------------------------------------------------------------


def forces_tool(body: Json) -> bool:
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else choice
    return kind in ("required", "any", "tool", "function")


def names_tool(body: Json) -> bool:
    choice = body.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") in ("tool", "function")


def has_effort(body: Json) -> bool:
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort")
    return effort not in (None, "none")


Refuses = Callable[[str, Json], bool]
CLAUDE = r"anthropic/|claude"
OLD_CLAUDE = r"(anthropic/)?claude-(2|3|instant|(opus|sonnet|haiku)-4(?![-.][78]))"
OPENAI = r"openai/|gpt-|o1|o3|o4|chatgpt"
NEW_GPT = r"(openai/)?gpt-(?!3|4|5|audio|oss|image)"
REFUSALS: list[tuple[str, str, Refuses]] = [
    ("Responses", rf"(?!{OPENAI})", lambda path, _: path == RESPONSES),
    ("messages", rf"(?!{CLAUDE})", lambda path, _: path == MESSAGES),
    ("response_format", CLAUDE, lambda _, body: "response_format" in body),
    ("a thinking budget", rf"(?!{OLD_CLAUDE})({CLAUDE})", lambda _, body: "budget_tokens" in json.dumps(body)),
    ("a forced tool", r"(anthropic/)?claude-fable-(?!5(?![-.]1)|latest)", lambda _, body: forces_tool(body)),
    ("a forced tool", r"moonshot/kimi-k2-[5-7]|moonshot/zz|kimi-zz", lambda _, body: forces_tool(body)),
    ("a named tool", r"(moonshot(ai)?/)?kimi-k3|nvidia/", lambda _, body: names_tool(body)),
    (
        "effort and tools",
        NEW_GPT,
        lambda path, body: path == CHAT and has_effort(body) and bool(body.get("tools")),
    ),
    (
        "no reasoning",
        r"(google/)?gemini-(?![12])",
        lambda _, body: body.get("reasoning_effort") in ("none", "minimal"),
    ),
    ("the minimal level", OPENAI, lambda _, body: '"minimal"' in json.dumps(body)),
]


def find_refusals(model: str, path: str, body: Json) -> list[str]:
    return [name for name, family, refuses in REFUSALS if re.match(family, model) and refuses(path, body)]


# --- features -----------------------------------------------------------------------------------------------------


def langchain_model(model: str, client: httpx.Client, **fields: Any) -> Any:
    return ChatAIMLAPI(model=model, api_key="k", http_client=client, max_retries=0, **fields)


def llama_index_model(model: str, client: httpx.Client, **fields: Any) -> Any:
    return AIMLAPI(model=model, api_key="k", http_client=client, max_retries=0, **fields)


def langchain_image(model: str, client: httpx.Client) -> None:
    image = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    langchain_model(model, client).invoke([("user", [{"type": "text", "text": "Hello"}, image])])


def llama_index_image(model: str, client: httpx.Client) -> None:
    image = ImageBlock(image=PNG.encode(), image_mimetype="image/png")
    llama_index_model(model, client).chat([ChatMessage(blocks=[TextBlock(text="Hello"), image])])


def llama_index_tools(model: str, client: httpx.Client, choice: str | None = None, **fields: Any) -> None:
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    chosen = {"tool_choice": choice} if choice else {}
    llama_index_model(model, client, **fields).chat([ChatMessage("Hello")], tools=[tool], **chosen)


FEATURES: dict[str, dict[str, Callable[[str, httpx.Client], Any]]] = {
    "langchain": {
        "text": lambda model, client: langchain_model(model, client).invoke(
            [("system", "Be brief."), ("user", "Hello")]
        ),
        "stream": lambda model, client: list(langchain_model(model, client).stream("Hello")),
        "tools": lambda model, client: langchain_model(model, client).bind_tools([find]).invoke("Hello"),
        "any tool": lambda model, client: (
            langchain_model(model, client).bind_tools([find], tool_choice="any").invoke("Hello")
        ),
        "named tool": lambda model, client: (
            langchain_model(model, client).bind_tools([find], tool_choice="find").invoke("Hello")
        ),
        "effort and tools": lambda model, client: (
            langchain_model(model, client, reasoning_effort="low").bind_tools([find]).invoke("Hello")
        ),
        "minimal effort": lambda model, client: langchain_model(model, client, reasoning_effort="minimal").invoke(
            "Hello"
        ),
        "no effort": lambda model, client: langchain_model(model, client, reasoning_effort="none").invoke("Hello"),
        "structured output": lambda model, client: (
            langchain_model(model, client).with_structured_output(City, include_raw=True).invoke("Hello")
        ),
        "image": langchain_image,
    },
    "llama_index": {
        "text": lambda model, client: llama_index_model(model, client).chat(
            [ChatMessage("Be brief.", role="system"), ChatMessage("Hello")]
        ),
        "stream": lambda model, client: list(llama_index_model(model, client).stream_chat([ChatMessage("Hello")])),
        "tools": llama_index_tools,
        "any tool": lambda model, client: llama_index_tools(model, client, "required"),
        "named tool": lambda model, client: llama_index_tools(model, client, "find"),
        "effort and tools": lambda model, client: llama_index_tools(model, client, reasoning_effort="low"),
        "minimal effort": lambda model, client: llama_index_model(model, client, reasoning_effort="minimal").complete(
            "Hello"
        ),
        "no effort": lambda model, client: llama_index_model(model, client, reasoning_effort="none").complete("Hello"),
        "structured output": lambda model, client: (
            llama_index_model(model, client).as_structured_llm(City).complete("Hello")
        ),
        "image": llama_index_image,
    },
}


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", FEATURES["langchain"])
@pytest.mark.parametrize("framework", FEATURES)
def test_unknown_model_is_sent_nothing_that_its_family_refuses(framework: str, feature: str) -> None:
    """One test for all prefixes, so that a failure lists every family that it concerns."""
    problems: list[str] = []
    for prefix in PREFIXES:
        model, wire = f"{prefix}zz-new", MinimalServer()
        assert not lookup(model).known
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            send(FEATURES[framework][feature], model, wire, problems)
        problems += [f"{model}: {refusal} on {wire.path}" for refusal in find_refusals(model, wire.path, wire.sent)]
        problems += [f"{model}: {len(caught)} warnings"] if len(caught) > 1 else []
    assert not problems


def send(call: Callable[[str, httpx.Client], Any], model: str, wire: MinimalServer, problems: list[str]) -> None:
    """Send one request. The reply may lack what was asked for, and content may be one that the family can't take."""
    try:
        call(model, wire.client)
    except ValueError as error:
        if not wire.sent and "image" not in str(error).casefold() and "takes no" not in str(error):
            problems.append(f"{model}: {error}")
