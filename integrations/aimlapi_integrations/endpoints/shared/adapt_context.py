"""The model and endpoint that a request is adapted to, and how differences are reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..._utils.suggestions import did_you_mean
from ..._utils.user_warnings import warn_once
from ...errors import UnsupportedParameterError
from ...models import CHAT, MESSAGES, RESPONSES, ChatCapabilities, Model, Parameter, ResponsesCapabilities, lookup
from ...models.capabilities import ANYTHING
from ...models.loader import table_cache
from ...types import Request


class ParameterWarning(UserWarning):
    """A parameter that the model does not list was sent, or one was changed to a value that the model accepts."""


class ContentWarning(UserWarning):
    """Content of an earlier message was left out or sent as text, because the endpoint has no form for it."""


@dataclass(frozen=True, slots=True)
class AdaptContext:
    """A model on an endpoint.

    Attributes:
        model_id: the model's id as the caller wrote it.
        endpoint: the name of the endpoint.
        strict: whether to raise instead of warning.
        stream: whether the response is streamed.
        served: whether the model is known to be served there. If not, nothing is known of what it accepts.
        quiet: whether to keep silent, in a trial run.
    """

    model_id: str
    model: Model
    endpoint: str
    strict: bool
    stream: bool
    served: bool
    quiet: bool = False

    @property
    def chat(self) -> ChatCapabilities:
        """The model's chat capabilities; the defaults if it has none."""
        return self.model.chat or _DEFAULT_CHAT

    @property
    def responses(self) -> ResponsesCapabilities | None:
        """The model's Responses capabilities; None if they are unknown."""
        return self.model.responses if self.model.known else None

    def parameter(self, name: str) -> Parameter | None:
        """Return what the field accepts; None if it is not listed."""
        return self.model.parameter(name, self.endpoint) if self.served else ANYTHING

    def warn_or_raise(self, text: str) -> None:
        """Warn that the request was changed; raise if `strict`."""
        if self.strict:
            raise UnsupportedParameterError(text)
        if not self.quiet:
            warn_once(text, ParameterWarning)

    def warn_content(self, text: str) -> None:
        """Warn that content of the history is not sent as is. That is never an error, even if `strict`."""
        warn_once(text, ContentWarning)

    def unsupported_parameter(self, name: str) -> None:
        """Warn that an unlisted field is sent; raise if `strict` or if the model refuses unlisted fields."""
        text = f"{name!r} is not a parameter that {self.model_id} lists"
        similar = did_you_mean(name, self.model.parameters(self.endpoint))
        if self.endpoint == CHAT and self.chat.closed_body:
            raise UnsupportedParameterError(f"{text}, and it refuses any other: leave it out.{similar}")
        self.warn_or_raise(f"{text}: it is sent, and the gateway drops it.{similar}")


AdaptStep: TypeAlias = Callable[[Request, AdaptContext], Request]
"""One step of adapting a request. It returns the same request if there is nothing to adapt."""

_DEFAULT_CHAT = ChatCapabilities()


@table_cache
def get_context(model_id: str, endpoint: str, strict: bool, stream: bool) -> AdaptContext:
    """Return the context of a model on an endpoint."""
    model = lookup(model_id)
    served = {CHAT: model.chat is not None, RESPONSES: model.responses is not None, MESSAGES: model.messages}[endpoint]
    return AdaptContext(model_id, model, endpoint, strict, stream, served)
