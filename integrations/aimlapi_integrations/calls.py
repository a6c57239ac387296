"""What a call is before it is sent, and what is done with its answer: the same for both colours of client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from . import costs
from .conversation import Delta, Embeddings, Json, Reply, Request
from .endpoints import Endpoint, StreamDecoder, embeddings
from .endpoints.choice import ENDPOINTS, choose
from .endpoints.fit import fit
from .errors import APIError
from .options import CallOptions
from .transport.event_stream import EventStream
from .transport.exchange import Answer, Call

_NAMES = {endpoint.PATH: name for name, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: the endpoint that carries it, and the call that does."""

    endpoint: Endpoint
    model: str
    call: Call

    def decoded(self, answer: Answer) -> Reply:
        """The reply in an answer, entered into the ledgers that are open."""
        with discreet(answer):
            reply = self.endpoint.decode(answer.body, answer.headers, self.model)
        costs.record(reply)
        return reply

    def decoder(self, events: EventStream) -> StreamDecoder:
        """What reads the answer if it is streamed."""
        return self.endpoint.Decoder(self.model, events.headers)


def asked(request: Request, options: CallOptions, *, stream: bool) -> Asked:
    """The straight line up to the wire. BudgetExceededError where a limit of `track_costs` is reached."""
    costs.check_budgets()
    endpoint = choose(request, endpoint=options.endpoint, use_responses_api=options.use_responses_api)
    fitted = fit(request, _NAMES[endpoint.PATH], strict=options.strict_parameters, stream=stream)
    body = endpoint.encode(fitted)
    if stream:
        body = endpoint.stream_options(body, options.stream_usage)
    return Asked(endpoint, request.model, call_to(endpoint.PATH, options, body))


def call_to(path: str, options: CallOptions, body: Json | None = None, method: str = "POST") -> Call:
    """A call with everything that `options` say of it."""
    traced = options.client_request_id
    return Call(
        method,
        path,
        body,
        headers=options.headers if traced is None else {**options.headers, "X-Client-Request-Id": traced},
        query=options.query,
        timeout=options.timeout,
        chunk_timeout=options.chunk_timeout,
    )


@contextmanager
def discreet(answer: Answer) -> Iterator[None]:
    """Errors raised inside do not repeat the key, even where the answer does."""
    try:
        yield
    except APIError as error:
        error.hide(answer.secret)
        raise


@contextmanager
def partial(decoder: StreamDecoder, events: EventStream) -> Iterator[None]:
    """Errors raised inside a stream carry the text so far and the ids of the call, and do not repeat the key."""
    try:
        yield
    except APIError as error:
        attach_partial_text(error, decoder, events)
        raise


def attach_partial_text(error: APIError, decoder: StreamDecoder, events: EventStream) -> None:
    """Give an error of a stream the text so far and the ids of the call, and take the key out of it."""
    error.partial = error.partial or decoder.text
    error.headers = error.headers or dict(events.headers)
    error.hide(events.secret)


def last(decoder: StreamDecoder, events: EventStream) -> Delta:
    """What the end of a stream adds; its reply is entered into the ledgers that are open."""
    delta = decoder.close(events.finished)
    if delta.reply:
        costs.record(delta.reply)
    return delta


def embedding_calls(
    texts: Sequence[str], model: str, call: CallOptions, options: Mapping[str, Any]
) -> Iterator[tuple[Call, int]]:
    """The calls that embed `texts`, in lists that one request can carry, each with how many texts it has."""
    for batch in embeddings.batches(texts, model) or [texts]:
        costs.check_budgets()
        body = embeddings.encode(batch, model, strict=call.strict_parameters, **options)
        yield call_to(embeddings.PATH, call, body), len(batch)


def embedded(answer: Answer, count: int) -> Embeddings:
    """The vectors in an answer, entered into the ledgers that are open."""
    with discreet(answer):
        found = embeddings.decode(answer.body, answer.headers, count)
    costs.record(found)
    return found
