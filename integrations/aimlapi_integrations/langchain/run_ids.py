"""The id of LangChain's run as the id that the gateway logs, where `client_request_id` is `"run_id"`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import BaseMessage
from typing_extensions import override

USE_RUN_ID = "run_id"

_streaming: ContextVar[UUID | None] = ContextVar("aimlapi_run_id", default=None)


class RunIds(BaseCallbackHandler):
    """Hears of the runs of a model. Core gives `_stream` no run manager, so this is how a stream learns its run's id.

    Inline, because what it notes is for the context that the run goes on in.
    """

    run_inline = True

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Notes the run."""
        _streaming.set(run_id)

    @override
    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        """Forgets it."""
        _streaming.set(None)

    on_llm_error = on_llm_end


def with_run_id_handler(callbacks: Callbacks) -> Callbacks:
    """The callbacks of a model, and ours: a new list or manager."""
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    if any(isinstance(handler, RunIds) for handler in handlers):
        return callbacks
    if not isinstance(callbacks, BaseCallbackManager):
        return [*handlers, RunIds()]
    with_ours = callbacks.copy()
    with_ours.add_handler(RunIds(), inherit=False)
    return with_ours


def request_id(client_request_id: str | None, run: BaseRunManager | None) -> str | None:
    """The id to send: the caller's own, or the one that traces know the run by."""
    if client_request_id != USE_RUN_ID:
        return client_request_id
    run_id = run.run_id if run else _streaming.get()
    return str(run_id) if run_id else None
