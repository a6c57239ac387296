"""Scenarios of the contract sweep as a user of LangChain writes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.types import (
    Audio,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    Video,
)
from tests.contract.minimal_server import MinimalServer
from tests.contract.scenario import EmbeddingScenario, Json, Scenario


class LangChain:
    """Send scenarios through `ChatAIMLAPI` and `AIMLAPIEmbeddings`."""

    def __init__(self) -> None:
        self.wire = MinimalServer()
        self.model = lru_cache(maxsize=4)(self._model)
        self.messages: dict[int, list[BaseMessage]] = {}

    def _model(self, name: str, endpoint: str) -> ChatAIMLAPI:
        return ChatAIMLAPI(model=name, api_key="k", endpoint=endpoint, http_client=self.wire.client, max_retries=0)

    def send(self, name: str, endpoint: str, scenario: Scenario) -> None:
        """Send the request of the scenario."""
        model: Any = self.model(name, endpoint)
        fields = scenario.fields
        if tools := [tool_dict(each) for each in fields.get("tools", ())]:
            choice, parallel = fields.get("tool_choice"), fields.get("parallel_tool_calls")
            tool_choice = (choice.name or choice.mode) if choice else None
            model = model.bind_tools(tools, tool_choice=tool_choice, parallel_tool_calls=parallel)
        if requested_format := fields.get("response_format"):
            model = structured(model, requested_format)
        options = dict(fields.get("options", {}))
        if "metadata" in options:  # LangChain's methods take this as the metadata of a trace
            model = model.model_copy(update={"model_kwargs": {"metadata": options.pop("metadata")}})
        if scenario.stream:
            list(model.stream(self.framework_messages(scenario), **options))
        else:
            model.invoke(self.framework_messages(scenario), **options)

    def framework_messages(self, scenario: Scenario) -> list[BaseMessage]:
        """Return the messages of the scenario, converted once."""
        if id(scenario) not in self.messages:
            self.messages[id(scenario)] = [message(turn) for turn in scenario.messages]
        return self.messages[id(scenario)]

    def embed(self, name: str, scenario: EmbeddingScenario) -> None:
        """Embed the texts of the scenario."""
        fields = {key: value for key, value in scenario.options.items() if key in ("dimensions", "encoding_format")}
        rest = {key: value for key, value in scenario.options.items() if key not in fields}
        wired: Json = {"api_key": "k", "http_client": self.wire.client, "max_retries": 0}
        embeddings = AIMLAPIEmbeddings(model=name, model_kwargs=rest, **fields, **wired)
        embeddings.embed_documents(list(scenario.texts))


def structured(model: ChatAIMLAPI, requested_format: ResponseFormat) -> Any:
    if requested_format.kind == "json_object":
        return model.with_structured_output(None, method="json_mode", include_raw=True)
    schema = {"title": requested_format.name, **(requested_format.schema or {})}
    return model.with_structured_output(schema, method="json_schema", strict=requested_format.strict, include_raw=True)


def tool_dict(tool: Tool) -> Json:
    fields = {"description": tool.description, "parameters": tool.parameters, "strict": tool.strict}
    defined = {name: value for name, value in fields.items() if value is not None}
    return {"type": "function", "function": {"name": tool.name, **defined}, **tool.extra}


# --- messages ---------------------------------------------------------------------------------------------------------


def message(turn: Message) -> BaseMessage:
    content: Any = [BLOCKS[type(part)](part) for part in turn.parts if not isinstance(part, ToolCall)]
    if all(isinstance(part, Text) for part in turn.parts) and len(content) < 2:
        content = turn.text
    match turn.role:
        case "user":
            return HumanMessage(content, name=turn.name)
        case "system":
            return SystemMessage(content)
        case "developer":
            return SystemMessage(content, additional_kwargs={"__openai_role__": "developer"})
        case "assistant":
            calls = [{"id": call.id, "name": call.name, "args": call.parsed()} for call in turn.tool_calls]
            return AIMessage(content, tool_calls=calls)
    status = "error" if turn.is_error else "success"
    return ToolMessage(content, tool_call_id=turn.tool_call_id, name=turn.name, status=status)


def _image(part: Image) -> Json:
    detail = {"detail": part.detail} if part.detail else {}
    if part.data:
        return {"type": "image", "base64": part.data, "mime_type": part.mime, **detail}
    return {"type": "image_url", "image_url": {"url": part.url, **detail}}


def _file(part: File) -> Json:
    named = {"filename": part.filename} if part.filename else {}
    return {"type": "file", "base64": part.data, "mime_type": part.mime, **named}


def _reasoning(part: Reasoning) -> Json:
    extras = {"signature": part.signature, "encrypted_content": part.encrypted, "reasoning_details": part.details}
    present = {name: value for name, value in extras.items() if value}
    return {"type": "reasoning", "reasoning": part.text, "id": part.id, **({"extras": present} if present else {})}


BLOCKS: dict[type[Part], Callable[[Any], Json]] = {
    Text: lambda part: {"type": "text", "text": part.text},
    Image: _image,
    File: _file,
    Video: lambda part: {"type": "video", "url": part.url},
    Audio: lambda part: {"type": "audio", "base64": part.data, "mime_type": f"audio/{part.format}"},
    Reasoning: _reasoning,
}
