"""Answer questions about a scanned PDF in both frameworks: OCR, a store on disk, reranking, citations and the price.

pip install ".[examples]"
python examples/rag_pdf.py "When is the rent due?"
"""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import Any

import chromadb
from common import console, gateway
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.prompts import ChatPromptTemplate
from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.vector_stores.chroma import ChromaVectorStore
from matplotlib import pyplot
from matplotlib.backends.backend_pdf import PdfPages

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, AIMLAPIOCRParser, ChatAIMLAPI
from aimlapi_integrations.langchain import AIMLAPIRerank as LangChainRerank
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding, AIMLAPIOCRReader, AIMLAPIRerank

MODEL, EMBEDDINGS = "openai/gpt-5-mini-2025-08-07", "text-embedding-3-small"
DATA = Path("example-data/rag_pdf")
PAGES = ["The rent is due on the third day\nof each month.", "The deposit is two rents.", "Dogs are allowed, cats too."]
PROMPT = ChatPromptTemplate.from_template("Answer from these pages alone, citing [page].\n\n{pages}\n\n{question}")


def draw_lease() -> Path:
    """Write a PDF of three pages, and remove the stores of an earlier run."""
    shutil.rmtree(DATA, ignore_errors=True)
    (DATA / "scans").mkdir(parents=True)
    with PdfPages(DATA / "scans" / "lease.pdf") as pdf:
        for text in PAGES:
            page = pyplot.figure()
            page.text(0.1, 0.8, text)
            pdf.savefig(page)
            pyplot.close(page)
    return DATA / "scans" / "lease.pdf"


def cite(documents: Any) -> dict[str, str]:
    return {"pages": "\n\n".join(f"[{each.metadata['page_label']}] {each.page_content}" for each in documents)}


def langchain(path: Path, question: str) -> str:
    store = Chroma("lease", AIMLAPIEmbeddings(model=EMBEDDINGS), persist_directory=str(DATA / "lc"))
    store.add_documents(AIMLAPIOCRParser().parse(Blob.from_path(path)))
    documents: list[Document] = store.similarity_search(question, k=3)
    best = LangChainRerank(top_n=2).compress_documents(documents, question)
    return (PROMPT | ChatAIMLAPI(model=MODEL)).invoke({**cite(best), "question": question}).text


async def langchain_async(path: Path, question: str) -> str:
    store = Chroma("lease", AIMLAPIEmbeddings(model=EMBEDDINGS), persist_directory=str(DATA / "lc_async"))
    await store.aadd_documents(await AIMLAPIOCRParser().aparse(Blob.from_path(path)))
    documents: list[Document] = await store.asimilarity_search(question, k=3)
    best = await LangChainRerank(top_n=2).acompress_documents(documents, question)
    return (await (PROMPT | ChatAIMLAPI(model=MODEL)).ainvoke({**cite(best), "question": question})).text


def create_engine(documents: Any, name: str) -> CitationQueryEngine:
    collection = chromadb.PersistentClient(str(DATA / name)).get_or_create_collection("lease")
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    index = VectorStoreIndex.from_documents(documents, storage, embed_model=AIMLAPIEmbedding(model=EMBEDDINGS))
    options: Any = {"similarity_top_k": 3, "node_postprocessors": [AIMLAPIRerank(top_n=2)]}
    return CitationQueryEngine.from_args(index, llm=AIMLAPI(model=MODEL), **options)


def llama_index(path: Path, question: str) -> str:
    reader = SimpleDirectoryReader(path.parent, file_extractor={".pdf": AIMLAPIOCRReader()}, raise_on_error=True)
    return str(create_engine(reader.load_data(), "li").query(question))


async def llama_index_async(path: Path, question: str) -> str:
    return str(await create_engine(await AIMLAPIOCRReader().aload_data(path), "li_async").aquery(question))


def main() -> None:
    question = sys.argv[1] if len(sys.argv) > 1 else "When is the rent due?"
    with gateway():
        path = draw_lease()
        for answer in (langchain, langchain_async, llama_index, llama_index_async):
            with track_costs() as costs:
                text = answer(path, question)
                text = asyncio.run(text) if asyncio.iscoroutine(text) else text
            console.print(f"{answer.__name__}: {text}\n{costs.total}", markup=False)


if __name__ == "__main__":
    main()
