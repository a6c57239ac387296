"""What a reply becomes in LlamaIndex: whole or streamed, sync or async, by message or by prompt."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from aimlapi_integrations.errors import APIError, APIResponseError
from aimlapi_integrations.llama_index import AIMLAPI

from ..chat_events import chunk
from .li_gateway import Gateway, call, reply
from .ways import ASK, anyhow, stream, streamed, whole


@anyhow
async def test_the_last_response_has_everything(ask: Any) -> None:
    gateway = Gateway(
        reply("It is Paris.", reasoning_content="France? Paris.", tool_calls=[call()], finish="tool_calls")
    )
    last = (await ask(gateway.llm()))[-1]
    thinking, text, tool_call = last.message.blocks
    assert thinking == ThinkingBlock(content="France? Paris.", num_tokens=2)
    assert text == TextBlock(text="It is Paris.")
    assert tool_call == ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "Paris"})
    assert last.message.additional_kwargs == {"tool_calls": [call()], "author": "gpt-4o"}
    told = last.additional_kwargs
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (10, 5, 15)
    assert told["usage"]["prompt_tokens_details"] == {"cache_read": 3}
    assert told["usage"]["completion_tokens_details"] == {"reasoning": 2}
    assert told["cost"] == {"usd": "0.001240000", "credits": 2480}
    assert told["finish_reason"] == "tool_calls"
    assert (told["id"], told["inference_id"], told["request_id"]) == ("chatcmpl-1", "inf-1", "req-1")
    assert last.raw["usage"]["prompt_tokens"] == 10


@anyhow
async def test_sources_pictures_sound_and_refusals_are_kept(ask: Any) -> None:
    source = {
        "type": "url_citation",
        "url_citation": {"url": "https://x.org", "title": "X", "start_index": 0, "end_index": 5},
    }
    png, mp3 = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode(), base64.b64encode(b"ID3 sound").decode()
    body = reply(
        "Paris it is.",
        annotations=[source],
        images=[{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}],
        audio={"id": "audio_1", "data": mp3, "transcript": "Paris"},
        refusal="I will not say more.",
    )
    last = (await ask(Gateway(body).llm()))[-1]
    kinds = {type(block): block for block in last.message.blocks}
    assert kinds[ImageBlock].image_mimetype == "image/png"
    assert kinds[AudioBlock].resolve_audio().read() == b"ID3 sound"
    cited = kinds[CitationBlock]
    assert (cited.source, cited.title, cited.cited_content.text) == ("https://x.org", "X", "Paris")
    kept = last.message.additional_kwargs
    assert kept["annotations"] == [source]
    assert kept["reference_audio_id"] == "audio_1"
    assert kept["refusal"] == last.additional_kwargs["refusal"] == "I will not say more."


@anyhow
async def test_log_probabilities(ask: Any) -> None:
    entry = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}
    body = reply("Hi", logprobs={"content": [entry]})
    events = [
        {
            **chunk({"content": "Hi"}),
            "choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": [entry]}}],
        },
        chunk(finish="stop"),
    ]
    [[first]] = (await ask(Gateway(body, events).llm()))[-1].logprobs
    assert (first.token, first.logprob) == ("Hi", -0.5)


@streamed
async def test_each_response_has_the_message_so_far(ask: Any) -> None:
    told = await ask(Gateway(reply("It is Paris.", reasoning_content="France? Paris.")).llm())
    assert "".join(response.delta for response in told) == "It is Paris."
    assert "".join(response.additional_kwargs.get("thinking_delta", "") for response in told) == "France? Paris."
    said = ""
    for response in told:
        said += response.delta
        assert (response.message.content or "") == said
    contents = [
        block.content for response in told for block in response.message.blocks if isinstance(block, ThinkingBlock)
    ]
    assert contents[0] == "Fran"
    assert contents == sorted(contents, key=len)


@streamed
async def test_earlier_responses_never_change(ask: Any) -> None:
    llm = Gateway(reply("", tool_calls=[call(), call(call_id="call_2")], finish="tool_calls")).llm()
    dumps, told = [], []
    if ask is stream:
        for response in llm.stream_chat(ASK):
            told.append(response)
            dumps.append(response.model_dump_json())
    else:
        async for response in await llm.astream_chat(ASK):
            told.append(response)
            dumps.append(response.model_dump_json())
    assert [response.model_dump_json() for response in told] == dumps
    blocks = [id(block) for response in told for block in response.message.blocks]
    assert len(blocks) == len(set(blocks))


@streamed
async def test_calls_interleaved_repeated_and_two_to_a_chunk(ask: Any) -> None:
    def piece(index: int | None, arguments: str, **further: Any) -> dict[str, Any]:
        numbered = {} if index is None else {"index": index}
        name = further.pop("name", None)
        return {**numbered, "function": {"arguments": arguments, **({"name": name} if name else {})}, **further}

    events = [
        chunk({"tool_calls": [piece(0, "", id="a", name="add"), piece(1, "", id="b", name="mul")]}),
        chunk({"tool_calls": [piece(1, '{"x":')]}),
        chunk({"tool_calls": [piece(0, '{"x":', id="a", name="add"), piece(1, "2}")]}),
        chunk({"tool_calls": [piece(0, "1}")]}),
        chunk(finish="tool_calls"),
    ]
    last = (await ask(Gateway(events=events).llm()))[-1]
    calls = [(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in last.message.blocks]
    assert calls == [("a", "add", {"x": 1}), ("b", "mul", {"x": 2})]


@anyhow
async def test_a_call_that_was_cut_off_is_left_out_and_told_of(ask: Any) -> None:
    last = (await ask(Gateway(reply("", tool_calls=[call(arguments='{"city": "Pa')], finish="length")).llm()))[-1]
    assert not [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    assert "tool_calls" not in last.message.additional_kwargs
    assert last.message.additional_kwargs["invalid_tool_calls"][0]["function"]["arguments"] == '{"city": "Pa'
    assert last.additional_kwargs["finish_reason"] == "length"


@streamed
async def test_a_stream_that_breaks_off_raises(ask: Any) -> None:
    events = [chunk({"content": "Half"}), {"error": {"message": "upstream died"}}]
    with pytest.raises(APIError) as caught:
        await ask(Gateway(events=events).llm())
    assert "upstream died" in str(caught.value)


@whole
async def test_a_reply_that_is_none_raises(ask: Any) -> None:
    with pytest.raises(APIResponseError):
        await ask(Gateway({"choices": []}).llm())


async def test_no_usage_is_no_error() -> None:
    body = {**reply(), "usage": None}
    response = Gateway(body).llm().chat(ASK)
    assert response.raw["usage"] is None
    assert "prompt_tokens" not in response.additional_kwargs


async def test_completions_go_through_chat() -> None:
    gateway = Gateway(reply("It is Paris."))
    llm = gateway.llm(completion_to_prompt=lambda prompt: f"<{prompt}>")
    assert llm.complete("Q").text == (await llm.acomplete("Q")).text == "It is Paris."
    assert llm.complete("Q").additional_kwargs["total_tokens"] == 15
    streams = [list(llm.stream_complete("Q")), [each async for each in await llm.astream_complete("Q")]]
    for told in streams:
        assert "".join(each.delta for each in told) == told[-1].text == "It is Paris."
        assert told[-1].raw["usage"]["total_tokens"] == 15
    llm.complete("Q", formatted=True)
    prompts = [body["messages"][0]["content"] for body in gateway.bodies]
    assert prompts == ["<Q>"] * 5 + ["Q"]


async def test_leaving_a_stream_early_frees_its_connection(make: Any) -> None:
    llm = make()
    left = llm.stream_chat(ASK)
    next(left)
    left.close()
    asynchronous = await llm.astream_chat(ASK)
    await anext(asynchronous)
    await asynchronous.aclose()
    for _ in range(5):
        await asyncio.sleep(0)
    assert llm.chat(ASK).message.content


@pytest.mark.parametrize("streaming", [False, True])
def test_both_endpoints_tell_the_same(llm: AIMLAPI, streaming: bool) -> None:
    last = list(llm.stream_chat(ASK))[-1] if streaming else llm.chat(ASK)
    assert last.message.content == "[emulated] You said: Hello"
    told = last.additional_kwargs
    assert told["finish_reason"] == "stop"
    assert told["total_tokens"] == last.raw["usage"]["total_tokens"] > 0
    assert last.raw["usage"]["prompt_tokens"] == told["prompt_tokens"]
    assert told["cost"]["credits"] >= 0
