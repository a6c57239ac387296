"""The gateway, without a framework.

    >>> from aimlapi_integrations import Client
    >>> with Client() as client:                                                            # doctest: +SKIP
    ...     print(client.chat("Name three rivers of Portugal.").text)

A call is a straight line: a request is made to fit its model, encoded, sent, decoded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import Any

import httpx
from pydantic import SecretStr
from typing_extensions import Self

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin
from ..endpoints import StreamDecoder
from ..endpoints.decisions import DEFAULT_DECISION_MODEL, Decisions, Questions, Reranking, State
from ..endpoints.embeddings import merge_embeddings
from ..errors import APIError
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.event_stream import EventStream
from ..transport.retries import RetryEvent, RetryPolicy, Timeout
from ..types import Delta, Embeddings, Reply, Request
from .batches import AsyncBatches, Batches
from .call import (
    attach_partial_text,
    finish_stream,
    parse_embeddings,
    prepare_call,
    prepare_embedding_requests,
    stream_errors,
)
from .config import DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL, resolve_api_key, resolve_base_url
from .decisions import RerankCalls, group_documents, merge_rankings, parse_decision, prepare_decision
from .openai_format import Messages, parse_request
from .options import DEFAULT_OPTIONS, CallOptions
from .resources import AsyncModels, AsyncResponses, Models, Responses

CHUNK_TIMEOUT = 120.0


class Client(ContextManagerMixin):
    """A client of the gateway. Threads may share one; it connects at its first call.

    Args:
        api_key: else `AIMLAPI_API_KEY`, else `AIML_API_KEY` of the environment.
        base_url: else `AIMLAPI_API_BASE`, `AIMLAPI_BASE_URL`, else the public one.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read.
        max_retries: further tries after errors that may pass; `retry` is the whole policy instead.
        chunk_timeout: seconds from one event of a stream to the next; None or 0 for no limit.
        default_headers, default_query: sent with every call.
        limits: of the connections made here, an `httpx.Limits`.
        http_client: an `httpx.Client` of your own; it is used as it is and never closed.
        on_retry: called with a `RetryEvent` before each further try.

    Raises:
        MissingAPIKeyError: no key was given and none is in the environment.

    Examples:
        >>> client = Client(max_retries=5)
        >>> reply = client.chat("Hello", model="gpt-4o", temperature=0)
        >>> reply.text, reply.cost.usd                                               # doctest: +SKIP
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK_TIMEOUT,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        http_client: httpx.Client | None = None,
        on_retry: Callable[[RetryEvent], object] | None = None,
    ) -> None:
        self._http = HTTPClient(
            resolve_api_key(api_key),
            resolve_base_url(base_url),
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
        self.batches = Batches(self._http)

    def complete(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """The whole answer to `request`.

        Raises:
            APIError: the call failed, or its answer cannot be understood.
            UnsupportedContentError, UnsupportedParameterError: the model or the endpoint cannot carry the request.
        """
        going = prepare_call(request, options, stream=False)
        return going.parse_response(self._http.send(going.call))

    @contextmanager
    def stream(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Iterator[Iterator[Delta]]:
        """The answer as it comes; the last delta has the whole of it. Leaving the block frees the connection.

        Raises:
            APIError: as `complete`; one raised amid the stream has the text so far in `stream_errors`.
        """
        going = prepare_call(request, options, stream=True)
        with self._http.stream(going.call) as events:
            yield self._deltas(going.decoder(events), events, going.model)

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
        self, messages: Messages, *, model: str = DEFAULT_MODEL, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> Reply:
        """The answer to a text or to messages: `{"role": …, "content": …}` or `Message`.

        Args:
            messages: a text, or the turns of a conversation.
            model: the gateway's id of a model, or an alias.
            call: how to ask.
            options: `tools`, `tool_choice`, `parallel_tool_calls`, `response_format`, `extra_body`, and parameters by
                the names that chat completions gives them (`temperature`, `max_tokens` …).
        """
        return self.complete(parse_request(messages, model=model, **options), call)

    def chat_stream(
        self, messages: Messages, *, model: str = DEFAULT_MODEL, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> AbstractContextManager[Iterator[Delta]]:
        """As `chat`, streamed: a context manager that gives the deltas."""
        return self.stream(parse_request(messages, model=model, **options), call)

    def embed(
        self,
        texts: Iterable[str],
        *,
        model: str = DEFAULT_EMBEDDING_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Embeddings:
        """One vector for each of `texts`, in their order; in several calls where they are many.

        Args:
            texts: a list, or anything else that gives them one by one; at least one, none of them empty.
            model: the gateway's id of an embedding model.
            call: how to ask.
            options: `dimensions`, `encoding_format` and whatever else the model lists.

        Raises:
            TypeError: what is no text, by its index.
            UnsupportedContentError: a text that the model cannot take, by its index among all.
        """
        calls = prepare_embedding_requests(texts, model, call, options)
        return merge_embeddings([parse_embeddings(self._http.send(each), count) for each, count in calls])

    def decide(
        self,
        state: State,
        questions: Questions,
        *,
        model: str = DEFAULT_DECISION_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Decisions:
        """The answers to typed questions about a state, with their probabilities.

        Args:
            state: a text, or any JSON. Questions can refer to parts of it by path, such as `order.items[0]`.
            questions: by keys of your own: `YesNoQuestion`, `ChoiceQuestion`, `ScoreQuestion`, or a text, which is a
                yes/no question. They are answered independently.
            model: the gateway's id of a decision model.
            call: how to ask.
            options: further fields of the request.

        Raises:
            UnsupportedContentError: the state is empty, or there are no questions.
            UnsupportedParameterError: a question with too few or too many options or levels.

        Examples:
            >>> decisions = client.decide("My card was charged twice!", {"urgent": "Is it urgent?"})  # doctest: +SKIP
            >>> decisions.yes_no("urgent").probability                                              # doctest: +SKIP
            0.93
        """
        request = prepare_decision(state, questions, model, call, options)
        return parse_decision(self._http.send(request), list(questions))

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        model: str = DEFAULT_DECISION_MODEL,
        max_concurrency: int = 4,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Reranking:
        """Documents by their relevance to a query: the probability that each helps to answer it.

        Args:
            query: what is looked for.
            documents: texts, of any number. As many go into one call as fit the model's context, by an estimate of
                their tokens; one that does not fit alone is ranked by its beginning.
            top_n: how many to keep; None keeps all.
            model: the gateway's id of a decision model.
            max_concurrency: calls under way at once at most.
            call: how to ask.

        Raises:
            TypeError: a document that is not a text, by its index.
            UnsupportedContentError: the query is empty or too long.
        """
        groups = group_documents(query, documents, model)
        answers = RerankCalls(query, model, call).run(self._http, groups, max_concurrency)
        return merge_rankings(groups, answers, top_n, model)

    def close(self) -> None:
        """Close the connections that were made here."""
        self._http.close()


class AsyncClient(AsyncContextManagerMixin):
    """`Client` with `await`, `async with` and `async for`. Event loops may share one: each has connections of its own.

    Args:
        http_client: an `httpx.AsyncClient` of your own; everything else is as in `Client`.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK_TIMEOUT,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        http_client: httpx.AsyncClient | None = None,
        on_retry: Callable[[RetryEvent], object] | None = None,
    ) -> None:
        self._http = AsyncHTTPClient(
            resolve_api_key(api_key),
            resolve_base_url(base_url),
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
        self.batches = AsyncBatches(self._http)

    async def complete(self, request: Request, options: CallOptions = DEFAULT_OPTIONS) -> Reply:
        """As `Client.complete`."""
        going = prepare_call(request, options, stream=False)
        return going.parse_response(await self._http.send(going.call))

    def stream(
        self, request: Request, options: CallOptions = DEFAULT_OPTIONS
    ) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """As `Client.stream`."""
        return _AsyncDeltas(self._http, request, options)

    async def chat(
        self, messages: Messages, *, model: str = DEFAULT_MODEL, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> Reply:
        """As `Client.chat`."""
        return await self.complete(parse_request(messages, model=model, **options), call)

    def chat_stream(
        self, messages: Messages, *, model: str = DEFAULT_MODEL, call: CallOptions = DEFAULT_OPTIONS, **options: Any
    ) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """As `Client.chat_stream`."""
        return self.stream(parse_request(messages, model=model, **options), call)

    async def embed(
        self,
        texts: Iterable[str],
        *,
        model: str = DEFAULT_EMBEDDING_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Embeddings:
        """As `Client.embed`."""
        calls = prepare_embedding_requests(texts, model, call, options)
        return merge_embeddings([parse_embeddings(await self._http.send(each), count) for each, count in calls])

    async def decide(
        self,
        state: State,
        questions: Questions,
        *,
        model: str = DEFAULT_DECISION_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Decisions:
        """As `Client.decide`."""
        request = prepare_decision(state, questions, model, call, options)
        return parse_decision(await self._http.send(request), list(questions))

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        model: str = DEFAULT_DECISION_MODEL,
        max_concurrency: int = 4,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Reranking:
        """As `Client.rerank`."""
        groups = group_documents(query, documents, model)
        answers = await RerankCalls(query, model, call).arun(self._http, groups, max_concurrency)
        return merge_rankings(groups, answers, top_n, model)

    async def aclose(self) -> None:
        """Close the connections that were made here for the running event loop."""
        await self._http.aclose()


class _AsyncDeltas(AbstractAsyncContextManager[AsyncIterator[Delta]], AsyncIterator[Delta]):
    """The deltas of one stream, inside an `async with` block: see `EventStream.__aiter__` for why this is a class."""

    def __init__(self, http: AsyncHTTPClient, request: Request, options: CallOptions) -> None:
        self._http = http
        self._request = request
        self._options = options
        self._ended = False

    async def __aenter__(self) -> Self:
        prepared = prepare_call(self._request, self._options, stream=True)
        self._events = await self._http.open(prepared.call)
        self._decoder = prepared.decoder(self._events)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()

    async def __anext__(self) -> Delta:
        if self._ended:
            raise StopAsyncIteration
        self._ended = True  # unless a delta comes: an error ends the stream, as it ends a generator
        try:
            async for event in self._events:
                delta = self._decoder.feed(event)
                if self._decoder.ended:
                    self._events.finish()
                if delta is not None:
                    self._ended = False
                    return delta
            return finish_stream(self._decoder, self._events, self._request.model)
        except APIError as error:
            attach_partial_text(error, self._decoder, self._events)
            raise
