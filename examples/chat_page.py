"""A chat in the browser: reasoning that folds once the answer begins, and the cost of each answer and of the chat.

pip install ".[web]" && python examples/chat_page.py 0.05     # dollars of one chat; open the address that it prints
"""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from common import emulator_notice, gateway
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from aimlapi_integrations import AIMLAPIError, BudgetExceededError
from aimlapi_integrations.langchain import AIMLAPICallbackHandler, ChatAIMLAPI

BUDGET = [*sys.argv, "0.50"][1]
MODELS: dict[str, dict[str, Any]] = {  # with the options that make each of them return its reasoning
    "openai/gpt-5-mini-2025-08-07": {"reasoning": {"effort": "low", "summary": "auto"}},
    "anthropic/claude-haiku-4.5": {"reasoning_effort": "low", "endpoint": "messages"},
    "deepseek-reasoner": {},
    "google/gemini-2.5-flash": {},
}
READY, BUSY = {"submit_btn": "Send", "stop_btn": False}, {"submit_btn": False, "stop_btn": "Stop"}


@dataclass
class Turn:
    model: str
    question: str
    answer: AIMessageChunk = field(default_factory=lambda: AIMessageChunk(""))
    end: gr.ChatMessage | None = None  # the last part: the cost, or the reason why the answer ended early

    def messages(self, model: str) -> list[BaseMessage]:
        """Return the turn for the next request. Reasoning and signatures go back only to the model that wrote them."""
        own = self.model == model and self.answer.response_metadata.get("finish_reason")
        return [HumanMessage(self.question), self.answer if own else AIMessage(self.answer.text)]

    def render(self) -> list[gr.ChatMessage]:
        reasoning = "\n\n".join(block["reasoning"] for block in self.answer.content_blocks if block.get("reasoning"))
        text = self.answer.text or self.answer.additional_kwargs.get("refusal")
        done = bool(text or self.end)
        folded = gr.ChatMessage(reasoning, metadata={"title": "Thoughts", "status": "done" if done else "pending"})
        parts = [folded if reasoning or not done else None, text and gr.ChatMessage(text), self.end]
        return [gr.ChatMessage(self.question, "user"), *filter(None, parts)]


class Chat:
    def __init__(self) -> None:
        self.turns, self.box, self.costs = list[Turn](), READY, AIMLAPICallbackHandler(max_cost_usd=BUDGET)

    async def ask(self, model: str, question: str) -> AsyncIterator[tuple[Any, ...]]:
        if not question.strip():
            yield self.render(**BUSY, value="")
            return
        messages = [message for turn in self.turns if turn.answer.text for message in turn.messages(model)]
        self.turns.append(turn := Turn(model, question))
        yield self.render(**BUSY, value="")
        config = {"callbacks": [cost := AIMLAPICallbackHandler(), self.costs]}
        try:
            llm = ChatAIMLAPI(model=model, **MODELS.get(model, {}))
            async for chunk in llm.astream([*messages, HumanMessage(question)], config):
                turn.answer += chunk
                yield self.render()
            turn.end = gr.ChatMessage(f"<small>{cost.ledger.total}</small>")
        except AIMLAPIError as error:
            self.box = {**READY, "submit_btn": not isinstance(error, BudgetExceededError) and "Send"}
            turn.end = gr.ChatMessage(f"**{type(error).__name__}** {error}")
        yield self.render()

    def stop(self) -> tuple[Any, ...]:
        self.turns[-1].end = self.turns[-1].end or gr.ChatMessage("<small>Stopped: the request is closed.</small>")
        return self.render()

    def render(self, **box: Any) -> tuple[Any, ...]:
        parts = [part for turn in self.turns for part in turn.render()]
        return parts, f"<small>{self.costs.ledger.total}, of ${BUDGET}</small>", gr.update(**box)


with gr.Blocks(title="AI/ML API chat", fill_height=True, analytics_enabled=False) as page:
    chat = gr.State(Chat)
    gr.Markdown(emulator_notice(), visible=bool(emulator_notice()), elem_id="notice")
    with gr.Row():
        model = gr.Dropdown(list(MODELS), label="Model", allow_custom_value=True, container=False, min_width=280)
        new = gr.Button("New chat", size="md", scale=0)
    turns = gr.Chatbot(show_label=False, scale=1, buttons=["copy_all"], placeholder="Ask a model something.")
    box = gr.Textbox(show_label=False, placeholder="Your question", submit_btn="Send", autofocus=True)
    parts = [turns, gr.Markdown(Chat().render()[1]), box]
    submission = box.submit(Chat.ask, [chat, model, box], parts, show_progress="hidden", concurrency_limit=None)
    # Gradio ignores a question while another one is pending: Send comes back when that one has ended or was canceled.
    submission.then(lambda chat: gr.update(**chat.box), chat, box, show_progress="hidden")
    box.stop(Chat.stop, chat, parts, show_progress="hidden", cancels=[submission])
    reset = gr.on([new.click, turns.clear], Chat, None, chat, cancels=[submission])
    reset.then(lambda chat: chat.render(**chat.box), chat, parts, show_progress="hidden")

if __name__ == "__main__":
    css = "[data-testid=status-tracker] {display: none}"  # now and then it says "Error" over an answer that was stopped
    with gateway():
        page.launch(theme=gr.themes.Soft(font="sans-serif"), css=css, footer_links=[], run_history=False)
