"""Failing on demand: which fault a request asks for, and when it is over.

A request asks by the header `x-emulator-fault: NAME; key=value`, by a model id that ends in `#fault=NAME;key=value`,
or by the model id `emulator/NAME`. Every fault takes `times=N`: the first N such requests meet it, later ones do not
(requests are told apart by their `x-client-request-id`, where they have one). The table is in `fault_table.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from .ask import JSON
from .errors import GatewayError

HEADER = "x-emulator-fault"


@dataclass(frozen=True)
class Fault:
    """A fault that was asked for: its name, its options, and the request that it is to spoil."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    endpoint: str = "chat"
    path: str = ""

    def number(self, key: str, default: float) -> float:
        try:
            return float(self.options.get(key, default))
        except ValueError:
            raise GatewayError(400, f"The emulator's fault option {key!r} wants a number") from None


def parse(spec: str) -> Fault:
    """`status-429; retry-after=1; times=2` -> the fault and its options."""
    name, *options = (part.strip() for part in spec.split(";"))
    pairs = (option.partition("=") for option in options if option)
    return Fault(name.lower(), {key.strip().lower(): value.strip() for key, _, value in pairs})


def asked_for(headers: Headers, body: JSON) -> str:
    """The fault that a request asks for, as text; "" where it asks for none. Takes it out of the model id."""
    model = body.get("model")
    model = model if isinstance(model, str) else ""
    name, mark, by_model = model.partition("#fault=")
    if mark:
        body["model"] = name
    if model.startswith("emulator/"):
        by_model = by_model or name.removeprefix("emulator/")
    return headers.get(HEADER, by_model)


class Faults:
    """Counts how often each fault was met."""

    def __init__(self) -> None:
        self._met: Counter[tuple[str, str]] = Counter()

    def due(self, fault: Fault, spec: str, client_request_id: str) -> bool:
        key = (spec, client_request_id)
        self._met[key] += 1
        return self._met[key] <= fault.number("times", float("inf"))

    def clear(self) -> None:
        self._met.clear()
