"""A call before it is sent and after its response: shared by the sync and the async client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from .. import costs
from .._utils.json import drop_nulls
from ..endpoints import Endpoint, StreamDecoder, adapt, embeddings
from ..endpoints.routing import select_endpoint
from ..endpoints.shared.identifiers import identify_calls, ids_of, rename_tools, restore_names
from ..endpoints.shared.parsing import as_dict, as_str, dict_items, sum_costs, sum_usages
from ..errors import APIError, NotFoundError, UnsupportedContentError
from ..errors.parsing import OnError
from ..models import Model, known_models, lookup, vendor
from ..models.lookup import check_model
from ..transport.event_stream import EventStream
from ..transport.retries import HTTPRequest, JSONResponse, UploadFile
from ..types import Delta, Embeddings, Json, Message, Reply, Request, Text
from .options import NOT_IN_BODY, CallOptions, split_options


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A request that is ready to be sent, and the endpoint that decodes its response.

    Attributes:
        endpoint: where it goes.
        model: the model's id, as the caller wrote it.
        http_request: what to send.
        resolved_model: the model that the id refers to.
        call_ids: the ids of the tool calls in the messages.
        tool_names: the caller's names of tools, by their names on the wire.
    """

    endpoint: Endpoint
    model: str
    http_request: HTTPRequest
    resolved_model: Model
    call_ids: frozenset[str] = frozenset()
    tool_names: Mapping[str, str] = field(default_factory=dict)

    def parse_response(self, response: JSONResponse) -> Reply:
        """Decode a response, and record its cost in the open ledgers."""
        with redact_errors(response):
            body = restore_names(response.body, self.tool_names) if self.tool_names else response.body
            reply = self.endpoint.decode(body, response.headers, self.call_ids, self.resolved_model)
        reply = set_author(reply, self.model)
        costs.record(reply)
        return reply

    def create_decoder(self, events: EventStream) -> StreamDecoder:
        """Return the decoder of a streamed response."""
        decoder = self.endpoint.Decoder(self.model, events.headers, self.call_ids, self.resolved_model)
        return _RenamingDecoder(decoder, self.tool_names) if self.tool_names else decoder


class _RenamingDecoder:
    """A stream decoder that restores the caller's own tool names."""

    def __init__(self, decoder: StreamDecoder, own_names: Mapping[str, str]) -> None:
        self._decoder = decoder
        self._own_names = own_names

    @property
    def ended(self) -> bool:
        return self._decoder.ended

    @property
    def text(self) -> str:
        return self._decoder.text

    def feed(self, event: Json) -> Delta | None:
        return self._decoder.feed(restore_names(event, self._own_names))

    def close(self, finished: bool) -> Delta:
        return self._decoder.close(finished)


def prepare_call(request: Request, options: CallOptions, *, stream: bool) -> PreparedCall:
    """Choose the endpoint, adapt the request to the model, and encode it.

    Raises:
        BudgetExceededError: a limit of a `track_costs` block is reached.
        UnsupportedContentError, UnsupportedParameterError: the model or the endpoint can't carry the request.
    """
    costs.check_budgets()
    check_model(request.model)
    if request.options.keys() & NOT_IN_BODY:
        parameters, options = split_options(request.options, options)
        request = replace(request, options=parameters)
    require_content(request)
    endpoint = select_endpoint(request, endpoint=options.endpoint, use_responses_api=options.use_responses_api)
    name, model = endpoint.NAME, lookup(request.model)
    adapted = adapt(request, name, strict=options.strict_parameters, stream=stream)
    call_ids: frozenset[str] = frozenset()
    tool_names: Mapping[str, str] = {}
    if _may_have_tools(request):
        call_ids = ids_of(request.messages)
        adapted, tool_names = rename_tools(identify_calls(adapted, name, model))
    body = endpoint.encode(adapted, model)
    if [] in (body.get("messages"), body.get("input")):
        raise _empty_conversation(request)
    if stream:
        body = endpoint.stream_options(body, options.stream_usage, model)
    http_request = build_http_request(endpoint.PATH, options, body)
    return PreparedCall(endpoint, request.model, http_request, model, call_ids, tool_names)


def _may_have_tools(request: Request) -> bool:
    """Return whether a request may have names or calls of tools, or the name of a format, in any of its parts."""
    if request.tools or request.tool_choice or request.response_format:
        return True
    return any(message.role in ("assistant", "tool") for message in request.messages)


def set_author(reply: Reply, model: str) -> Reply:
    """Set the author of a reply's messages to the requested model, if its vendor is known. Else keep the reply's."""
    if vendor(model) is None:
        return reply
    choices = (replace(choice, message=replace(choice.message, author=model)) for choice in reply.choices)
    return replace(reply, choices=tuple(choices))


def require_content(request: Request) -> None:
    """Raise if no message has content, unless the content comes from elsewhere."""
    if request.options.get("prompt") or request.extra_body.keys() & {"messages", "input"}:
        return
    if not any(_has_content(message) for message in request.messages):
        raise _empty_conversation(request)


def _empty_conversation(request: Request) -> UnsupportedContentError:
    count = len(request.messages)
    messages = "1 message" if count == 1 else f"{count} messages"
    received = f"{messages} without content to send" if count else "no messages"
    return UnsupportedContentError(f"The conversation is empty: {received}. Send at least one message with content.")


def _has_content(message: Message) -> bool:
    if message.role == "tool":
        return True
    return any(not isinstance(part, Text) or part.text.strip() for part in message.parts)


def build_http_request(
    path: str,
    options: CallOptions,
    body: Json | None = None,
    method: str = "POST",
    files: tuple[UploadFile, ...] = (),
    repeatable: bool = True,
) -> HTTPRequest:
    """Build the HTTP request of a call, with its options."""
    request_id = options.client_request_id
    return HTTPRequest(
        method,
        path,
        body,
        headers=options.headers if request_id is None else {**options.headers, "X-Client-Request-Id": request_id},
        query=options.query,
        timeout=options.timeout,
        chunk_timeout=options.chunk_timeout,
        max_retries=options.max_retries,
        files=files,
        repeatable=repeatable,
    )


def finish_stream(decoder: StreamDecoder, events: EventStream, model: str) -> Delta:
    """Return the last delta of a stream, and record the cost of its reply in the open ledgers."""
    delta = decoder.close(events.finished)
    if delta.reply is None:
        return delta
    costs.record(delta.reply)
    return replace(delta, reply=set_author(delta.reply, model))


def prepare_embedding_requests(
    texts: Iterable[str], model: str, call: CallOptions, options: Mapping[str, Any]
) -> Iterator[tuple[HTTPRequest, int]]:
    """Yield the requests that embed `texts`, in batches that the model takes, each with the number of its texts."""
    check_model(model)
    options, call = split_options(options, call)
    for batch in embeddings.split_batches(texts, model) or [()]:
        costs.check_budgets()
        body = embeddings.encode(batch, model, strict=call.strict_parameters, **options)
        yield build_http_request(embeddings.PATH, call, body), len(batch)


def parse_embeddings(response: JSONResponse, count: int) -> Embeddings:
    """Decode the vectors of `count` texts, and record their cost in the open ledgers."""
    with redact_errors(response):
        vectors = embeddings.decode(response.body, response.headers, count)
    costs.record(vectors)
    return vectors


# --- turns of several responses --------------------------------------------------------------------------------------

# A model that runs tools itself may pause: `stop_reason` is `pause_turn`, and the turn goes on when its content is sent
# back unchanged. https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
PAUSED = "pause_turn"
MAX_CONTINUATIONS = 10
"""How often a turn is continued. A turn that is still paused then is returned with the finish reason `pause_turn`."""


class Turn:
    """The responses of one turn, merged into one reply.

    Attributes:
        call: the next call to send; None once the turn is over.
        reply: the turn so far; None before the first response.
    """

    def __init__(self, call: PreparedCall) -> None:
        self.call: PreparedCall | None = call
        self.reply: Reply | None = None
        self._continuations = 0
        self._offset = 0
        self._next_index = 0

    def add(self, call: PreparedCall, reply: Reply) -> Reply:
        """Add the reply to `call`, set the next call, and return the turn so far."""
        self.reply = reply if self.reply is None else merge_replies(self.reply, reply)
        is_paused = reply.finish_reason == PAUSED and self._continuations < MAX_CONTINUATIONS
        self.call = continue_call(call, reply) if is_paused else None
        if self.call is not None:
            costs.check_budgets()
            self._continuations += 1
        return self.reply

    def shift(self, delta: Delta) -> Delta:
        """Number the fragments of a later response after those of the earlier ones. Only the first id is kept."""
        if self._offset:
            fragments = (replace(each, index=each.index + self._offset) for each in delta.fragments)
            delta = replace(delta, fragments=tuple(fragments), id=None)
        for each in delta.fragments:
            if each.index >= self._next_index:
                self._next_index = each.index + 1
        return delta

    def finish(self, call: PreparedCall, delta: Delta) -> Delta:
        """Add the reply of a stream's last delta. Only the last delta of the turn has a reply, the whole one."""
        delta = self.shift(delta)
        if delta.reply is None:
            self.call = None
            return delta
        reply = self.add(call, delta.reply)
        self._offset = self._next_index
        return replace(delta, reply=None if self.call else reply)

    def errors(self) -> OnError[APIError]:
        """Put the text of earlier responses before the partial text of an error raised inside."""
        return OnError(APIError, self._add_partial_text)

    def _add_partial_text(self, error: APIError) -> None:
        error.partial = f"{self.reply.text if self.reply else ''}{error.partial or ''}"


def continue_call(call: PreparedCall, reply: Reply) -> PreparedCall | None:
    """Return the call that continues a paused turn by sending its content back; None if it has no content."""
    content = [_clean_block(block) for block in dict_items(reply.raw.get("content")) if not _is_blank(block)]
    if not content:
        return None
    wire_names = {name: wire_name for wire_name, name in call.tool_names.items()}
    content = restore_names({"content": content}, wire_names)["content"] if wire_names else content
    body: Json = dict(call.http_request.body or {})
    body["messages"] = _append_content(body["messages"], content)
    if container := as_str(as_dict(reply.raw.get("container")).get("id")):
        body["container"] = container
    return replace(call, http_request=replace(call.http_request, body=body))


def _is_blank(block: Json) -> bool:
    return block.get("type") == "text" and not str(block.get("text") or "").strip()


def _clean_block(block: Json) -> Json:
    """Copy a block without nulls, which requests must not have, and without the empty citations of streams."""
    return {name: value for name, value in drop_nulls(block).items() if (name, value) != ("citations", [])}


def _append_content(messages: list[Json], content: list[Any]) -> list[Json]:
    """Append to the assistant message if the turn has one already."""
    *earlier, last = messages
    if last["role"] != "assistant":
        return [*messages, {"role": "assistant", "content": content}]
    begun = last["content"] if isinstance(last["content"], list) else [{"type": "text", "text": last["content"]}]
    return [*earlier, {**last, "content": [*begun, *content]}]


def merge_replies(first: Reply, second: Reply) -> Reply:
    """Merge two responses of one turn: content in order, usage and cost summed, everything else of the second."""
    [choice] = second.choices
    message = replace(choice.message, parts=(*first.message.parts, *choice.message.parts))
    content = [*dict_items(first.raw.get("content")), *dict_items(second.raw.get("content"))]
    return replace(
        second,
        id=first.id,
        choices=(replace(choice, message=message),),
        usage=sum_usages((first.usage, second.usage)),
        cost=sum_costs((first.cost, second.cost)),
        raw={**second.raw, "content": content},
    )


# --- errors -----------------------------------------------------------------------------------------------------------


def redact_errors(response: JSONResponse) -> OnError[APIError]:
    """Redact the API key in errors raised inside, even if the response repeats it."""
    return OnError(APIError, _redact, response)


def _redact(response: JSONResponse, error: APIError) -> None:
    error.redact(response.secret)


def stream_errors(decoder: StreamDecoder, events: EventStream) -> OnError[APIError]:
    """Give errors raised inside the text received so far and the response's ids, and redact the API key."""
    return OnError(APIError, _complete_stream_error, decoder, events)


def _complete_stream_error(decoder: StreamDecoder, events: EventStream, error: APIError) -> None:
    error.partial = error.partial or decoder.text
    error.headers = error.headers or dict(events.headers)
    error.redact(events.secret)


def model_errors(model: str) -> OnError[NotFoundError]:
    """Add the nearest known model ids to a 404 raised inside, if it is about the model."""
    return OnError(NotFoundError, _add_model_advice, model)


def _add_model_advice(model: str, error: NotFoundError) -> None:
    if re.search(rf"\bmodel\b|{re.escape(model)}", error.message, re.IGNORECASE):
        error.message = f"{error.message.rstrip('.')}. {_model_advice(model)}"
        error.args = (error.message,)


def _model_advice(model: str) -> str:
    words = re.findall(r"[a-z]{3,}", model.rpartition("/")[2], re.IGNORECASE)
    search = f"List models with: aimlapi models --search {words[0] if words else 'WORD'}"
    known = lookup(model)
    if known.known and known.id.casefold() != model.casefold():
        return f"Use the id {known.id!r}. {search}"
    if known.known:
        return f"{model!r} may have been withdrawn, or your account can't use it. {search}"
    return f"{model!r} is not a known model. {_similar_models(model)}{search}"


def _similar_models(model: str) -> str:
    ids_by_name = {
        name: known.id for known in known_models() for name in (*known.aliases, known.id.rpartition("/")[2], known.id)
    }
    names = get_close_matches(model.lower(), ids_by_name, n=5, cutoff=0.6)
    ids = list(dict.fromkeys(ids_by_name[name] for name in names))[:3]
    return f"Similar ids: {', '.join(ids)}. " if ids else ""
