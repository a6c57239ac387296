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

MODEL, REASONING_MODEL = "openai/gpt-5-mini-2025-08-07", "deepseek/deepseek-reasoner"
GREETING, COUNT = "Say hello to the reader.", "Count from 1 to 5."
RIDDLE, WEATHER = "How many r are in 'strawberry'?", "What is the weather in Paris?"
TRIP = "Note this down: three friends go to 'Lisbon' for 4 days."


class Trip(BaseModel):
    """A planned trip."""

    city: str
    days: int


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"22 °C and sunny in {city}"


def langchain() -> None:
    llm = ChatAIMLAPI(model=MODEL)

    with step("chat") as show:
        show(llm.invoke(GREETING).text)

    with step("stream") as show:
        for chunk in llm.stream(COUNT):
            show(chunk.text)

    with step("reasoning") as show:
        reply = ChatAIMLAPI(model=REASONING_MODEL).invoke(RIDDLE)
        show(f"{reply.additional_kwargs.get('reasoning_content')}\n", "italic yellow")
        show(reply.text)

    with step("tool call") as show:
        llm_with_tools = llm.bind_tools([get_weather])
        reply = llm_with_tools.invoke(WEATHER)
        for call in reply.tool_calls:
            show(f"{call['name']}({call['args']})\n", "yellow")
        results = [ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"]) for call in reply.tool_calls]
        show(llm_with_tools.invoke([HumanMessage(WEATHER), reply, *results]).text)

    with step("structured") as show:
        show(repr(llm.with_structured_output(Trip).invoke(TRIP)))


def llama_index() -> None:
    llm, weather = AIMLAPI(model=MODEL), FunctionTool.from_defaults(get_weather)

    with step("chat") as show:
        show(llm.complete(GREETING).text)

    with step("stream") as show:
        for response in llm.stream_complete(COUNT):
            show(response.delta)

    with step("reasoning") as show:
        message = AIMLAPI(model=REASONING_MODEL).chat([ChatMessage(RIDDLE)]).message
        reasoning = [block.content for block in message.blocks if isinstance(block, ThinkingBlock)]
        show(f"{' '.join(reasoning)}\n", "italic yellow")
        show(message.content)

    with step("tool call") as show:
        response = llm.chat_with_tools([weather], user_msg=WEATHER)
        history = [ChatMessage(WEATHER), response.message]
        for call in llm.get_tool_calls_from_response(response):
            show(f"{call.tool_name}({call.tool_kwargs})\n", "yellow")
            result = str(weather(**call.tool_kwargs))
            history.append(ChatMessage(result, role="tool", additional_kwargs={"tool_call_id": call.tool_id}))
        show(llm.chat_with_tools([weather], chat_history=history).message.content)

    with step("structured") as show:
        show(repr(llm.structured_predict(Trip, PromptTemplate(TRIP))))


if __name__ == "__main__":
    with gateway(), track_costs() as costs:
        console.rule("LangChain: ChatAIMLAPI")
        langchain()
        console.rule("LlamaIndex: AIMLAPI")
        llama_index()
        console.print(costs)
