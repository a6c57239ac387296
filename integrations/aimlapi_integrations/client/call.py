"""What a call is before it is sent, and what is done with its answer: the same for both colours of client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .. import costs
from ..endpoints import Endpoint, StreamDecoder, embeddings
from ..endpoints.routing import ENDPOINTS, select_endpoint
from ..endpoints.shared.adapt import adapt
from ..endpoints.shared.call_ids import identify_calls, ids_of
from ..endpoints.shared.tool_names import RenamingDecoder, rename_tools, restore_names
from ..errors import APIError, UnsupportedContentError
from ..models import Model, lookup, vendor
from ..transport.event_stream import EventStream
from ..transport.retries import HTTPRequest, JSONResponse
from ..types import Delta, Embeddings, Json, Message, Reply, Request, Text
from .options import CallOptions, split_options

_NAMES = {endpoint.PATH: name for name, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A request on its way: the endpoint that carries it, and the call that does.

    `resolved_model` is the model that the id `model` refers to, `call_ids` are those of the history, `own_names` the
    caller's names of tools by their names on the wire.
    """

    endpoint: Endpoint
    model: str
    call: HTTPRequest
    resolved_model: Model
    call_ids: frozenset[str] = frozenset()
    own_names: Mapping[str, str] = field(default_factory=dict)

    def parse_response(self, answer: JSONResponse) -> Reply:
        """The reply in an answer, entered into the ledgers that are open."""
        with redact_errors(answer):
            body = restore_names(answer.body, self.own_names) if self.own_names else answer.body
            reply = self.endpoint.decode(body, answer.headers, self.call_ids, self.resolved_model)
        reply = set_author(reply, self.model)
        costs.record(reply)
        return reply

    def decoder(self, events: EventStream) -> StreamDecoder:
        """What reads the answer if it is streamed."""
        decoder = self.endpoint.Decoder(self.model, events.headers, self.call_ids, self.resolved_model)
        return RenamingDecoder(decoder, self.own_names) if self.own_names else decoder


def set_author(reply: Reply, model: str) -> Reply:
    """The reply, with the model that was asked as author of its messages, or the one it names if that says more."""
    if vendor(model) is None:
        return reply
    choices = (replace(choice, message=replace(choice.message, author=model)) for choice in reply.choices)
    return replace(reply, choices=tuple(choices))


def prepare_call(request: Request, options: CallOptions, *, stream: bool) -> PreparedCall:
    """The straight line up to the wire. BudgetExceededError where a limit of `track_costs` is reached."""
    costs.check_budgets()
    parameters, options = split_options(request.options, options)
    if parameters is not request.options:
        request = replace(request, options=parameters)
    require_content(request)
    endpoint = select_endpoint(request, endpoint=options.endpoint, use_responses_api=options.use_responses_api)
    name, model = _NAMES[endpoint.PATH], lookup(request.model)
    fitted = adapt(request, name, strict=options.strict_parameters, stream=stream)
    renamed, own_names = rename_tools(identify_calls(fitted, name, model))
    body = endpoint.encode(renamed, model)
    if [] in (body.get("messages"), body.get("input")):
        raise _empty(request)
    if stream:
        body = endpoint.stream_options(body, options.stream_usage, model)
    call = build_http_request(endpoint.PATH, options, body)
    return PreparedCall(endpoint, request.model, call, model, ids_of(request.messages), own_names)


def require_content(request: Request) -> None:
    """Raise for a conversation in which nothing is said, unless the body comes from elsewhere."""
    if request.options.get("prompt") or request.extra_body.keys() & {"messages", "input"}:
        return
    if not any(_has_content(message) for message in request.messages):
        raise _empty(request)


def _empty(request: Request) -> UnsupportedContentError:
    count = len(request.messages)
    what = f"{count} messages with nothing in them to send" if count else "no messages"
    return UnsupportedContentError(f"The conversation is empty: {what}. Send at least one message with content.")


def _has_content(message: Message) -> bool:
    if message.role == "tool":
        return True
    return any(not isinstance(part, Text) or part.text.strip() for part in message.parts)


def build_http_request(path: str, options: CallOptions, body: Json | None = None, method: str = "POST") -> HTTPRequest:
    """A call with everything that `options` say of it."""
    traced = options.client_request_id
    return HTTPRequest(
        method,
        path,
        body,
        headers=options.headers if traced is None else {**options.headers, "X-Client-Request-Id": traced},
        query=options.query,
        timeout=options.timeout,
        chunk_timeout=options.chunk_timeout,
        max_retries=options.max_retries,
    )


@contextmanager
def redact_errors(answer: JSONResponse) -> Iterator[None]:
    """Errors raised inside do not repeat the key, even where the answer does."""
    try:
        yield
    except APIError as error:
        error.redact(answer.secret)
        raise


@contextmanager
def stream_errors(decoder: StreamDecoder, events: EventStream) -> Iterator[None]:
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
    error.redact(events.secret)


def finish_stream(decoder: StreamDecoder, events: EventStream, model: str) -> Delta:
    """What the end of a stream adds; its reply is entered into the ledgers that are open."""
    delta = decoder.close(events.finished)
    if delta.reply is None:
        return delta
    costs.record(delta.reply)
    return replace(delta, reply=set_author(delta.reply, model))


def prepare_embedding_requests(
    texts: Iterable[str], model: str, call: CallOptions, options: Mapping[str, Any]
) -> Iterator[tuple[HTTPRequest, int]]:
    """The calls that embed `texts`, in lists that one request can carry, each with how many texts it has."""
    options, call = split_options(options, call)
    for batch in embeddings.split_batches(texts, model) or [()]:
        costs.check_budgets()
        body = embeddings.encode(batch, model, strict=call.strict_parameters, **options)
        yield build_http_request(embeddings.PATH, call, body), len(batch)


def parse_embeddings(answer: JSONResponse, count: int) -> Embeddings:
    """The vectors in an answer, entered into the ledgers that are open."""
    with redact_errors(answer):
        found = embeddings.decode(answer.body, answer.headers, count)
    costs.record(found)
    return found
