"""A chat in the terminal that streams each answer and prints what it cost.

pip install ".[langchain,emulator,cli]"
python examples/streaming_chat.py                     # three scripted questions
python examples/streaming_chat.py --interactive       # your own questions; an empty line ends the chat
"""

import sys
from collections.abc import Iterator

from common import console, gateway
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage

from aimlapi_integrations.langchain import ChatAIMLAPI, get_aimlapi_callback

QUESTIONS = ("Who was Ada Lovelace?", "Which machine did she write about?", "Say that in five words.")


def questions(interactive: bool) -> Iterator[str]:
    if interactive:
        while question := console.input("[bold cyan]you  > [/]").strip():
            yield question
    else:
        for question in QUESTIONS:
            console.print(f"[bold cyan]you  > [/]{question}")
            yield question


def answer(llm: ChatAIMLAPI, history: list[BaseMessage]) -> AIMessageChunk:
    """Stream an answer. The chunks add up to the whole message, with its token counts and cost."""
    console.print("[bold magenta]model> [/]", end="")
    message = AIMessageChunk("")
    for chunk in llm.stream(history):
        console.out(chunk.text, end="")
        message += chunk
    cost = message.response_metadata.get("cost", {})
    tokens = message.usage_metadata and message.usage_metadata["total_tokens"]
    console.print(f"\n[dim]{tokens} tokens, ${cost.get('usd', '?')}[/]")
    return message


def main(interactive: bool) -> None:
    llm = ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07", reasoning_effort="low")
    history: list[BaseMessage] = [SystemMessage("Answer in one or two sentences.")]
    with get_aimlapi_callback() as costs:
        for question in questions(interactive):
            history.append(HumanMessage(question))
            history.append(answer(llm, history))
    console.print(costs)


if __name__ == "__main__":
    with gateway():
        main("--interactive" in sys.argv)
