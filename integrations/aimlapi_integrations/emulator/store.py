"""What the emulator remembers between requests. Everything is bounded: the oldest entries go first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from .faults import FaultCounter
from .model import JSON, Turn
from .model.usage import PromptCache

MAX_STORED_RESPONSES = 1_000
MAX_RECORDED_REQUESTS = 10_000


@dataclass(frozen=True)
class Record:
    """A request as it arrived: headers with lower-case names, and the parsed JSON body (None if it had none)."""

    method: str
    path: str
    headers: dict[str, str]
    json: JSON | None


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

    def has_item(self, item_id: str) -> bool:
        return any(item.get("id") == item_id for stored in self._responses.values() for item in stored.body["output"])

    def clear(self) -> None:
        self._responses.clear()


@dataclass
class GatewayState:
    """Everything that `reset` clears."""

    requests: list[Record] = field(default_factory=list)
    responses: ResponseStore = field(default_factory=ResponseStore)
    prompt_cache: PromptCache = field(default_factory=PromptCache)
    fault_counter: FaultCounter = field(default_factory=FaultCounter)

    def record(self, record: Record) -> None:
        self.requests.append(record)
        del self.requests[:-MAX_RECORDED_REQUESTS]

    def clear(self) -> None:
        self.requests.clear()
        self.responses.clear()
        self.prompt_cache.clear()
        self.fault_counter.clear()
