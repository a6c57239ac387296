"""Print the versions that the suite runs on: `python -m tests.packaging.versions lowest`."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

SHOWN = ("httpx", "pydantic", "langchain-core", "langchain", "llama-index-core", "starlette", "uvicorn", "rich")


def installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


if __name__ == "__main__":
    print(
        f"{' '.join(sys.argv[1:])}: Python {platform.python_version()}, {', '.join(map(installed, SHOWN))}", flush=True
    )
