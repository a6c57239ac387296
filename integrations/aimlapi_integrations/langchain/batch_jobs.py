"""Batches at half the price for chat models and chains: submit inputs, keep an id, fetch messages later.

`Runnable.batch`, in contrast, sends one request for each input, at once, at the full price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableBinding, RunnableSequence
from langchain_core.runnables.configurable import DynamicRunnable

from ..client.batches import INTERVAL, TIMEOUT
from ..client.options import CallOptions
from ..endpoints.batches import ALL_REQUESTS, Batch, BatchResult, BatchStatus
from ..endpoints.shared.identifiers import rename_tools
from ..errors import AIMLAPIError
from ..types import Reply, Request
from .chat_model import ChatAIMLAPI
from .errors import translate_error, translate_errors
from .messages.decode import chat_result
from .request import CallArguments, aauthorization, authorization, build_request


@dataclass(frozen=True)
class ChainParts:
    """A chain as the steps before its model, the model with what is bound to it, and the steps after it."""

    model: ChatAIMLAPI
    kwargs: dict[str, Any] = field(default_factory=dict)
    before: tuple[Runnable[Any, Any], ...] = ()
    after: tuple[Runnable[Any, Any], ...] = ()


def split_chain(runnable: Any) -> ChainParts:
    """Find the model in a chain.

    Raises:
        TypeError: there is none, or several, or it is inside a step that is not a sequence.
    """
    match runnable:
        case ChatAIMLAPI():
            return ChainParts(runnable)
        case RunnableSequence():
            return _split_sequence(runnable)
        case DynamicRunnable():
            return split_chain(runnable.prepare()[0])
    if isinstance(runnable, RunnableBinding):
        return _with_bound(split_chain(runnable.bound), runnable.kwargs)
    raise TypeError(
        f"Batches need a ChatAIMLAPI: alone, bound (bind, bind_tools, with_config), or as one step of a sequence such "
        f"as with_structured_output returns. Received {type(runnable).__name__}."
    )


def _split_sequence(sequence: RunnableSequence[Any, Any]) -> ChainParts:
    steps = sequence.steps
    places = [place for place, step in enumerate(steps) if _has_model(step)]
    if len(places) != 1:
        raise TypeError(f"Batches need a sequence with one ChatAIMLAPI as a step of its own, received {len(places)}.")
    place = places[0]
    inner = split_chain(steps[place])
    return replace(inner, before=(*steps[:place], *inner.before), after=(*inner.after, *steps[place + 1 :]))


def _has_model(step: Any) -> bool:
    try:
        split_chain(step)
    except TypeError:
        return False
    return True


def _with_bound(parts: ChainParts, kwargs: Mapping[str, Any]) -> ChainParts:
    if kwargs and (parts.before or parts.after):
        raise TypeError("Arguments are bound to a whole chain: bind them to its model instead.")
    return replace(parts, kwargs={**parts.kwargs, **kwargs})


class BatchAPI:
    """Batches for a chat model of Claude, for the same with tools or other arguments bound, or for a chain around it.

    Args:
        runnable: `ChatAIMLAPI(…)`, `model.bind_tools(…)`, `model.with_structured_output(…)`, `prompt | model | parser`.

    Raises:
        TypeError: there is no such model in it.

    Examples:
        >>> batch_api = BatchAPI(ChatAIMLAPI(model="anthropic/claude-sonnet-4.5", max_tokens=500))
        >>> job = batch_api.submit(["Name a river.", "Name a mountain."])
        >>> [answer.text for answer in job.results()]                                 # doctest: +SKIP
        >>> batch_api.resume(job.id).results()            # in another process        # doctest: +SKIP
    """

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._parts = split_chain(runnable)

    def submit(self, inputs: Iterable[Any], config: RunnableConfig | None = None) -> BatchJob:
        """Submit inputs as one batch, at most once.

        Args:
            inputs: as `invoke` takes them. Steps before the model run now.
            config: for these steps.

        Raises:
            UnsupportedParameterError, UnsupportedContentError: a batch does not support an input; names its index.
            APIError: the batch was not accepted. If that is not certain, the error says so and is not `retryable`.
        """
        values = [self._before(value, config) for value in inputs]
        with translate_errors():
            requests, options = self._requests(values, authorization(self._parts.model))
            batch = self._parts.model._get_client().batches.submit(requests, call=options)
        return BatchJob(self._parts, batch)

    async def asubmit(self, inputs: Iterable[Any], config: RunnableConfig | None = None) -> BatchJob:
        """`submit`, async."""
        values = [await self._abefore(value, config) for value in inputs]
        with translate_errors():
            requests, options = self._requests(values, await aauthorization(self._parts.model))
            batch = await self._parts.model._get_async_client().batches.submit(requests, call=options)
        return BatchJob(self._parts, batch)

    def resume(self, batch: Batch | str) -> BatchJob:
        """Return the job with this id, which this process or another submitted for the same model or chain."""
        if isinstance(batch, str):
            request = _build(self._parts, [HumanMessage("")], {}).request
            batch = Batch(batch, tool_names={ALL_REQUESTS: rename_tools(request)[1]})
        return BatchJob(self._parts, batch)

    def _before(self, value: Any, config: RunnableConfig | None) -> Any:
        for step in self._parts.before:
            value = step.invoke(value, config)
        return value

    async def _abefore(self, value: Any, config: RunnableConfig | None) -> Any:
        for step in self._parts.before:
            value = await step.ainvoke(value, config)
        return value

    def _requests(self, values: Sequence[Any], headers: dict[str, str]) -> tuple[list[Request], CallOptions]:
        """Return the requests, and the options to submit them with."""
        model = self._parts.model
        calls = [_build(self._parts, model._convert_input(value).to_messages(), headers) for value in values]
        return [call.request for call in calls], calls[0].options if calls else CallOptions(headers=headers)


def _build(parts: ChainParts, messages: list[BaseMessage], headers: dict[str, str]) -> CallArguments:
    kwargs = dict(parts.kwargs)
    return build_request(parts.model, messages, kwargs.pop("stop", None), kwargs, headers)


class BatchJob:
    """A batch of inputs of a model or chain. Keep its `id` to fetch the results later, with `BatchAPI.resume`.

    Attributes:
        batch: the batch, with its last known status.
    """

    def __init__(self, parts: ChainParts, batch: Batch) -> None:
        self._parts = parts
        self.batch = batch

    @property
    def id(self) -> str:
        """The id of the batch."""
        return self.batch.id

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.batch.status}>"

    def status(self) -> BatchStatus:
        """Request the status: `in_progress`, `canceling`, `ended`, `canceled`, `expired` or `failed`."""
        with translate_errors():
            self.batch = self._parts.model._get_client().batches.get(self.batch, self._options())
        return self.batch.status

    async def astatus(self) -> BatchStatus:
        """`status`, async."""
        with translate_errors():
            self.batch = await self._parts.model._get_async_client().batches.get(self.batch, await self._aoptions())
        return self.batch.status

    def cancel(self) -> None:
        """Cancel the batch. BadRequestError if it has ended already."""
        with translate_errors():
            self.batch = self._parts.model._get_client().batches.cancel(self.batch, self._options())

    async def acancel(self) -> None:
        """`cancel`, async."""
        with translate_errors():
            self.batch = await self._parts.model._get_async_client().batches.cancel(self.batch, await self._aoptions())

    def results(
        self,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        return_exceptions: bool = True,
        config: RunnableConfig | None = None,
    ) -> list[Any]:
        """Wait for the batch to end, and return what `invoke` would have returned for each input, in their order.

        Messages have the same tool calls, usage and `response_metadata` as from `invoke`, plus `batch_id` and
        `custom_id`. A reply without a cost gets half the price of its tokens: by `ChatAIMLAPI.prices` if set, else by
        the gateway's catalog. `track_costs` counts a batch once.

        Args:
            timeout: seconds to wait in total; 0 for a single request, None for no limit.
            interval: seconds before the second request; intervals grow up to a minute.
            return_exceptions: return an input's error as its result; False raises the first one.
            config: for the steps after the model, which run now.

        Raises:
            BatchTimeoutError: the batch has not ended in time. It continues.
            BatchError: it ended without any results, and was submitted by another process.
        """
        with translate_errors():
            results = self._parts.model._get_client().batches.results(
                self.batch,
                timeout=timeout,
                interval=interval,
                prices=self._parts.model.prices,
                options=self._options(),
            )
        answers = [self._after(result, config) for result in results]
        return answers if return_exceptions else _raise_first(answers)

    async def aresults(
        self,
        *,
        timeout: float | None = TIMEOUT,
        interval: float = INTERVAL,
        return_exceptions: bool = True,
        config: RunnableConfig | None = None,
    ) -> list[Any]:
        """`results`, async."""
        with translate_errors():
            results = await self._parts.model._get_async_client().batches.results(
                self.batch,
                timeout=timeout,
                interval=interval,
                prices=self._parts.model.prices,
                options=await self._aoptions(),
            )
        answers = [await self._aafter(result, config) for result in results]
        return answers if return_exceptions else _raise_first(answers)

    def _options(self) -> CallOptions:
        return CallOptions(headers=authorization(self._parts.model))

    async def _aoptions(self) -> CallOptions:
        return CallOptions(headers=await aauthorization(self._parts.model))

    # --- the steps after the model --------------------------------------------------------------------------------

    def _after(self, result: BatchResult, config: RunnableConfig | None) -> Any:
        value = self._message(result)
        if isinstance(value, Exception):
            return value
        try:
            for step in self._parts.after:
                value = step.invoke(value, config)
        except Exception as error:  # noqa: BLE001  # any error is the result of this input alone
            return error
        return value

    async def _aafter(self, result: BatchResult, config: RunnableConfig | None) -> Any:
        value = self._message(result)
        if isinstance(value, Exception):
            return value
        try:
            for step in self._parts.after:
                value = await step.ainvoke(value, config)
        except Exception as error:  # noqa: BLE001  # as above
            return error
        return value

    def _message(self, result: BatchResult) -> Any:
        """Return the message of a result, or its error as LangChain's."""
        try:
            return self._as_message(result.unwrap(), result.custom_id)
        except AIMLAPIError as error:
            return translate_error(error)

    def _as_message(self, reply: Reply, custom_id: str) -> AIMessage:
        message = chat_result(reply, self._parts.model._message_format).generations[0].message
        metadata = {**message.response_metadata, "batch_id": self.id, "custom_id": custom_id}
        changed = {"response_metadata": metadata, "id": message.id or f"{self.id}-{custom_id}"}
        copy: AIMessage = message.model_copy(update=changed)  # type: ignore[assignment]  # a reply's message is one
        return copy


def _raise_first(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
