"""Ask questions about your own documents in LangChain: `ingest` embeds them into a store on disk, `query` asks.

The store is embedded Chroma. Both frameworks maintain an integration for it, adding a text twice keeps one copy, it has
sent no telemetry since 1.0, and it downloads no model because the embeddings come from the gateway.

    pip install ".[examples]"
    python examples/rag_lc.py ingest README.md CHANGELOG.md
    python examples/rag_lc.py query "How many credits is one US dollar?"
"""

import argparse
import re
from pathlib import Path

from common import console, gateway
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from rich.table import Table

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI

README = Path(__file__).parents[1] / "README.md"
PROMPT = ChatPromptTemplate.from_template(
    "Answer from the context alone, in two sentences. Say so if the answer isn't there.\n\n"
    "Context:\n{context}\n\nQuestion: {question}"
)


def store(progress: bool = False) -> Chroma:
    embeddings = AIMLAPIEmbeddings(model="text-embedding-3-small", chunk_size=8, show_progress_bar=progress)
    return Chroma("documents", embeddings, persist_directory="example-data/rag_lc")


def sections(path: Path) -> list[Document]:
    """Split a Markdown file at its headings."""
    texts = re.split(r"^(?=#{1,3} )", path.read_text("utf-8"), flags=re.MULTILINE)
    titled = [(text.partition("\n")[0].strip("# "), text) for text in texts if text.strip()]
    return [
        Document(text, id=f"{path.name}-{number}", metadata={"file": path.name, "section": title})
        for number, (title, text) in enumerate(titled)
    ]


def ingest(paths: list[Path]) -> None:
    documents = [section for path in paths for section in sections(path)]
    store(progress=True).add_documents(documents)
    console.print(f"[green]{len(documents)} sections are stored in example-data/rag_lc[/]")


def query(question: str) -> None:
    results = store().similarity_search_with_score(question, k=4)
    table = Table("distance", "file", "section", title=question)
    for document, distance in results:
        table.add_row(f"{distance:.3f}", document.metadata["file"], document.metadata["section"])
    console.print(table)

    chain = PROMPT | ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07")
    context = "\n\n".join(document.page_content for document, _ in results)
    for chunk in chain.stream({"context": context, "question": question}):
        console.out(chunk.text, end="")
    console.print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("ingest").add_argument("files", nargs="*", type=Path, default=[README])
    actions.add_parser("query").add_argument("question", nargs="?", default="How many credits is one US dollar?")
    args = parser.parse_args()
    with gateway(), track_costs() as costs:
        ingest(args.files) if args.action == "ingest" else query(args.question)
        console.print(costs)


if __name__ == "__main__":
    main()
