"""Failing on demand: which fault a request asks for, and how often it applies.

Tests schedule a fault for the next requests with `Emulator.fail`. Other requests ask for one by the header
`x-emulator-fault: NAME; key=value`, by a model id that ends in `#fault=NAME;key=value`, or by the model id
`emulator/NAME`. Every such fault takes `times=N`: it applies to the first N such requests only. Requests are told apart
by their `x-client-request-id`, if they have one. `table.py` has the faults themselves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from ..wire import JSON, GatewayError

FAULT_HEADER = "x-emulator-fault"


@dataclass(frozen=True)
class RequestedFault:
    """A fault that a request asks for: its name, its options, and the endpoint and path of the request."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    endpoint: str = "chat"
    path: str = ""

    def number(self, key: str, default: float) -> float:
        """A numeric option."""
        try:
            return float(self.options.get(key, default))
        except ValueError:
            raise GatewayError(400, f"The emulator's fault option {key!r} must be a number") from None


def parse_fault(spec: str) -> RequestedFault:
    """Parse `status-429; retry-after=1; times=2`."""
    name, *options = (part.strip() for part in spec.split(";"))
    pairs = (option.partition("=") for option in options if option)
    return RequestedFault(name.lower(), {key.strip().lower(): value.strip() for key, _, value in pairs})


def pop_fault_spec(headers: Headers, body: JSON) -> str:
    """Return the fault that a request asks for, "" if it asks for none, and remove it from the model id."""
    model = body.get("model")
    model = model if isinstance(model, str) else ""
    model_id, separator, model_spec = model.partition("#fault=")
    if separator:
        body["model"] = model_id
    if model.startswith("emulator/"):
        model_spec = model_spec or model_id.removeprefix("emulator/")
    return headers.get(FAULT_HEADER, model_spec)


@dataclass(eq=False)
class ScheduledFault:
    """A fault for the next `remaining` requests, whatever they ask for; with `model`, for those of that model."""

    spec: str
    remaining: float
    model: str | None = None

    def matches(self, model: object) -> bool:
        """Whether it applies to a request with this model."""
        return self.model in (None, model)


class FaultCounter:
    """Counts the requests that asked for each fault."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count_and_check(self, fault: RequestedFault, spec: str, client_request_id: str) -> bool:
        """Count a request, and return whether its fault still applies."""
        key = (spec, client_request_id)
        self._counts[key] += 1
        return self._counts[key] <= fault.number("times", float("inf"))

    def clear(self) -> None:
        self._counts.clear()
