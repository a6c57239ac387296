"""Limits on the figures, as multiples of the floors and of the peers. `make bench` checks them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.table import Table

from benchmarks.figures import Key, Results, median, ratio
from benchmarks.subjects import CHAT, FLOORS, RESPONSES, STRICT_FLOORS, SUBJECTS

OURS = ("ChatAIMLAPI", "AIMLAPI")
PEERS = {"ChatAIMLAPI": "ChatOpenAI", "AIMLAPI": "OpenAILike"}


class Limit(NamedTuple):
    """The maximum of a figure: absolute, and as a multiple of the floor's, the strict floor's and the peer's."""

    scenario: str
    subject: str
    unit: str = "cpu"
    floor: float | None = None
    strict: float | None = None
    peer: float | None = None
    absolute: float | None = None


LIMITS = (
    Limit("call", "ChatAIMLAPI", strict=1.25, peer=0.4),
    Limit("call", "AIMLAPI", strict=1.25, peer=0.4),
    Limit("chunk", "ChatAIMLAPI", strict=1.35, peer=0.22),
    Limit("chunk", "AIMLAPI", strict=1.4, peer=0.25),
    Limit("tool-call chunk", "ChatAIMLAPI", strict=1.3, peer=0.35),
    Limit("tool-call chunk", "AIMLAPI", strict=1.5, peer=0.35),
    Limit("chunk at 20,000", "ChatAIMLAPI", "growth", strict=1.1),
    Limit("chunk at 20,000", "AIMLAPI", "growth", strict=1.1),
    Limit("import and construct", "ChatAIMLAPI", strict=1.05, peer=0.45),
    Limit("import and construct", "AIMLAPI", strict=1.05),
    Limit("second instance", "ChatAIMLAPI", strict=2.0, peer=0.9),
    Limit("second instance", "AIMLAPI", strict=2.0, peer=0.9),
    *(Limit("async call, 100 at once", ours, floor=0.5) for ours in OURS),
    Limit("chunk, 200 async streams", "ChatAIMLAPI", strict=1.1, peer=0.3),
    Limit("chunk, 200 async streams", "AIMLAPI", strict=1.1, peer=0.4),
    *(Limit("first chunk", ours, "wall", absolute=0.1) for ours in OURS),
    *(Limit("leaks", ours, "mb_grown", absolute=1.0) for ours in OURS),
    *(Limit("leaks", ours, "sockets_left", absolute=0.0) for ours in OURS),
)
MEMORY = 4.0  # MB of peak memory over the floor


class Check(NamedTuple):
    """A limit and the figure that it applies to. `strict_floor` is what the strict floor is of the same peer."""

    name: str
    value: float
    limit: float
    strict_floor: float | None = None

    @property
    def result(self) -> str:
        if self.value <= self.limit:
            return "holds"
        return "[red]broken" if self.strict_floor is None or self.strict_floor <= self.limit else "below the floor"


def limits_table(results: Results) -> Table:
    """Return every limit on a measured figure, and whether it holds.

    A limit is below the floor if the strict floor doesn't hold it either: httpx, the JSON parser and the framework
    alone cost more, so no adapter on httpx can hold it.
    """
    table = Table(title="Limits")
    for column in ("figure", "measured", "limit", "strict floor", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for check in _checks(results):
        floor = "" if check.strict_floor is None else f"{check.strict_floor:.3g}"
        table.add_row(check.name, f"{check.value:.3g}", f"{check.limit:g}", floor, check.result)
    return table


def _checks(results: Results) -> Iterator[Check]:
    for endpoint in (CHAT, RESPONSES):
        for limit in LIMITS:
            yield from _check(limit, endpoint, results)
        for subject in OURS:
            yield from _check_memory(subject, endpoint, results)


def _check(limit: Limit, endpoint: str, results: Results) -> Iterator[Check]:
    key, framework = Key(limit.scenario, endpoint, limit.subject), SUBJECTS[limit.subject].framework
    name, value = f"{limit.scenario}, {limit.subject}, {endpoint}", median(results, key, limit.unit)
    if limit.absolute is not None and value is not None:
        yield Check(f"{name} ({limit.unit})", value, limit.absolute)
    others = (
        (FLOORS[framework], limit.floor),
        (STRICT_FLOORS[framework], limit.strict),
        (PEERS[limit.subject], limit.peer),
    )
    for other, maximum in others:
        other_key = Key(limit.scenario, endpoint if endpoint in SUBJECTS[other].endpoints else CHAT, other)
        multiple = ratio(results, key, other_key, limit.unit)
        if maximum is not None and multiple is not None:
            strict_key = key._replace(subject=STRICT_FLOORS[framework])
            strict_floor = ratio(results, strict_key, other_key, limit.unit) if other == PEERS[limit.subject] else None
            yield Check(f"{name} ÷ {other} ({limit.unit})", multiple, maximum, strict_floor)


def _check_memory(subject: str, endpoint: str, results: Results) -> Iterator[Check]:
    key = Key("peak memory", endpoint, subject)
    ours = median(results, key, "mb")
    floor = median(results, key._replace(subject=FLOORS[SUBJECTS[subject].framework]), "mb")
    if ours is not None and floor is not None:
        yield Check(f"peak memory, {subject}, {endpoint}, MB over the floor", ours - floor, MEMORY)
