"""Conversations, each written three times: for the plain client, for LangChain, for LlamaIndex."""

from __future__ import annotations

from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, DocumentBlock, ImageBlock, TextBlock, ToolCallBlock

from aimlapi_integrations.types import File, Image, Message, Text, ToolCall

PICTURE = "https://example.org/picture.png"
PDF = "JVBERi0xLjcgcmVzdA=="  # b"%PDF-1.7 rest"

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS}
TOOL = {"type": "function", "function": WEATHER}


class Conversation(NamedTuple):
    """One conversation in the three vocabularies, and whether it needs a tool on offer."""

    client: list[Message]
    langchain: list[BaseMessage]
    llama_index: list[ChatMessage]
    with_tool: bool = False


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def question(text: str) -> Conversation:
    return Conversation([user(text)], [HumanMessage(text)], [ChatMessage(text)])


WEATHER_IN_PARIS = "What is the weather in Paris?"

CONVERSATIONS = {
    "a question": question("Grüße! What is the weather in Paris?"),
    "roles": Conversation(
        [Message("system", (Text("Be brief."),)), user("Hi"), Message("assistant", (Text("Hello"),)), user("Go on")],
        [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("Go on")],
        [
            ChatMessage("Be brief.", role="system"),
            ChatMessage("Hi"),
            ChatMessage("Hello", role="assistant"),
            ChatMessage("Go on"),
        ],
    ),
    "a picture": Conversation(
        [Message("user", (Text("What is this?"), Image(url=PICTURE)))],
        [HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image", "url": PICTURE}])],
        [ChatMessage(blocks=[TextBlock(text="What is this?"), ImageBlock(url=PICTURE)])],
    ),
    "a document": Conversation(
        [Message("user", (Text("Sum it up."), File(data=PDF, mime="application/pdf", filename="report.pdf")))],
        [
            HumanMessage(
                [
                    {"type": "text", "text": "Sum it up."},
                    {"type": "file", "base64": PDF, "mime_type": "application/pdf", "filename": "report.pdf"},
                ]
            )
        ],
        [
            ChatMessage(
                blocks=[TextBlock(text="Sum it up."), DocumentBlock(data=b"%PDF-1.7 rest", title="report.pdf")],
            )
        ],
    ),
    "a tool's answer": Conversation(
        [
            user(WEATHER_IN_PARIS),
            Message("assistant", (ToolCall("c1", "get_weather", '{"city": "Paris"}'),)),
            Message("tool", (Text("Sunny in Paris"),), tool_call_id="c1"),
        ],
        [
            HumanMessage(WEATHER_IN_PARIS),
            AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Paris"}, "id": "c1"}]),
            ToolMessage("Sunny in Paris", tool_call_id="c1"),
        ],
        [
            ChatMessage(WEATHER_IN_PARIS),
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Paris"})],
            ),
            ChatMessage("Sunny in Paris", role="tool", additional_kwargs={"tool_call_id": "c1"}),
        ],
        with_tool=True,
    ),
    "two calls of one turn": Conversation(
        [
            user("What is the weather in Paris and in Rome?"),
            Message(
                "assistant",
                (
                    Text("Let me look."),
                    ToolCall("c1", "get_weather", '{"city": "Paris"}'),
                    ToolCall("c2", "get_weather", '{"city": "Rome"}'),
                ),
            ),
            Message("tool", (Text("Sunny in Paris"),), tool_call_id="c1"),
            Message("tool", (Text("Rain in Rome"),), tool_call_id="c2"),
        ],
        [
            HumanMessage("What is the weather in Paris and in Rome?"),
            AIMessage(
                "Let me look.",
                tool_calls=[
                    {"name": "get_weather", "args": {"city": "Paris"}, "id": "c1"},
                    {"name": "get_weather", "args": {"city": "Rome"}, "id": "c2"},
                ],
            ),
            ToolMessage("Sunny in Paris", tool_call_id="c1"),
            ToolMessage("Rain in Rome", tool_call_id="c2"),
        ],
        [
            ChatMessage("What is the weather in Paris and in Rome?"),
            ChatMessage(
                role="assistant",
                blocks=[
                    TextBlock(text="Let me look."),
                    ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Paris"}),
                    ToolCallBlock(tool_call_id="c2", tool_name="get_weather", tool_kwargs={"city": "Rome"}),
                ],
            ),
            ChatMessage("Sunny in Paris", role="tool", additional_kwargs={"tool_call_id": "c1"}),
            ChatMessage("Rain in Rome", role="tool", additional_kwargs={"tool_call_id": "c2"}),
        ],
        with_tool=True,
    ),
}
