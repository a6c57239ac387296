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
from tests.li.chat_calls import MESSAGES, all_calls, complete_calls, stream, streamed_calls
from tests.li.gateway import Gateway, call, reply
from tests.support.chat_events import chunk


@all_calls
async def test_last_response_has_all_content_and_metadata(ask: Any) -> None:
    gateway = Gateway(
        reply("It is Paris.", reasoning_content="France? Paris.", tool_calls=[call()], finish="tool_calls")
    )
    last = (await ask(gateway.llm()))[-1]
    thinking, text, tool_call = last.message.blocks
    assert thinking == ThinkingBlock(content="France? Paris.", num_tokens=2)
    assert text == TextBlock(text="It is Paris.")
    assert tool_call == ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "Paris"})
    assert last.message.additional_kwargs == {"tool_calls": [call()], "author": "gpt-4o"}
    metadata = last.additional_kwargs
    assert (metadata["prompt_tokens"], metadata["completion_tokens"], metadata["total_tokens"]) == (10, 5, 15)
    assert metadata["usage"]["prompt_tokens_details"] == {"cache_read": 3}
    assert metadata["usage"]["completion_tokens_details"] == {"reasoning": 2}
    assert metadata["cost"] == {"usd": "0.001240000", "credits": 2480}
    assert metadata["finish_reason"] == "tool_calls"
    assert (metadata["id"], metadata["inference_id"], metadata["request_id"]) == ("chatcmpl-1", "inf-1", "req-1")
    assert last.raw["usage"]["prompt_tokens"] == 10


@all_calls
async def test_response_with_annotations_media_and_refusal_keeps_them(ask: Any) -> None:
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
    kwargs = last.message.additional_kwargs
    assert kwargs["annotations"] == [source]
    assert kwargs["reference_audio_id"] == "audio_1"
    assert kwargs["refusal"] == last.additional_kwargs["refusal"] == "I will not say more."


@all_calls
async def test_logprobs_are_returned_per_token(ask: Any) -> None:
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


@streamed_calls
async def test_stream_responses_have_the_message_so_far(ask: Any) -> None:
    metadata = await ask(Gateway(reply("It is Paris.", reasoning_content="France? Paris.")).llm())
    assert "".join(response.delta for response in metadata) == "It is Paris."
    assert "".join(response.additional_kwargs.get("thinking_delta", "") for response in metadata) == "France? Paris."
    text = ""
    for response in metadata:
        text += response.delta
        assert (response.message.content or "") == text
    contents = [
        block.content for response in metadata for block in response.message.blocks if isinstance(block, ThinkingBlock)
    ]
    assert contents[0] == "Fran"
    assert contents == sorted(contents, key=len)


@streamed_calls
async def test_stream_responses_do_not_change_afterwards(ask: Any) -> None:
    llm = Gateway(reply("", tool_calls=[call(), call(call_id="call_2")], finish="tool_calls")).llm()
    dumps, metadata = [], []
    if ask is stream:
        for response in llm.stream_chat(MESSAGES):
            metadata.append(response)
            dumps.append(response.model_dump_json())
    else:
        async for response in await llm.astream_chat(MESSAGES):
            metadata.append(response)
            dumps.append(response.model_dump_json())
    assert [response.model_dump_json() for response in metadata] == dumps
    blocks = [id(block) for response in metadata for block in response.message.blocks]
    assert len(blocks) == len(set(blocks))


@streamed_calls
async def test_stream_with_interleaved_calls_returns_each_call(ask: Any) -> None:
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


@all_calls
async def test_response_with_incomplete_call_reports_it_as_invalid(ask: Any) -> None:
    last = (await ask(Gateway(reply("", tool_calls=[call(arguments='{"city": "Pa')], finish="length")).llm()))[-1]
    assert not [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
    assert "tool_calls" not in last.message.additional_kwargs
    assert last.message.additional_kwargs["invalid_tool_calls"][0]["function"]["arguments"] == '{"city": "Pa'
    assert last.additional_kwargs["finish_reason"] == "length"


@streamed_calls
async def test_stream_that_breaks_off_raises(ask: Any) -> None:
    events = [chunk({"content": "Half"}), {"error": {"message": "upstream died"}}]
    with pytest.raises(APIError) as caught:
        await ask(Gateway(events=events).llm())
    assert "upstream died" in str(caught.value)


@complete_calls
async def test_embedding_with_malformed_response_raises(ask: Any) -> None:
    with pytest.raises(APIResponseError):
        await ask(Gateway({"choices": []}).llm())


async def test_response_without_usage_is_accepted() -> None:
    body = {**reply(), "usage": None}
    response = Gateway(body).llm().chat(MESSAGES)
    assert response.raw["usage"] is None
    assert "prompt_tokens" not in response.additional_kwargs


async def test_complete_sends_the_prompt_as_a_user_message() -> None:
    gateway = Gateway(reply("It is Paris."))
    llm = gateway.llm(completion_to_prompt=lambda prompt: f"<{prompt}>")
    assert llm.complete("Q").text == (await llm.acomplete("Q")).text == "It is Paris."
    assert llm.complete("Q").additional_kwargs["total_tokens"] == 15
    streams = [list(llm.stream_complete("Q")), [each async for each in await llm.astream_complete("Q")]]
    for metadata in streams:
        assert "".join(each.delta for each in metadata) == metadata[-1].text == "It is Paris."
        assert metadata[-1].raw["usage"]["total_tokens"] == 15
    llm.complete("Q", formatted=True)
    prompts = [body["messages"][0]["content"] for body in gateway.bodies]
    assert prompts == ["<Q>"] * 5 + ["Q"]


async def test_stream_left_early_frees_its_connection(make: Any) -> None:
    llm = make()
    left = llm.stream_chat(MESSAGES)
    next(left)
    left.close()
    asynchronous = await llm.astream_chat(MESSAGES)
    await anext(asynchronous)
    await asynchronous.aclose()
    for _ in range(5):
        await asyncio.sleep(0)
    assert llm.chat(MESSAGES).message.content


@pytest.mark.parametrize("streaming", [False, True])
def test_response_metadata_on_both_endpoints_is_the_same(llm: AIMLAPI, streaming: bool) -> None:
    last = list(llm.stream_chat(MESSAGES))[-1] if streaming else llm.chat(MESSAGES)
    assert last.message.content == "[emulated] You said: Hello"
    metadata = last.additional_kwargs
    assert metadata["finish_reason"] == "stop"
    assert metadata["total_tokens"] == last.raw["usage"]["total_tokens"] > 0
    assert last.raw["usage"]["prompt_tokens"] == metadata["prompt_tokens"]
    assert metadata["cost"]["credits"] >= 0
