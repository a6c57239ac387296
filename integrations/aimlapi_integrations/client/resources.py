"""What the gateway keeps: its catalogue of models, and responses that were stored."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from time import monotonic
from typing import Generic, TypeAlias, TypeVar

from ..endpoints import catalogue, responses
from ..endpoints.catalogue import CatalogueModel
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.retries import HTTPRequest, JSONResponse
from ..transport.timeouts import timeout_error
from ..types import Json, Reply
from .call import build_http_request, redact_errors
from .options import DEFAULT_OPTIONS, CallOptions

Filter: TypeAlias = str | Iterable[str] | None

_PENDING = ("queued", "in_progress")
_LONGEST_PAUSE = 10.0


_Found = TypeVar("_Found")


class _Kept(Generic[_Found]):
    """Answers under their names, with the tags that ask whether they still hold: the catalogue is large."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[str, _Found]] = {}

    def call(self, name: Hashable, call: HTTPRequest) -> HTTPRequest:
        """The call that asks for what goes by `name`, or whether what is kept of it still holds."""
        known = self._known.get(name)
        return replace(call, headers={**call.headers, "If-None-Match": known[0]}) if known else call

    def found(
        self, name: Hashable, answer: JSONResponse, decode: Callable[[Json, Mapping[str, str]], _Found]
    ) -> _Found:
        """What the answer holds: what is kept, where it says that nothing has changed."""
        if answer.status == 304:
            return self._known[name][1]
        with redact_errors(answer):
            found = decode(answer.body, answer.headers)
        if tag := answer.headers.get("etag"):
            self._known[name] = tag, found
        return found


class _Catalogue:
    """What both colours do around a request to the catalogue."""

    def __init__(self) -> None:
        self._lists: _Kept[tuple[CatalogueModel, ...]] = _Kept()
        self._models: _Kept[CatalogueModel] = _Kept()

    def list_call(self, query: dict[str, str]) -> HTTPRequest:
        return self._lists.call(tuple(query.items()), HTTPRequest("GET", catalogue.PATH, query=query))

    def listed(self, query: dict[str, str], answer: JSONResponse) -> tuple[CatalogueModel, ...]:
        return self._lists.found(tuple(query.items()), answer, catalogue.decode_list)

    def model_call(self, base_url: str, model: str) -> HTTPRequest:
        return self._models.call(model, HTTPRequest("GET", catalogue.model_url(base_url, model)))

    def model(self, model: str, answer: JSONResponse) -> CatalogueModel:
        return self._models.found(model, answer, catalogue.decode_model)


class Models:
    """The catalogue, live. What is asked for again is not sent again where it still holds.

    >>> [model.id for model in client.models.list(capabilities="vision")]               # doctest: +SKIP
    """

    def __init__(self, http: HTTPClient) -> None:
        self._http = http
        self._catalogue = _Catalogue()

    def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """The models there are.

        Args:
            include: sections to add: `pricing`, `modalities`, `capabilities` or `all`.
            filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`.
        """
        query = catalogue.query(include, **filters)
        return self._catalogue.listed(query, self._http.send(self._catalogue.list_call(query)))

    def get(self, model: str) -> CatalogueModel:
        """One model by its id or an alias, in any case. NotFoundError where there is none."""
        call = self._catalogue.model_call(self._http.base_url, model)
        return self._catalogue.model(model, self._http.send(call))


class AsyncModels:
    """`Models` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http
        self._catalogue = _Catalogue()

    async def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """As `Models.list`."""
        query = catalogue.query(include, **filters)
        return self._catalogue.listed(query, await self._http.send(self._catalogue.list_call(query)))

    async def get(self, model: str) -> CatalogueModel:
        """As `Models.get`."""
        call = self._catalogue.model_call(self._http.base_url, model)
        return self._catalogue.model(model, await self._http.send(call))


def _retrieval(response_id: str, options: CallOptions) -> HTTPRequest:
    return build_http_request(responses.response_path(response_id), options, method="GET")


def _cancellation(response_id: str, options: CallOptions) -> HTTPRequest:
    return build_http_request(responses.cancel_path(response_id), options)


def _told(answer: JSONResponse) -> Reply:
    with redact_errors(answer):
        return responses.decode_status(answer.body, answer.headers)


def _ended(answer: JSONResponse) -> Reply | None:
    """The reply of a response that has come to its end; ResponseFailedError where it has failed."""
    if answer.body.get("status") in _PENDING:
        return None
    with redact_errors(answer):
        return responses.decode(answer.body, answer.headers)


def pauses(first: float, timeout: float) -> Iterator[float]:
    """Seconds between one look and the next; APITimeoutError once `timeout` would be exceeded."""
    due, pause = monotonic() + timeout, first
    while monotonic() + pause <= due:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    raise timeout_error("total", timeout)


class Responses:
    """Responses that were stored (`store`, `background`), by their ids."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def retrieve(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """How far a response has come: `Reply.status` says it."""
        return _told(self._http.send(_retrieval(response_id, options)))

    def cancel(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """Stop a response that runs in the background."""
        return _told(self._http.send(_cancellation(response_id, options)))

    def wait(
        self, response_id: str, *, timeout: float = 600.0, interval: float = 0.5, options: CallOptions = DEFAULT_OPTIONS
    ) -> Reply:
        """The whole answer of a response that runs in the background.

        Args:
            response_id: its id.
            timeout: seconds to wait altogether.
            interval: seconds before the second look; later ones come at growing distances, up to 10 s.
            options: how to ask.

        Raises:
            ResponseFailedError: it failed or was cancelled.
            APITimeoutError: it has not ended in time.
        """
        delays = pauses(interval, timeout)
        while (reply := _ended(self._http.send(_retrieval(response_id, options)))) is None:
            self._http.sleep(next(delays))
        return reply


class AsyncResponses:
    """`Responses` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def retrieve(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """As `Responses.retrieve`."""
        return _told(await self._http.send(_retrieval(response_id, options)))

    async def cancel(self, response_id: str, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """As `Responses.cancel`."""
        return _told(await self._http.send(_cancellation(response_id, options)))

    async def wait(
        self, response_id: str, *, timeout: float = 600.0, interval: float = 0.5, options: CallOptions = DEFAULT_OPTIONS
    ) -> Reply:
        """As `Responses.wait`."""
        delays = pauses(interval, timeout)
        while (reply := _ended(await self._http.send(_retrieval(response_id, options)))) is None:
            await self._http.sleep(next(delays))
        return reply
