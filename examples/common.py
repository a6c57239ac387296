"""Shared by the examples: use AI/ML API if AIMLAPI_API_KEY is set, else the emulator."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aimlapi_integrations import track_costs
from aimlapi_integrations.client.config import resolve_base_url
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


@contextmanager
def step(title: str) -> Iterator[Callable[..., Text]]:
    """Show text as it is printed inside the block, then the tokens and cost of all calls made there."""
    output, row = Text(), Table.grid(padding=(0, 2))
    row.add_row(Text(f"{title:<10}", "bold cyan"), output)
    with Live(row, console=console, transient=True), track_costs() as costs:
        yield output.append
    total = costs.total
    output.append(f"\n{total.total_tokens} tokens ({total.reasoning_tokens} reasoning), ${total.usd:f}", "dim")
    console.print(row)
