"""The scenarios of the sweeps, with handwritten bodies that decide whether a schema supports them."""

from __future__ import annotations

from collections.abc import Iterator

from aimlapi_integrations.types import Audio, File, Image, Part, ResponseFormat, Video
from tests.contract.scenario import (
    HELLO,
    MESSAGES,
    PNG,
    RESPONSES,
    STRICT,
    WIRE_HELLO,
    EmbeddingScenario,
    Json,
    Scenario,
    anywhere,
    both,
    turn,
    wire_message,
)
from tests.contract.tool_scenarios import loops, tools

# --- turns ------------------------------------------------------------------------------------------------------------


def turns() -> Iterator[Scenario]:
    plain = {"messages": [WIRE_HELLO]}
    yield anywhere("plain", (HELLO,), [WIRE_HELLO])
    yield Scenario("stream", (HELLO,), both([plain], [{"input": "Hello"}]), stream=True)
    field_of = {"messages": [WIRE_HELLO], "system": "Be brief."}
    system = [wire_message("system", "Be brief."), WIRE_HELLO]
    yield anywhere("system", (turn("system", "Be brief."), HELLO), system, field_of, plain)
    yield anywhere("system in parts", (turn("system", "Be", "brief."), HELLO), system, field_of, plain)
    yield anywhere(
        "system in the middle", (HELLO, turn("system", "Be brief."), HELLO), [WIRE_HELLO, *system], field_of, plain
    )
    yield anywhere("system last", (HELLO, turn("system", "Be brief.")), [WIRE_HELLO, *system], field_of, plain)
    developer = [wire_message("developer", "Be brief."), WIRE_HELLO]
    more = ({"messages": system}, field_of, plain)
    yield anywhere("developer", (turn("developer", "Be brief."), HELLO), developer, *more)
    yield anywhere(
        "multi-turn", (HELLO, turn("assistant", "Hi"), HELLO), [WIRE_HELLO, wire_message("assistant", "Hi"), WIRE_HELLO]
    )
    yield anywhere(
        "empty answer", (HELLO, turn("assistant", ""), HELLO), [WIRE_HELLO, wire_message("assistant", ""), WIRE_HELLO]
    )
    yield anywhere("names", (turn("user", "Hello", name="Ann"),), [WIRE_HELLO])
    texts = [wire_message("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]
    yield Scenario("text parts", (turn("user", "a", "b"),), both([{"messages": texts}, plain], [{"input": "a"}]))
    yield Scenario("many text parts", (turn("user", *"abcdefg"),), both([{"messages": texts}, plain], [{"input": "a"}]))


# --- options ----------------------------------------------------------------------------------------------------------


CHAT_OPTIONS: dict[str, tuple[Json, tuple[Json, ...]]] = {
    "temperature": ({"temperature": 0.7}, ()),
    "temperature 0": ({"temperature": 0}, ()),
    "top_p": ({"top_p": 0.9}, ()),
    "top_p 0": ({"top_p": 0}, ({"top_p": 0.01}, {"top_p": 0.1})),
    "seed": ({"seed": 7}, ()),
    "seed 0": ({"seed": 0}, ({"seed": 1},)),
    "max_tokens": ({"max_tokens": 64}, ()),
    "max_completion_tokens": ({"max_completion_tokens": 64}, ({"max_tokens": 64},)),
    "stop": ({"stop": ["END"]}, ({"stop_sequences": ["END"]},)),
    "stop as a string": ({"stop": "END"}, ({"stop_sequences": ["END"]},)),
    "stop_sequences": ({"stop_sequences": ["END"]}, ({"stop": ["END"]},)),
    "empty stop": ({"stop": []}, ({},)),
    "options unset": ({"temperature": None, "seed": None, "stop": None}, ({},)),
    "frequency_penalty": ({"frequency_penalty": 0.5}, ()),
    "presence_penalty": ({"presence_penalty": 0.5}, ()),
    "n": ({"n": 2}, ()),
    "logprobs": ({"logprobs": True, "top_logprobs": 2}, ()),
    "logit_bias": ({"logit_bias": {"50256": -100}}, ()),
    "metadata": ({"metadata": {"a": "b"}}, ()),
    "provider": ({"provider": "auto"}, ()),
    "normalize_tool_schemas": ({"normalize_tool_schemas": True}, ()),
    "reasoning_effort": ({"reasoning_effort": "low"}, ({"reasoning": {"effort": "low"}},)),
    "reasoning_effort minimal": (
        {"reasoning_effort": "minimal"},
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
    ),
    "reasoning.effort": ({"reasoning": {"effort": "low"}}, ({"reasoning_effort": "low"},)),
    "thinking": ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, ()),
    "thinking off": ({"thinking": {"type": "disabled"}}, ()),
    "enable_thinking": ({"enable_thinking": False}, ()),
    "prediction": ({"prediction": {"type": "content", "content": "x"}}, ()),
    "web_search_options": ({"web_search_options": {"search_context_size": "low"}}, ()),
}

RESPONSES_OPTIONS: dict[str, tuple[Json, tuple[Json, ...]]] = {
    "temperature": ({"temperature": 0.7}, ()),
    "top_p 0": ({"top_p": 0}, ({"top_p": 0.01},)),
    "max_tokens": ({"max_tokens": 64}, ({"max_output_tokens": 64},)),
    "small max_tokens": ({"max_tokens": 5}, ({"max_output_tokens": 16},)),
    "max_completion_tokens": ({"max_completion_tokens": 64}, ({"max_output_tokens": 64},)),
    "dropped on Responses": ({"stop": ["END"], "seed": 7, "n": 1, "logit_bias": {"1": 1}, "user": "u"}, ({},)),
    "reasoning_effort": ({"reasoning_effort": "low"}, ({"reasoning": {"effort": "low"}},)),
    "reasoning_effort minimal": ({"reasoning_effort": "minimal"}, ({"reasoning": {"effort": "low"}},)),
    "reasoning.summary": ({"reasoning": {"effort": "low", "summary": "auto"}}, ()),
    "verbosity": ({"verbosity": "low"}, ({"text": {"format": {"type": "text"}, "verbosity": "low"}},)),
    "store": ({"store": True}, ()),
    "include": ({"include": ["reasoning.encrypted_content"]}, ()),
    "truncation": ({"truncation": "auto"}, ()),
    "previous_response_id": ({"previous_response_id": "resp_1"}, ()),
    "background": ({"background": True}, ()),
    "instructions": ({"instructions": "Be brief."}, ()),
}


def options() -> Iterator[Scenario]:
    for name, (options, others) in CHAT_OPTIONS.items():
        bodies = tuple({"messages": [WIRE_HELLO], **body} for body in (options, *others))
        yield Scenario(name, (HELLO,), both(bodies), {"options": options})
    for name, (options, others) in RESPONSES_OPTIONS.items():
        bodies = tuple({"input": "Hello", **body} for body in (options, *others))
        yield Scenario(name, (HELLO,), {RESPONSES: bodies}, {"options": options})


# --- response formats -------------------------------------------------------------------------------------------------


def formats() -> Iterator[Scenario]:
    wrapped = {"type": "json_schema", "json_schema": {"name": "Trip", "schema": STRICT, "strict": True}}
    chat = {"json_schema": (wrapped, {"type": "json_object"}), "json_object": ({"type": "json_object"},)}
    text: dict[str, Json] = {
        "json_schema": {"type": "json_schema", "name": "Trip", "schema": STRICT, "strict": True},
        "json_object": {"type": "json_object"},
    }
    kinds = (ResponseFormat("json_schema", "Trip", STRICT, strict=True), ResponseFormat("json_object"))
    for requested_format in kinds:
        bodies = both(
            ({"messages": [WIRE_HELLO], "response_format": form} for form in chat[requested_format.kind]),
            [{"input": "Hello", "text": {"format": text[requested_format.kind]}}],
        )
        yield Scenario(requested_format.kind, (HELLO,), bodies, {"response_format": requested_format})


# --- media ------------------------------------------------------------------------------------------------------------


URL, DATA = "https://example.com/a.png", f"data:image/png;base64,{PNG}"
PDF = "data:application/pdf;base64,JVBERi0="


def chat_image(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def sound(**fields: str) -> Json:
    return {"type": "input_audio", "input_audio": {"data": "AAAA", **fields}}


def source(kind: str, mime: str, data: str) -> Json:
    return {"type": kind, "source": {"type": "base64", "media_type": mime, "data": data}}


def media() -> Iterator[Scenario]:
    named = {"filename": "a.pdf", "file_data": PDF}
    kinds: dict[str, tuple[Part, tuple[Json, ...], tuple[Json, ...]]] = {
        "image by URL": (Image(url=URL), (chat_image(URL),), ({"type": "input_image", "image_url": URL},)),
        "image as data": (
            Image(data=PNG, mime="image/png", detail="low"),
            (chat_image(DATA), source("image", "image/png", PNG)),
            ({"type": "input_image", "image_url": DATA},),
        ),
        "image as data URL": (
            Image(url=DATA),
            (chat_image(DATA), source("image", "image/png", PNG)),
            ({"type": "input_image", "image_url": DATA},),
        ),
        "PDF": (
            File(data="JVBERi0=", mime="application/pdf", filename="a.pdf"),
            ({"type": "file", "file": named}, source("document", "application/pdf", "JVBERi0=")),
            ({"type": "input_file", **named},),
        ),
        "PDF without a name": (
            File(data="JVBERi0=", mime="application/pdf"),
            ({"type": "file", "file": named}, source("document", "application/pdf", "JVBERi0=")),
            ({"type": "input_file", **named},),
        ),
        "text file": (
            File(data="SGVsbG8=", mime="text/plain", filename="a.txt"),
            ({"type": "text", "text": "Hello"},),
            ({"type": "input_file", **named},),
        ),
        "video": (Video(url=URL), ({"type": "video_url", "video_url": {"url": URL}},), ()),
    }
    for name in ("wav", "mp3", "flac"):
        formats = (sound(format=name), sound(format=f"audio/{name}"), sound())
        kinds[f"audio {name}"] = (Audio(data="AAAA", format=name), formats, ())
    for name, (part, chat, items) in kinds.items():
        bodies = both(
            ({"messages": [wire_message("user", [{"type": "text", "text": "Look"}, form])]} for form in chat),
            ({"input": [wire_message("user", [{"type": "input_text", "text": "Look"}, form])]} for form in items),
        )
        if isinstance(part, Audio | Video):  # listed there only because the endpoint also accepts the form of chat
            del bodies[MESSAGES]
        yield Scenario(name, (turn("user", "Look", part),), bodies)


# --- embeddings -------------------------------------------------------------------------------------------------------


def vectors() -> Iterator[EmbeddingScenario]:
    yield EmbeddingScenario("one text", ("apple",), {})
    yield EmbeddingScenario("texts", ("apple", "pear"), {})
    kinds: Json = {
        "dimensions": 256,
        "encoding_format": "base64",
        "task_type": "RETRIEVAL_QUERY",
        "title": "Fruit",
        "auto_truncate": False,
        "input_type": "document",
    }
    for name, value in kinds.items():
        yield EmbeddingScenario(name, ("apple", "pear"), {name: value})


def scenarios() -> tuple[Scenario | EmbeddingScenario, ...]:
    """Return every scenario."""
    return (*turns(), *options(), *tools(), *loops(), *formats(), *media(), *vectors())
