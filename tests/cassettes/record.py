"""Record the cassettes: live if AIMLAPI_API_KEY is set, otherwise from the emulator.

    python -m tests.cassettes.record [name…]

Prints the source, and then what changed in each cassette. A cassette that differs only in ids and times stays as it is;
without a key, so does one that was recorded live. The documented ones are never recorded.
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
from tests.cassettes.observed import Target
from tests.cassettes.provenance import provenance
from tests.cassettes.recorder import FOLDER, GATEWAY, path_of, read, recording
from tests.cassettes.scenarios import DOCUMENTED, SCENARIOS, Scenario

# What differs in every recording without meaning.
_VOLATILE = re.compile(
    r"\b((?:item_|call_|tool_call_|tool_use_|previous_response_|generation_|request_)?id|created(?:_at)?|expires_at|completed_at|encrypted_content|(?:thought_)?signature|x-(?:inference|request)-id|recorded)"
    r": [^\s,}]+"
)


@contextmanager
def gateway() -> Iterator[tuple[str, Target]]:
    """Yield the source of the responses, as named in the provenance, and how to reach it."""
    if key := os.environ.get("AIMLAPI_API_KEY"):
        print(f"AIMLAPI_API_KEY is set: recording live answers of {GATEWAY}. Each call has its price.")
        yield "live", Target(key, f"{GATEWAY}/v1", interval=5.0)
        return
    from aimlapi_integrations.emulator import Emulator

    print("No AIMLAPI_API_KEY: recording answers that the emulator makes up.")
    with Emulator() as emulator:
        yield "emulator", Target("emulator", emulator.base_url)


def record(scenario: Scenario, source: str, target: Target, folder: Path) -> bool:
    """Record one cassette, print the outcome, and return whether it succeeded."""
    try:
        print(f"{scenario.name}: {record_cassette(scenario, source, target, folder)}")
    except (AIMLAPIError, AssertionError, ValueError) as error:
        print(f"{scenario.name}: FAILED, and left as it was: {type(error).__name__}: {error}")
        return False
    return True


def record_cassette(scenario: Scenario, source: str, target: Target, folder: Path) -> str:
    """Record one cassette. Return the outcome."""
    path = path_of(scenario.name)
    if path.exists() and source != "live" and read(scenario.name)["provenance"]["source"] == "live":
        return "kept: recorded live"
    fresh = folder / path.name
    with recording(fresh, provenance(source, scenario.name), *([target.api_key] if source == "live" else [])):
        scenario.run(target)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    new = fresh.read_text(encoding="utf-8")
    changes = describe_changes(old, new)
    if not changes:
        return "unchanged"
    path.write_text(new, encoding="utf-8")
    return "\n".join(["changed", *changes]) if old else "new"


def describe_changes(old: str, new: str) -> list[str]:
    """Return the lines in which two cassettes differ, apart from ids and times."""
    lines = unified_diff(_stable_lines(old), _stable_lines(new), n=1, lineterm="")
    return [f"    {line}" for line in lines][2:]


def _stable_lines(text: str) -> list[str]:
    """Return the lines of a cassette without volatile values, with one field of an event per line."""
    if not text:
        return []
    steady = _VOLATILE.sub(r"\1: …", pages.dump(pages.load(text)))
    return re.sub(r"(batch_id=|/stt/)(?!create)[\w-]+", r"\1…", steady).splitlines()


def main(names: list[str]) -> int:
    """Record the scenarios of these names, or all. Return the exit status."""
    for name in names:
        if name not in SCENARIOS:
            reason = "is transcribed, not recorded" if name in DOCUMENTED else "is none of " + ", ".join(SCENARIOS)
            print(f"{name} {reason}")
            return 2
    FOLDER.mkdir(exist_ok=True)
    with gateway() as (source, target), tempfile.TemporaryDirectory() as folder:
        results = [record(SCENARIOS[name], source, target, Path(folder)) for name in names or SCENARIOS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
