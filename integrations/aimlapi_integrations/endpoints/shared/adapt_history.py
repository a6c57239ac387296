"""Adapt earlier messages to the requested model, whoever wrote them.

An assistant message never ends a conversation: its text and tool calls always go, and what the endpoint has no form for
is left out with one warning. Signatures and encrypted reasoning go back only to the vendor that wrote them. The result
of a tool goes as JSON text where the endpoint has no form for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..._utils.json import as_json_text
from ...errors import UnsupportedContentError
from ...models import CHAT, MESSAGES, RESPONSES
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
from .adapt import AdaptContext, AdaptStep
from .authorship import is_foreign, is_messages_block, is_responses_item, reasoning_vendor
from .media import is_data_url, normalize_media

Encode = Callable[[Request], Any]


def make_history_step(adapt_messages: AdaptStep, encode: Encode) -> AdaptStep:
    """Make the step that normalizes media and adapts the history for one endpoint.

    Args:
        adapt_messages: the endpoint's own step for messages.
        encode: the endpoint's encoder. What these two refuse in a user message, the endpoint has no form for.
    """

    def adapt_history(request: Request, ctx: AdaptContext) -> Request:
        if all(map(_is_plain, request.messages)):
            return request
        messages = normalize_media(request.messages)
        if messages is not request.messages:
            request = replace(request, messages=messages)
        history = _History(request, ctx, adapt_messages, encode)
        messages = tuple(adapted for each in request.messages if (adapted := history.adapt_message(each)) is not None)
        history.warn()
        unchanged = len(messages) == len(request.messages) and all(map(_is_same, messages, request.messages))
        return request if unchanged else replace(request, messages=messages)

    return adapt_history


def _is_plain(message: Message) -> bool:
    parts = message.parts
    return len(parts) == 1 and type(parts[0]) is Text and parts[0].id is None


def _is_same(a: object, b: object) -> bool:
    return a is b


@dataclass(slots=True)
class _History:
    """The messages of one request.

    `omitted` are the types of parts that the endpoint has no form for; `as_text` are those that are sent as JSON text.
    """

    request: Request
    ctx: AdaptContext
    adapt_messages: AdaptStep
    encode: Encode
    omitted: dict[str, None] = field(default_factory=dict)
    as_text: dict[str, None] = field(default_factory=dict)

    def adapt_message(self, message: Message) -> Message | None:
        """Return the message to send; None if nothing is left of it."""
        if _is_plain(message):
            return message
        adapters = {"assistant": self._adapt_assistant_part, "tool": self._adapt_result_part}
        adapt_part = adapters.get(message.role, self._adapt_other_part)
        parts = [adapted for part in message.parts if (adapted := adapt_part(part, message)) is not None]
        if len(parts) == len(message.parts) and all(map(_is_same, parts, message.parts)):
            return message
        return replace(message, parts=tuple(parts)) if parts else None

    def warn(self) -> None:
        """Report in one warning what is not sent as is."""
        model_id = self.ctx.model_id
        texts = []
        if self.omitted:
            types = ", ".join(self.omitted)
            texts.append(f"Content of earlier answers that {model_id} has no form for is left out: {types}.")
        if self.as_text:
            types = ", ".join(self.as_text)
            texts.append(f"Results of tools that {model_id} cannot read go as JSON text: {types}.")
        if texts:
            self.ctx.warn_content(" ".join(texts))

    # --- assistant messages --------------------------------------------------------------------------------------

    def _adapt_assistant_part(self, part: Part, message: Message) -> Part | None:
        match part:
            case Text():
                return replace(part, id=None) if part.id and self._is_foreign(message) else part
            case Reasoning():
                return self._adapt_reasoning(part, message)
            case ToolCall():
                return self._adapt_call(part, message)
            case HostedItem():
                return self._keep_or_omit(part, part.type, self._accepts_item(part, message))
            case Image() | Audio() | File() | Video() | SearchResult():
                return self._keep_or_omit(part, _type_name(part), self._accepts_media(part))
        return part

    def _is_foreign(self, message: Message, vendor_by_form: str | None = None) -> bool:
        return is_foreign(message.author, self.ctx.model_id, vendor_by_form)

    def _keep_or_omit(self, part: Part, type_name: str, accepted: bool) -> Part | None:
        if accepted:
            return part
        self.omitted[type_name or "unknown"] = None
        return None

    def _adapt_reasoning(self, part: Reasoning, message: Message) -> Reasoning | None:
        """Keep only the text of another vendor's reasoning, for models that take text back."""
        if not self._is_foreign(message, reasoning_vendor(part)):
            return part
        return Reasoning(part.text, part.kind) if part.text else None

    def _adapt_call(self, part: ToolCall, message: Message) -> ToolCall:
        extra = part.extra.get("extra_content")
        vendor_by_form = "Google" if isinstance(extra, dict) and "google" in extra else None
        if self._is_foreign(message, vendor_by_form) and (part.extra or part.item_id):
            part = replace(part, extra={}, item_id=None)
        if part.kind == "custom" and not self._accepts_custom_calls(message):
            arguments = json.dumps({"input": part.arguments}, ensure_ascii=False)
            part = replace(part, kind="function", arguments=arguments, cut=False)
        return part

    def _accepts_custom_calls(self, message: Message) -> bool:
        """Return whether a call whose arguments are plain text has a form. Elsewhere it goes as a function call."""
        is_anthropic = self.ctx.endpoint == MESSAGES or (
            self.ctx.endpoint == CHAT and self.ctx.chat.dialect == "anthropic"
        )
        return not is_anthropic and not self._is_foreign(message)

    def _accepts_item(self, part: HostedItem, message: Message) -> bool:
        if self._is_foreign(message):
            return False
        has_form = {RESPONSES: is_responses_item, MESSAGES: is_messages_block}.get(self.ctx.endpoint)
        return has_form is not None and has_form(part.type)

    def _accepts_media(self, part: Part) -> bool:
        """Return whether a user message could carry a part: media of answers and results go in one after them."""
        trial = Request(self.request.model, (Message("user", (_with_short_data(part),)),))
        try:
            self.encode(self.adapt_messages(trial, replace(self.ctx, strict=False, quiet=True)))
        except UnsupportedContentError:
            return False
        return True

    # --- results of tools, and messages of the caller --------------------------------------------------------------

    def _adapt_result_part(self, part: Part, message: Message) -> Part:
        match part:
            case Text():
                return part
            case HostedItem():
                return part if self.ctx.endpoint == RESPONSES else Text(as_json_text(part.item))
            case Image() | Audio() | File() | Video():
                if self._accepts_media(part):
                    return part
                self.as_text[_type_name(part)] = None
                return Text(as_json_text(_describe_media(part)))
            case ToolCall():
                return Text(part.arguments)
            case SearchResult():
                return self._adapt_other_part(part, message)
        return Text(part.text)

    def _adapt_other_part(self, part: Part, message: Message) -> Part:  # noqa: ARG002  # same signature as the others
        if isinstance(part, SearchResult) and part.text is not None and self.ctx.endpoint != MESSAGES:
            return Text(part.text)
        return part


def _with_short_data(part: Part) -> Part:
    """Replace the data of a medium: a trial needs its type, and encoding megabytes of it would take time."""
    if isinstance(part, Image | File | Video):
        head, separator, _ = (part.url or "").partition(";base64,")
        url = f"{head}{separator}QQ==" if separator else part.url
        return replace(part, url=url, data="QQ==" if part.data else None)
    return replace(part, data="QQ==") if isinstance(part, Audio) and part.data else part


def _type_name(part: Part) -> str:
    return "search_result" if isinstance(part, SearchResult) else type(part).__name__.lower()


def _describe_media(part: Image | Audio | File | Video) -> Json:
    """Describe a medium as JSON, without its data, which would mean nothing as text."""
    known = {each.name: value for each in fields(part) if (value := getattr(part, each.name)) is not None}
    for name in ("data", "url"):
        value = known.get(name)
        if isinstance(value, str) and (name == "data" or is_data_url(value)):
            known[name] = f"({len(value)} characters left out)"
    return {"type": _type_name(part), **{name: value for name, value in known.items() if name != "cache"}}
