"""What the emulator remembers between requests. Everything is bounded: the oldest entries go first."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .faults import FaultCounter, ScheduledFault
from .model import JSON, Turn
from .model.catalogue import PromptCache

MAX_STORED_RESPONSES = 1_000
MAX_STORED_BATCHES = 100
MAX_RECORDED_REQUESTS = 10_000
SECRET_HEADERS = {"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"}
HIDDEN = "[hidden]"


@dataclass(frozen=True)
class EmulatorOptions:
    """How the emulator runs.

    Attributes:
        any_model: serve unknown model ids, too.
        hide_keys: replace API keys in recorded requests by "[hidden]".
        log: write one line per request: to stderr (True), or by calling a function with it.
    """

    any_model: bool = False
    hide_keys: bool = False
    log: bool | Callable[[str], object] = False

    @property
    def write_log(self) -> Callable[[str], object] | None:
        """The function that writes a line of the log. None without a log."""
        if self.log is True:
            return lambda line: print(line, file=sys.stderr, flush=True)  # noqa: T201  # this is the log
        return self.log or None


@dataclass(frozen=True)
class Record:
    """A request as it arrived: headers with lower-case names, and the parsed JSON body (None if it had none)."""

    method: str
    path: str
    headers: dict[str, str]
    json: JSON | None

    def without_keys(self) -> Record:
        """A copy without API keys and passwords: in headers, and in the headers that MCP tools carry in the body."""
        headers = {name: HIDDEN if name in SECRET_HEADERS else value for name, value in self.headers.items()}
        return replace(self, headers=headers, json=_without_keys(self.json))


def _without_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: HIDDEN if name.lower() in SECRET_HEADERS and isinstance(item, str) else _without_keys(item)
        for name, item in value.items()
    }


@dataclass
class StoredResponse:
    """A stored response and the conversation that ends with it.

    `pending_statuses` are the statuses that a background response reports before it is complete.
    """

    body: JSON
    turns: tuple[Turn, ...]
    pending_statuses: list[str] = field(default_factory=list)


class ResponseStore:
    """Stored responses by id."""

    def __init__(self, max_size: int = MAX_STORED_RESPONSES) -> None:
        self._responses: OrderedDict[str, StoredResponse] = OrderedDict()
        self._max_size = max_size

    def put(self, stored: StoredResponse) -> None:
        self._responses[stored.body["id"]] = stored
        while len(self._responses) > self._max_size:
            self._responses.popitem(last=False)

    def get(self, response_id: str) -> StoredResponse | None:
        return self._responses.get(response_id)

    def item_ids(self) -> set[str]:
        """The ids of the output items of all stored responses."""
        return {item["id"] for stored in self._responses.values() for item in stored.body["output"]}

    def clear(self) -> None:
        self._responses.clear()


@dataclass
class StoredBatch:
    """A batch, its results, and for how many more requests it is pending. `as_lines`: the results are JSON Lines."""

    body: JSON
    rows: list[JSON]
    polls: float = 1
    as_lines: bool = False
    canceled: bool = False


class BatchStore:
    """Batches by id."""

    def __init__(self, max_size: int = MAX_STORED_BATCHES) -> None:
        self._batches: OrderedDict[str, StoredBatch] = OrderedDict()
        self._max_size = max_size

    def put(self, stored: StoredBatch) -> None:
        self._batches[stored.body["id"]] = stored
        while len(self._batches) > self._max_size:
            self._batches.popitem(last=False)

    def get(self, batch_id: str) -> StoredBatch | None:
        return self._batches.get(batch_id)

    def clear(self) -> None:
        self._batches.clear()


@dataclass
class GatewayState:
    """The options, and everything that `reset` clears."""

    options: EmulatorOptions = field(default_factory=EmulatorOptions)
    requests: list[Record] = field(default_factory=list)
    responses: ResponseStore = field(default_factory=ResponseStore)
    batches: BatchStore = field(default_factory=BatchStore)
    prompt_cache: PromptCache = field(default_factory=PromptCache)
    fault_counter: FaultCounter = field(default_factory=FaultCounter)
    speech_jobs: dict[str, Any] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    scheduled_faults: list[ScheduledFault] = field(default_factory=list)

    def record(self, record: Record) -> None:
        self.requests.append(record)
        del self.requests[:-MAX_RECORDED_REQUESTS]

    def next_scheduled_fault(self, model: object) -> str:
        """Return the fault of the first schedule that a request with this model matches, "" if there is none."""
        scheduled = next((each for each in self.scheduled_faults if each.matches(model)), None)
        if scheduled is None:
            return ""
        scheduled.remaining -= 1
        if scheduled.remaining <= 0:
            self.scheduled_faults.remove(scheduled)
        return scheduled.spec

    def clear(self) -> None:
        self.scheduled_faults.clear()
        self.requests.clear()
        self.responses.clear()
        self.batches.clear()
        self.prompt_cache.clear()
        self.fault_counter.clear()
        self.speech_jobs.clear()
        self.images.clear()
