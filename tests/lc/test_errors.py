"""Errors are both ours and LangChain's, in every call mode."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import httpx
import pytest
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage

from aimlapi_integrations import errors
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain import errors as core
from tests.lc.gateway import Gateway
from tests.support.chat_events import chunk, sse

STATUSES = {
    400: (errors.BadRequestError, core.ModelInvalidRequestError, False),
    401: (errors.AuthenticationError, core.ModelAuthenticationError, False),
    402: (errors.InsufficientCreditsError, core.ModelPermissionDeniedError, False),
    403: (errors.PermissionDeniedError, core.ModelPermissionDeniedError, False),
    404: (errors.NotFoundError, core.ModelNotFoundError, False),
    408: (errors.RequestTimeoutError, core.ModelTimeoutError, True),
    409: (errors.ConflictError, core.ModelAPIError, True),
    413: (errors.BadRequestError, core.ModelInvalidRequestError, False),
    422: (errors.BadRequestError, core.ModelInvalidRequestError, False),
    429: (errors.RateLimitError, core.ModelRateLimitError, True),
    500: (errors.InternalServerError, core.ModelAPIError, True),
    503: (errors.InternalServerError, core.ModelAPIError, True),
}


async def _drained(stream: Any) -> None:
    async for _ in stream:
        pass


CALL_MODES = {
    "invoke": lambda model: model.invoke("Hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hi")),
    "stream": lambda model: list(model.stream("Hi")),
    "astream": lambda model: asyncio.run(_drained(model.astream("Hi"))),
}


@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("status", STATUSES)
def test_error_status_raises_both_classes(status: int, mode: str):
    ours, theirs, retryable = STATUSES[status]
    model = Gateway({"message": "No such thing", "requestId": "req-1"}, status=status).model()
    with pytest.raises(ours) as caught:
        CALL_MODES[mode](model)
    assert isinstance(caught.value, theirs)
    assert caught.value.is_retryable is retryable
    assert caught.value.request_id == "req-1"
    assert isinstance(caught.value.response, httpx.Response)
    assert caught.value.response.json()["message"] == "No such thing"


OVERFLOWS = {
    "by code": (400, {"error": {"message": "Too much.", "code": "context_length_exceeded"}}),
    "by OpenAI's words": (400, {"message": "This model's maximum context length is 8192 tokens."}),
    "by Anthropic's words": (400, {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
    "by another's words": (400, {"message": "Please reduce the length of the messages."}),
    "as too large": (413, {"message": "Input is too long for the requested model."}),
    "as a rate limit": (429, {"message": "The request exceeds the context window of this model."}),
}


@pytest.mark.parametrize("name", OVERFLOWS)
def test_context_overflow_is_also_cores_error(name: str):
    """Summarization middleware checks the class: a message alone must be enough."""
    status, body = OVERFLOWS[name]
    with pytest.raises(ContextOverflowError) as caught:
        Gateway(body, status=status).model().invoke("Hi")
    assert isinstance(caught.value, errors.ContextOverflowError)
    assert isinstance(caught.value, core.ModelInvalidRequestError)
    assert not caught.value.is_retryable


@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_key_from_a_function_is_in_no_error(status: int, mode: str):
    key = "planted-0123456789"
    body = {"error": {"message": f"{key} is not known"}, "details": [key]}
    is_async = mode.startswith("a")

    async def arguments() -> str:
        return key

    gateway = Gateway(body, status=status, events=[body])
    with pytest.raises(errors.APIError) as caught:
        CALL_MODES[mode](gateway.model(api_key=arguments if is_async else lambda: key))
    assert gateway.headers[0]["authorization"] == f"Bearer {key}"
    response = caught.value.response
    texts = (str(caught.value), repr(caught.value), caught.value.body, response and response.text)
    assert key not in str(texts)


def test_connection_failure_is_a_model_connection_error():
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    model = ChatAIMLAPI(api_key="k", max_retries=0, http_client=httpx.Client(transport=httpx.MockTransport(refuse)))
    with pytest.raises(core.ModelConnectionError) as caught:
        model.invoke("Hi")
    assert isinstance(caught.value, errors.APIConnectionError)
    assert caught.value.is_retryable


@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_truncated_stream_raises(mode: str):
    events = [chunk({"content": "Half an ans"})]
    cut = sse(events).replace(b"data: [DONE]\n\n", b"")

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=cut, headers={"content-type": "text/event-stream"})

    transport = httpx.MockTransport(answer)
    model = ChatAIMLAPI(
        api_key="k",
        max_retries=0,
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
    )
    with pytest.raises(errors.StreamError) as caught:
        CALL_MODES[mode](model)
    assert isinstance(caught.value, core.ModelAPIError)


def test_unsupported_content_is_not_retried():
    with pytest.raises(core.ModelInvalidRequestError) as caught:
        Gateway().model().invoke([HumanMessage([{"type": "hologram"}])])
    assert isinstance(caught.value, ValueError)
    assert not caught.value.is_retryable


def test_errors_survive_pickling():
    with pytest.raises(errors.RateLimitError) as caught:
        Gateway({"message": "Slow down"}, status=429).model().invoke("Hi")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert type(copied) is type(caught.value)
    assert isinstance(copied, core.ModelRateLimitError)
    assert str(copied) == str(caught.value)


def test_fallbacks_and_retries_of_langchain_handle_errors():
    good = Gateway().model()
    assert Gateway({"message": "x"}, status=500).model().with_fallbacks([good]).invoke("Hi").text == "Hi"
    answers = iter([429, 200])

    class Twice(Gateway):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            self.status = next(answers)
            return super().__call__(request)

    retried = (
        Twice().model().with_retry(retry_if_exception_type=(core.ModelRateLimitError,), wait_exponential_jitter=False)
    )
    assert retried.invoke("Hi").text == "Hi"


def test_stream_left_early_is_reported_to_tracers():
    from langchain_core.callbacks import BaseCallbackHandler

    class Seen(BaseCallbackHandler):
        error: BaseException | None = None

        def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
            self.error = error

    observed = Seen()
    stream = Gateway().model().stream("Hi", config={"callbacks": [observed]})
    next(stream)
    stream.close()
    assert isinstance(observed.error, GeneratorExit)


def test_history_with_an_invalid_call_is_sent_back():
    gateway = Gateway()
    broken = {"id": "c1", "name": "f", "args": None, "error": None, "type": "invalid_tool_call"}
    gateway.model().invoke([HumanMessage("Hi"), AIMessage("", invalid_tool_calls=[broken])])
    sent = gateway.bodies[0]["messages"][1]
    assert sent["content"] == ""
    assert sent["tool_calls"][0]["function"] == {"name": "f", "arguments": ""}
