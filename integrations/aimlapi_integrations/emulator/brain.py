"""The emulated model. It is no language model: it answers by rule, and its text says so."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from .ask import JSON, Answer, Ask, Call
from .families import family_of
from .hints import Hints
from .prompts import reply_to
from .schema_values import value_for
from .tool_choice import choose_calls
from .usage import count, pieces

SIGN = "[emulated]"
_ECHO = 2000


def answer(ask: Ask) -> Answer:
    """What the model says to `ask`, thoughts included, cut where `stop` and the token limit say."""
    reasoning = _reasoning(ask) if ask.thinks or family_of(ask.model).thinks else ""
    reasoning = _head(reasoning, ask.limit // 2) if ask.limit is not None else reasoning
    draft = replace(_draft(ask), reasoning=reasoning)
    return _limited(_stopped(draft, ask.stop), ask.limit)


def _draft(ask: Ask) -> Answer:
    if calls := choose_calls(ask):
        return Answer(calls=calls)
    return Answer(text=_text(ask))


def _text(ask: Ask) -> str:
    if ask.schema is not None:
        return json.dumps(value_for(ask.schema, ask.known), ensure_ascii=False)
    if ask.json_mode:
        return json.dumps(_json_object(ask), ensure_ascii=False)
    if results := ask.results:
        return f"{SIGN} Based on " + "; ".join(f"{name}: {text}" for name, text in results)
    return reply_to(ask) or _echo(ask)


def _echo(ask: Ask) -> str:
    said = ask.prompt.strip()
    said = said if len(said) <= _ECHO else said[:_ECHO] + "…"
    kinds = [kind for turn in ask.turns for kind in turn.attachments]
    seen = f" (with {', '.join(kinds)})" if kinds else ""
    return f"{SIGN} You said: {said}{seen}" if said or seen else f"{SIGN} You said nothing."


def _json_object(ask: Ask) -> JSON:
    """An object of the keys that the prompt quotes; what a schema in the prompt describes, if there is one."""
    if found := reply_to(ask):
        try:
            made = json.loads(found)
        except ValueError:
            made = None
        if isinstance(made, dict):
            return made
    keys = [key for key in Hints(f"{ask.system}\n{ask.prompt}").strings if re.fullmatch(r"[\w-]+", key)]
    return {key: f"{SIGN} {key}" for key in dict.fromkeys(keys)} or {"text": _echo(ask)}


def _reasoning(ask: Ask) -> str:
    return f"{SIGN} The user wrote {count(ask.prompt)} tokens. No thinking takes place here: the answer follows a rule."


def _head(text: str, tokens: int) -> str:
    return "".join(pieces(text)[: max(0, tokens)])


def _stopped(draft: Answer, stop: tuple[str, ...]) -> Answer:
    found = [(draft.text.index(sequence), sequence) for sequence in stop if sequence and sequence in draft.text]
    if not found:
        return draft
    end, sequence = min(found)
    return replace(draft, text=draft.text[:end], stopped_by=sequence)


def _limited(draft: Answer, limit: int | None) -> Answer:
    """The answer within its token limit. Thoughts count; a call that is cut keeps its name and half its arguments."""
    if limit is None:
        return draft
    left = limit - count(draft.reasoning)
    if count(draft.text) > left:
        return replace(draft, text=_head(draft.text, left), cut=True, stopped_by=None)
    kept: list[Call] = []
    for call in draft.calls:
        cost = count(call.name) + count(call.arguments)
        if cost > left:
            short = _head(call.arguments, max(0, left - count(call.name)))
            return replace(draft, calls=(*kept, replace(call, arguments=short)), cut=True)
        left -= cost
        kept.append(call)
    return draft
