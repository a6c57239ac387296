"""A tool call with its reasoning kept, the wire, a structured answer, a fallback and a budget, in both frameworks.

pip install ".[all]"
python examples/quickstart.py
"""

from collections.abc import Callable

from common import RecordedHTTP, console, gateway, show_messages, step
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations import AIMLAPIError, BudgetExceededError, track_costs
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

CLAUDE, GPT, RETIRED = "anthropic/claude-haiku-4.5", "openai/gpt-5-mini-2025-08-07", "openai/gpt-does-not-exist"
WEATHER, RIVER = "What is the weather in Paris?", "Name a river."
TRIP = "Note this down: three friends go to 'Lisbon' for 4 days."


class Trip(BaseModel):
    city: str
    days: int


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"22 °C and sunny in {city}"


def langchain() -> None:
    llm, http = ChatAIMLAPI(model=GPT), RecordedHTTP()
    thinker = ChatAIMLAPI(model=CLAUDE, reasoning_effort="low", http_client=http)
    agent = thinker.bind_tools([get_weather])
    with http, step("agent") as show:
        reply = agent.invoke(WEATHER)
        show(f"{reply.additional_kwargs.get('reasoning_content')}\n", "italic yellow")
        messages: list[BaseMessage] = [HumanMessage(WEATHER), reply]
        for call in reply.tool_calls:
            show(f"{call['name']}({call['args']})\n", "yellow")
            messages.append(ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"]))
        for chunk in agent.stream(messages):
            show(chunk.text)
    show_messages(http)
    show_rest(
        lambda: llm.with_structured_output(Trip).invoke(TRIP), lambda model: ChatAIMLAPI(model=model).invoke(RIVER).text
    )


def llama_index() -> None:
    llm, http, weather = AIMLAPI(model=GPT), RecordedHTTP(), FunctionTool.from_defaults(get_weather)
    agent = AIMLAPI(model=CLAUDE, reasoning_effort="low", http_client=http)
    with http, step("agent") as show:
        reply = agent.chat_with_tools([weather], user_msg=WEATHER)
        for block in filter(lambda block: isinstance(block, ThinkingBlock), reply.message.blocks):
            show(f"{block.content}\n", "italic yellow")
        messages = [ChatMessage(WEATHER), reply.message]
        for call in agent.get_tool_calls_from_response(reply):
            show(f"{call.tool_name}({call.tool_kwargs})\n", "yellow")
            messages.append(ChatMessage(str(weather(**call.tool_kwargs)), role="tool", tool_call_id=call.tool_id))
        for chunk in agent.stream_chat_with_tools([weather], chat_history=messages):
            show(chunk.delta or "")
    show_messages(http)
    show_rest(
        lambda: llm.structured_predict(Trip, PromptTemplate(TRIP)),
        lambda model: AIMLAPI(model=model).complete(RIVER).text,
    )


def show_rest(structured: Callable[[], object], ask: Callable[[str], str]) -> None:
    with step("structured") as show:
        show(repr(structured()))
    with step("fallback") as show:
        for model in (RETIRED, GPT):
            try:
                show(ask(model))
                break
            except AIMLAPIError as error:
                show(f"{type(error).__name__}: {model}\n", "red")
    with step("budget") as show, track_costs(max_cost_usd="0.0002") as costs:
        try:
            while True:
                ask(GPT)
        except BudgetExceededError:
            show(f"$0.0002 is spent: {costs.total.calls} calls were sent, no more")


if __name__ == "__main__":
    with gateway(), track_costs() as costs:
        console.rule("LangChain: ChatAIMLAPI")
        langchain()
        console.rule("LlamaIndex: AIMLAPI")
        llama_index()
        console.print(costs)
