"""What a model thinks, beside what it says, while it does both: on chat completions and on the Responses endpoint.

pip install ".[langchain,emulator,cli]"
python examples/reasoning.py
"""

from common import console, gateway
from langchain_core.messages import AIMessageChunk
from rich.columns import Columns
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from aimlapi_integrations.langchain import ChatAIMLAPI

QUESTION = "A bat and a ball cost 1.10 together, the bat costs 1.00 more than the ball. What does the ball cost?"


def models() -> dict[str, ChatAIMLAPI]:
    """A model that tells its thoughts as they come, and one that tells a summary of them, on request."""
    return {
        "chat completions": ChatAIMLAPI(model="deepseek-reasoner"),
        "responses": ChatAIMLAPI(
            model="openai/gpt-5-mini-2025-08-07", reasoning={"effort": "low", "summary": "auto"}, use_responses_api=True
        ),
    }


def beside(message: AIMessageChunk) -> Columns:
    """Two panels. Content blocks are the same for every model, wherever its endpoint puts the thoughts."""
    kinds = {"reasoning": "", "text": ""}
    for block in message.content_blocks:
        if block["type"] in kinds:
            kinds[block["type"]] += block.get(block["type"], "")
    width = console.width // 2 - 1
    thoughts = Panel(Text(kinds["reasoning"], style="dim italic"), title="thinks", border_style="yellow", width=width)
    return Columns([thoughts, Panel(Text(kinds["text"]), title="says", border_style="green", width=width)])


def show(llm: ChatAIMLAPI) -> None:
    whole = AIMessageChunk("")
    with Live(console=console) as live:
        for chunk in llm.stream(QUESTION):
            whole += chunk
            live.update(beside(whole))
    counts = whole.usage_metadata or {}
    thought = counts.get("output_token_details", {}).get("reasoning", 0)
    price = whole.response_metadata.get("cost", {}).get("usd", "?")
    console.print(
        f"\n[dim]{llm.model_name}: {thought} of {counts.get('output_tokens')} tokens were thoughts, ${price}[/]"
    )


def main() -> None:
    console.print(f"[bold]{QUESTION}[/]")
    for endpoint, llm in models().items():
        console.rule(endpoint)
        show(llm)


if __name__ == "__main__":
    with gateway():
        main()
