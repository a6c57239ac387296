"""Where the responses of a cassette come from, for its header."""

from __future__ import annotations

import datetime
from typing import Any

EMULATED = (
    "Made up by the emulator of this repository, by rule. No answer of the live service: "
    "it shows what the adapters send and how they read a reply of this form."
)
LIVE = "Answered by AI/ML API at https://api.aimlapi.com. Models answer differently each time."

NOTES = {"emulator": EMULATED, "live": LIVE}


def provenance(source: str, scenario: str) -> dict[str, Any]:
    """Return the header of a cassette that is recorded now.

    Args:
        source: `emulator` or `live`. (`documentation` is written by hand.)
        scenario: its name in `scenarios.py`.
    """
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    return {"source": source, "note": NOTES[source], "scenario": scenario, "recorded": today.isoformat()}
