"""RAG with reranking, citations and prices in LangChain: from a store on disk, sync, or async with --async.

Texts are embedded into a Chroma store on disk. A question retrieves many sections by their vectors, `AIMLAPIRerank`
keeps the few that help to answer it, and the answer cites them. The price of each model is shown at the end.

    pip install ".[examples]"
    python examples/rag_rerank_lc.py "How many credits is one US dollar?"
"""

import argparse
import asyncio
import re
from pathlib import Path

from common import console, gateway
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from rich.table import Table

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, AIMLAPIRerank, ChatAIMLAPI

README = Path(__file__).parents[1] / "README.md"
PROMPT = ChatPromptTemplate.from_template(
    "Answer in two sentences from these sources alone, and cite them as [1], [2]. Say so if the answer isn't there.\n\n"
    "{sources}\n\nQuestion: {question}"
)


def load(path: Path) -> list[Document]:
    """Read the sections of a Markdown file. To ingest other formats, replace this function."""
    texts = re.split(r"^(?=#{1,3} )", path.read_text("utf-8"), flags=re.MULTILINE)
    titled = [(text.partition("\n")[0].strip("# "), text) for text in texts if text.strip()]
    return [
        Document(text, id=f"{path.name}-{number}", metadata={"source": path.name, "section": title})
        for number, (title, text) in enumerate(titled)
    ]


def store() -> Chroma:
    embeddings = AIMLAPIEmbeddings(model="text-embedding-3-small", chunk_size=8)
    return Chroma("documents", embeddings, persist_directory="example-data/rag_rerank_lc")


def show(question: str, candidates: list[Document], documents: list[Document]) -> dict[str, str]:
    table = Table("", "before", "relevance", "section", title=question)
    for number, document in enumerate(documents, 1):
        before = 1 + [candidate.id for candidate in candidates].index(document.id)
        metadata = document.metadata
        table.add_row(f"[{number}]", str(before), f"{metadata['relevance_score']:.2f}", metadata["section"])
    console.print(table)
    sources = "\n\n".join(f"[{number}] {document.page_content}" for number, document in enumerate(documents, 1))
    return {"sources": sources, "question": question}


def query(question: str) -> str:
    candidates = store().similarity_search(question, k=12)
    documents = AIMLAPIRerank(top_n=3).compress_documents(candidates, question)
    chain = PROMPT | ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07")
    return chain.invoke(show(question, candidates, list(documents))).text


async def aquery(question: str) -> str:
    candidates = await store().asimilarity_search(question, k=12)
    documents = await AIMLAPIRerank(top_n=3).acompress_documents(candidates, question)
    chain = PROMPT | ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07")
    return (await chain.ainvoke(show(question, candidates, list(documents)))).text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default="How many credits is one US dollar?")
    parser.add_argument("--files", nargs="*", type=Path, default=[README])
    parser.add_argument("--async", action="store_true", dest="asynchronous")
    args = parser.parse_args()
    with gateway(), track_costs() as costs:
        store().add_documents([section for path in args.files for section in load(path)])
        answer = asyncio.run(aquery(args.question)) if args.asynchronous else query(args.question)
        console.print(answer, markup=False)
        console.print(costs)


if __name__ == "__main__":
    main()
