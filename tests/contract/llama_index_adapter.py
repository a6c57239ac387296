"""Scenarios of the contract sweep as a user of LlamaIndex writes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.types import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    ToolCall,
    Video,
)
from tests.contract.langchain_adapter import tool_dict
from tests.contract.minimal_server import MinimalServer
from tests.contract.scenario import EmbeddingScenario, Json, Scenario


class LlamaIndex:
    """Send scenarios through `AIMLAPI` and `AIMLAPIEmbedding`."""

    def __init__(self) -> None:
        self.wire = MinimalServer()
        self.model = lru_cache(maxsize=4)(self._model)
        self.messages: dict[int, list[ChatMessage]] = {}

    def _model(self, name: str, endpoint: str) -> AIMLAPI:
        return AIMLAPI(model=name, api_key="k", endpoint=endpoint, http_client=self.wire.client, max_retries=0)

    def send(self, name: str, endpoint: str, scenario: Scenario) -> None:
        """Send the request of the scenario."""
        llm, fields = self.model(name, endpoint), scenario.fields
        options = dict(fields.get("options", {}))
        if tools := [tool_dict(each) for each in fields.get("tools", ())]:
            options |= {"tools": tools, "parallel_tool_calls": fields.get("parallel_tool_calls")}
        if choice := fields.get("tool_choice"):
            options["tool_choice"] = choice.name or choice.mode
        if requested_format := fields.get("response_format"):
            options["response_format"] = response_format(requested_format)
        if scenario.stream:
            list(llm.stream_chat(self.framework_messages(scenario), **options))
        else:
            llm.chat(self.framework_messages(scenario), **options)

    def framework_messages(self, scenario: Scenario) -> list[ChatMessage]:
        """Return the messages of the scenario, converted once."""
        if id(scenario) not in self.messages:
            self.messages[id(scenario)] = [message(turn) for turn in scenario.messages]
        return self.messages[id(scenario)]

    def embed(self, name: str, scenario: EmbeddingScenario) -> None:
        """Embed the texts of the scenario."""
        wired: Json = {"api_key": "k", "http_client": self.wire.client, "max_retries": 0}
        embedding = AIMLAPIEmbedding(model_name=name, additional_kwargs=scenario.options, **wired)
        embedding.get_text_embedding_batch(list(scenario.texts))


def response_format(requested_format: ResponseFormat) -> Json:
    if requested_format.kind == "json_object":
        return {"type": "json_object"}
    inner = {"name": requested_format.name, "schema": requested_format.schema, "strict": requested_format.strict}
    return {"type": "json_schema", "json_schema": inner}


# --- messages ---------------------------------------------------------------------------------------------------------


def message(turn: Message) -> ChatMessage:
    extra = {"tool_call_id": turn.tool_call_id, "name": turn.name}
    return ChatMessage(
        role=MessageRole(turn.role),
        blocks=[BLOCKS[type(part)](part) for part in turn.parts],
        additional_kwargs={name: value for name, value in extra.items() if value},
    )


def _image(part: Image) -> ImageBlock:
    if part.data:
        return ImageBlock(image=part.data.encode(), image_mimetype=part.mime, detail=part.detail)
    return ImageBlock(url=part.url, detail=part.detail)


def _file(part: File) -> DocumentBlock:
    return DocumentBlock(data=(part.data or "").encode(), document_mimetype=part.mime, title=part.filename)


def _thinking(part: Reasoning) -> ThinkingBlock:
    proofs = {
        "id": part.id,
        "signature": part.signature,
        "encrypted_content": part.encrypted,
        "reasoning_details": part.details,
    }
    extra_information = {name: value for name, value in proofs.items() if value}
    return ThinkingBlock(content=part.text, additional_information=extra_information)


def _call(part: ToolCall) -> ToolCallBlock:
    return ToolCallBlock(tool_call_id=part.id, tool_name=part.name, tool_kwargs=part.parsed() or {})


BLOCKS: dict[type[Part], Callable[[Any], Any]] = {
    Text: lambda part: TextBlock(text=part.text),
    Image: _image,
    File: _file,
    Video: lambda part: VideoBlock(url=part.url),
    Audio: lambda part: AudioBlock(audio=part.data.encode(), format=part.format),
    Reasoning: _thinking,
    ToolCall: _call,
}
