"""RAG with reranking, citations and prices in LlamaIndex: from a store on disk, sync, or async with --async.

Texts are embedded into a Chroma store on disk. A question retrieves many sections by their vectors, `AIMLAPIRerank`
keeps the few that help to answer it, and the answer of `CitationQueryEngine` cites them. The price of each model is
shown at the end.

    pip install ".[examples]"
    python examples/rag_rerank_li.py "How many credits is one US dollar?"
"""

import argparse
import asyncio
from pathlib import Path

import chromadb
from common import console, gateway
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import BaseNode
from llama_index.vector_stores.chroma import ChromaVectorStore
from rich.table import Table

from aimlapi_integrations import track_costs
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding, AIMLAPIRerank

README = Path(__file__).parents[1] / "README.md"


def load(path: Path) -> list[BaseNode]:
    """Read the sections of a Markdown file. To ingest other formats, replace this function."""
    document = Document(text=path.read_text("utf-8"), id_=path.name, metadata={"source": path.name})
    return MarkdownNodeParser().get_nodes_from_documents([document])


def create_index(paths: list[Path]) -> VectorStoreIndex:
    client = chromadb.PersistentClient("example-data/rag_rerank_li")
    # Without `None`, Chroma downloads an embedding model.
    vectors = ChromaVectorStore(client.get_or_create_collection("documents", embedding_function=None))
    for path in paths:
        vectors.delete(path.name)  # sections from an earlier run
    nodes = [node for path in paths for node in load(path)]
    context = StorageContext.from_defaults(vector_store=vectors)
    return VectorStoreIndex(nodes, storage_context=context, embed_model=AIMLAPIEmbedding(embed_batch_size=8))


def create_engine(index: VectorStoreIndex) -> CitationQueryEngine:
    return CitationQueryEngine.from_args(
        index,
        llm=AIMLAPI(model="openai/gpt-5-mini-2025-08-07"),
        similarity_top_k=12,
        node_postprocessors=[AIMLAPIRerank(top_n=3)],
    )


def show(question: str, response: RESPONSE_TYPE) -> None:
    table = Table("", "retrieval", "relevance", "section", title=question)
    for number, source in enumerate(response.source_nodes, 1):
        heading = source.node.get_content().split("\n")[1].strip("# ")
        retrieval = source.node.metadata["retrieval_score"]
        table.add_row(f"[{number}]", f"{retrieval:.2f}", f"{source.score:.2f}", heading)
    console.print(table)
    console.print(str(response), markup=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", nargs="?", default="How many credits is one US dollar?")
    parser.add_argument("--files", nargs="*", type=Path, default=[README])
    parser.add_argument("--async", action="store_true", dest="asynchronous")
    args = parser.parse_args()
    with gateway(), track_costs() as costs:
        engine = create_engine(create_index(args.files))
        response = asyncio.run(engine.aquery(args.question)) if args.asynchronous else engine.query(args.question)
        show(args.question, response)
        console.print(costs)


if __name__ == "__main__":
    main()
