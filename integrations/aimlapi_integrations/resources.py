"""What the gateway keeps: its catalogue of models, and responses that were stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeAlias

from .calls import DEFAULT, CallOptions, call_to
from .conversation import Reply
from .endpoints import catalogue, responses
from .endpoints.catalogue import CatalogueModel
from .transport.client import AsyncHTTPClient, HTTPClient
from .transport.exchange import Answer, Call
from .transport.waiting import timed_out

Filter: TypeAlias = "str | Iterable[str] | None"

_PENDING = ("queued", "in_progress")
_LONGEST_PAUSE = 10.0


class _Listings:
    """Listings by their query, with the tag that asks whether they still hold: the catalogue is large."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, str], ...], tuple[str, tuple[CatalogueModel, ...]]] = {}

    def call(self, query: dict[str, str]) -> Call:
        known = self._known.get(tuple(query.items()))
        headers = {"If-None-Match": known[0]} if known else {}
        return Call("GET", catalogue.PATH, headers=headers, query=query)

    def models(self, query: dict[str, str], answer: Answer) -> tuple[CatalogueModel, ...]:
        key = tuple(query.items())
        if answer.status == 304:
            return self._known[key][1]
        found = catalogue.decode_list(answer.body, answer.headers)
        if tag := answer.headers.get("etag"):
            self._known[key] = tag, found
        return found


class Models:
    """The catalogue, live.

    >>> [model.id for model in client.models.list(capabilities="vision")]               # doctest: +SKIP
    """

    def __init__(self, http: HTTPClient) -> None:
        self._http = http
        self._listings = _Listings()

    def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """The models there are.

        Args:
            include: sections to add: `pricing`, `modalities`, `capabilities` or `all`.
            filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`.
        """
        query = catalogue.query(include, **filters)
        return self._listings.models(query, self._http.send(self._listings.call(query)))

    def get(self, model: str) -> CatalogueModel:
        """One model by its id or an alias. NotFoundError where there is none."""
        answer = self._http.send(Call("GET", catalogue.model_url(self._http.base_url, model)))
        return catalogue.decode_model(answer.body, answer.headers)


class AsyncModels:
    """`Models` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http
        self._listings = _Listings()

    async def list(self, include: Filter = None, **filters: Filter) -> tuple[CatalogueModel, ...]:
        """As `Models.list`."""
        query = catalogue.query(include, **filters)
        return self._listings.models(query, await self._http.send(self._listings.call(query)))

    async def get(self, model: str) -> CatalogueModel:
        """As `Models.get`."""
        answer = await self._http.send(Call("GET", catalogue.model_url(self._http.base_url, model)))
        return catalogue.decode_model(answer.body, answer.headers)


def _retrieval(response_id: str, options: CallOptions) -> Call:
    return call_to(responses.response_path(response_id), options, method="GET")


def _cancellation(response_id: str, options: CallOptions) -> Call:
    return call_to(responses.cancel_path(response_id), options)


def _told(answer: Answer) -> Reply:
    return responses.decode_status(answer.body, answer.headers)


def _ended(answer: Answer) -> Reply | None:
    """The reply of a response that has come to its end; ResponseFailedError where it has failed."""
    pending = answer.body.get("status") in _PENDING
    return None if pending else responses.decode(answer.body, answer.headers)


def _pauses(first: float, timeout: float) -> Iterator[float]:
    """Seconds between one look and the next; APITimeoutError once `timeout` would be exceeded."""
    due, pause = monotonic() + timeout, first
    while monotonic() + pause <= due:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    raise timed_out("total", timeout)


class Responses:
    """Responses that were stored (`store`, `background`), by their ids."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def retrieve(self, response_id: str, options: CallOptions = DEFAULT) -> Reply:
        """How far a response has come: `Reply.status` says it."""
        return _told(self._http.send(_retrieval(response_id, options)))

    def cancel(self, response_id: str, options: CallOptions = DEFAULT) -> Reply:
        """Stop a response that runs in the background."""
        return _told(self._http.send(_cancellation(response_id, options)))

    def wait(
        self, response_id: str, *, timeout: float = 600.0, interval: float = 0.5, options: CallOptions = DEFAULT
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
        pauses = _pauses(interval, timeout)
        while (reply := _ended(self._http.send(_retrieval(response_id, options)))) is None:
            self._http.sleep(next(pauses))
        return reply


class AsyncResponses:
    """`Responses` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def retrieve(self, response_id: str, options: CallOptions = DEFAULT) -> Reply:
        """As `Responses.retrieve`."""
        return _told(await self._http.send(_retrieval(response_id, options)))

    async def cancel(self, response_id: str, options: CallOptions = DEFAULT) -> Reply:
        """As `Responses.cancel`."""
        return _told(await self._http.send(_cancellation(response_id, options)))

    async def wait(
        self, response_id: str, *, timeout: float = 600.0, interval: float = 0.5, options: CallOptions = DEFAULT
    ) -> Reply:
        """As `Responses.wait`."""
        pauses = _pauses(interval, timeout)
        while (reply := _ended(await self._http.send(_retrieval(response_id, options)))) is None:
            await self._http.sleep(next(pauses))
        return reply
