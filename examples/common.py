"""Where the examples run: at AI/ML API when AIMLAPI_API_KEY is set, else at the emulator of the package."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from aimlapi_integrations.emulator import Emulator

console = Console(highlight=False)


@contextmanager
def gateway() -> Iterator[None]:
    """Models made inside the block find their key and address in the environment, as they do without it."""
    if os.environ.get("AIMLAPI_API_KEY"):
        console.print("[bold green]AIMLAPI_API_KEY is set: talking to AI/ML API. Each call has its price.[/]")
        yield
    else:
        console.print("[bold yellow]No AIMLAPI_API_KEY: talking to the emulator, which makes its answers up.[/]")
        with Emulator() as emulator:
            os.environ.update(AIMLAPI_API_KEY="emulator", AIMLAPI_API_BASE=emulator.base_url)
            yield
