"""The models: `models.json` as a table, and `GET /v1/models` with its filters.

Each chat model has a dialect there: what it refuses of what `wire_chat.py` takes, by the names that
`wire_chat_rules.py` gives to such things; and what it refuses on the Responses endpoint, by type. All of it is the
vendor's published schemas put to the test. A model that is not in the table refuses nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.datastructures import QueryParams

from .ask import JSON
from .errors import GatewayError
from .usage import prices

TYPES = {
    "chat": "openai/chat-completions",
    "responses": "openai/responses",
    "embeddings": "openai/embeddings",
    "messages": "anthropic/messages",
}
CAPABILITIES = ("streaming", "tools", "parallel_tool_calls", "structured_output", "vision", "file_input")


@dataclass(frozen=True)
class Model:
    id: str
    name: str
    developer: str
    context: int | None
    endpoints: tuple[str, ...]
    refuses: frozenset[str]
    responses_refuse: frozenset[str]

    @property
    def type(self) -> str:
        return TYPES[self.endpoints[0]]

    @property
    def capabilities(self) -> list[str]:
        if "embeddings" in self.endpoints:
            return []
        missing = {"tool": {"tools", "parallel_tool_calls"}, "image_url": {"vision"}, "file": {"file_input"}}
        without = set[str]().union(*(missing.get(thing, set()) for thing in self.refuses))
        return [capability for capability in CAPABILITIES if capability not in without]


@cache
def models() -> dict[str, Model]:
    data = json.loads((Path(__file__).parent / "models.json").read_text("utf-8"))
    refusals = [frozenset(dialect) for dialect in data["dialects"]]
    return {row["id"]: _model(row, refusals) for row in data["models"]}


def _model(row: JSON, refusals: list[frozenset[str]]) -> Model:
    refuses = refusals[row["dialect"]] if "dialect" in row else frozenset[str]()
    context = row.get("context")
    other = frozenset[str](row.get("responses_refuse", []))
    return Model(row["id"], row["name"], row["developer"], context, tuple(row["endpoints"]), refuses, other)


def refusals(model: str) -> frozenset[str]:
    """What a model refuses on /v1/chat/completions."""
    found = models().get(model)
    return found.refuses if found else frozenset()


def responses_refusals(model: str) -> frozenset[str]:
    """What a model refuses on /v1/responses: types of items, of parts and of tools."""
    found = models().get(model)
    return found.responses_refuse if found else frozenset()


def check_served(model: str, endpoint: str) -> None:
    """Any id is served, but two kinds: what says that it does not exist, and what belongs to another endpoint.

    Raises:
        GatewayError: 404 for a model that does not exist, 400 for one that this endpoint does not have.
    """
    if "does-not-exist" in model or model.startswith("emulated/nope"):
        raise GatewayError(404, f"Model {model} not found")
    known = models().get(model)
    only = known is not None and endpoint == "chat" and known.endpoints == ("responses",) and model[-7:] != "gpt-5-4"
    if only or (endpoint == "messages" and "claude" not in model):
        path = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}[endpoint]
        raise GatewayError(400, f"Model {model} is not available on {path}")


def entry(model: Model, include: set[str]) -> JSON:
    """One model as the catalogue shows it. It is not the shape of OpenAI's list."""
    info: JSON = {"name": model.name, "developer": model.developer, "description": "", "url": ""}
    if model.context is not None:
        info["contextLength"] = model.context
    shown: JSON = {"id": model.id, "aliases": [], "type": model.type, "info": info, "tags": []}
    if include & {"capabilities", "all"}:
        shown["capabilities"] = model.capabilities
    if include & {"modalities", "all"}:
        inputs = ["text", *(["image"] if "vision" in model.capabilities else [])]
        shown["modalities"] = {"input": inputs, "output": ["text"]}
    if include & {"pricing", "all"}:
        shown["pricing"] = {"kind": "fixed", "units": _units(model.id)}
    return shown


def _units(model: str) -> list[JSON]:
    """What it costs here, as the catalogue writes it."""
    unit = {"name": "token", "measure": "token", "type": "charge", "content": "text", "phase": "inference"}
    origins = zip(("provided", "generated"), prices(model), strict=True)
    return [{**unit, "origin": origin, "price": price, "per": 1_000_000} for origin, price in origins]


def _wanted(params: QueryParams, name: str) -> set[str]:
    """A filter's values: by comma or repeated, in any case."""
    return {value.strip().lower() for text in params.getlist(name) for value in text.split(",") if value.strip()}


def listing(params: QueryParams) -> JSON:
    """The whole list. Within a filter any value will do, but every filter must hold."""
    filters = {name: _wanted(params, name) for name in ("id", "type", "tags", "capabilities")}
    include = _wanted(params, "include") | ({"all"} if params.get("details") in ("true", "1") else set())
    found = [model for model in models().values() if _matches(model, filters)]
    return {"object": "list", "data": [entry(model, include) for model in found]}


def _matches(model: Model, filters: dict[str, set[str]]) -> bool:
    has = {
        "id": {model.id.lower()},
        "type": {TYPES[endpoint] for endpoint in model.endpoints},
        "tags": set[str](),
        "capabilities": set(model.capabilities),
    }
    return all(not wanted or wanted & has[name] for name, wanted in filters.items())


def find(name: str) -> JSON:
    model = next((model for model in models().values() if model.id.lower() == name.lower()), None)
    if model is None:
        raise GatewayError(404, f"Model {name} not found")
    return {"object": "model", "data": entry(model, {"all"})}


def etag(body: JSON) -> str:
    return f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'
