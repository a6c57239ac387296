"""What a request is made to fit: one model on one endpoint, and how its misfits are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ..._utils.suggestions import did_you_mean
from ..._utils.user_warnings import warn_once
from ...errors import UnsupportedParameterError
from ...models import CHAT, MESSAGES, RESPONSES, ChatCapabilities, Model, Parameter, ResponsesCapabilities, lookup
from ...models.capabilities import ANYTHING
from ...types import Request

PATHS = {"chat_completions": CHAT, "responses": RESPONSES, "messages": MESSAGES}


class ParameterWarning(UserWarning):
    """A parameter that the model does not list was sent, or one was changed into what the model takes."""


class ContentWarning(UserWarning):
    """Content of an earlier turn was left out or went as text, since the model has no form for it."""


@dataclass(frozen=True, slots=True)
class AdaptContext:
    """A model on an endpoint.

    Attributes:
        asked: the model's id as the caller wrote it.
        path: the endpoint, as `models` names it.
        strict: whether a misfit is an error and not a warning.
        stream: whether the answer is to be streamed.
        served: whether the model is known to be served there; elsewhere nothing is known of what it takes.
    """

    asked: str
    model: Model
    path: str
    strict: bool
    stream: bool
    served: bool

    @property
    def chat(self) -> ChatCapabilities:
        return self.model.chat or _ANY_CHAT

    @property
    def responses(self) -> ResponsesCapabilities | None:
        return self.model.responses if self.model.known else None

    def listed(self, name: str) -> Parameter | None:
        """What the field may hold; None where it is not listed."""
        return self.model.parameter(name, self.path) if self.served else ANYTHING

    def warn_or_raise(self, text: str) -> None:
        """Tells a misfit; raises where `strict`."""
        if self.strict:
            raise UnsupportedParameterError(text)
        self.hint(text)

    def hint(self, text: str) -> None:
        """Warn at the user's line, once for each text."""
        warn_once(text, ParameterWarning)

    def warn_content(self, text: str) -> None:
        """Warn of content of the history that does not go as it was; that is never an error, even where `strict`."""
        warn_once(text, ContentWarning)

    def unsupported_parameter(self, name: str) -> None:
        """Tells that a field which the model does not list goes out; raises where the model would refuse it."""
        text = f"{name!r} is not a parameter that {self.asked} lists"
        if self.path == CHAT and self.chat.closed_body:
            raise UnsupportedParameterError(f"{text}, and it refuses any other: leave it out.{self._similar_to(name)}")
        self.warn_or_raise(f"{text}: it is sent, and the gateway drops it.{self._similar_to(name)}")

    def _similar_to(self, name: str) -> str:
        return did_you_mean(name, self.model.parameters(self.path))


Step: TypeAlias = Callable[[Request, AdaptContext], Request]
"""One adaptation: the same request where there is nothing to adapt."""

_ANY_CHAT = ChatCapabilities()


@lru_cache(maxsize=1024)
def get_context(asked: str, endpoint: str, strict: bool, stream: bool) -> AdaptContext:
    """The fitting of a model's id on an endpoint (`chat_completions`, `responses` or `messages`)."""
    model, path = lookup(asked), PATHS[endpoint]
    served = {CHAT: model.chat is not None, RESPONSES: model.responses is not None, MESSAGES: model.messages}[path]
    return AdaptContext(asked, model, path, strict, stream, served)
