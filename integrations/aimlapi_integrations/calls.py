"""What a call is before it is sent, and what is done with its answer: the same for both colours of client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from . import costs
from .conversation import Delta, Embeddings, Json, Message, Reply, Request, Text
from .endpoints import Endpoint, StreamDecoder, embeddings
from .endpoints.call_ids import identify_calls, ids_of
from .endpoints.choice import ENDPOINTS, choose
from .endpoints.fit import fit
from .endpoints.tool_names import RenamingDecoder, rename_tools, restore_names
from .errors import APIError, UnsupportedContentError
from .models import vendor
from .options import CallOptions, split_options
from .transport.event_stream import EventStream
from .transport.exchange import Answer, Call

_NAMES = {endpoint.PATH: name for name, endpoint in ENDPOINTS.items()}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: the endpoint that carries it, and the call that does.

    `call_ids` are those of the history, `own_names` the caller's names of tools by their names on the wire.
    """

    endpoint: Endpoint
    model: str
    call: Call
    call_ids: frozenset[str] = frozenset()
    own_names: Mapping[str, str] = field(default_factory=dict)

    def decoded(self, answer: Answer) -> Reply:
        """The reply in an answer, entered into the ledgers that are open."""
        with discreet(answer):
            body = restore_names(answer.body, self.own_names) if self.own_names else answer.body
            reply = self.endpoint.decode(body, answer.headers, self.call_ids, requested=self.model)
        reply = signed(reply, self.model)
        costs.record(reply)
        return reply

    def decoder(self, events: EventStream) -> StreamDecoder:
        """What reads the answer if it is streamed."""
        decoder = self.endpoint.Decoder(self.model, events.headers, self.call_ids)
        return RenamingDecoder(decoder, self.own_names) if self.own_names else decoder


def signed(reply: Reply, model: str) -> Reply:
    """The reply, with the model that was asked as author of its messages, or the one it names if that says more."""
    if vendor(model) is None:
        return reply
    choices = (replace(choice, message=replace(choice.message, author=model)) for choice in reply.choices)
    return replace(reply, choices=tuple(choices))


def asked(request: Request, options: CallOptions, *, stream: bool) -> Asked:
    """The straight line up to the wire. BudgetExceededError where a limit of `track_costs` is reached."""
    costs.check_budgets()
    parameters, options = split_options(request.options, options)
    if parameters is not request.options:
        request = replace(request, options=parameters)
    _require_content(request)
    endpoint = choose(request, endpoint=options.endpoint, use_responses_api=options.use_responses_api)
    name = _NAMES[endpoint.PATH]
    fitted = fit(request, name, strict=options.strict_parameters, stream=stream)
    renamed, own_names = rename_tools(identify_calls(fitted, name))
    body = endpoint.encode(renamed)
    if [] in (body.get("messages"), body.get("input")):
        raise _empty(request)
    if stream:
        body = endpoint.stream_options(body, options.stream_usage)
    call = call_to(endpoint.PATH, options, body)
    return Asked(endpoint, request.model, call, ids_of(request.messages), own_names)


def _require_content(request: Request) -> None:
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
        max_retries=options.max_retries,
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


def last(decoder: StreamDecoder, events: EventStream, model: str) -> Delta:
    """What the end of a stream adds; its reply is entered into the ledgers that are open."""
    delta = decoder.close(events.finished)
    if delta.reply is None:
        return delta
    costs.record(delta.reply)
    return replace(delta, reply=signed(delta.reply, model))


def embedding_calls(
    texts: Iterable[str], model: str, call: CallOptions, options: Mapping[str, Any]
) -> Iterator[tuple[Call, int]]:
    """The calls that embed `texts`, in lists that one request can carry, each with how many texts it has."""
    options, call = split_options(options, call)
    for batch in embeddings.batches(texts, model) or [()]:
        costs.check_budgets()
        body = embeddings.encode(batch, model, strict=call.strict_parameters, **options)
        yield call_to(embeddings.PATH, call, body), len(batch)


def embedded(answer: Answer, count: int) -> Embeddings:
    """The vectors in an answer, entered into the ledgers that are open."""
    with discreet(answer):
        found = embeddings.decode(answer.body, answer.headers, count)
    costs.record(found)
    return found
