"""What the gateway stores: its catalog of models, responses, and the account's balance."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Generic, TypeAlias, TypeVar

from ..endpoints import catalogue, responses
from ..endpoints.catalogue import Balance, CatalogueModel, Deprecation
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.retries import HTTPRequest, JSONResponse
from ..transport.timeouts import poll_intervals
from ..types import Json, Reply
from .call import build_http_request, model_errors, redact_errors
from .options import DEFAULT_OPTIONS, CallOptions

Filter: TypeAlias = str | Iterable[str] | None

_PENDING = ("queued", "in_progress")

T = TypeVar("T")


class _ETagCache(Generic[T]):
    """Decoded responses with their ETags: the catalog is large, and rarely changes."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, tuple[str, T]] = {}

    def conditional(self, key: Hashable, request: HTTPRequest) -> HTTPRequest:
        """Return the request, conditional on a change if there is an entry for `key`."""
        entry = self._entries.get(key)
        return replace(request, headers={**request.headers, "If-None-Match": entry[0]}) if entry else request

    def decode(self, key: Hashable, response: JSONResponse, decode: Callable[[Json, Mapping[str, str]], T]) -> T:
        """Decode a response, or return the entry for `key` if nothing has changed."""
        if response.status == 304:
            return self._entries[key][1]
        with redact_errors(response):
            value = decode(response.body, response.headers)
        if etag := response.headers.get("etag"):
            self._entries[key] = etag, value
        return value


class _Catalogue:
    """Requests to the catalog and their responses, for the sync and the async client."""

    def __init__(self) -> None:
        self._lists: _ETagCache[tuple[CatalogueModel, ...]] = _ETagCache()
        self._models: _ETagCache[CatalogueModel] = _ETagCache()

    def list_request(self, query: dict[str, str]) -> HTTPRequest:
        return self._lists.conditional(tuple(query.items()), HTTPRequest("GET", catalogue.PATH, query=query))

    def decode_list(self, query: dict[str, str], response: JSONResponse) -> tuple[CatalogueModel, ...]:
        return self._lists.decode(tuple(query.items()), response, catalogue.decode_list)

    def model_request(self, base_url: str, model: str) -> HTTPRequest:
        return self._models.conditional(model, HTTPRequest("GET", catalogue.model_url(base_url, model)))

    def decode_model(self, model: str, response: JSONResponse) -> CatalogueModel:
        return self._models.decode(model, response, catalogue.decode_model)


_DEPRECATIONS = HTTPRequest("GET", catalogue.DEPRECATIONS_PATH)


def _schema_request(base_url: str, model: str, endpoint_type: str) -> HTTPRequest:
    query = catalogue.request_schema_query(model, endpoint_type)
    return HTTPRequest("GET", catalogue.request_schema_url(base_url), query=query)


def _decode_deprecations(response: JSONResponse) -> tuple[Deprecation, ...]:
    with redact_errors(response):
        return catalogue.decode_deprecations(response.body, response.headers)


class Models:
    """The live catalog. Asks the gateway each time, which sends only what has changed.

    >>> [model.id for model in client.models.list(capabilities="vision")]               # doctest: +SKIP
    """

    def __init__(self, http: HTTPClient) -> None:
        self._http = http
        self._catalogue = _Catalogue()

    def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """Return the models that match all filters.

        Args:
            include: sections to add: `pricing`, `modalities`, `capabilities` or `all`.
            filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`.
        """
        query = catalogue.query(include, **filters)
        return self._catalogue.decode_list(query, self._http.send(self._catalogue.list_request(query)))

    def get(self, model: str) -> CatalogueModel:
        """Return one model by its id or an alias, in any case. NotFoundError if there is none."""
        request = self._catalogue.model_request(self._http.base_url, model)
        with model_errors(model):
            return self._catalogue.decode_model(model, self._http.send(request))

    def get_live(self, model: str) -> CatalogueModel:
        """Return one model, and adapt requests to its live schema for the rest of this process.

        Schemas are read if `jsonschema` is installed, as with the extra `cli`, with a request for each endpoint.
        """
        from .live_models import apply_live_schema  # which few programs need

        entry = self.get(model)
        apply_live_schema(self, entry)
        return entry

    def deprecations(self) -> tuple[Deprecation, ...]:
        """Return the models that the gateway has withdrawn, or will, with what replaces them."""
        return _decode_deprecations(self._http.send(_DEPRECATIONS))

    def request_schema(self, model: str, endpoint_type: str) -> Json:
        """Return the OpenAPI document that describes the requests of one model.

        Args:
            model: its id.
            endpoint_type: as in the catalog, such as `openai/chat-completions`.

        Raises:
            NotFoundError: the model is unknown, or is not served on this endpoint.
        """
        document: Json = self._http.send(_schema_request(self._http.base_url, model, endpoint_type)).body
        return document


class AsyncModels:
    """The async `Models`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http
        self._catalogue = _Catalogue()

    async def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """See `Models.list`."""
        query = catalogue.query(include, **filters)
        return self._catalogue.decode_list(query, await self._http.send(self._catalogue.list_request(query)))

    async def get(self, model: str) -> CatalogueModel:
        """See `Models.get`."""
        request = self._catalogue.model_request(self._http.base_url, model)
        with model_errors(model):
            return self._catalogue.decode_model(model, await self._http.send(request))

    async def get_live(self, model: str) -> CatalogueModel:
        """See `Models.get_live`."""
        from .live_models import apply_live_schema_async

        entry = await self.get(model)
        await apply_live_schema_async(self, entry)
        return entry

    async def deprecations(self) -> tuple[Deprecation, ...]:
        """See `Models.deprecations`."""
        return _decode_deprecations(await self._http.send(_DEPRECATIONS))

    async def request_schema(self, model: str, endpoint_type: str) -> Json:
        """See `Models.request_schema`."""
        response = await self._http.send(_schema_request(self._http.base_url, model, endpoint_type))
        document: Json = response.body
        return document


def _retrieve_request(response_id: str, options: CallOptions) -> HTTPRequest:
    return build_http_request(responses.response_path(response_id), options, method="GET")


def _cancel_request(response_id: str, options: CallOptions) -> HTTPRequest:
    return build_http_request(responses.cancel_path(response_id), options)


def _decode_status(response: JSONResponse) -> Reply:
    with redact_errors(response):
        return responses.decode_status(response.body, response.headers)


def _decode_if_ended(response: JSONResponse) -> Reply | None:
    """Return the reply of a response that has ended, or None. ResponseFailedError if it has failed."""
    if response.body.get("status") in _PENDING:
        return None
    with redact_errors(response):
        return responses.decode(response.body, response.headers)


class Responses:
    """Stored responses (`store`, `background`) by their ids."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def retrieve(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """Return a response in its current state: `Reply.status` tells whether it has ended."""
        return _decode_status(self._http.send(_retrieve_request(response_id, options)))

    def cancel(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """Cancel a response that runs in the background."""
        return _decode_status(self._http.send(_cancel_request(response_id, options)))

    def wait(
        self,
        response_id: str,
        *,
        timeout: float | None = 600.0,
        interval: float = 0.5,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Reply:
        """Wait for a response that runs in the background, and return it.

        Args:
            response_id: its id.
            timeout: seconds to wait in total; None for no limit.
            interval: seconds between the first two requests; later intervals grow up to 10 s.
            options: how to send the requests.

        Raises:
            ResponseFailedError: it failed or was canceled.
            APITimeoutError: it didn't end in time.
        """
        intervals = poll_intervals(interval, timeout)
        while (reply := _decode_if_ended(self._http.send(_retrieve_request(response_id, options)))) is None:
            self._http.sleep(next(intervals))
        return reply


class AsyncResponses:
    """The async `Responses`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def retrieve(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """See `Responses.retrieve`."""
        return _decode_status(await self._http.send(_retrieve_request(response_id, options)))

    async def cancel(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """See `Responses.cancel`."""
        return _decode_status(await self._http.send(_cancel_request(response_id, options)))

    async def wait(
        self,
        response_id: str,
        *,
        timeout: float | None = 600.0,
        interval: float = 0.5,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Reply:
        """See `Responses.wait`."""
        intervals = poll_intervals(interval, timeout)
        while (reply := _decode_if_ended(await self._http.send(_retrieve_request(response_id, options)))) is None:
            await self._http.sleep(next(intervals))
        return reply


def _decode_balance(response: JSONResponse) -> Balance:
    with redact_errors(response):
        return catalogue.decode_balance(response.body, response.headers)


class Billing:
    """The account that the key belongs to."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def balance(self, options: CallOptions = DEFAULT_OPTIONS) -> Balance:
        """Return what the account has left. It costs nothing, and fails if the key isn't accepted.

        Raises:
            AuthenticationError: the key is missing or wrong.
            PermissionDeniedError: the key may not read the balance.
        """
        request = build_http_request(catalogue.billing_url(self._http.base_url), options, method="GET")
        return _decode_balance(self._http.send(request))


class AsyncBilling:
    """The async `Billing`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def balance(self, options: CallOptions = DEFAULT_OPTIONS) -> Balance:
        """See `Billing.balance`."""
        request = build_http_request(catalogue.billing_url(self._http.base_url), options, method="GET")
        return _decode_balance(await self._http.send(request))
