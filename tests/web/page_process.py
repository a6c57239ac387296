"""The chat page as a process of its own, which prints the hosts that it connects to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = Path(__file__).parents[2] / "examples" / "chat_page.py"

# Warnings about our own code, or the example's, are errors; connections to other machines are printed.
RUN_PAGE = """
import runpy, sys, warnings
HOSTS = {"socket.connect": lambda sock, address: address[0], "socket.getaddrinfo": lambda host, *_: host}
def watch(event, arguments):
    if event in HOSTS and (host := HOSTS[event](*arguments)) not in ("127.0.0.1", "::1", "localhost", None):
        print("connects to", host)
sys.addaudithook(watch)
warnings.filterwarnings("error", module=r"aimlapi_integrations(\\.|$)|__main__$|common$")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@contextmanager
def chat_page(*arguments: str, **environment: str) -> Iterator[str]:
    """Yield the page's address while it is served. Without a key in `environment`, it starts an emulator.

    Raises:
        AssertionError: the page did not start, connected to another machine, or printed a traceback.
    """
    keyless = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", RUN_PAGE, PAGE.as_posix(), *arguments],
        env={**keyless, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            rest = process.communicate(timeout=60)[0]
    assert "connects to" not in rest, rest
    assert "Traceback" not in rest, rest


def _address(process: subprocess.Popen[str]) -> str:
    output = ""
    for line in process.stdout or ():
        output += line
        if match := re.search(r"local URL: *(http://127\.0\.0\.1:\d+)", line):
            return match[1]
    raise AssertionError(output)
