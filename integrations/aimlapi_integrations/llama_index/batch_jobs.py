"""Batches at half the price for LLMs and structured LLMs: submit inputs, keep an id, fetch responses later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.llms.structured_llm import StructuredLLM
from pydantic import BaseModel

from ..client.batches import INTERVAL, TIMEOUT
from ..client.options import CallOptions
from ..endpoints.batches import ALL_REQUESTS, Batch, BatchResult, BatchStatus
from ..endpoints.shared.identifiers import rename_tools
from ..types import Request
from .llm import AIMLAPI
from .messages.decode import chat_response
from .request import build_request
from .structured import check_output_class, parse_output, structured_arguments


class BatchAPI:
    """Batches for an LLM of Claude, or for a structured one (`llm.as_structured_llm(Invoice)`).

    Args:
        llm: the LLM, whose settings apply to all inputs.
        kwargs: arguments of `chat` for all inputs: `tools`, `tool_choice` …

    Raises:
        TypeError: the LLM is not an `AIMLAPI`.

    Examples:
        >>> batch_api = BatchAPI(AIMLAPI(model="anthropic/claude-sonnet-4.5", max_tokens=500))
        >>> job = batch_api.submit(["Name a river.", "Name a mountain."])
        >>> [response.message.content for response in job.results()]                  # doctest: +SKIP
        >>> batch_api.resume(job.id).results()            # in another process        # doctest: +SKIP
    """

    def __init__(self, llm: AIMLAPI | StructuredLLM, **kwargs: Any) -> None:
        inner = llm.llm if isinstance(llm, StructuredLLM) else llm
        if not isinstance(inner, AIMLAPI):
            raise TypeError(f"Batches need an AIMLAPI, or a structured LLM of one, received {type(inner).__name__}.")
        self._llm = inner
        self._output_cls = llm.output_cls if isinstance(llm, StructuredLLM) else None
        self._kwargs = kwargs
        if self._output_cls is not None:
            check_output_class(self._output_cls)

    def submit(self, inputs: Iterable[str | Sequence[ChatMessage]]) -> BatchJob:
        """Submit inputs, texts or conversations, as one batch, at most once.

        Raises:
            UnsupportedParameterError, UnsupportedContentError: A batch does not support an input; names its index.
            APIError: The batch was not accepted. If that is not certain, the error says so and is not `retryable`.
        """
        requests, options = self._requests(inputs)
        batch = self._llm._client().batches.submit(requests, call=options)
        return BatchJob(self._llm, batch, self._output_cls)

    async def asubmit(self, inputs: Iterable[str | Sequence[ChatMessage]]) -> BatchJob:
        """Async version of `submit`."""
        requests, options = self._requests(inputs)
        batch = await self._llm._async_client().batches.submit(requests, call=options)
        return BatchJob(self._llm, batch, self._output_cls)

    def resume(self, batch: Batch | str) -> BatchJob:
        """Return the job with this ID, which this process or another submitted for the same LLM and arguments."""
        if isinstance(batch, str):
            names = rename_tools(self._build("")[0])[1]
            batch = Batch(batch, tool_names={ALL_REQUESTS: names})
        return BatchJob(self._llm, batch, self._output_cls)

    def _requests(self, inputs: Iterable[str | Sequence[ChatMessage]]) -> tuple[list[Request], CallOptions]:
        """Return the requests, and the options to submit them with."""
        calls = list(map(self._build, inputs))
        return [request for request, _ in calls], calls[0][1] if calls else CallOptions()

    def _build(self, value: str | Sequence[ChatMessage]) -> tuple[Request, CallOptions]:
        messages = [ChatMessage(value)] if isinstance(value, str) else list(value)
        kwargs: Mapping[str, Any] = self._kwargs
        if self._output_cls is not None:
            kwargs = structured_arguments(self._llm, self._output_cls, messages, kwargs)
            messages = kwargs["messages"]
        arguments = {name: value for name, value in kwargs.items() if name != "messages"}
        return build_request(self._llm, messages, arguments)


class BatchJob:
    """A batch of inputs of an LLM. Keep its `id` to fetch the results later, with `BatchAPI.resume`.

    Attributes:
        batch: the batch, with its last known status.
    """

    def __init__(self, llm: AIMLAPI, batch: Batch, output_cls: type[BaseModel] | None = None) -> None:
        self._llm = llm
        self._output_cls = output_cls
        self.batch = batch

    @property
    def id(self) -> str:
        """The id of the batch."""
        return self.batch.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.batch.status}>"

    def status(self) -> BatchStatus:
        """Request the status: `in_progress`, `canceling`, `ended`, `canceled`, `expired` or `failed`."""
        self.batch = self._llm._client().batches.get(self.batch)
        return self.batch.status

    async def astatus(self) -> BatchStatus:
        """Async version of `status`."""
        self.batch = await self._llm._async_client().batches.get(self.batch)
        return self.batch.status

    def cancel(self) -> None:
        """Cancel the batch. BadRequestError if it has ended already."""
        self.batch = self._llm._client().batches.cancel(self.batch)

    async def acancel(self) -> None:
        """Async version of `cancel`."""
        self.batch = await self._llm._async_client().batches.cancel(self.batch)

    def results(
        self, *, timeout: float | None = TIMEOUT, interval: float = INTERVAL, return_exceptions: bool = True
    ) -> list[Any]:
        """Wait for the batch to end, and return what `chat` would have returned for each input, in their order.

        Responses have the same blocks and `additional_kwargs` as from `chat`, plus `batch_id` and `custom_id`; those of
        a structured LLM have the object in `raw`. A response without a cost gets half the price of its tokens: by
        `AIMLAPI.prices` if set, else by the gateway's catalog. `track_costs` counts a batch once.

        Args:
            timeout: seconds to wait in total; 0 for a single request, None for no limit.
            interval: seconds before the second request; intervals grow up to a minute.
            return_exceptions: return an input's error as its result; False raises the first one.

        Raises:
            BatchTimeoutError: The batch has not ended in time. It continues.
            BatchError: It ended without any results, and was submitted by another process.
        """
        results = self._llm._client().batches.results(
            self.batch, timeout=timeout, interval=interval, prices=self._llm.prices
        )
        return self._responses(results, return_exceptions)

    async def aresults(
        self, *, timeout: float | None = TIMEOUT, interval: float = INTERVAL, return_exceptions: bool = True
    ) -> list[Any]:
        """Async version of `results`."""
        results = await self._llm._async_client().batches.results(
            self.batch, timeout=timeout, interval=interval, prices=self._llm.prices
        )
        return self._responses(results, return_exceptions)

    def _responses(self, results: Iterable[BatchResult], return_exceptions: bool) -> list[Any]:
        responses = list(map(self._response, results))
        for response in () if return_exceptions else responses:
            if isinstance(response, Exception):
                raise response
        return responses

    def _response(self, result: BatchResult) -> ChatResponse | Exception:
        """Return the response of a result, or the error of the batch or of the structured output."""
        try:
            response = chat_response(result.unwrap())
            response.additional_kwargs |= {"batch_id": self.id, "custom_id": result.custom_id}
            return response if self._output_cls is None else self._structured(response, self._output_cls)
        except Exception as error:  # noqa: BLE001  # any error is the result of this input alone
            return error

    def _structured(self, response: ChatResponse, output_cls: type[BaseModel]) -> ChatResponse:
        """Return the response of a structured LLM, which has the object in `raw`."""
        output = parse_output(self._llm, response, output_cls)
        message = ChatMessage(role=MessageRole.ASSISTANT, content=output.model_dump_json())
        return ChatResponse(message=message, raw=output, additional_kwargs=response.additional_kwargs)
