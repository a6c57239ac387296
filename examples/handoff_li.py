"""Two LlamaIndex agents on models from two vendors: one takes the question and hands it off to the other.

pip install ".[llama-index,emulator,cli]"
python examples/handoff_li.py
"""

import asyncio

from common import console, gateway
from llama_index.core.agent.workflow import AgentOutput, AgentWorkflow, FunctionAgent, ToolCallResult

from aimlapi_integrations import track_costs
from aimlapi_integrations.llama_index import AIMLAPI

QUESTION = "Hand off to 'forecaster', please: what is the weather in Lisbon?"


def opening_hours(museum: str) -> str:
    """Get the opening hours of a museum."""
    return f"{museum}: 10:00 to 18:00, closed on Mondays"


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"22 °C and sunny in {city}"


def team() -> AgentWorkflow:
    concierge = FunctionAgent(
        name="concierge",
        description="Knows the museums and the other agents.",
        system_prompt="You help visitors to a city. Hand off every question that is not about museums.",
        tools=[opening_hours],
        llm=AIMLAPI(model="openai/gpt-5-mini-2025-08-07"),
        can_handoff_to=["forecaster"],
    )
    forecaster = FunctionAgent(
        name="forecaster",
        description="Knows the weather.",
        system_prompt="You are a forecaster. Use your tool, then answer in one sentence.",
        tools=[get_weather],
        llm=AIMLAPI(model="anthropic/claude-haiku-4.5", max_tokens=2000),
    )
    return AgentWorkflow(agents=[concierge, forecaster], root_agent="concierge")


async def main() -> None:
    console.print(f"[bold]{QUESTION}[/]")
    with track_costs() as costs:
        run = team().run(QUESTION)
        async for event in run.stream_events():
            match event:
                case ToolCallResult():
                    console.print(f"  [yellow]{event.tool_name}[/] {event.tool_kwargs}")
                case AgentOutput() if not event.tool_calls:
                    console.print(f"  [cyan]{event.current_agent_name}[/] gives the answer")
        answer = await run
    console.print(str(answer), markup=False)
    console.print(costs)


if __name__ == "__main__":
    with gateway():
        asyncio.run(main())
