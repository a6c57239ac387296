"""An agent whose process dies in the middle of a task, and a second process that finishes the task.

The agent's memory is a SQLite file. Every step is saved before the next one begins, so no call is made or paid twice.

    pip install ".[examples]"
    python examples/agent_with_memory.py
"""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from common import console, gateway
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver

from aimlapi_integrations.langchain import ChatAIMLAPI

MEMORY = Path("example-data/agent_with_memory.sqlite")
THREAD = {"configurable": {"thread_id": "trip-to-paris"}}


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    if "begin" in sys.argv:
        console.print("  [bold red]the process dies here, in the middle of a tool[/]")
        os._exit(137)  # like a killed process: no cleanup
    return f"22 °C and sunny in {city}"


def run(agent, task: dict | None) -> None:
    """Run the agent until it has answered, and print its steps. Without a task, resume from the memory."""
    for update in agent.stream(task, THREAD, stream_mode="updates", durability="sync"):
        for step, state in update.items():
            for message in state["messages"]:
                calls = [f"{call['name']}({call['args']})" for call in getattr(message, "tool_calls", [])]
                console.print(f"  [cyan]{step:<6}[/]", end=" ")
                console.print(message.text or ", ".join(calls), markup=False)


def begin(agent) -> None:
    run(agent, {"messages": [HumanMessage("What is the weather in Paris?")]})


def resume(agent) -> None:
    saved = agent.get_state(THREAD)
    console.print(f"  [dim]{len(saved.values['messages'])} messages are saved; next: {', '.join(saved.next)}[/]")
    run(agent, None)
    run(agent, {"messages": [HumanMessage("And how is the weather in Lisbon?")]})

    messages = agent.get_state(THREAD).values["messages"]
    costs = [message.response_metadata["cost"]["usd"] for message in messages if isinstance(message, AIMessage)]
    console.print(f"[bold]{len(messages)} messages, {len(costs)} model calls, ${sum(map(Decimal, costs))}[/]")


def with_memory(work) -> None:
    with SqliteSaver.from_conn_string(str(MEMORY)) as memory:
        llm = ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07")
        work(create_agent(llm, [get_weather], checkpointer=memory))


def main() -> None:
    MEMORY.parent.mkdir(exist_ok=True)
    MEMORY.unlink(missing_ok=True)
    for part in ("begin", "resume"):
        console.rule(part)
        process = subprocess.run([sys.executable, __file__, part], check=False)
        console.print(f"[dim]the process ended with code {process.returncode}[/]")
    sys.exit(process.returncode)


if __name__ == "__main__":
    if sys.argv[1:]:
        with_memory({"begin": begin, "resume": resume}[sys.argv[1]])
    else:
        with gateway():
            main()
