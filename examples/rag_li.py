"""Ask questions about your own documents in LlamaIndex: `ingest` embeds them into a store on disk, `query` asks.

The store is embedded Chroma. Both frameworks maintain an integration for it, adding a text twice keeps one copy, it has
sent no telemetry since 1.0, and it downloads no model because the embeddings come from the gateway.

    pip install ".[examples]"
    python examples/rag_li.py ingest README.md CHANGELOG.md
    python examples/rag_li.py query "How many credits is one US dollar?"
"""

import argparse
from pathlib import Path

import chromadb
from common import console, gateway
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.node_parser import MarkdownNodeParser
from llama_index.vector_stores.chroma import ChromaVectorStore
from rich.table import Table

from aimlapi_integrations import track_costs
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

README = Path(__file__).parents[1] / "README.md"
EMBEDDING = "text-embedding-3-small"


def store() -> ChromaVectorStore:
    client = chromadb.PersistentClient("example-data/rag_li")
    # Without `None`, Chroma downloads an embedding model.
    return ChromaVectorStore(client.get_or_create_collection("documents", embedding_function=None))


def ingest(paths: list[Path]) -> None:
    documents = [Document(text=path.read_text("utf-8"), id_=path.name, metadata={"file": path.name}) for path in paths]
    vectors = store()
    for document in documents:
        vectors.delete(document.id_)  # sections from an earlier run
    nodes = MarkdownNodeParser().get_nodes_from_documents(documents)
    context = StorageContext.from_defaults(vector_store=vectors)
    embedding = AIMLAPIEmbedding(model=EMBEDDING, embed_batch_size=8)
    VectorStoreIndex(nodes, storage_context=context, embed_model=embedding, show_progress=True)
    console.print(f"[green]{len(nodes)} sections are stored in example-data/rag_li[/]")


def query(question: str) -> None:
    index = VectorStoreIndex.from_vector_store(store(), embed_model=AIMLAPIEmbedding(model=EMBEDDING))
    llm = AIMLAPI(model="openai/gpt-5-mini-2025-08-07")
    answer = index.as_query_engine(llm, similarity_top_k=4, streaming=True).query(question)

    table = Table("score", "file", "section", title=question)
    for result in answer.source_nodes:
        heading = result.node.get_content().partition("\n")[0].strip("# ")
        table.add_row(f"{result.score:.3f}", result.metadata["file"], heading)
    console.print(table)
    for text in answer.response_gen:
        console.out(text, end="")
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
