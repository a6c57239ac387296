"""A chat, a stream, a tool call and a structured answer: in LangChain, then in LlamaIndex.

Talks to AI/ML API when AIMLAPI_API_KEY is set, and else to the emulator that comes with the package:

    pip install ".[all]"
    python examples/quickstart.py
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel
from rich.console import Console

from aimlapi_integrations import track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MODEL = "openai/gpt-5-mini-2025-08-07"
TRIP = "Note this down: three friends go to 'Lisbon' for 4 days."
console = Console(highlight=False)


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"22 °C and sunny in {city}"


@contextmanager
def gateway() -> Iterator[tuple[str, str | None]]:
    """The key and base URL to use: the gateway's own where there is a key, else the emulator's."""
    if key := os.environ.get("AIMLAPI_API_KEY"):
        console.print("[bold green]AIMLAPI_API_KEY is set: talking to AI/ML API. Each call has its price.[/]")
        yield key, None
    else:
        console.print("[bold yellow]No AIMLAPI_API_KEY: talking to the emulator, which makes its answers up.[/]")
        with Emulator() as emulator:
            yield "emulator", emulator.base_url


@contextmanager
def step(title: str) -> Iterator[None]:
    """One thing shown, with the tokens and the price of all its calls."""
    console.print(f"[bold cyan]{title:<11}[/]", end="")
    with track_costs() as costs:
        yield
    console.print(f"  [dim]({costs.total.total_tokens} tokens, ${costs.total.usd:f})[/]")


def say(*words: object) -> None:
    console.out(*words, end="")


def langchain(key: str, base_url: str | None) -> None:
    llm = ChatAIMLAPI(model=MODEL, api_key=key, base_url=base_url)

    with step("chat"):
        say(llm.invoke("Say hello to the reader.").text)

    with step("stream"):
        for chunk in llm.stream("Count from 1 to 5."):
            say(chunk.text)

    with step("tool call"):
        weather = tool(get_weather)
        assistant = llm.bind_tools([weather])
        messages = [HumanMessage("What is the weather in Paris?")]
        messages.append(assistant.invoke(messages))
        messages += [weather.invoke(call) for call in messages[-1].tool_calls]
        say(messages[1].tool_calls[0]["args"], "->", assistant.invoke(messages).text)

    with step("structured"):
        say(repr(llm.with_structured_output(Trip).invoke(TRIP)))


def llama_index(key: str, base_url: str | None) -> None:
    llm = AIMLAPI(model=MODEL, api_key=key, api_base=base_url)

    with step("chat"):
        say(llm.complete("Say hello to the reader.").text)

    with step("stream"):
        for part in llm.stream_chat([ChatMessage("Count from 1 to 5.")]):
            say(part.delta)

    with step("tool call"):
        weather = FunctionTool.from_defaults(get_weather)
        history = [ChatMessage("What is the weather in Paris?")]
        asked = llm.chat_with_tools([weather], chat_history=history)
        history.append(asked.message)
        [call] = llm.get_tool_calls_from_response(asked)
        result = str(weather(**call.tool_kwargs))
        history.append(ChatMessage(result, role="tool", additional_kwargs={"tool_call_id": call.tool_id}))
        say(call.tool_kwargs, "->", llm.chat_with_tools([weather], chat_history=history).message.content)

    with step("structured"):
        say(repr(llm.structured_predict(Trip, PromptTemplate(TRIP))))


if __name__ == "__main__":
    with gateway() as (api_key, url):
        console.rule("LangChain: ChatAIMLAPI")
        langchain(api_key, url)
        console.rule("LlamaIndex: AIMLAPI")
        llama_index(api_key, url)
