"""What the gateway remembers between requests. Bounded: the oldest goes first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from .ask import JSON, Turn
from .faults import Faults
from .usage import PromptCache

STORED_RESPONSES = 1_000
RECORDED_REQUESTS = 10_000


@dataclass(frozen=True)
class Record:
    """A request as it arrived: headers with lower-case names, and the JSON of its body (None where it had none)."""

    method: str
    path: str
    headers: dict[str, str]
    json: JSON | None


@dataclass
class Stored:
    """A response that was kept, and the conversation that led to it."""

    body: JSON
    turns: tuple[Turn, ...]
    waits: list[str] = field(default_factory=list)


class ResponseStore:
    def __init__(self, size: int = STORED_RESPONSES) -> None:
        self._kept: OrderedDict[str, Stored] = OrderedDict()
        self._size = size

    def put(self, stored: Stored) -> None:
        self._kept[stored.body["id"]] = stored
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def get(self, response_id: str) -> Stored | None:
        return self._kept.get(response_id)

    def has_item(self, item_id: str) -> bool:
        return any(item.get("id") == item_id for stored in self._kept.values() for item in stored.body["output"])

    def clear(self) -> None:
        self._kept.clear()


@dataclass
class Memory:
    """Everything of one gateway that `reset` empties."""

    requests: list[Record] = field(default_factory=list)
    responses: ResponseStore = field(default_factory=ResponseStore)
    cache: PromptCache = field(default_factory=PromptCache)
    faults: Faults = field(default_factory=Faults)

    def record(self, record: Record) -> None:
        self.requests.append(record)
        del self.requests[:-RECORDED_REQUESTS]

    def clear(self) -> None:
        self.requests.clear()
        self.responses.clear()
        self.cache.clear()
        self.faults.clear()
