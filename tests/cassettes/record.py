"""Records the cassettes anew: live where AIMLAPI_API_KEY is set, from the emulator where it is not.

    python -m tests.cassettes.record [name…]

Says in one line which, and then of each cassette what changed. One that differs in ids and times alone stays as it
is; so does, without a key, one that was recorded live. The documented ones are never recorded.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path

from aimlapi_integrations import AIMLAPIError
from tests.cassettes import pages
from tests.cassettes.observed import Line
from tests.cassettes.provenance import provenance
from tests.cassettes.recorder import FOLDER, GATEWAY, path_of, read, recording
from tests.cassettes.scenarios import DOCUMENTED, SCENARIOS, Scenario

# What is different in every recording and says nothing.
_VOLATILE = re.compile(
    r"\b((?:item_|call_|tool_call_|tool_use_|previous_response_)?id|created(?:_at)?|expires_at|completed_at|encrypted_content|(?:thought_)?signature|x-(?:inference|request)-id|recorded)"
    r": [^\s,}]+"
)


@contextmanager
def gateway() -> Iterator[tuple[str, Line]]:
    """The source of answers, by the name that goes into provenance, and how to reach it."""
    if key := os.environ.get("AIMLAPI_API_KEY"):
        print(f"AIMLAPI_API_KEY is set: recording live answers of {GATEWAY}. Each call has its price.")
        yield "live", Line(key, f"{GATEWAY}/v1")
        return
    from aimlapi_integrations.emulator import Emulator

    print("No AIMLAPI_API_KEY: recording answers that the emulator makes up.")
    with Emulator() as emulator:
        yield "emulator", Line("emulator", emulator.base_url)


def record(scenario: Scenario, source: str, line: Line, folder: Path) -> bool:
    """Records one cassette, says what became of it, and tells whether it went well."""
    try:
        print(f"{scenario.name}: {recorded(scenario, source, line, folder)}")
    except (AIMLAPIError, AssertionError, ValueError) as error:
        print(f"{scenario.name}: FAILED, and left as it was: {type(error).__name__}: {error}")
        return False
    return True


def recorded(scenario: Scenario, source: str, line: Line, folder: Path) -> str:
    """Records one cassette. Returns what became of it."""
    path = path_of(scenario.name)
    if path.exists() and source != "live" and read(scenario.name)["provenance"]["source"] == "live":
        return "kept: recorded live"
    fresh = folder / path.name
    with recording(fresh, provenance(source, scenario.name), *([line.api_key] if source == "live" else [])):
        scenario.run(line)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    new = fresh.read_text(encoding="utf-8")
    changes = difference(old, new)
    if not changes:
        return "unchanged"
    path.write_text(new, encoding="utf-8")
    return "\n".join(["changed", *changes]) if old else "new"


def difference(old: str, new: str) -> list[str]:
    """The lines in which two cassettes differ, ids and times aside."""
    lines = unified_diff(_steady(old), _steady(new), n=1, lineterm="")
    return [f"    {line}" for line in lines][2:]


def _steady(text: str) -> list[str]:
    """A cassette in lines that change only with what it says, its events a field a line."""
    if not text:
        return []
    steady = _VOLATILE.sub(r"\1: …", pages.dump(pages.load(text)))
    return re.sub(r"batch_id=[\w-]+", "batch_id=…", steady).splitlines()


def main(names: list[str]) -> int:
    """Records the scenarios of these names, or all. Returns the exit status."""
    for name in names:
        if name not in SCENARIOS:
            reason = "is transcribed, not recorded" if name in DOCUMENTED else "is none of " + ", ".join(SCENARIOS)
            print(f"{name} {reason}")
            return 2
    FOLDER.mkdir(exist_ok=True)
    with gateway() as (source, line), tempfile.TemporaryDirectory() as folder:
        results = [record(SCENARIOS[name], source, line, Path(folder)) for name in names or SCENARIOS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
