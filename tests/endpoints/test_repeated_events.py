"""Events that repeat all fields but their text are read faster, and mean the same as when all their fields are read.

Each stream is decoded twice: as it is, and with a change in each event that means nothing but makes it unlike the one
before. Both must add the same deltas and end in the same reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from aimlapi_integrations.endpoints import Endpoint, chat_completions, responses
from aimlapi_integrations.errors import StreamError
from aimlapi_integrations.types import Delta

Json = dict[str, Any]
ALPHABET = ["a", "word ", "é", "\n", "<", "think>", "</think>", "{", '"x"', "😀"]


def decode(endpoint: Endpoint, model: str, events: list[Json]) -> tuple[list[Delta], str]:
    """Return the deltas, and the error that they end with, if any."""
    decoder, deltas = endpoint.Decoder(model, {}), list[Delta]()
    try:
        deltas += [delta for event in events if (delta := decoder.feed(event)) is not None]
        deltas.append(decoder.close(True))
    except StreamError as error:
        return deltas, error.message
    return deltas, ""


def without_raw(delta: Delta) -> Delta:
    return delta if delta.reply is None else replace(delta, reply=replace(delta.reply, raw={}))


def texts(random: Random, count: int = 12) -> list[str]:
    return ["".join(random.choices(ALPHABET, k=random.randint(1, 3))) for _ in range(count)]


# --- chat completions -------------------------------------------------------------------------------------------------


def chunk(delta: Json, choice: Json | None = None, **fields: Any) -> Json:
    choices = [{"index": 0, "delta": delta, "finish_reason": None, **(choice or {})}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o",
        "choices": choices,
        **fields,
    }


def entry(arguments: str, **fields: Any) -> Json:
    return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}, **fields}]}


def plain(random: Random) -> Iterator[Json]:
    yield from (chunk({"content": text}) for text in texts(random))


def nulls_and_roles(random: Random) -> Iterator[Json]:
    """As some vendors do: each delta has a role, and nulls for what it lacks; each event has an empty usage."""
    nulls = {"role": "assistant", "refusal": None, "tool_calls": None, "reasoning_content": None}
    yield from (chunk({**nulls, "content": text}, usage=None, service_tier="default") for text in texts(random))


def padding(random: Random) -> Iterator[Json]:
    yield from (chunk({"content": text}, obfuscation="x" * random.randint(1, 9)) for text in texts(random))


def changing_fields(random: Random) -> Iterator[Json]:
    for number, text in enumerate(texts(random)):
        usage = {"prompt_tokens": 1, "completion_tokens": number // 3, "total_tokens": 1 + number // 3}
        yield chunk({"content": text}, usage=usage, created=number // 4, model=random.choice(["gpt-4o", "gpt-4o-x"]))


def log_probabilities(random: Random) -> Iterator[Json]:
    for text in texts(random):
        content = [{"token": "same", "logprob": -0.5}]
        yield chunk({"content": text}, {"logprobs": {"content": content}})


def repeated_reasoning(random: Random) -> Iterator[Json]:
    """A delta with a text and a reasoning text, both of which are added each time."""
    yield from (chunk({"reasoning_content": "same ", "content": "same "}) for _ in range(4))
    for text in texts(random):
        yield chunk({random.choice(["reasoning_content", "content", "content"]): text})


def several_choices(random: Random) -> Iterator[Json]:
    for text in texts(random):
        yield chunk({"content": text}, {"index": random.choice([0, 0, 1])})
        both = chunk({"content": text})
        yield {**both, "choices": [*both["choices"], {"index": 1, "delta": {"content": "other"}}]}


def odd_values(random: Random) -> Iterator[Json]:
    for text in texts(random):
        yield chunk({"content": random.choice([text, text, "", None, [{"type": "text", "text": text}]])})
        yield {**chunk({}), "choices": random.choice([[], None, [None]])}


def annotations(random: Random) -> Iterator[Json]:
    for text in texts(random):
        yield chunk(
            {"content": text, "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.b"}}]}
        )
        yield chunk({"content": text}, citations=["https://c.d"])


def tool_calls(random: Random) -> Iterator[Json]:
    yield from plain(random)
    yield chunk(entry("", id="call_1", type="function", function={"name": "f", "arguments": ""}))
    for piece in ['{"x": "', *[text.replace('"', "").replace("\n", " ") for text in texts(random)], '"}']:
        yield chunk(entry(piece))
        if random.random() < 0.2:
            yield chunk({"content": "text between"})
    yield chunk({"tool_calls": [{"index": 1, "id": "call_2", "function": {"name": "g", "arguments": "{}"}}]})


def tool_calls_with_nulls(random: Random) -> Iterator[Json]:
    """Each delta has a role and nulls, some pieces repeat the id of their call, and some events have two pieces."""
    nulls = {"role": "assistant", "content": None, "reasoning_content": None}
    yield chunk({**nulls, **entry("", id="call_1", function={"name": "f", "arguments": '{"x": "'})})
    for text in texts(random):
        piece = entry(text.replace('"', "").replace("\n", " "), **random.choice([{}, {}, {"id": "call_1"}]))
        pieces = piece["tool_calls"] * random.choice([1, 1, 1, 2])
        yield chunk({**nulls, "content": random.choice([None, None, "", "text"]), "tool_calls": pieces})
    yield chunk({**nulls, **entry('"}')})


def repeated_names(random: Random) -> Iterator[Json]:
    """A second call of the same name, index and id: it begins where the first is complete."""
    start = {"name": "f", "arguments": '{"x": 1}'}
    yield chunk(entry("", id="call_1", function={"name": "f", "arguments": ""}))
    yield chunk(entry('{"x"'))
    yield chunk(entry(": 1}"))
    yield chunk(entry("", function={"name": "f"}))
    yield chunk(entry('{"y": 2}'))
    yield chunk(entry("", function=start))


def unlike_the_last(event: Json, number: int) -> Json:
    """Add fields that mean nothing, also to the entries of tool calls."""
    changed = {**event, "number": number}
    for choice in [choice for choice in event["choices"] or () if choice]:
        if calls := choice["delta"].get("tool_calls"):
            delta = {**choice["delta"], "tool_calls": [{**call, "type": call.get("type")} for call in calls]}
            changed["choices"] = [{**choice, "delta": delta}]
    return changed


CHAT = [
    plain,
    nulls_and_roles,
    padding,
    changing_fields,
    log_probabilities,
    repeated_reasoning,
    several_choices,
    odd_values,
    annotations,
    tool_calls,
    tool_calls_with_nulls,
    repeated_names,
]


@pytest.mark.parametrize("model", ["gpt-4o", "deepseek/deepseek-r1", "an-unknown-model"])
@pytest.mark.parametrize("stream", CHAT, ids=lambda stream: stream.__name__)
@pytest.mark.parametrize("seed", range(6))
def test_chat_events_repeating_fields_mean_the_same(
    stream: Callable[[Random], Iterator[Json]], model: str, seed: int
) -> None:
    end = chunk({}, {"finish_reason": "stop"})
    events = [*stream(Random(seed)), end]
    fast, error = decode(chat_completions, model, events)
    changed = [unlike_the_last(event, number) for number, event in enumerate(events)]
    whole, same_error = decode(chat_completions, model, changed)
    assert error == same_error == ""
    assert list(map(without_raw, fast)) == list(map(without_raw, whole))
    assert fast[-1].reply
    assert whole[-1].reply
    ignored = {"number", "obfuscation"}
    assert fast[-1].reply.raw == {name: v for name, v in whole[-1].reply.raw.items() if name not in ignored}


# --- responses --------------------------------------------------------------------------------------------------------


def piece(kind: str, text: str, output_index: int = 0, **fields: Any) -> Json:
    return {"type": f"response.{kind}.delta", "output_index": output_index, "delta": text, **fields}


def message(random: Random) -> Iterator[Json]:
    for text in texts(random):
        index = random.choice([0, 0, 0, 1])
        yield piece("output_text", text, item_id="msg_1", content_index=index, sequence_number=1)


def reasoning_and_text(random: Random) -> Iterator[Json]:
    for text in texts(random):
        yield piece("reasoning_summary_text", text, 0, item_id="rs_1", summary_index=random.choice([0, 0, 1]))
    for text in texts(random):
        yield piece("output_text", text, 1, item_id="msg_1", content_index=0, obfuscation=text)
        if random.random() < 0.2:
            yield piece("refusal", text, 1, item_id="msg_1", content_index=1)


def function_call(random: Random) -> Iterator[Json]:
    item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": ""}
    yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    for arguments in ['{"x": "', *[text.replace('"', "").replace("\n", " ") for text in texts(random)], '"}']:
        yield piece("function_call_arguments", arguments, item_id="fc_1")


def annotated(random: Random) -> Iterator[Json]:
    for text in texts(random):
        yield piece("output_text", random.choice([text, text, ""]), item_id="msg_1", content_index=0)
        if random.random() < 0.3:
            note = {"type": "url_citation", "url": f"https://a.b/{text}", "title": "t"}
            fields = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "annotation": note}
            yield {"type": "response.output_text.annotation.added", **fields}


@pytest.mark.parametrize(
    "stream", [message, reasoning_and_text, function_call, annotated], ids=lambda stream: stream.__name__
)
@pytest.mark.parametrize("seed", range(8))
def test_responses_events_repeating_fields_mean_the_same(stream: Callable[[Random], Iterator[Json]], seed: int) -> None:
    end = {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": []}}
    events = [*stream(Random(seed)), end]
    ignored = {"type": "response.in_progress"}
    fast = decode(responses, "gpt-4o", events)
    whole = decode(responses, "gpt-4o", [each for event in events for each in (ignored, event)])
    assert fast == whole
