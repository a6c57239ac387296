"""The tools of agents for images and recordings, in LangChain and LlamaIndex, sync and async."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult

from aimlapi_integrations import UnsupportedContentError, UnsupportedParameterError, track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIImageTool, AIMLAPISpeechTool, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIMediaToolSpec
from tests.support.media_files import PNG

pytestmark = pytest.mark.usefixtures("no_waiting")

INLINE: Any = {"model": "openai/gpt-image-1", "options": {"response_format": "b64_json"}}


class Result(NamedTuple):
    """What the model reads, and what is for the program."""

    content: str
    artifact: Any
    is_error: bool = False


class Way(NamedTuple):
    framework: str
    asynchronous: bool

    def __str__(self) -> str:
        return f"{self.framework}-{'async' if self.asynchronous else 'sync'}"


WAYS = [Way(framework, asynchronous) for framework in ("lc", "li") for asynchronous in (False, True)]
on_every_way = pytest.mark.parametrize("way", WAYS, ids=str)


def image_tool(
    way: Way, gateway: Emulator, folder: Path | None = None, model: str | None = None, options: Any = None
) -> Any:
    if way.framework == "lc":
        fields = {"model": model} if model else {}
        settings: Any = {"api_key": "k", "base_url": gateway.base_url, "image_dir": folder, **fields}
        return AIMLAPIImageTool(**settings, model_kwargs=options or {})
    fields = {"image_model": model} if model else {}
    settings = {"api_key": "k", "api_base": gateway.base_url, "folder": folder, **fields}
    return AIMLAPIMediaToolSpec(**settings, image_kwargs=options or {}).to_tool_list(["create_image"])[0]


def speech_tool(way: Way, gateway: Emulator, folder: Path | None = None) -> Any:
    if way.framework == "lc":
        return AIMLAPISpeechTool(api_key="k", base_url=gateway.base_url, recording_dir=folder)
    spec = AIMLAPIMediaToolSpec(api_key="k", api_base=gateway.base_url, folder=folder)
    return spec.to_tool_list(["transcribe_recording"])[0]


def call(way: Way, tool: Any, **arguments: Any) -> Result:
    if way.framework == "lc":
        request = {"name": tool.name, "args": arguments, "id": "call-1", "type": "tool_call"}
        message = asyncio.run(_close(tool, tool.ainvoke(request))) if way.asynchronous else tool.invoke(request)
        return Result(message.content, message.artifact, message.status == "error")
    try:
        output = asyncio.run(tool.acall(**arguments)) if way.asynchronous else tool.call(**arguments)
    except (UnsupportedContentError, UnsupportedParameterError) as error:  # the agent makes it the tool's output
        return Result(str(error), None, True)
    return Result(output.content, output.raw_output.artifact)


async def _close(tool: Any, coroutine: Any) -> Any:
    try:
        return await coroutine
    finally:
        await tool.aclose()


@on_every_way
def test_image_tool_returns_urls_and_price(gateway: Emulator, way: Way) -> None:
    with track_costs() as costs:
        result = call(way, image_tool(way, gateway), prompt="A lighthouse", size="16:9", n=2)
    urls = [image["url"] for image in result.artifact["images"]]
    assert result.content == f"Created 2 images: {', '.join(urls)}. Price: $0.08."
    assert result.artifact["cost"] == {"usd": "0.080000000", "credits": 160_000}
    assert costs.total.credits == 160_000
    assert gateway.requests[0].json["aspect_ratio"] == "16:9"


@on_every_way
def test_base64_goes_to_a_file_and_never_to_the_model(gateway: Emulator, way: Way, tmp_path: Path) -> None:
    result = call(way, image_tool(way, gateway, tmp_path / "images", **INLINE), prompt="A lighthouse")
    [image] = result.artifact["images"]
    path = Path(image["path"])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.name in result.content
    assert "iVBOR" not in result.content + json.dumps(result.artifact)


@on_every_way
def test_base64_without_a_folder_is_in_the_artifact_alone(gateway: Emulator, way: Way) -> None:
    result = call(way, image_tool(way, gateway, **INLINE), prompt="A lighthouse")
    assert result.artifact["images"][0]["base64"].startswith("iVBOR")
    assert result.content == "Created 1 image: image 1 of the artifact. Price: $0.04."


@on_every_way
@pytest.mark.parametrize("image", ["https://x.y/a.png", "photo.png"])
def test_image_tool_edits_urls_and_files_of_its_folder(gateway: Emulator, way: Way, tmp_path: Path, image: str) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    result = call(way, image_tool(way, gateway, tmp_path), prompt="Winter", images=[image])
    assert not result.is_error
    [link] = gateway.requests[0].json["image_urls"]
    assert link.startswith("https://x.y/a.png" if "://" in image else "data:image/png;base64,")


@on_every_way
@pytest.mark.parametrize(
    "name",
    ["../secret.png", "{outside}/secret.png", "file://{outside}/secret.png", "data:,x", "", ".", "none.png", "\0"],
)
@pytest.mark.parametrize("kind", ["image", "speech"])
def test_tools_send_no_file_outside_their_folder(
    gateway: Emulator, way: Way, tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "folder").mkdir()
    named = name.format(outside=tmp_path.as_posix())
    for folder in (tmp_path / "folder", None):
        if kind == "image":
            result = call(way, image_tool(way, gateway, folder), prompt="x", images=[named])
        else:
            result = call(way, speech_tool(way, gateway, folder), recording=named)
        assert result.is_error
        assert "URL" in result.content
    assert gateway.requests == []


@on_every_way
@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"n": 5}, "at most 4 images"), ({"size": "large"}, "such as '1024x1024'"), ({"n": 0}, "")],
)
def test_arguments_that_are_not_supported_are_errors_for_the_model(
    gateway: Emulator, way: Way, arguments: Any, text: str
) -> None:
    tool = image_tool(way, gateway)
    if "n" in arguments and not text and way.framework == "lc":
        with pytest.raises(ValueError, match="greater than or equal to 1"):  # by the schema: the agent reports it
            call(way, tool, prompt="x", **arguments)
        return
    result = call(way, tool, prompt="x", **arguments)
    assert result.is_error
    assert text in result.content


@on_every_way
def test_speech_tool_returns_text_with_times(gateway: Emulator, way: Way) -> None:
    result = call(way, speech_tool(way, gateway), recording="https://x.y/talk.mp3", speakers=True)
    first, second = result.content.splitlines()
    assert first.startswith("[00:00] 0: [emulated]")
    assert second.startswith("[00:02] 1: ")
    assert [segment["speaker"] for segment in result.artifact["segments"]] == ["0", "1"]
    assert float(result.artifact["cost"]["usd"]) > 0


# --- in agents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True])
def test_langchain_agent_creates_an_image(gateway: Emulator, asynchronous: bool) -> None:
    settings: Any = {"api_key": "k", "base_url": gateway.base_url}
    tool = AIMLAPIImageTool(**settings, model=INLINE["model"], model_kwargs=INLINE["options"])
    agent = create_agent(ChatAIMLAPI(**settings), [tool])
    question: Any = {"messages": [("user", "Use create_image: a lighthouse")]}
    state = asyncio.run(agent.ainvoke(question)) if asynchronous else agent.invoke(question)
    [message] = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert message.artifact["images"][0]["base64"].startswith("iVBOR")
    sent = [json.dumps(request.json) for request in gateway.requests if request.path.endswith("/chat/completions")]
    assert len(sent) == 2
    assert not [body for body in sent if "iVBOR" in body]


@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")  # from LlamaIndex's agents
async def test_llama_index_agent_creates_an_image(gateway: Emulator) -> None:
    settings: Any = {"api_key": "k", "api_base": gateway.base_url}
    spec = AIMLAPIMediaToolSpec(**settings, image_model=INLINE["model"], image_kwargs=INLINE["options"])
    handler = FunctionAgent(tools=spec.to_tool_list(), llm=AIMLAPI(**settings)).run("Use create_image: a lighthouse")
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    await handler
    assert results[0].tool_output.raw_output.artifact["images"][0]["base64"].startswith("iVBOR")
    sent = [json.dumps(request.json) for request in gateway.requests if request.path.endswith("/chat/completions")]
    assert not [body for body in sent if "iVBOR" in body]
