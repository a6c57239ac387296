"""A chat, a stream, reasoning, a tool call and a structured answer: in LangChain, then in LlamaIndex.

pip install ".[all]"
python examples/quickstart.py
"""

from common import console, gateway, step
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MODEL, THINKER = "openai/gpt-5-mini-2025-08-07", "deepseek/deepseek-reasoner"
HELLO, COUNT = "Say hello to the reader.", "Count from 1 to 5."
RIDDLE, WEATHER = "How many r are in 'strawberry'?", "What is the weather in Paris?"
TRIP = "Note this down: three friends go to 'Lisbon' for 4 days."


class Trip(BaseModel):
    """A journey that somebody plans."""

    city: str
    days: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"22 °C and sunny in {city}"


def langchain() -> None:
    llm = ChatAIMLAPI(model=MODEL)

    with step("chat") as say:
        say(llm.invoke(HELLO).text)

    with step("stream") as say:
        for chunk in llm.stream(COUNT):
            say(chunk.text)

    with step("reasoning") as say:
        reply = ChatAIMLAPI(model=THINKER).invoke(RIDDLE)
        say(f"{reply.additional_kwargs.get('reasoning_content')}\n", "italic yellow")
        say(reply.text)

    with step("tool call") as say:
        assistant = llm.bind_tools([get_weather])
        asked = assistant.invoke(WEATHER)
        for call in asked.tool_calls:
            say(f"{call['name']}({call['args']})\n", "yellow")
        results = [ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls]
        say(assistant.invoke([HumanMessage(WEATHER), asked, *results]).text)

    with step("structured") as say:
        say(repr(llm.with_structured_output(Trip).invoke(TRIP)))


def llama_index() -> None:
    llm, weather = AIMLAPI(model=MODEL), FunctionTool.from_defaults(get_weather)

    with step("chat") as say:
        say(llm.complete(HELLO).text)

    with step("stream") as say:
        for part in llm.stream_complete(COUNT):
            say(part.delta)

    with step("reasoning") as say:
        message = AIMLAPI(model=THINKER).chat([ChatMessage(RIDDLE)]).message
        thoughts = [block.content for block in message.blocks if isinstance(block, ThinkingBlock)]
        say(f"{' '.join(thoughts)}\n", "italic yellow")
        say(message.content)

    with step("tool call") as say:
        asked = llm.chat_with_tools([weather], user_msg=WEATHER)
        history = [ChatMessage(WEATHER), asked.message]
        for call in llm.get_tool_calls_from_response(asked):
            say(f"{call.tool_name}({call.tool_kwargs})\n", "yellow")
            told = {"content": str(weather(**call.tool_kwargs)), "additional_kwargs": {"tool_call_id": call.tool_id}}
            history.append(ChatMessage(role="tool", **told))
        say(llm.chat_with_tools([weather], chat_history=history).message.content)

    with step("structured") as say:
        say(repr(llm.structured_predict(Trip, PromptTemplate(TRIP))))


if __name__ == "__main__":
    with gateway(), track_costs() as costs:
        console.rule("LangChain: ChatAIMLAPI")
        langchain()
        console.rule("LlamaIndex: AIMLAPI")
        llama_index()
        console.print(costs)
