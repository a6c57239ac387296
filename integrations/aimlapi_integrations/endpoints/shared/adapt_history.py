"""Turns of the history as the model that is asked takes them, whoever wrote them.

An assistant's turn never ends a conversation: its text and calls always go, and what the endpoint has no form for is
left out with one warning. Proofs (signatures, encrypted reasoning) go back to the vendor that wrote them and to no
other. What a tool returned goes as JSON text where the endpoint has no form for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..._utils.json import as_json_text
from ...errors import UnsupportedContentError
from ...models import MESSAGES, RESPONSES
from ...types import (
    Audio,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Request,
    SearchResult,
    Text,
    ToolCall,
    Video,
)
from .adapt_context import AdaptContext, Step
from .authorship import is_foreign, is_messages_block, is_responses_item, reasoning_vendor
from .media import is_data_url

Encode = Callable[[Request], Any]


def make_history_step(fit_turns: Step, encode: Encode) -> Step:
    """The step that adapts the history for one endpoint.

    Args:
        fit_turns: the endpoint's own step for messages.
        encode: its encoder. What these two refuse in a user turn, the endpoint has no form for.
    """

    def fit_history(request: Request, case: AdaptContext) -> Request:
        history = _History(request, case, fit_turns, encode)
        turns = tuple(turn for message in request.messages if (turn := history.turn(message)) is not None)
        history.warn()
        unchanged = len(turns) == len(request.messages) and all(map(_same, turns, request.messages))
        return request if unchanged else replace(request, messages=turns)

    return fit_history


def _is_plain(message: Message) -> bool:
    parts = message.parts
    return len(parts) == 1 and type(parts[0]) is Text and parts[0].id is None


def _same(a: object, b: object) -> bool:
    return a is b


class _Quiet(AdaptContext):
    """A model that is tried out: what there is to warn of is said when the request is made to fit."""

    def hint(self, text: str) -> None:
        pass


@dataclass(slots=True)
class _History:
    """The turns of one request; `left_out` are the types of what the endpoint has no form for."""

    request: Request
    case: AdaptContext
    fit_turns: Step
    encode: Encode
    left_out: dict[str, None] = field(default_factory=dict)
    in_words: dict[str, None] = field(default_factory=dict)

    def turn(self, message: Message) -> Message | None:
        """The turn to send; None for one of which nothing is left."""
        if _is_plain(message):
            return message
        adapt = self._answer_part if message.role == "assistant" else self._other_part
        adapt = self._result_part if message.role == "tool" else adapt
        parts = [part for each in message.parts if (part := adapt(each, message)) is not None]
        if len(parts) == len(message.parts) and all(map(_same, parts, message.parts)):
            return message
        return replace(message, parts=tuple(parts)) if parts else None

    def warn(self) -> None:
        """Report what does not go as it was, in one warning."""
        asked = self.case.asked
        texts = []
        if self.left_out:
            texts.append(
                f"Content of earlier answers that {asked} has no form for is left out: {_names(self.left_out)}."
            )
        if self.in_words:
            texts.append(f"Results of tools that {asked} cannot read go as JSON text: {_names(self.in_words)}.")
        if texts:
            self.case.warn_content(" ".join(texts))

    # --- an assistant's turn ------------------------------------------------------------------------------------

    def _answer_part(self, part: Part, message: Message) -> Part | None:
        match part:
            case Text():
                return replace(part, id=None) if part.id and self._is_foreign(message) else part
            case Reasoning():
                return self._reasoning(part, message)
            case ToolCall():
                return self._call(part, message)
            case HostedItem():
                return self._kept(part, part.type, self._takes_item(part, message))
            case Image() | Audio() | File() | Video() | SearchResult():
                return self._kept(part, _type(part), self._carries(part))
        return part

    def _is_foreign(self, message: Message, by_form: str | None = None) -> bool:
        return is_foreign(message.author, self.case.asked, by_form)

    def _kept(self, part: Part, kind: str, carried: bool) -> Part | None:
        if carried:
            return part
        self.left_out[kind or "unknown"] = None
        return None

    def _reasoning(self, part: Reasoning, message: Message) -> Reasoning | None:
        """Reasoning of another vendor keeps its words alone, for the models that take words back."""
        if not self._is_foreign(message, reasoning_vendor(part)):
            return part
        return Reasoning(part.text, part.kind) if part.text else None

    def _call(self, part: ToolCall, message: Message) -> ToolCall:
        extra = part.extra.get("extra_content")
        by_form = "Google" if isinstance(extra, dict) and "google" in extra else None
        if self._is_foreign(message, by_form) and (part.extra or part.item_id):
            part = replace(part, extra={}, item_id=None)
        if part.kind == "custom" and not self._takes_custom_calls(message):
            arguments = json.dumps({"input": part.arguments}, ensure_ascii=False)
            part = replace(part, kind="function", arguments=arguments, cut=False)
        return part

    def _takes_custom_calls(self, message: Message) -> bool:
        """Whether a call with plain text for arguments has a form; elsewhere it goes as a function's."""
        anthropic = self.case.path == MESSAGES or (
            self.case.path != RESPONSES and self.case.chat.dialect == "anthropic"
        )
        return not anthropic and not self._is_foreign(message)

    def _takes_item(self, part: HostedItem, message: Message) -> bool:
        if self._is_foreign(message):
            return False
        forms = {RESPONSES: is_responses_item, MESSAGES: is_messages_block}
        return self.case.path in forms and forms[self.case.path](part.type)

    def _carries(self, part: Part) -> bool:
        """Whether a user's turn could carry a part: media of answers and results go in one, behind them."""
        probe = Request(self.request.model, (Message("user", (part,)),))
        known = {each.name: getattr(self.case, each.name) for each in fields(AdaptContext)}
        try:
            self.encode(self.fit_turns(probe, _Quiet(**{**known, "strict": False})))
        except UnsupportedContentError:
            return False
        return True

    # --- what tools returned, and turns of the caller -------------------------------------------------------------

    def _result_part(self, part: Part, message: Message) -> Part:
        match part:
            case Text():
                return part
            case HostedItem():
                return part if self.case.path == RESPONSES else Text(as_json_text(part.item))
            case Image() | Audio() | File() | Video():
                if self._carries(part):
                    return part
                self.in_words[_type(part)] = None
                return Text(as_json_text(_described(part)))
            case ToolCall():
                return Text(part.arguments)
            case SearchResult():
                return self._other_part(part, message)
        return Text(part.text)

    def _other_part(self, part: Part, message: Message) -> Part:  # noqa: ARG002  # as the others
        if isinstance(part, SearchResult) and part.text is not None and self.case.path != MESSAGES:
            return Text(part.text)
        return part


def _names(kinds: dict[str, None]) -> str:
    return ", ".join(kinds)


def _type(part: Part) -> str:
    return "search_result" if isinstance(part, SearchResult) else type(part).__name__.lower()


def _described(part: Image | Audio | File | Video) -> Json:
    """What is known of a medium, its data by their size alone: as text they would say nothing."""
    known = {each.name: value for each in fields(part) if (value := getattr(part, each.name)) is not None}
    for name in ("data", "url"):
        value = known.get(name)
        if isinstance(value, str) and (name == "data" or is_data_url(value)):
            known[name] = f"({len(value)} characters left out)"
    return {"type": _type(part), **{name: value for name, value in known.items() if name != "cache"}}
