"""The parts of a run: the framework's suite, our own checks, a cross-section of the models, and the cassettes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from aimlapi_integrations import AIMLAPIError, Client
from tests.cassettes import record
from tests.cassettes.bodies import Stored, readable
from tests.cassettes.expected import expected_observation
from tests.cassettes.observed import Observation, Target
from tests.cassettes.scenarios import SCENARIOS, Scenario
from tests.live.budget import LIMIT_REACHED
from tests.live.cross_section import LimitReachedError, Subject, probe
from tests.live.differences import Difference
from tests.support.proxy import Exchange, Proxy

Server: TypeAlias = Literal["gateway", "emulator", "other"]
Status: TypeAlias = Literal["passed", "failed", "skipped", "not run"]

SUITE = "tests/live/langchain_suite.py"
_ROOT = Path(__file__).parents[2]
_SUITE_TIMEOUT = 3600


@dataclass(frozen=True)
class Outcome:
    """The result of one check. `differences` are from the table of models."""

    part: str
    name: str
    status: Status
    text: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        api_key: the key, which the proxy passes on.
        server: what answers.
        subjects: the models of the cross-section.
        parts: names of `PARTS`.
        scenarios: our own checks, and the cassettes.
        record: whether cassettes are recorded or, in a rehearsal, only their calls made.
        suite_filter: pytest's `-k` for the framework's suite.
    """

    api_key: str
    server: Server
    subjects: tuple[Subject, ...] = ()
    parts: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = tuple(SCENARIOS.values())
    record: bool = False
    suite_filter: str = ""


def run(plan: Plan, proxy: Proxy) -> Iterator[Outcome]:
    """Run the parts of a plan one after the other, through the proxy."""
    for name in plan.parts:
        yield from PARTS[name](plan, proxy)


# --- the framework's suite --------------------------------------------------------------------------------------------


def _run_suite(plan: Plan, proxy: Proxy) -> Iterator[Outcome]:
    """Run langchain-tests in a process of its own, so that it can't disturb this one."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "suite.xml"
        command = [sys.executable, "-m", "pytest", SUITE, f"--junitxml={report}", "-p", "no:cacheprovider"]
        command += ["-k", plan.suite_filter] if plan.suite_filter else []
        environment = {**os.environ, "AIMLAPI_API_BASE": proxy.base_url, "AIMLAPI_API_KEY": plan.api_key}
        if plan.server == "emulator":
            environment["LIVE_SUITE_OFFLINE"] = "1"
        ended = subprocess.run(
            command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_SUITE_TIMEOUT, check=False
        )
        if not report.exists():
            yield Outcome("suite", "langchain-tests", "failed", (ended.stdout + ended.stderr).strip()[-500:])
            return
        yield from _suite_outcomes(ElementTree.parse(report).getroot())


def _suite_outcomes(report: ElementTree.Element) -> Iterator[Outcome]:
    for case in report.iter("testcase"):
        name = f"{case.get('classname', '').rpartition('.')[2]}.{case.get('name', '')}"
        problem = next((item for kind in ("error", "failure") if (item := case.find(kind)) is not None), None)
        skipped = case.find("skipped")
        if problem is not None:
            yield _failed("suite", name, problem.get("message", ""))
        elif skipped is not None:
            yield Outcome("suite", name, "skipped", skipped.get("message", ""))
        else:
            yield Outcome("suite", name, "passed")


def _failed(part: str, name: str, text: str) -> Outcome:
    if LIMIT_REACHED in text:
        return Outcome(part, name, "not run", LIMIT_REACHED)
    return Outcome(part, name, "failed", re.sub(r"\s+", " ", text).strip()[:400])


# --- our own checks ---------------------------------------------------------------------------------------------------


def _run_checks(plan: Plan, proxy: Proxy) -> Iterator[Outcome]:
    """Run each scenario of both frameworks, and compare what the user observes with the bodies."""
    scenarios = [scenario for scenario in plan.scenarios if scenario.adapter != "core"]
    for scenario in scenarios:
        if scenario.endpoint == "batches":
            yield Outcome("checks", scenario.name, "skipped", "a batch can take an hour; --record waits for it")
        else:
            yield _run_check(scenario, plan, proxy)


def _run_check(scenario: Scenario, plan: Plan, proxy: Proxy) -> Outcome:
    start = len(proxy.exchanges)
    try:
        observations = scenario.run(Target(plan.api_key, proxy.base_url))
        exchanges = proxy.exchanges[start:]
        expected = [_expected(exchange, observations[0]) for exchange in exchanges]
    except Exception as error:  # noqa: BLE001  # frameworks raise anything; the run goes on
        return _failed("checks", scenario.name, f"{type(error).__name__}: {error}")
    if observations != expected:
        return _failed("checks", scenario.name, f"observed {observations}, but the bodies have {expected}")
    return Outcome("checks", scenario.name, "passed")


def _expected(exchange: Exchange, like: Observation) -> Observation:
    content_type = exchange.headers.get("content-type", "")
    response: Stored = {"headers": exchange.headers, **readable(exchange.body, content_type)}
    return expected_observation({"request": {"uri": exchange.path}, "response": response}, like)


# --- the models -------------------------------------------------------------------------------------------------------


def _run_models(plan: Plan, proxy: Proxy) -> Iterator[Outcome]:
    with Client(plan.api_key, proxy.base_url, max_retries=1) as client:
        for subject in plan.subjects:
            yield _run_model(subject, client)


def _run_model(subject: Subject, client: Client) -> Outcome:
    try:
        differences = tuple(probe(client, subject))
    except LimitReachedError:
        return Outcome("models", str(subject), "not run", LIMIT_REACHED)
    return Outcome("models", str(subject), "passed", differences=differences)


# --- the cassettes ----------------------------------------------------------------------------------------------------

_SOURCES = {"gateway": "live", "emulator": "emulator"}


def _run_cassettes(plan: Plan, proxy: Proxy) -> Iterator[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        for scenario in plan.scenarios:
            target = Target(plan.api_key, proxy.base_url)
            try:
                if plan.record:
                    text = record.record_cassette(scenario, _SOURCES[plan.server], target, Path(folder))
                else:
                    text = f"{len(scenario.run(target))} calls"
            except (AIMLAPIError, AssertionError, ValueError) as error:
                yield _failed("cassettes", scenario.name, f"{type(error).__name__}: {error}")
            else:
                yield Outcome("cassettes", scenario.name, "passed", text)


PARTS: dict[str, Callable[[Plan, Proxy], Iterable[Outcome]]] = {
    "models": _run_models,
    "checks": _run_checks,
    "suite": _run_suite,
    "cassettes": _run_cassettes,
}
