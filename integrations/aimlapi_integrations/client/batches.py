"""Batches of requests to Claude models: submitted in one call, answered within the hour, at half the price.

Each operation is a generator that decides what to send and how long to wait; a client of either kind drives it.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from .. import costs
from ..endpoints import batches, catalogue
from ..endpoints.batches import Batch, BatchResult
from ..errors import APIError, BatchTimeoutError, UnsupportedContentError, UnsupportedParameterError
from ..models import lookup
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.retries import HTTPRequest, JSONResponse
from ..transport.timeouts import poll_intervals
from ..types import Json, Message, Request
from .call import build_http_request, redact_errors, require_content
from .openai_format import Fields, parse_request
from .options import DEFAULT_OPTIONS, CallOptions, split_options

logger = logging.getLogger(__name__)

BatchItem: TypeAlias = Request | str | Sequence[Message | Fields] | Fields
"""One request of a batch: a `Request`, a text, messages, or the arguments of `Client.chat` as a mapping."""

BatchItems: TypeAlias = Iterable[BatchItem] | Mapping[str, BatchItem]

Result = TypeVar("Result")
Flow: TypeAlias = Generator[HTTPRequest | float, Any, Result]
"""Yields requests, which are answered by their responses, and seconds to wait. Returns the result."""

TIMEOUT = 3600.0
INTERVAL = 5.0
_LONGEST_PAUSE = 60.0
_PRICE_TIMEOUT = 30.0


# --- submit -------------------------------------------------------------------------------------------------------


def submit_flow(items: BatchItems, model: str | None, call: CallOptions, defaults: Mapping[str, Any]) -> Flow[Batch]:
    """Submit requests as one batch. The HTTP request is retried only if it certainly did not arrive."""
    costs.check_budgets()
    requests = parse_items(items, model, defaults)
    body, names, options = _encode(requests, call)
    request = replace(build_http_request(batches.PATH, options, body), repeatable=False)
    response: JSONResponse = yield request
    with redact_errors(response):
        batch, _ = batches.decode(response.body, response.headers)
    return replace(batch, custom_ids=tuple(requests), tool_names=names)


def parse_items(items: BatchItems, model: str | None, defaults: Mapping[str, Any]) -> dict[str, Request]:
    """Parse requests by their custom ids: keys of a mapping, `custom_id` of an item, or generated ones.

    Raises:
        ValueError: an id is invalid or occurs twice, or there are no requests.
        UnsupportedParameterError: an item names no model, and there is none for all.
    """
    if isinstance(items, str) or (isinstance(items, Mapping) and "messages" in items):
        raise TypeError("A batch takes a list of requests, or a mapping of them by custom id: put one into a list.")
    if not isinstance(items, Iterable):
        raise TypeError(f"A batch takes a list of requests, or a mapping of them: received {type(items).__name__}.")
    pairs = [*items.items()] if isinstance(items, Mapping) else [(None, item) for item in items]
    generated = batches.generate_ids(len(pairs))
    ids = [custom_id or _own_id(item) or spare for (custom_id, item), spare in zip(pairs, generated, strict=True)]
    batches.check_custom_ids(ids)
    return {custom_id: _parse_item(item, model, defaults) for custom_id, (_, item) in zip(ids, pairs, strict=True)}


def _own_id(item: Any) -> str | None:
    return item.get("custom_id") if isinstance(item, Mapping) else None


def _parse_item(item: BatchItem, model: str | None, defaults: Mapping[str, Any]) -> Request:
    if isinstance(item, Request):
        return item
    fields: Mapping[str, Any] = item if isinstance(item, Mapping) else {"messages": item}
    arguments = {"model": model, **defaults, **{name: value for name, value in fields.items() if name != "custom_id"}}
    if not arguments["model"]:
        raise UnsupportedParameterError("A batch needs a Claude model: model='anthropic/claude-sonnet-4.5'.")
    if "messages" not in arguments:
        raise TypeError(
            f"A request of a batch needs `messages`, received a dict with {sorted(map(str, fields))}. A conversation "
            f"is a list of messages: put it into a list of its own."
        )
    return parse_request(arguments.pop("messages"), **arguments)


def _encode(
    requests: Mapping[str, Request], call: CallOptions
) -> tuple[Json, dict[str, Mapping[str, str]], CallOptions]:
    """Return the body, the caller's names of tools by custom id, and the options of the call."""
    params: dict[str, Json] = {}
    names: dict[str, Mapping[str, str]] = {}
    options = None
    for place, (custom_id, request) in enumerate(requests.items()):
        with _name_request(place, custom_id):
            parameters, own_options = split_options(request.options, call)
            if options not in (None, own_options):
                raise UnsupportedParameterError("Its headers, query or timeout differ from those of other requests.")
            options = own_options
            require_content(request)
            encoded = batches.encode_params(replace(request, options=parameters), strict=call.strict_parameters)
        params[custom_id] = encoded[0]
        if encoded[1]:
            names[custom_id] = encoded[1]
    return batches.encode(params), names, options or call


@contextmanager
def _name_request(place: int, custom_id: str) -> Iterator[None]:
    """Add to errors raised inside which request they are about."""
    try:
        yield
    except (UnsupportedContentError, UnsupportedParameterError) as error:
        error.args = (f"requests[{place}] ({custom_id}): {error}",)
        raise


# --- status and results -------------------------------------------------------------------------------------------


def as_batch(batch: Batch | str) -> Batch:
    """Return the batch with this id. ValueError if the id is empty."""
    if isinstance(batch, Batch):
        return batch
    if not isinstance(batch, str) or not batch.strip():
        raise ValueError(f"{batch!r} is not the id of a batch.")
    return Batch(batch)


def get_flow(batch: Batch, options: CallOptions) -> Flow[tuple[Batch, list[Json] | None]]:
    """Ask for the status or the results of a batch once."""
    query = {**options.query, "batch_id": batch.id}
    request = build_http_request(batches.PATH, replace(options, query=query), method="GET")
    response: JSONResponse = yield replace(request, json_lines=True)
    with redact_errors(response):
        return batches.decode(response.body, response.headers, batch)


def cancel_flow(batch: Batch, options: CallOptions) -> Flow[Batch]:
    """Cancel a batch."""
    response: JSONResponse = yield build_http_request(batches.cancel_path(batch.id), options)
    with redact_errors(response):
        return batches.decode(response.body, response.headers, batch)[0]


def wait_flow(batch: Batch, timeout: float | None, interval: float, options: CallOptions) -> Flow[Batch]:
    """Ask for the status of a batch until it has ended."""
    pauses = poll_intervals(interval, timeout, _LONGEST_PAUSE, partial(_timed_out, batch.id))
    while True:
        batch, _ = yield from get_flow(batch, options)
        if batch.ended:
            return batch
        yield next(pauses)


def results_flow(
    batch: Batch,
    timeout: float | None,
    interval: float,
    prices: Mapping[str, float] | None,
    options: CallOptions,
    base_url: str,
) -> Flow[tuple[BatchResult, ...]]:
    """Ask for the results of a batch until it has ended, and decode them."""
    pauses = poll_intervals(interval, timeout, _LONGEST_PAUSE, partial(_timed_out, batch.id))
    while True:
        batch, rows = yield from get_flow(batch, options)
        if rows is not None:
            return (yield from _finish(batch, rows, prices, options, base_url))
        if batch.ended and batch.status != "ended":  # the results may follow the status `ended` a moment later
            return batches.results_without_rows(batch)
        yield next(pauses)


def _finish(
    batch: Batch, rows: list[Json], prices: Mapping[str, float] | None, options: CallOptions, base_url: str
) -> Flow[tuple[BatchResult, ...]]:
    """Decode the results, add missing prices, and record the costs in the active ledgers."""
    results = batches.decode_results(rows, batch)
    unpriced = dict.fromkeys(each.reply.model for each in results if each.reply and each.reply.cost is None)
    price_list: dict[str, Mapping[str, float]] = {}
    for model in unpriced:
        known = lookup(model).prices if prices is None else prices
        is_known = bool(known) or prices is not None
        price_list[model] = known if is_known else (yield from _catalog_prices(model, options, base_url))
    priced = tuple(_with_price(result, price_list) for result in results)
    costs.record_batch(batch.id, [result.reply for result in priced if result.reply])
    return priced


def _catalog_prices(model: str, options: CallOptions, base_url: str) -> Flow[Mapping[str, float]]:
    """Look up the prices of a model in the gateway's catalog. Empty if that fails: the results are worth more."""
    try:
        url = catalogue.model_url(base_url, model)
        response: JSONResponse = yield HTTPRequest("GET", url, headers=options.headers, timeout=_PRICE_TIMEOUT)
        return catalogue.decode_model(response.body, response.headers).token_prices
    except (APIError, ValueError) as error:
        logger.warning("No price for the batched replies of %s: %s", model, type(error).__name__)
        return {}


def _with_price(result: BatchResult, price_list: Mapping[str, Mapping[str, float]]) -> BatchResult:
    """Add the price of a reply that has none, if the prices of its model are known."""
    reply = result.reply
    if reply is None or reply.cost is not None:
        return result
    return replace(result, reply=replace(reply, cost=costs.batch_cost(reply.usage, price_list[reply.model])))


def _timed_out(batch_id: str, timeout: float) -> BatchTimeoutError:
    error = BatchTimeoutError(
        f"Batch {batch_id} has not ended within {timeout:g} s. It continues: fetch its results later by its id."
    )
    error.timeout, error.seconds, error.batch_id = "total", timeout, batch_id
    return error


# --- the resources of the clients ---------------------------------------------------------------------------------


class Batches:
    """Batches of requests to Claude models, at half the price of single calls.

    >>> batch = client.batches.submit(["Hello", "Goodbye"], model="anthropic/claude-sonnet-4.5")   # doctest: +SKIP
    >>> [result.unwrap().text for result in client.batches.results(batch.id)]                      # doctest: +SKIP
    """

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def submit(
        self, requests: BatchItems, *, model: str | None = None, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> Batch:
        """Submit requests as one batch, at most once.

        It is retried only after errors that mean it did not arrive: no connection, or a 429.

        Args:
            requests: a list, or a mapping by custom ids. Each is a `Request`, a text, messages, or a mapping with the
                arguments of `Client.chat`, and with a `custom_id` if you like. Ids are generated where there are none.
            model: a Claude model, for the requests that name none.
            call: how to send it.
            options: as in `Client.chat`, for all requests that don't have their own. A response format with a schema is
                sent as a tool, and its arguments are returned as the text of the reply.

        Returns:
            The batch. Store its `id`, or, if you pass custom ids, the whole object: it knows the order of `requests`.

        Raises:
            ValueError: no requests, too many, or an id that is invalid or occurs twice.
            UnsupportedParameterError, UnsupportedContentError: a batch does not support a request; names its index.
            APIError: the batch was not accepted. If that is not certain, the error says so and is not `retryable`.
        """
        return self._run(submit_flow(requests, model, call, options))

    def get(self, batch: Batch | str, options: CallOptions = DEFAULT_OPTIONS) -> Batch:
        """Return the batch as it is now. NotFoundError if there is none with this id."""
        return self._run(get_flow(as_batch(batch), options))[0]

    def wait(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Batch:
        """Wait until the batch has ended, with or without results.

        Args:
            batch: the batch or its id.
            timeout: seconds to wait in total; None for no limit.
            interval: seconds before the second request; intervals grow up to a minute.
            options: how to send the requests.

        Raises:
            BatchTimeoutError: it has not ended in time. It continues.
        """
        return self._run(wait_flow(as_batch(batch), timeout, interval, options))

    def cancel(self, batch: Batch | str, options: CallOptions = DEFAULT_OPTIONS) -> Batch:
        """Cancel the batch. BadRequestError if it has ended already."""
        return self._run(cancel_flow(as_batch(batch), options))

    def results(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        prices: Mapping[str, float] | None = None,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> tuple[BatchResult, ...]:
        """Wait for the results of the batch: a reply or an error for each request.

        Args:
            batch: the batch, or its id, in this process or another.
            timeout: seconds to wait in total; 0 for a single request, None for no limit.
            interval: as in `wait`.
            prices: US dollars per token, as in `CatalogueModel.token_prices`, for replies without a cost of their own;
                these get half of it. By default, the prices are looked up in the gateway's catalog, once per model. The
                cost is None if there is no price.
            options: how to send the requests.

        Returns:
            In the order of the requests, if their ids were generated or `batch` has them; else in the gateway's order.
            `track_costs` counts a batch once, however often its results are fetched.

        Raises:
            BatchTimeoutError: it has not ended in time. It continues.
            BatchError: it was canceled, or has expired or failed, without any results, and its custom ids are unknown.
        """
        return self._run(results_flow(as_batch(batch), timeout, interval, prices, options, self._http.base_url))

    def _run(self, flow: Flow[Result]) -> Result:
        step = next(flow)
        try:
            while True:
                if isinstance(step, HTTPRequest):
                    try:
                        response = self._http.send(step)
                    except APIError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(response)
                else:
                    self._http.sleep(step)
                    step = next(flow)
        except StopIteration as done:
            result: Result = done.value
            return result


class AsyncBatches:
    """`Batches` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def submit(
        self, requests: BatchItems, *, model: str | None = None, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> Batch:
        """See `Batches.submit`."""
        return await self._run(submit_flow(requests, model, call, options))

    async def get(self, batch: Batch | str, options: CallOptions = DEFAULT_OPTIONS) -> Batch:
        """See `Batches.get`."""
        return (await self._run(get_flow(as_batch(batch), options)))[0]

    async def wait(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> Batch:
        """See `Batches.wait`."""
        return await self._run(wait_flow(as_batch(batch), timeout, interval, options))

    async def cancel(self, batch: Batch | str, options: CallOptions = DEFAULT_OPTIONS) -> Batch:
        """See `Batches.cancel`."""
        return await self._run(cancel_flow(as_batch(batch), options))

    async def results(
        self,
        batch: Batch | str,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        prices: Mapping[str, float] | None = None,
        options: CallOptions = DEFAULT_OPTIONS,
    ) -> tuple[BatchResult, ...]:
        """See `Batches.results`."""
        return await self._run(results_flow(as_batch(batch), timeout, interval, prices, options, self._http.base_url))

    async def _run(self, flow: Flow[Result]) -> Result:
        step = next(flow)
        try:
            while True:
                if isinstance(step, HTTPRequest):
                    try:
                        response = await self._http.send(step)
                    except APIError as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(response)
                else:
                    await self._http.sleep(step)
                    step = next(flow)
        except StopIteration as done:
            result: Result = done.value
            return result
