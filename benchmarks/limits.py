"""What the figures have to be, as multiples of the floor and of the peers: the promise that `make bench` checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.table import Table

from benchmarks.figures import Key, Results, median, ratio
from benchmarks.subjects import CHAT, FLOORS, RESPONSES, SUBJECTS

PEERS = {"ChatAIMLAPI": "ChatOpenAI", "AIMLAPI": "OpenAILike"}


class Limit(NamedTuple):
    """The most that a figure may be: times the floor's, times the peer's, or in itself, in its own unit."""

    scenario: str
    subject: str
    unit: str = "cpu"
    floor: float | None = None
    peer: float | None = None
    own: float | None = None


LIMITS = (
    Limit("chunk", "ChatAIMLAPI", floor=1.4, peer=0.25),
    Limit("chunk", "AIMLAPI", floor=1.45, peer=0.3),
    *(Limit("call", ours, floor=1.35, peer=0.55) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    Limit("tool-call chunk", "ChatAIMLAPI", peer=0.5),
    Limit("tool-call chunk", "AIMLAPI", peer=0.35),
    *(Limit("import and construct", ours, floor=1.15) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    Limit("import and construct", "ChatAIMLAPI", peer=0.5),
    *(Limit("second instance", ours, own=0.001) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    *(Limit("async call, 100 at once", ours, floor=0.7) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    Limit("async call, 100 at once", "ChatAIMLAPI", "wall", peer=0.5),
    Limit("chunk, 200 streams", "ChatAIMLAPI", peer=0.4),
    *(Limit("first chunk", ours, "wall", own=0.1) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    *(Limit("leaks", ours, "mb_grown", own=1.0) for ours in ("ChatAIMLAPI", "AIMLAPI")),
    *(Limit("leaks", ours, "sockets_left", own=0.0) for ours in ("ChatAIMLAPI", "AIMLAPI")),
)
GROWTH = 1.1  # of the cost per chunk from 500 to 20,000, times the floor's own growth
MEMORY = 8.0  # MB over the floor


class Verdict(NamedTuple):
    """One limit, held against one figure."""

    what: str
    found: float
    limit: float


def verdicts(results: Results) -> Table:
    """Every limit that the figures say something of, and whether it holds."""
    shown = Table(title="Limits")
    for column in ("of what", "found", "limit", ""):
        shown.add_column(column, justify="left" if column == "of what" else "right")
    for what, found, limit in _verdicts(results):
        shown.add_row(what, f"{found:.3g}", f"{limit:g}", "holds" if found <= limit else "[red]broken")
    return shown


def _verdicts(results: Results) -> Iterator[Verdict]:
    for limit in LIMITS:
        for endpoint in (CHAT, RESPONSES):
            yield from _held(limit, endpoint, results)
    for subject in ("ChatAIMLAPI", "AIMLAPI"):
        for endpoint in (CHAT, RESPONSES):
            yield from _growth(subject, endpoint, results)
            yield from _memory(subject, endpoint, results)


def _held(limit: Limit, endpoint: str, results: Results) -> Iterator[Verdict]:
    key = Key(limit.scenario, endpoint, limit.subject)
    found = median(results, key, limit.unit)
    if limit.own is not None and found is not None:
        yield Verdict(f"{limit.scenario}, {limit.subject}, {endpoint} ({limit.unit})", found, limit.own)
    others = {FLOORS[SUBJECTS[limit.subject].framework]: limit.floor, PEERS[limit.subject]: limit.peer}
    for name, most in others.items():
        spoken = endpoint if endpoint in SUBJECTS[name].endpoints else CHAT
        times = ratio(results, key, Key(limit.scenario, spoken, name), limit.unit)
        if most is not None and times is not None:
            yield Verdict(f"{limit.scenario}, {limit.subject}, {endpoint} ÷ {name} ({limit.unit})", times, most)


def _growth(subject: str, endpoint: str, results: Results) -> Iterator[Verdict]:
    key = Key("chunk at 20,000", endpoint, subject)
    grown = ratio(results, key, key._replace(subject=FLOORS[SUBJECTS[subject].framework]), "growth")
    if grown is not None:
        yield Verdict(f"growth from 500 to 20,000 chunks, {subject}, {endpoint} ÷ floor", grown, GROWTH)


def _memory(subject: str, endpoint: str, results: Results) -> Iterator[Verdict]:
    key = Key("peak memory", endpoint, subject)
    ours = median(results, key, "mb")
    floor = median(results, key._replace(subject=FLOORS[SUBJECTS[subject].framework]), "mb")
    if ours is not None and floor is not None:
        yield Verdict(f"peak memory, {subject}, {endpoint}, MB over the floor", ours - floor, MEMORY)
