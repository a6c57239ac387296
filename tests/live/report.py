"""The report of a run, as Markdown, and its summary for the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pydantic import SecretStr

from aimlapi_integrations.errors.parsing import redact_secrets
from aimlapi_integrations.models import table_date
from aimlapi_integrations.version import __version__
from tests.live.budget import Budget
from tests.live.differences import Difference
from tests.live.parts import Outcome, Server

_MOST_MODELS = 6
_NOT_THE_GATEWAY = {"emulator": "The emulator", "other": "Another server"}
_STATUSES = ("passed", "failed", "skipped", "not run")


@dataclass(frozen=True)
class Report:
    """The results of a run.

    Attributes:
        address: the base URL, without a password.
        server: what answered.
        outcomes: one for each check.
        differences: from the emulator and from the table of models.
        budget: what was spent.
        interrupted: whether the run was stopped by Ctrl-C.
        ended: when the run ended, in UTC.
    """

    address: str
    server: Server
    outcomes: Sequence[Outcome]
    differences: Sequence[Difference]
    budget: Budget
    interrupted: bool = False
    ended: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    @property
    def not_run(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "not run"]

    def markdown(self, api_key: SecretStr) -> str:
        """Return the report, without the key and whatever looks like one."""
        lines = [*self._head(), *self._sections()]
        text: str = redact_secrets("\n".join(lines), api_key)
        return text + "\n"

    def summary(self, api_key: SecretStr) -> str:
        """Return a few lines for the terminal."""
        kinds = Counter(kind for kind, *_ in group(self.differences))
        counts = ", ".join(f"{name} {kinds[name]}" for name in sorted(kinds)) or "none"
        lines = [*self._totals(), f"Differences: {counts}."]
        lines += [f"failed  {outcome.part}: {outcome.name}: {outcome.text}" for outcome in self.failed]
        text: str = redact_secrets("\n".join(lines), api_key)
        return text

    def _head(self) -> Iterator[str]:
        yield "# Live run"
        yield ""
        if self.server != "gateway":
            yield f"**{_NOT_THE_GATEWAY[self.server]} answered. This report says nothing about the gateway.**"
            yield ""
        yield f"- Address: {self.address}"
        yield f"- Ended: {self.ended:%Y-%m-%d %H:%M} UTC"
        yield f"- Version {__version__}; table of models of {table_date()}"
        yield from (f"- {line}" for line in self._totals())
        yield ""

    def _totals(self) -> Iterator[str]:
        spent = f"Spent ${self.budget.spent:.4f} of ${self.budget.limit} in {self.budget.calls} calls"
        unpriced = (
            f"; {self.budget.unpriced} reported no price and count by their tokens" if self.budget.unpriced else ""
        )
        yield f"{spent}{unpriced}."
        counts = Counter(outcome.status for outcome in self.outcomes)
        yield f"Checks: {', '.join(f'{counts[status]} {status}' for status in _STATUSES)}."
        if self.budget.exhausted:
            yield "The spending limit stopped the run."
        if self.interrupted:
            yield "The run was interrupted."

    def _sections(self) -> Iterator[str]:
        yield from _table("Parts", ("part", *_STATUSES), self._parts())
        yield from _table("Failed", ("part", "check", "reason"), [(o.part, o.name, o.text) for o in self.failed])
        rows = group(self.differences)
        yield from _table(
            "Differences from the emulator",
            ("kind", "endpoint", "difference", "models"),
            [row for row in rows if row[0] != "table"],
        )
        yield from _table(
            "Differences from the table of models",
            ("endpoint", "difference", "models"),
            [row[1:] for row in rows if row[0] == "table"],
        )
        yield from _table("Not run", ("part", "check", "reason"), [(o.part, o.name, o.text) for o in self.not_run])
        by_model = sorted(self.budget.by_model.items(), key=lambda item: -item[1])
        costs = [(model, f"{usd:f}") for model, usd in by_model if usd]
        yield from _table("Costs", ("model", "USD"), costs)

    def _parts(self) -> list[tuple[Any, ...]]:
        counts = Counter((outcome.part, outcome.status) for outcome in self.outcomes)
        parts = dict.fromkeys(outcome.part for outcome in self.outcomes)
        return [(part, *(counts[part, status] for status in _STATUSES)) for part in parts]


def group(differences: Iterable[Difference]) -> list[tuple[str, str, str, str]]:
    """Return each difference once, as kind, endpoint, text and models."""
    models: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for difference in differences:
        models[difference.kind, difference.endpoint, difference.text][difference.model] = None
    return [(*key, _list_models(list(names))) for key, names in sorted(models.items())]


def _list_models(names: list[str]) -> str:
    others = len(names) - _MOST_MODELS
    return ", ".join(names[:_MOST_MODELS]) + (f" and {others} others" if others > 0 else "")


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if not rows:
        yield "None."
        yield ""
        return
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"
    yield ""


def _cell(value: Any) -> str:
    return " ".join(str(value).replace("|", "\\|").split())
