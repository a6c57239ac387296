"""The gateway without a framework.

    >>> from aimlapi_integrations import Client
    >>> with Client() as client:                                                            # doctest: +SKIP
    ...     print(client.chat("Name three rivers of Portugal.").text)

A call is a straight line: the request is adapted to its model, encoded and sent, and the response decoded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from typing import Any

import httpx
from pydantic import SecretStr
from typing_extensions import Never, Self, Unpack

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin, not_in_block, stream_context
from .._utils.diagnostics import reject_unknown_arguments
from ..endpoints import StreamDecoder
from ..endpoints.embeddings import merge_embeddings
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.event_stream import EventStream
from ..transport.httpx_modules import AnyAsyncClient, AnyClient
from ..transport.retries import OnRetry, RetryPolicy, Timeout
from ..transport.timeouts import CHUNK
from ..transport.validation import hide_arguments, hide_secrets
from ..types import Delta, Embeddings, Reply, Request
from .batches import AsyncBatches, Batches
from .call import (
    PreparedCall,
    Turn,
    finish_stream,
    model_errors,
    parse_embeddings,
    prepare_call,
    prepare_embedding_requests,
    stream_errors,
)
from .decisions import AsyncDecisionMethods, DecisionMethods
from .media import AsyncMediaMethods, AsyncTranscriptions, MediaMethods, Transcriptions
from .openai_format import Messages, parse_request
from .options import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_MODEL,
    DEFAULT_OPTIONS,
    CallOptions,
    ChatArguments,
    resolve_api_key,
    resolve_base_url,
)
from .resources import AsyncBilling, AsyncModels, AsyncResponses, Billing, Models, Responses

_CALL_ARGUMENTS = frozenset({"model", *ChatArguments.__annotations__})


class Client(MediaMethods, DecisionMethods, ContextManagerMixin):
    """A client of the gateway. Threads can share one; it connects with its first call.

    Args:
        api_key: by default `AIMLAPI_API_KEY` or `AIML_API_KEY` of the environment.
        base_url: by default `AIMLAPI_API_BASE` or `AIMLAPI_BASE_URL` of the environment, or the public gateway.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`; None means 10 s to connect and 600 s to read.
        max_retries: retries after errors that can pass; `retry` is a whole policy instead.
        chunk_timeout: seconds from one event of a stream to the next; None or 0 for no limit.
        default_headers, default_query: sent with every request.
        limits: an `httpx.Limits` for the client's own connections.
        http_client: an `httpx.Client` or `httpx2.Client` of your own, which is used as it is and never closed.
        on_retry: called with a `RetryEvent` before each retry.

    Raises:
        MissingAPIKeyError: there is no key, neither passed nor in the environment.
        ValueError: the key, the base URL, a header or a timeout can't be used.
        TypeError: `http_client` isn't such a client.

    Examples:
        >>> client = Client(max_retries=5)
        >>> reply = client.chat("Hello", model="gpt-4o", temperature=0)
        >>> reply.text, reply.cost.usd                                               # doctest: +SKIP
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | SecretStr | None = None,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        http_client: AnyClient | None = None,
        on_retry: OnRetry | None = None,
        **unknown: Never,
    ) -> None:
        api_key, base_url, default_headers, default_query = hide_secrets(
            api_key, base_url, default_headers, default_query
        )
        reject_unknown_arguments(type(self), hide_arguments(unknown), _CALL_ARGUMENTS)
        self._http = HTTPClient(
            resolve_api_key(api_key),
            SecretStr(resolve_base_url(base_url)),
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            chunk_timeout=chunk_timeout,
            default_headers=default_headers,
            default_query=default_query,
            limits=limits,
            http_client=http_client,
            on_retry=on_retry,
        )
        self.models = Models(self._http)
        self.responses = Responses(self._http)
        self.billing = Billing(self._http)
        self.batches = Batches(self._http)
        self.transcriptions = Transcriptions(self._http)

    def complete(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """Send a request and return the reply.

        Raises:
            APIError: the call failed, or its response can't be understood.
            UnsupportedContentError, UnsupportedParameterError: the model or the endpoint can't carry the request.
        """
        turn = Turn(prepare_call(request, options, stream=False))
        with model_errors(request.model), turn.errors():
            while (call := turn.call) is not None:
                reply = turn.add(call, call.parse_response(self._http.send(call.http_request)))
        return reply

    @stream_context
    def stream(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Iterator[Delta]]:
        """Send a request and stream the reply; the last delta holds all of it. Leaving the block frees the connection.

        Raises:
            APIError: as `complete` does; one raised during the stream has the text received so far in `partial`.
        """
        call = prepare_call(request, options, stream=True)
        with ExitStack() as stack:
            with model_errors(call.model):
                events = stack.enter_context(self._http.stream(call.http_request))
            yield self._turn_deltas(call, events, stack)

    def _turn_deltas(self, call: PreparedCall, events: EventStream, stack: ExitStack) -> Iterator[Delta]:
        """Yield the deltas of a turn. `stack` holds the stream that is open."""
        turn = Turn(call)
        with turn.errors():
            while True:
                for delta in self._deltas(call.create_decoder(events), events, call.model):
                    yield turn.finish(call, delta) if delta.reply else turn.shift(delta)
                if turn.call is None or turn.call is call:
                    return
                call = turn.call
                stack.close()
                events = stack.enter_context(self._http.stream(call.http_request))

    @staticmethod
    def _deltas(decoder: StreamDecoder, events: EventStream, model: str) -> Iterator[Delta]:
        with stream_errors(decoder, events):
            for event in events:
                delta = decoder.feed(event)
                if decoder.ended:
                    events.finish()
                if delta is not None:
                    yield delta
            yield finish_stream(decoder, events, model)

    def chat(
        self,
        messages: Messages,
        *,
        model: str = DEFAULT_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Unpack[ChatArguments],
    ) -> Reply:
        """Send a text or messages and return the reply.

        Args:
            messages: a text, or messages as `{"role": …, "content": …}` or `Message`.
            model: the id or an alias of a model.
            call: how to send it.
            options: `tools`, `tool_choice`, `parallel_tool_calls`, `response_format`, `extra_body`, and parameters
                with their names on chat completions (`temperature`, `max_tokens` …). One that the model doesn't list
                is sent with a `ParameterWarning`, which suggests the name that it resembles.
        """
        return self.complete(parse_request(messages, model=model, **options), call)

    def chat_stream(
        self,
        messages: Messages,
        *,
        model: str = DEFAULT_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Unpack[ChatArguments],
    ) -> AbstractContextManager[Iterator[Delta]]:
        """Stream the reply of `chat`: returns a context manager for an iterator of deltas."""
        return self.stream(parse_request(messages, model=model, **options), call)

    def embed(
        self,
        texts: Iterable[str],
        *,
        model: str = DEFAULT_EMBEDDING_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Embeddings:
        """Return a vector for each of `texts`, in order. Sends several requests if the model can't take all at once.

        Args:
            texts: any iterable of at least one text, none of them empty.
            model: the id or an alias of an embedding model.
            call: how to send it.
            options: `dimensions`, `encoding_format` and other parameters of the model.

        Raises:
            TypeError: an item isn't a text; the error has its index.
            UnsupportedContentError: the model can't take a text; the error has its index.
        """
        requests = prepare_embedding_requests(texts, model, call, options)
        with model_errors(model):
            return merge_embeddings([parse_embeddings(self._http.send(each), count) for each, count in requests])

    def close(self) -> None:
        """Close the client's own connections."""
        self._http.close()


class AsyncClient(AsyncMediaMethods, AsyncDecisionMethods, AsyncContextManagerMixin):
    """The async `Client`. Event loops can share one: each has connections of its own.

    Args:
        http_client: an `httpx.AsyncClient` or `httpx2.AsyncClient` of your own.
            The other arguments are those of `Client`.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | SecretStr | None = None,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        http_client: AnyAsyncClient | None = None,
        on_retry: OnRetry | None = None,
        **unknown: Never,
    ) -> None:
        api_key, base_url, default_headers, default_query = hide_secrets(
            api_key, base_url, default_headers, default_query
        )
        reject_unknown_arguments(type(self), hide_arguments(unknown), _CALL_ARGUMENTS)
        self._http = AsyncHTTPClient(
            resolve_api_key(api_key),
            SecretStr(resolve_base_url(base_url)),
            timeout=timeout,
            max_retries=max_retries,
            retry=retry,
            chunk_timeout=chunk_timeout,
            default_headers=default_headers,
            default_query=default_query,
            limits=limits,
            http_client=http_client,
            on_retry=on_retry,
        )
        self.models = AsyncModels(self._http)
        self.responses = AsyncResponses(self._http)
        self.billing = AsyncBilling(self._http)
        self.batches = AsyncBatches(self._http)
        self.transcriptions = AsyncTranscriptions(self._http)

    async def complete(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """See `Client.complete`."""
        turn = Turn(prepare_call(request, options, stream=False))
        with model_errors(request.model), turn.errors():
            while (call := turn.call) is not None:
                reply = turn.add(call, call.parse_response(await self._http.send(call.http_request)))
        return reply

    def stream(
        self, request: Request, options: CallOptions = DEFAULT_OPTIONS
    ) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """See `Client.stream`."""
        return _AsyncDeltas(self._http, request, options)

    async def chat(
        self,
        messages: Messages,
        *,
        model: str = DEFAULT_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Unpack[ChatArguments],
    ) -> Reply:
        """See `Client.chat`."""
        return await self.complete(parse_request(messages, model=model, **options), call)

    def chat_stream(
        self,
        messages: Messages,
        *,
        model: str = DEFAULT_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Unpack[ChatArguments],
    ) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """See `Client.chat_stream`."""
        return self.stream(parse_request(messages, model=model, **options), call)

    async def embed(
        self,
        texts: Iterable[str],
        *,
        model: str = DEFAULT_EMBEDDING_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Embeddings:
        """See `Client.embed`."""
        requests = prepare_embedding_requests(texts, model, call, options)
        with model_errors(model):
            return merge_embeddings([parse_embeddings(await self._http.send(each), count) for each, count in requests])

    async def aclose(self) -> None:
        """Close the client's own connections."""
        await self._http.aclose()


class _AsyncDeltas(AbstractAsyncContextManager[AsyncIterator[Delta]], AsyncIterator[Delta]):
    """The deltas of one stream in an `async with` block: a class for the reason given at `EventStream.__aiter__`."""

    def __init__(self, http: AsyncHTTPClient, request: Request, options: CallOptions) -> None:
        self._http = http
        self._request = request
        self._options = options
        self._ended = False

    def __aiter__(self) -> Self:
        if not hasattr(self, "_events"):
            raise not_in_block("async ")
        return self

    async def __aenter__(self) -> Self:
        self._call = prepare_call(self._request, self._options, stream=True)
        self._turn = Turn(self._call)
        with model_errors(self._call.model):
            await self._open()
        return self

    async def _open(self) -> None:
        self._events = await self._http.open_stream(self._call.http_request)
        self._decoder = self._call.create_decoder(self._events)

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()

    async def __anext__(self) -> Delta:
        if self._ended:
            raise StopAsyncIteration
        self._ended = True  # unless a delta comes: an error ends the stream, as it does a generator
        with self._turn.errors():
            delta = await self._next_delta()
            if delta is not None:
                self._ended = False
                return self._turn.shift(delta)
            with stream_errors(self._decoder, self._events):
                last = finish_stream(self._decoder, self._events, self._call.model)
            last = self._turn.finish(self._call, last)
            if self._turn.call is not None:
                await self._events.aclose()
                self._call = self._turn.call
                await self._open()
                self._ended = False
            return last

    async def _next_delta(self) -> Delta | None:
        """Return the next delta of the open stream; None at its end."""
        with stream_errors(self._decoder, self._events):
            async for event in self._events:
                delta = self._decoder.feed(event)
                if self._decoder.ended:
                    self._events.finish()
                if delta is not None:
                    return delta
        return None
