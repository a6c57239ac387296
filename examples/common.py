"""Shared by the examples: use AI/ML API if AIMLAPI_API_KEY is set, else the emulator."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aimlapi_integrations import track_costs
from aimlapi_integrations.client.options import resolve_base_url
from aimlapi_integrations.emulator import Emulator

console = Console(highlight=False)


@contextmanager
def gateway() -> Iterator[None]:
    """Put the key and base URL into the environment, where models created inside the block find them."""
    if os.environ.get("AIMLAPI_API_KEY"):
        console.print(f"[bold green]AIMLAPI_API_KEY is set: calling {resolve_base_url()}. Every call costs money.[/]")
        yield
    else:
        console.print("[bold yellow]AIMLAPI_API_KEY is not set: using the emulator, which makes up its answers.[/]")
        with Emulator() as emulator:
            os.environ.update(AIMLAPI_API_KEY="emulator", AIMLAPI_API_BASE=emulator.base_url)
            yield


def emulator_notice() -> str | None:
    """Say that answers don't come from AI/ML API, if so."""
    url = resolve_base_url()
    if not os.environ.get("AIMLAPI_API_KEY"):
        return "**Emulator:** answers are made up, prices are invented, nothing is billed."
    return f"**{url}:** a local gateway, not AI/ML API." if "://127.0.0.1" in url or "://localhost" in url else None


@contextmanager
def step(title: str) -> Iterator[Callable[..., Text]]:
    """Show text as it comes, then the tokens and cost of all calls in the block."""
    output, row = Text(), Table.grid(padding=(0, 2))
    row.add_row(Text(f"{title:<10}", "bold cyan"), output)
    with Live(row, console=console, transient=True), track_costs() as costs:
        yield output.append
    total = costs.total
    if total.calls:
        reasoning = f" ({total.reasoning_tokens} reasoning)" if total.reasoning_tokens else ""
        output.append(f"\n{total.total_tokens} tokens{reasoning}, ${total.usd:f}", "dim")
    console.print(row)


class RecordedHTTP(httpx.Client):
    """An HTTP client that keeps the last request. Pass it to a model as `http_client`."""

    last: httpx.Request

    def send(self, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        self.last = request
        return super().send(request, **kwargs)


def show_messages(http: RecordedHTTP) -> None:
    """Show the messages of the last request, as they went over the wire."""
    with step("wire") as show:
        show(f"POST {http.last.url.path}")
        for message in json.loads(http.last.content)["messages"]:
            parts = ", ".join(map(_part, message["content"]))
            show(f"\n{message['role']}: {parts}", "magenta")


def _part(part: dict[str, Any]) -> str:
    signed = f", signature {part['signature'][:8]}…" if "signature" in part else ""
    return f"{part['type']}{signed}"
