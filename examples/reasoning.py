"""Reasoning next to the answer while both stream: on chat completions and on Responses.

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
    """One model that streams its reasoning, and one that returns a summary of it on request."""
    return {
        "chat completions": ChatAIMLAPI(model="deepseek-reasoner"),
        "responses": ChatAIMLAPI(
            model="openai/gpt-5-mini-2025-08-07", reasoning={"effort": "low", "summary": "auto"}, use_responses_api=True
        ),
    }


def render(message: AIMessageChunk) -> Columns:
    """Draw two panels. Content blocks are the same for every model and endpoint."""
    texts = {"reasoning": "", "text": ""}
    for block in message.content_blocks:
        if block["type"] in texts:
            texts[block["type"]] += block.get(block["type"], "")
    width = console.width // 2 - 1
    reasoning = Text(texts["reasoning"], style="dim italic")
    return Columns(
        [
            Panel(reasoning, title="reasoning", border_style="yellow", width=width),
            Panel(Text(texts["text"]), title="answer", border_style="green", width=width),
        ]
    )


def stream(llm: ChatAIMLAPI) -> None:
    message = AIMessageChunk("")
    with Live(console=console) as live:
        for chunk in llm.stream(QUESTION):
            message += chunk
            live.update(render(message))
    usage = message.usage_metadata or {}
    reasoning_tokens = usage.get("output_token_details", {}).get("reasoning", 0)
    usd = message.response_metadata.get("cost", {}).get("usd", "?")
    console.print(
        f"\n[dim]{llm.model_name}: {usage.get('output_tokens')} output tokens ({reasoning_tokens} reasoning), ${usd}[/]"
    )


def main() -> None:
    console.print(f"[bold]{QUESTION}[/]")
    for endpoint, llm in models().items():
        console.rule(endpoint)
        stream(llm)


if __name__ == "__main__":
    with gateway():
        main()
