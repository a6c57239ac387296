"""`GET /v1/models` with its filters, `/v1/models/deprecations`, `/v1/model/ID`; which endpoint serves a model."""

from __future__ import annotations

import hashlib
import json

from starlette.datastructures import QueryParams

from ..model.catalogue import CatalogueModel, catalogue, deprecations, find_model, other_modalities
from ..model.usage import token_prices
from ..wire import JSON, GatewayError

ENDPOINT_TYPES = {
    "chat": "openai/chat-completions",
    "responses": "openai/responses",
    "embeddings": "openai/embeddings",
    "messages": "anthropic/messages",
}
CAPABILITIES = ("streaming", "tools", "parallel_tool_calls", "structured_output", "vision", "file_input")


ENDPOINT_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "decisions": "/v1/decisions",
}
DECISION_MODELS = frozenset({"typesafe/jev"})


def check_model_served(model_id: str, endpoint: str, *, any_model: bool = False) -> None:
    """Raise if the endpoint does not serve the model.

    Args:
        model_id: of the request. Ids that start with `emulator/` are always served.
        endpoint: chat, responses, embeddings, messages or decisions.
        any_model: serve unknown ids, too.

    Raises:
        GatewayError: 404 for an unknown model, 400 for a model of another endpoint.
    """
    model = find_model(model_id)
    if model_id in DECISION_MODELS:
        available = endpoint == "decisions"
    elif model is not None:
        available = is_available(model, endpoint)
    elif model_id in other_modalities():
        available = False
    elif model_id.startswith("emulator/") or (any_model and not _is_nonexistent(model_id)):
        available = endpoint != "messages" or "claude" in model_id
    else:
        raise GatewayError(404, f"Model {model_id} not found")
    if not available:
        raise GatewayError(400, f"Model {model_id} is not available on {ENDPOINT_PATHS[endpoint]}")


def _is_nonexistent(model_id: str) -> bool:
    """Whether an id says that it doesn't exist. Such ids are never served."""
    return "does-not-exist" in model_id or model_id.startswith("emulated/nope")


def is_available(model: CatalogueModel, endpoint: str) -> bool:
    """Whether a known model is served on an endpoint.

    The catalog's endpoints are not complete: every Claude model is served on /v1/messages, gpt-5-4 on
    /v1/chat/completions, and models of every vendor on /v1/responses.
    """
    if (endpoint == "embeddings") != ("embeddings" in model.endpoints) or endpoint == "decisions":
        return False
    if endpoint == "chat":
        return model.endpoints != ("responses",) or model.id == "openai/gpt-5-4"
    return endpoint != "messages" or "claude" in model.id


def list_models(params: QueryParams) -> JSON:
    """The whole catalogue. A model must match every filter; it matches a filter if it has any of its values."""
    filters = {name: _filter_values(params, name) for name in ("id", "type", "tags", "capabilities")}
    include = _filter_values(params, "include") | ({"all"} if params.get("details") in ("true", "1") else set())
    models = [model for model in catalogue().values() if _matches(model, filters)]
    return {"object": "list", "data": [_model_body(model, include) for model in models]}


def list_deprecations() -> JSON:
    return {"object": "list", "data": deprecations()}


def retrieve_model(model_id: str) -> JSON:
    model = find_model(model_id)
    if model is None:
        raise GatewayError(404, f"Model {model_id} not found")
    return {"object": "model", "data": _model_body(model, {"all"})}


def entity_tag(body: JSON) -> str:
    return f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'


def _model_body(model: CatalogueModel, include: set[str]) -> JSON:
    """One model as the catalog shows it, which is not how OpenAI's list does."""
    info: JSON = {"name": model.name, "developer": model.developer, "description": "", "url": ""}
    if model.context is not None:
        info["contextLength"] = model.context
    body: JSON = {"id": model.id, "aliases": list(model.aliases), "type": ENDPOINT_TYPES[model.endpoints[0]]}
    body |= {"info": info, "tags": []}
    if include & {"capabilities", "all"}:
        body["capabilities"] = _capabilities(model)
    if include & {"modalities", "all"}:
        inputs = ["text", *(["image"] if "vision" in _capabilities(model) else [])]
        body["modalities"] = {"input": inputs, "output": ["text"]}
    if include & {"pricing", "all"}:
        body["pricing"] = {"kind": "fixed", "units": _price_units(model.id)}
    return body


def _capabilities(model: CatalogueModel) -> list[str]:
    if "embeddings" in model.endpoints:
        return []
    requirements = {"tool": {"tools", "parallel_tool_calls"}, "image_url": {"vision"}, "file": {"file_input"}}
    missing = set[str]().union(*(requirements.get(feature, set()) for feature in model.chat_refusals))
    return [capability for capability in CAPABILITIES if capability not in missing]


def _price_units(model_id: str) -> list[JSON]:
    """The emulator's prices in the catalog's form."""
    unit = {"name": "token", "measure": "token", "type": "charge", "content": "text", "phase": "inference"}
    origins = zip(("provided", "generated"), token_prices(model_id), strict=True)
    return [{**unit, "origin": origin, "price": price, "per": 1_000_000} for origin, price in origins]


def _filter_values(params: QueryParams, name: str) -> set[str]:
    """The values of a query parameter, separated by commas or repeated, in lower case."""
    return {value.strip().lower() for text in params.getlist(name) for value in text.split(",") if value.strip()}


def _matches(model: CatalogueModel, filters: dict[str, set[str]]) -> bool:
    values = {
        "id": {model.id.lower()},
        "type": {ENDPOINT_TYPES[endpoint] for endpoint in model.endpoints},
        "tags": set[str](),
        "capabilities": set(_capabilities(model)),
    }
    return all(not expected or expected & values[name] for name, expected in filters.items())
