"""The lowest version that we allow of each thing we depend on, as constraints for pip and uv. For `make compat`.

    python tests/packaging/lowest.py > constraints.txt

Only what users install is held down: the tools of development may be as new as they like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
NOT_FOR_USERS = (
    *("dev", "test", "docs", "release", "bench", "examples", "web", "web-test", "ray", "ray-test", "programs-test"),
)

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*(?P<lowest>[0-9][0-9A-Za-z.]*)")


def constraints(project: dict[str, Any]) -> list[str]:
    """`name==version` for each requirement of the package and of its extras; the higher where two name one thing.

    Raises:
        ValueError: a requirement has no lowest version.
    """
    ascending = sorted(map(_lowest, _requirements(project)), key=lambda found: [int(n) for n in found[1].split(".")])
    return sorted(f"{name}=={lowest}" for name, lowest in dict(ascending).items())


def _requirements(project: dict[str, Any]) -> Iterator[str]:
    yield from project["dependencies"]
    for extra, requirements in project["optional-dependencies"].items():
        if extra not in NOT_FOR_USERS:
            yield from (each for each in requirements if not each.startswith(project["name"]))


def _lowest(requirement: str) -> tuple[str, str]:
    found = _REQUIREMENT.match(requirement)
    if not found:
        raise ValueError(f"{requirement!r} says no lowest version.")
    return found["name"], found["lowest"]


if __name__ == "__main__":
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[import-not-found,no-redef,unused-ignore]  # pytest requires it there
    print("\n".join(constraints(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"])))
