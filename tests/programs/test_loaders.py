"""Parsers of documents and recordings in LangChain's GenericLoader. `make programs` runs this."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aimlapi_integrations import track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIOCRParser, AIMLAPISpeechParser
from tests.support.media_files import make_pdf

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def loader_class() -> Any:
    name = "langchain_community.document_loaders.generic"
    return pytest.importorskip(name, reason="the extra `programs-test` is not installed").GenericLoader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pdf").write_bytes(make_pdf("Invoice 17", "Terms"))
    (tmp_path / "b.pdf").write_bytes(make_pdf("Letter"))
    (tmp_path / "c.mp3").write_bytes(b"ID3 sound")
    return tmp_path


@pytest.mark.parametrize("how", ["load", "lazy_load", "aload"])
async def test_generic_loader_reads_a_folder_of_pdfs(
    gateway: Emulator, folder: Path, loader_class: Any, how: str
) -> None:
    parser = AIMLAPIOCRParser(api_key="k", base_url=gateway.base_url)
    loader: Any = loader_class.from_filesystem(folder, suffixes=[".pdf"], parser=parser)
    with track_costs() as costs:
        documents = await loader.aload() if how == "aload" else list(getattr(loader, how)())
    pages = sorted((Path(document.metadata["source"]).name, document.metadata["page"]) for document in documents)
    assert pages == [("a.pdf", 0), ("a.pdf", 1), ("b.pdf", 0)]
    assert costs.total.credits == 24_000


def test_generic_loader_reads_recordings(gateway: Emulator, folder: Path, loader_class: Any) -> None:
    parser = AIMLAPISpeechParser(api_key="k", base_url=gateway.base_url, speakers=True)
    documents: Any = loader_class.from_filesystem(folder, suffixes=[".mp3"], parser=parser).load()
    assert [document.metadata["speaker"] for document in documents] == ["0", "1"]
