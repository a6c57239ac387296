"""`GET /v1/models` with its filters, `GET /v1/model/ID`, and whether an endpoint serves a model."""

from __future__ import annotations

import hashlib
import json

from starlette.datastructures import QueryParams

from ..model.catalogue import CatalogueModel, catalogue
from ..model.usage import token_prices
from ..wire import JSON, GatewayError

ENDPOINT_TYPES = {
    "chat": "openai/chat-completions",
    "responses": "openai/responses",
    "embeddings": "openai/embeddings",
    "messages": "anthropic/messages",
}
CAPABILITIES = ("streaming", "tools", "parallel_tool_calls", "structured_output", "vision", "file_input")


def check_model_served(model_id: str, endpoint: str) -> None:
    """Raise if the endpoint does not serve the model. Any id is served, with two exceptions.

    Raises:
        GatewayError: 404 for an id that says it doesn't exist, 400 for a model of another endpoint.
    """
    if "does-not-exist" in model_id or model_id.startswith("emulated/nope"):
        raise GatewayError(404, f"Model {model_id} not found")
    model = catalogue().get(model_id)
    responses_only = model is not None and model.endpoints == ("responses",) and model_id[-7:] != "gpt-5-4"
    if (endpoint == "chat" and responses_only) or (endpoint == "messages" and "claude" not in model_id):
        path = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}[endpoint]
        raise GatewayError(400, f"Model {model_id} is not available on {path}")


def list_models(params: QueryParams) -> JSON:
    """The whole catalogue. A model must match every filter; it matches a filter if it has any of its values."""
    filters = {name: _filter_values(params, name) for name in ("id", "type", "tags", "capabilities")}
    include = _filter_values(params, "include") | ({"all"} if params.get("details") in ("true", "1") else set())
    models = [model for model in catalogue().values() if _matches(model, filters)]
    return {"object": "list", "data": [_model_body(model, include) for model in models]}


def retrieve_model(model_id: str) -> JSON:
    model = next((model for model in catalogue().values() if model.id.lower() == model_id.lower()), None)
    if model is None:
        raise GatewayError(404, f"Model {model_id} not found")
    return {"object": "model", "data": _model_body(model, {"all"})}


def entity_tag(body: JSON) -> str:
    return f'W/"{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]}"'


def _model_body(model: CatalogueModel, include: set[str]) -> JSON:
    """One model as the catalogue shows it, which is not how OpenAI's list does."""
    info: JSON = {"name": model.name, "developer": model.developer, "description": "", "url": ""}
    if model.context is not None:
        info["contextLength"] = model.context
    body: JSON = {"id": model.id, "aliases": [], "type": ENDPOINT_TYPES[model.endpoints[0]], "info": info, "tags": []}
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
    """The emulator's prices in the catalogue's form."""
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
