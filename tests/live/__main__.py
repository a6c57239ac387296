"""Run the suites on the real gateway, under a spending limit, and report what differs from the emulator and the table.

    python -m tests.live [--limit 0.50] [--yes] [--only PART…] [--models ID…] [--record] [--report FILE]

The key is read from AIMLAPI_API_KEY. The run is rehearsed on the emulator first, which costs nothing, to estimate what
it will cost; then it asks. It stops before the limit is exceeded.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from aimlapi_integrations import Client
from aimlapi_integrations.cli.doctor import examine
from aimlapi_integrations.client.options import DEFAULT_BASE_URL, resolve_api_key, resolve_base_url
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from aimlapi_integrations.errors.parsing import redact_url
from aimlapi_integrations.models import lookup
from aimlapi_integrations.transport.validation import is_loopback
from tests.live.budget import Budget, Prices
from tests.live.cross_section import Subject, compare_with_catalogue, select
from tests.live.differences import Difference, compare
from tests.live.parts import Outcome, Plan, Server, run
from tests.live.report import Report
from tests.support.proxy import Exchange, Proxy

_UNLIMITED = Decimal("1000000")
_DEFAULT_PARTS = ("models", "checks", "suite")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run. Return the exit status: 0 if all checks passed, 1 if not, 2 if nothing was run."""
    options = _parser().parse_args(arguments)
    if not _examine():
        return 2
    target = _read_target()
    if options.record and target.server == "other":
        print("Cassettes are recorded from the gateway or the emulator only.")
        return 2
    plan = _make_plan(options, target)
    if not (_rehearse(plan, target, options.limit) and (options.yes or _confirm())):
        print("Nothing was run on the gateway, and nothing was spent.")
        return 2
    report = _run(plan, target, options.limit)
    options.report.write_text(report.markdown(target.api_key), encoding="utf-8")
    print(f"\n{report.summary(target.api_key)}\nReport: {options.report}")
    return 1 if report.failed or report.not_run or report.interrupted else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__.partition("\n")[0])
    parser.add_argument("--limit", type=_dollars, default="0.50", metavar="USD", help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="don't ask before spending")
    parser.add_argument("--only", nargs="+", choices=_DEFAULT_PARTS, default=_DEFAULT_PARTS, help="only these parts")
    parser.add_argument("--models", nargs="+", metavar="ID", help="these models instead of the cross-section")
    parser.add_argument("--record", action="store_true", help="record the cassettes as well")
    parser.add_argument("--suite-filter", default="", metavar="EXPRESSION", help="pytest's -k for the suite")
    parser.add_argument("--report", type=Path, default=Path("live-report.md"), metavar="FILE")
    return parser


def _dollars(text: str) -> Decimal:
    try:
        limit = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        limit = Decimal("nan")
    if not limit.is_finite() or limit <= 0:
        raise argparse.ArgumentTypeError(f"expected dollars, received {text!r}")
    return limit


def _examine() -> bool:
    """Print the free checks of `aimlapi doctor`. Return whether none of them failed."""
    results = list(examine(free=True))
    for result in results:
        print(f"{result.status:<8} {result.check:<18} {result.text}")
    return not any(result.status == "failed" for result in results)


@dataclass(frozen=True)
class Gateway:
    """What the run is about: the address, the key and the catalog."""

    base_url: str
    api_key: SecretStr
    catalogue: tuple[CatalogueModel, ...]
    prices: Prices
    server: Server


def _read_target() -> Gateway:
    base_url, api_key = resolve_base_url(), resolve_api_key()
    with Client(api_key, base_url) as client:
        catalogue = client.models.list(include="all")
    return Gateway(base_url, api_key, catalogue, Prices(catalogue), _server(base_url))


def _server(base_url: str) -> Server:
    """Return what answers at an address. On this machine it is taken for the emulator."""
    host = urlsplit(base_url).hostname or ""
    if host == urlsplit(DEFAULT_BASE_URL).hostname:
        return "gateway"
    return "emulator" if is_loopback(host) else "other"


def _make_plan(options: argparse.Namespace, target: Gateway) -> Plan:
    subjects = select(target.catalogue, target.prices)
    if options.models:
        models = map(lookup, options.models)
        subjects = [Subject(model.id, endpoint) for model in models for endpoint in sorted(model.endpoints)]
    parts = tuple(options.only) + (("cassettes",) if options.record else ())
    return Plan(
        target.api_key.get_secret_value(),
        target.server,
        tuple(subjects),
        parts,
        record=options.record,
        suite_filter=options.suite_filter,
    )


# --- the estimate -----------------------------------------------------------------------------------------------------


def _rehearse(plan: Plan, target: Gateway, limit: Decimal) -> bool:
    """Run the plan on the emulator, and print what it will cost. Return whether the rehearsal had calls to make."""
    print(f"\nRehearsing on the emulator, to estimate the cost: {', '.join(plan.parts)} …")
    budget = Budget(_UNLIMITED, target.prices)
    rehearsal = replace(plan, api_key="emulator", server="emulator", record=False)
    with (
        Emulator(any_model=True) as emulator,
        Proxy(emulator.base_url, refuse=budget.refuse, record=lambda each: budget.charge(_unpriced(each))) as proxy,
    ):
        for _ in run(rehearsal, proxy):
            pass
    models = len({subject.model for subject in plan.subjects}) if "models" in plan.parts else 0
    print(f"{budget.calls} calls, {models} models in the cross-section.")
    print(f"About ${budget.spent:.2f} by the emulator's token counts at the catalog's prices; models that reason use")
    print(f"more. At most ${budget.at_most:.2f} with the longest replies. The run stops at ${limit}.")
    return budget.calls > 0


def _unpriced(exchange: Exchange) -> Exchange:
    """Return the exchange without the emulator's price, so that its token counts are priced by the catalog."""
    headers = {name: value for name, value in exchange.headers.items() if not name.startswith("x-aimlapi-")}
    return replace(exchange, headers=headers, body=exchange.body.replace(b'"usd_spent"', b'"emulated"'))


def _confirm() -> bool:
    if not sys.stdin.isatty():
        print("Add --yes to run it without being asked.")
        return False
    return input("Run it on the gateway? [y/N] ").strip().lower() in ("y", "yes")


# --- the run ----------------------------------------------------------------------------------------------------------


def _run(plan: Plan, target: Gateway, limit: Decimal) -> Report:
    """Run the plan. After Ctrl-C, report what was done until then."""
    budget, interrupted = Budget(limit, target.prices), False
    outcomes: list[Outcome] = []
    with Proxy(target.base_url, refuse=budget.refuse, record=budget.charge) as proxy:
        try:
            for outcome in run(plan, proxy):
                outcomes.append(outcome)
                _show(outcome, budget)
        except KeyboardInterrupt:
            interrupted = True
    differences = [difference for outcome in outcomes for difference in outcome.differences]
    differences += compare_with_catalogue(plan.subjects if "models" in plan.parts else (), target.catalogue)
    differences += _compare_with_emulator(proxy.exchanges)
    return Report(redact_url(target.base_url), target.server, outcomes, differences, budget, interrupted)


def _show(outcome: Outcome, budget: Budget) -> None:
    note = f", {len(outcome.differences)} differences" if outcome.differences else ""
    print(f"{outcome.status:<8} ${budget.spent:.4f}  {outcome.part}: {outcome.name}{note}", flush=True)


def _compare_with_emulator(exchanges: Iterable[Exchange]) -> Iterator[Difference]:
    """Yield the differences of all exchanges, apart from those that refer to what only the gateway has stored."""
    with Emulator(any_model=True) as emulator, httpx.Client(timeout=60) as http:
        for exchange in exchanges:
            stored = "previous_response_id" in (exchange.request or {})
            if exchange.method == "POST" and not (exchange.refused or stored):
                yield from compare(exchange, emulator.base_url, http)


if __name__ == "__main__":
    sys.exit(main())
