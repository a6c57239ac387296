"""One assistant turn, which may take several responses.

A model that runs tools itself may pause: `stop_reason` is `pause_turn`, and the turn goes on when its content is sent
back unchanged. https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from .. import costs
from .._utils.json import drop_nulls
from ..endpoints.shared.parsing import as_dict, as_str, dict_items
from ..endpoints.shared.tool_names import restore_names
from ..endpoints.shared.totals import sum_costs, sum_usages
from ..errors import APIError
from ..types import Delta, Json, Reply
from .call import PreparedCall

PAUSED = "pause_turn"
MAX_CONTINUATIONS = 10
"""How often a turn is continued. A turn that is still paused then is returned with the finish reason `pause_turn`."""


class Turn:
    """The responses of one turn, merged into one reply.

    Attributes:
        call: the next call to send; None once the turn is over.
        reply: the turn so far; None before the first response.
    """

    def __init__(self, call: PreparedCall) -> None:
        self.call: PreparedCall | None = call
        self.reply: Reply | None = None
        self._continuations = 0
        self._offset = 0
        self._next_index = 0

    def add(self, call: PreparedCall, reply: Reply) -> Reply:
        """Add the reply to `call`, set the next call, and return the turn so far."""
        self.reply = reply if self.reply is None else merge_replies(self.reply, reply)
        is_paused = reply.finish_reason == PAUSED and self._continuations < MAX_CONTINUATIONS
        self.call = continue_call(call, reply) if is_paused else None
        if self.call is not None:
            costs.check_budgets()
            self._continuations += 1
        return self.reply

    def shift(self, delta: Delta) -> Delta:
        """Number the fragments of a later response after those of the earlier ones. Only the first id is kept."""
        if self._offset:
            fragments = (replace(each, index=each.index + self._offset) for each in delta.fragments)
            delta = replace(delta, fragments=tuple(fragments), id=None)
        self._next_index = max((self._next_index, *(each.index + 1 for each in delta.fragments)))
        return delta

    def finish(self, call: PreparedCall, delta: Delta) -> Delta:
        """Add the reply of a stream's last delta. Only the last delta of the turn has a reply, the whole one."""
        delta = self.shift(delta)
        if delta.reply is None:
            self.call = None
            return delta
        reply = self.add(call, delta.reply)
        self._offset = self._next_index
        return replace(delta, reply=None if self.call else reply)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Put the text of earlier responses before the partial text of an error raised inside."""
        try:
            yield
        except APIError as error:
            error.partial = f"{self.reply.text if self.reply else ''}{error.partial or ''}"
            raise


def continue_call(call: PreparedCall, reply: Reply) -> PreparedCall | None:
    """Return the call that continues a paused turn by sending its content back; None if it has no content."""
    content = [_clean_block(block) for block in dict_items(reply.raw.get("content")) if not _is_blank(block)]
    if not content:
        return None
    wire_names = {name: wire_name for wire_name, name in call.tool_names.items()}
    content = restore_names({"content": content}, wire_names)["content"] if wire_names else content
    body: Json = dict(call.http_request.body or {})
    body["messages"] = _append_content(body["messages"], content)
    if container := as_str(as_dict(reply.raw.get("container")).get("id")):
        body["container"] = container
    return replace(call, http_request=replace(call.http_request, body=body))


def _is_blank(block: Json) -> bool:
    return block.get("type") == "text" and not str(block.get("text") or "").strip()


def _clean_block(block: Json) -> Json:
    """Copy a block without nulls, which requests must not have, and without the empty citations of streams."""
    return {name: value for name, value in drop_nulls(block).items() if (name, value) != ("citations", [])}


def _append_content(messages: list[Json], content: list[Any]) -> list[Json]:
    """Append to the assistant message if the turn has one already."""
    *earlier, last = messages
    if last["role"] != "assistant":
        return [*messages, {"role": "assistant", "content": content}]
    begun = last["content"] if isinstance(last["content"], list) else [{"type": "text", "text": last["content"]}]
    return [*earlier, {**last, "content": [*begun, *content]}]


def merge_replies(first: Reply, second: Reply) -> Reply:
    """Merge two responses of one turn: content in order, usage and cost summed, everything else of the second."""
    [choice] = second.choices
    message = replace(choice.message, parts=(*first.message.parts, *choice.message.parts))
    content = [*dict_items(first.raw.get("content")), *dict_items(second.raw.get("content"))]
    return replace(
        second,
        id=first.id,
        choices=(replace(choice, message=message),),
        usage=sum_usages((first.usage, second.usage)),
        cost=sum_costs((first.cost, second.cost)),
        raw={**second.raw, "content": content},
    )
