"""Ask about an image and a PDF, in LangChain and in LlamaIndex. The script creates both files itself.

pip install ".[examples]"
python examples/multimodal.py
"""

import base64
from pathlib import Path

import matplotlib
from common import console, gateway
from langchain_core.messages import HumanMessage
from llama_index.core.llms import ChatMessage, DocumentBlock, ImageBlock, TextBlock
from matplotlib.figure import Figure

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

matplotlib.use("Agg")  # renders to files, needs no display

MODEL = "openai/gpt-5-mini-2025-08-07"
QUESTION = "Which month in the chart had the most visitors, and is the invoice total over 100 euros?"
INVOICE = (
    "Invoice 2025-017\n\nTo: Ada Lovelace\n\n2 tickets, 45.00 EUR each\n1 guided tour, 12.50 EUR\n\nTotal: 102.50 EUR"
)


def draw(folder: Path) -> tuple[Path, Path]:
    """Create a chart as PNG and an invoice as PDF."""
    folder.mkdir(parents=True, exist_ok=True)
    image, document = folder / "visitors.png", folder / "invoice.pdf"
    chart = Figure(figsize=(5, 3))
    axes = chart.add_subplot(title="Museum visitors", ylabel="thousands")
    axes.bar(["March", "April", "May", "June"], [3.1, 4.4, 6.2, 5.0])
    chart.savefig(image)
    page = Figure(figsize=(6, 8))
    page.text(0.1, 0.9, INVOICE, va="top", fontsize=14)
    page.savefig(document)
    return image, document


def langchain(image: Path, document: Path) -> None:
    llm = ChatAIMLAPI(model=MODEL)
    image_block = {"type": "image", "mime_type": "image/png", "base64": base64.b64encode(image.read_bytes()).decode()}
    file_block = {
        "type": "file",
        "mime_type": "application/pdf",
        "base64": base64.b64encode(document.read_bytes()).decode(),
        "filename": document.name,
    }
    console.print(
        llm.invoke([HumanMessage([{"type": "text", "text": QUESTION}, image_block, file_block])]).text, markup=False
    )


def llama_index(image: Path, document: Path) -> None:
    llm = AIMLAPI(model=MODEL)
    blocks = [
        TextBlock(text=QUESTION),
        ImageBlock(path=image),
        DocumentBlock(path=document, title=document.name, document_mimetype="application/pdf"),
    ]
    console.print(llm.chat([ChatMessage(blocks=blocks)]).message.content, markup=False)


def main() -> None:
    image, document = draw(Path("example-data/multimodal"))
    console.print(
        f"Created {image} ({image.stat().st_size:,} bytes) and {document} ({document.stat().st_size:,} bytes)"
    )
    with track_costs() as costs:
        for name, ask in (("LangChain", langchain), ("LlamaIndex", llama_index)):
            console.rule(name)
            ask(image, document)
    console.print(costs)


if __name__ == "__main__":
    with gateway():
        main()
