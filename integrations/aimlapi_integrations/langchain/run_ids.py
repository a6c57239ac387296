"""Send the id of LangChain's run as the request id that the gateway logs: `client_request_id="run_id"`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import BaseMessage
from typing_extensions import override

USE_RUN_ID = "run_id"

_current_run: ContextVar[UUID | None] = ContextVar("aimlapi_run_id", default=None)


class RunIdHandler(BaseCallbackHandler):
    """Record the id of the current run: core passes no run manager to `_stream`, so a stream can't know it otherwise.

    The handler runs inline, so that it sets the variable in the context that the run continues in.
    """

    run_inline = True

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Record the run's id."""
        _current_run.set(run_id)

    @override
    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        """Clear the id."""
        _current_run.set(None)

    on_llm_error = on_llm_end


def with_run_id_handler(callbacks: Callbacks) -> Callbacks:
    """Return a model's callbacks with a `RunIdHandler`, as a new list or manager."""
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    if any(isinstance(handler, RunIdHandler) for handler in handlers):
        return callbacks
    if not isinstance(callbacks, BaseCallbackManager):
        return [*handlers, RunIdHandler()]
    manager = callbacks.copy()
    manager.add_handler(RunIdHandler(), inherit=False)
    return manager


def current_run_id(run: BaseRunManager | None) -> str | None:
    """Return the id of `run`, or of the run that is current in this context."""
    run_id = run.run_id if run else _current_run.get()
    return str(run_id) if run_id else None
