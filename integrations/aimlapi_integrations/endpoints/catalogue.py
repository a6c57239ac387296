"""`/v1/models`: the models that exist now, their capabilities and prices, which need no key; and the account's balance.

https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list
https://docs.aimlapi.com/api-references/service-endpoints/account-balance
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ..errors import APIError
from ..types import CallMetadata, Json
from .shared import parsing
from .shared.parsing import as_dict, as_str, dict_items, json_type
from .shared.paths import id_path

PATH = "/models"

# Types of the endpoints for text and embeddings, and their short names. The catalog has other models too.
TEXT_TYPES = {
    "openai/chat-completions": "chat",
    "openai/responses": "responses",
    "anthropic/messages": "messages",
    "openai/embeddings": "embeddings",
}

_FILTERS = ("id", "type", "tags", "modalities", "input_modalities", "output_modalities", "capabilities")

_MILLION = Decimal(1_000_000)

# Kinds of price, by the origin of the tokens in the catalog.
_ORIGINS = {"provided": "input", "generated": "output", "cached": "cache_read", "cache_write": "cache_creation"}
# Kinds of price, by the prefix of the unit's name, for units without an origin.
_KINDS_BY_PREFIX = {
    "cache_write": "cache_creation",
    "cache": "cache_read",
    "input_cache": "cache_read",
    "prompt_cache": "cache_read",
    "input": "input",
    "prompt": "input",
    "output": "output",
    "completion": "output",
}

# Other fields of the unit of a text token, if present.
_TEXT_TOKEN = {"content": "text", "type": "charge", "phase": "inference"}


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One model of the live catalog. Fields that were not requested, or that are missing, are empty or None.

    Attributes:
        id, aliases: all its names.
        type: the endpoint that serves it, such as `openai/chat-completions`.
        context_length, max_output: tokens.
        capabilities: the declared ones. A model may have others.
        prices: US dollars per million tokens: `input`, `output`, `cache_read`, `cache_creation`.
        price_kind: `fixed`, `variants` (depends on the request) or `variable` (not known in advance).
        raw: the whole entry.
    """

    id: str
    aliases: tuple[str, ...] = ()
    type: str = ""
    name: str = ""
    developer: str = ""
    description: str = ""
    context_length: int | None = None
    max_output: int | None = None
    capabilities: tuple[str, ...] = ()
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    price_kind: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def token_prices(self) -> dict[str, float]:
        """US dollars per token, in the form of `models.Model.prices`; empty if they depend on the request."""
        if self.price_kind not in ("fixed", None):
            return {}
        return {unit: float(price / _MILLION) for unit, price in self.prices.items()}


def query(include: str | Iterable[str] | None = None, **filters: str | Iterable[str] | None) -> dict[str, str]:
    """Return the query of a listing.

    Args:
        include: sections to add: `pricing`, `modalities`, `capabilities` or `all`.
        filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`. Several
            values of one are alternatives. All filters must match.

    >>> query(include="pricing", capabilities=["tools", "vision"])
    {'include': 'pricing', 'capabilities': 'tools,vision'}
    """
    unknown = filters.keys() - set(_FILTERS)
    if unknown:
        raise TypeError(f"The catalogue has no filter {', '.join(sorted(unknown))}: it has {', '.join(_FILTERS)}.")
    values = {"include": include, **filters}
    return {name: _join(value) for name, value in values.items() if value}


def model_url(base_url: str, model: str) -> str:
    """Return the URL of one model: at the root of the host, not below `/v1`, with the slashes of its id.

    >>> model_url("https://api.aimlapi.com/v1", "openai/gpt-4o")
    'https://api.aimlapi.com/model/openai/gpt-4o'
    """
    return f"{base_url.rstrip('/').removesuffix('/v1')}/model/{id_path(model, 'a model', slashes=True)}"


def decode_list(body: Json, headers: Mapping[str, str]) -> tuple[CatalogueModel, ...]:
    """Return the models of a listing. APIResponseError if the body has no list."""
    rows = parsing.require_list(body.get("data") if isinstance(body, dict) else body, body, headers)
    return tuple(_decode_row(row) for row in dict_items(rows) if as_str(row.get("id")))


def decode_model(body: Json, headers: Mapping[str, str]) -> CatalogueModel:
    """Return the model of a response about one. APIResponseError if the body has none."""
    row = as_dict(body.get("data", body)) if isinstance(body, dict) else {}
    if not as_str(row.get("id")):
        raise _missing_model(body, headers)
    return _decode_row(row)


def _missing_model(body: Any, headers: Mapping[str, str]) -> APIError:
    return parsing.missing_list_error("data.id: expected string, received none", body, headers)


def _join(value: str | Iterable[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _decode_row(row: Json) -> CatalogueModel:
    info, modalities, pricing = as_dict(row.get("info")), as_dict(row.get("modalities")), as_dict(row.get("pricing"))
    return CatalogueModel(
        id=row["id"],
        aliases=_strings(row.get("aliases")),
        type=as_str(row.get("type")) or "",
        name=as_str(info.get("name")) or row["id"],
        developer=as_str(info.get("developer")) or "",
        description=as_str(info.get("description")) or "",
        context_length=parsing.as_count(info.get("contextLength")) or None,
        max_output=parsing.as_count(info.get("outputMax")) or parsing.as_count(info.get("maxTokens")) or None,
        capabilities=_strings(row.get("capabilities")),
        input_modalities=_strings(modalities.get("input")),
        output_modalities=_strings(modalities.get("output")),
        tags=_strings(row.get("tags")),
        prices=_prices(dict_items(pricing.get("units"))),
        price_kind=as_str(pricing.get("kind")),
        raw=row,
    )


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _prices(units: list[Json]) -> dict[str, Decimal]:
    """Return the price of each kind of text token; the first one if there are several."""
    prices: dict[str, Decimal] = {}
    for unit in units:
        kind, price = _price_kind(unit), _price_per_million(unit)
        if kind and price is not None:
            prices.setdefault(kind, price)
    return prices


def _price_kind(unit: Json) -> str | None:
    """Return the kind of token that a unit prices; None if it prices something else."""
    if any(unit.get(key) not in (value, None) for key, value in _TEXT_TOKEN.items()):
        return None
    name = as_str(unit.get("name")) or ""
    if "token" not in f"{name} {unit.get('measure')}":
        return None
    by_name = next((kind for start, kind in _KINDS_BY_PREFIX.items() if name.startswith(start)), None)
    return _ORIGINS.get(str(unit.get("origin"))) or by_name


def _price_per_million(unit: Json) -> Decimal | None:
    """Return the price per million. `price` is for `per` units, which differs between models."""
    try:
        price, per = Decimal(str(unit["price"])), Decimal(str(unit.get("per") or 1))
    except (KeyError, InvalidOperation):
        return None
    return price / per * _MILLION if price.is_finite() and per > 0 else None


# --- what requests look like, and what ends -----------------------------------------------------------------------

DEPRECATIONS_PATH = "/models/deprecations"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """A model that the gateway has withdrawn, or will.

    Attributes:
        status: `deprecated`, `superseded` or `withdrawn`.
        successor: the id of the model that replaces it, if there is one.
        retires: the date on which it ends or ended, as ISO 8601, if known.
    """

    id: str
    status: str
    successor: str | None = None
    retires: str | None = None


def decode_deprecations(body: Json, headers: Mapping[str, str]) -> tuple[Deprecation, ...]:
    """Return the rows of `/v1/models/deprecations`. APIResponseError if the body has no list."""
    rows = parsing.require_list(body.get("data") if isinstance(body, dict) else body, body, headers)
    return tuple(each for each in map(_decode_deprecation, dict_items(rows)) if each)


def _decode_deprecation(row: Json) -> Deprecation | None:
    model, status = as_str(row.get("model")) or as_str(row.get("id")), as_str(row.get("status"))
    if not model or status not in ("deprecated", "superseded", "withdrawn"):
        return None
    retires = as_str(row.get("shutdown_at"))
    return Deprecation(model, status, as_str(row.get("replaced_by")), retires[:10] if retires else None)


def request_schema_url(base_url: str) -> str:
    """Return the URL of the document that describes requests, at the root of the host."""
    return f"{base_url.rstrip('/').removesuffix('/v1')}/docs-json"


def request_schema_query(model: str, endpoint_type: str) -> dict[str, str]:
    """Return the query for one model on an endpoint of a type, such as `openai/chat-completions`."""
    return {"model": model, "endpoint": endpoint_type}


# --- the balance --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account has left: `amount` in `currency`, which is documented to be USD always."""

    amount: Decimal
    currency: str = "USD"
    call_metadata: CallMetadata = field(default_factory=CallMetadata)

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"


def billing_url(base_url: str) -> str:
    """Return the URL of the balance: at the root of the host, not below `/v1`.

    >>> billing_url("https://api.aimlapi.com/v1")
    'https://api.aimlapi.com/v2/billing'
    """
    return f"{base_url.rstrip('/').removesuffix('/v1')}/v2/billing"


def decode_balance(body: Json, headers: Mapping[str, str]) -> Balance:
    """Return the balance. APIResponseError if the body has none.

    >>> decode_balance({"current_balance": 12.5, "currency": "USD"}, {}).amount
    Decimal('12.5')
    """
    value = body.get("current_balance") if isinstance(body, dict) else None
    try:
        amount = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite():
        message = f"current_balance: expected number, received {json_type(value)}"
        raise parsing.missing_list_error(message, body, headers)
    return Balance(amount, as_str(body.get("currency")) or "USD", parsing.parse_call_metadata(body, headers))
