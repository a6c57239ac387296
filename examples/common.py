"""Where the examples run: at AI/ML API when AIMLAPI_API_KEY is set, else at the emulator of the package."""

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
    """Models made inside the block find their key and address in the environment, as they do without it."""
    if os.environ.get("AIMLAPI_API_KEY"):
        console.print(f"[bold green]AIMLAPI_API_KEY is set: asking {resolve_base_url()}. Each call has its price.[/]")
        yield
    else:
        console.print("[bold yellow]No AIMLAPI_API_KEY: talking to the emulator, which makes its answers up.[/]")
        with Emulator() as emulator:
            os.environ.update(AIMLAPI_API_KEY="emulator", AIMLAPI_API_BASE=emulator.base_url)
            yield


@contextmanager
def step(title: str) -> Iterator[Callable[..., Text]]:
    """Shows what is said inside the block while it is said, then what all calls of the block took."""
    said, row = Text(), Table.grid(padding=(0, 2))
    row.add_row(Text(f"{title:<10}", "bold cyan"), said)
    with Live(row, console=console, transient=True), track_costs() as costs:
        yield said.append
    spent = costs.total
    said.append(f"\n{spent.total_tokens} tokens, {spent.reasoning_tokens} of them to think; ${spent.usd:f}", "dim")
    console.print(row)
