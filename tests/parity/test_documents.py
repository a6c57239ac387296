"""Documents of pages and segments: the same texts and metadata in LangChain and LlamaIndex, sync and async."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pytest
from langchain_core.document_loaders import BlobLoader
from langchain_core.documents.base import Blob
from llama_index.core import SimpleDirectoryReader
from pydantic import BaseModel

from aimlapi_integrations import UnsupportedContentError, track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIOCRParser, AIMLAPISpeechParser
from aimlapi_integrations.llama_index import AIMLAPIOCRReader, AIMLAPISpeechReader
from tests.support.media_files import PNG, make_pdf

pytestmark = pytest.mark.usefixtures("no_waiting")


class Invoice(BaseModel):
    number: int


class Row(NamedTuple):
    """What is the same in both frameworks."""

    text: str
    metadata: dict[str, Any]


class Way(NamedTuple):
    framework: str
    asynchronous: bool

    def __str__(self) -> str:
        return f"{self.framework}-{'async' if self.asynchronous else 'sync'}"


WAYS = [Way(framework, asynchronous) for framework in ("lc", "li") for asynchronous in (False, True)]
on_every_way = pytest.mark.parametrize("way", WAYS, ids=str)
_CLASSES = {
    ("lc", "ocr"): AIMLAPIOCRParser,
    ("lc", "speech"): AIMLAPISpeechParser,
    ("li", "ocr"): AIMLAPIOCRReader,
    ("li", "speech"): AIMLAPISpeechReader,
}


def component(way: Way, kind: str, gateway: Emulator, **options: Any) -> Any:
    base = "base_url" if way.framework == "lc" else "api_base"
    return _CLASSES[way.framework, kind](api_key="k", **{base: gateway.base_url}, **options)


def read(way: Way, reader: Any, source: str) -> list[Row]:
    """Read a URL or path."""
    return _read(way, reader, Blob(path=source)) if way.framework == "lc" else _read(way, reader, source)


def read_bytes(way: Way, reader: Any, data: bytes, path: str) -> list[Row]:
    """Read bytes that have a path, but not on the local disk."""
    if way.framework == "lc":
        return _read(way, reader, Blob.from_data(data, path=path))
    memory = fsspec.filesystem("memory")
    memory.pipe(path, data)
    return _read(way, reader, path, fs=memory)


def _read(way: Way, reader: Any, *args: Any, **kwargs: Any) -> list[Row]:
    name = "parse" if way.framework == "lc" else "load_data"
    if way.asynchronous:
        documents = asyncio.run(_close(reader, getattr(reader, f"a{name}")(*args, **kwargs)))
    else:
        documents = getattr(reader, name)(*args, **kwargs)
    text = "page_content" if way.framework == "lc" else "text"
    return [Row(getattr(document, text), document.metadata) for document in documents]


async def _close(reader: Any, coroutine: Any) -> Any:
    try:
        return await coroutine
    finally:
        await reader.aclose()


@pytest.fixture
def pdf(tmp_path: Path) -> str:
    path = tmp_path / "invoice.pdf"
    path.write_bytes(make_pdf("Invoice 17", "Terms"))
    return str(path)


# --- pages ------------------------------------------------------------------------------------------------------------


@on_every_way
def test_each_page_is_a_document_with_its_place_and_price(gateway: Emulator, way: Way, pdf: str) -> None:
    with track_costs() as costs:
        rows = read(way, component(way, "ocr", gateway), pdf)
    shared = {"source": pdf, "total_pages": 2, "model": "mistral-ocr-4-0"}
    price = {"cost_usd": "0.004000000", "cost_credits": 8000}
    assert [row.metadata for row in rows] == [
        {**shared, "page": 0, "page_label": "1", **price},
        {**shared, "page": 1, "page_label": "2", **price},
    ]
    assert ["Invoice 17" in rows[0].text, "Terms" in rows[1].text] == [True, True]
    assert costs.total.credits == 16_000


@on_every_way
def test_single_mode_is_one_document_with_the_whole_price(gateway: Emulator, way: Way, pdf: str) -> None:
    [row] = read(way, component(way, "ocr", gateway, mode="single"), pdf)
    assert ("Invoice 17" in row.text, "Terms" in row.text) == (True, True)
    assert row.metadata["cost_credits"] == 16_000
    assert "page" not in row.metadata


@on_every_way
def test_selected_pages_and_a_url(gateway: Emulator, way: Way) -> None:
    [row] = read(way, component(way, "ocr", gateway, pages=[1]), "https://example.com/a.pdf")
    assert (row.metadata["source"], row.metadata["page"]) == ("https://example.com/a.pdf", 1)


@on_every_way
def test_annotation_is_json_text_in_the_metadata(gateway: Emulator, way: Way, pdf: str) -> None:
    rows = read(way, component(way, "ocr", gateway, annotation=Invoice), pdf)
    assert [Invoice.model_validate_json(row.metadata["annotation"]).number for row in rows] == [17, 17]


@on_every_way
def test_images_are_in_the_metadata_on_request(gateway: Emulator, way: Way, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PNG)
    options: Any = {"model": "zhipu/glm-ocr", "include_images": True}
    [row] = read(way, component(way, "ocr", gateway, **options), str(path))
    [image] = row.metadata["images"]
    assert (image["mime_type"], image["box"][:2]) == ("image/png", [0, 0])
    [bare] = read(way, component(way, "ocr", gateway, model="zhipu/glm-ocr"), str(path))
    assert "images" not in bare.metadata


@on_every_way
def test_images_are_written_to_a_folder(gateway: Emulator, way: Way, tmp_path: Path) -> None:
    path = tmp_path / "my photo.png"
    path.write_bytes(PNG)
    reader = component(way, "ocr", gateway, model="zhipu/glm-ocr", image_dir=tmp_path / "images")
    [row] = read(way, reader, str(path))
    assert (tmp_path / "images" / "my-photo-1-img-0.png").read_bytes() == PNG
    assert "images" not in row.metadata
    json.dumps(row.metadata)


@on_every_way
def test_bytes_beyond_a_limit_are_called_by_the_name_of_their_file(gateway: Emulator, way: Way) -> None:
    data = b"%PDF-1.4 << /Type /Pages /Count 1001 >>"
    with pytest.raises(UnsupportedContentError, match=r"^lease\.pdf has 1,001 pages; .* Split it"):
        read_bytes(way, component(way, "ocr", gateway), data, "/scans/lease.pdf")
    assert gateway.requests == []


# --- segments ---------------------------------------------------------------------------------------------------------


@on_every_way
def test_each_segment_is_a_document_with_times_and_speaker(gateway: Emulator, way: Way) -> None:
    reader = component(way, "speech", gateway, speakers=True, language="en")
    first, second = read(way, reader, "https://example.com/talk.mp3")
    assert [first.metadata[name] for name in ("segment", "start", "speaker")] == [0, 0.0, "0"]
    assert [second.metadata[name] for name in ("segment", "start", "speaker")] == [1, first.metadata["end"], "1"]
    assert first.metadata["duration"] == second.metadata["end"]
    assert first.metadata["transcription_id"] == second.metadata["transcription_id"]
    assert None not in {*first.metadata.values(), *second.metadata.values()}
    assert gateway.requests[0].json["diarize"] is True


@on_every_way
def test_single_mode_is_one_document_with_the_whole_text(gateway: Emulator, way: Way) -> None:
    [row] = read(way, component(way, "speech", gateway, mode="single"), "https://example.com/talk.mp3")
    assert "This transcript is made up." in row.text
    assert not {"start", "speaker", "segment"} & row.metadata.keys()


@on_every_way
def test_bytes_are_uploaded_with_the_name_and_type_of_their_file(gateway: Emulator, way: Way) -> None:
    read_bytes(way, component(way, "speech", gateway), b"sound", "/talks/talk.mp3")
    [file] = [value for value in gateway.requests[0].json.values() if isinstance(value, dict)]
    assert (file["originalname"], file["mimetype"]) == ("talk.mp3", "audio/mpeg")


# --- in the frameworks' loaders ---------------------------------------------------------------------------------------


class Files(BlobLoader):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def yield_blobs(self) -> Any:
        return (Blob.from_path(path, metadata={"tag": "x"}) for path in sorted(self.folder.iterdir()))


def test_langchain_parser_adds_the_metadata_of_the_blob(gateway: Emulator, pdf: str) -> None:
    parser = component(WAYS[0], "ocr", gateway)
    documents = [each for blob in Files(Path(pdf).parent).yield_blobs() for each in parser.lazy_parse(blob)]
    assert [(document.metadata["tag"], document.metadata["page"]) for document in documents] == [("x", 0), ("x", 1)]


@pytest.mark.parametrize("data", [make_pdf("Hello"), "Hello"], ids=["bytes", "text"])
def test_langchain_parser_takes_blobs_in_memory(gateway: Emulator, data: Any) -> None:
    mime = "application/pdf" if isinstance(data, bytes) else "text/html"
    parser = component(WAYS[0], "ocr", gateway, model="google/gc-document-ai")
    [document] = parser.parse(Blob.from_data(data, mime_type=mime, path="a.file"))
    assert document.metadata["source"] == "a.file"
    assert gateway.requests[-1].json["mimeType"] == mime


@pytest.mark.parametrize("asynchronous", [False, True])
def test_llama_index_readers_are_file_extractors(gateway: Emulator, tmp_path: Path, asynchronous: bool) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf("Invoice 17"))
    (tmp_path / "b.mp3").write_bytes(b"ID3 sound")
    ocr, speech = (component(WAYS[2], kind, gateway) for kind in ("ocr", "speech"))
    directory = SimpleDirectoryReader(
        tmp_path, file_extractor={".pdf": ocr, ".mp3": speech}, raise_on_error=True, filename_as_id=True
    )
    documents = asyncio.run(directory.aload_data()) if asynchronous else directory.load_data()
    assert [document.metadata["file_name"] for document in documents] == ["a.pdf", "b.mp3", "b.mp3"]
    assert documents[0].id_.endswith("a.pdf_part_0")
    assert "cost_usd" not in documents[0].get_content("llm")  # type: ignore[arg-type]
    assert "cost_usd" in documents[0].metadata


def test_llama_index_reader_reads_other_file_systems(gateway: Emulator) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/scans/a.pdf", make_pdf("Invoice 17"))
    [document] = component(WAYS[2], "ocr", gateway).load_data("/scans/a.pdf", extra_info={"tag": "x"}, fs=memory)
    assert ("Invoice 17" in document.text, document.metadata["tag"]) == (True, "x")


@on_every_way
@pytest.mark.parametrize("kind", ["ocr", "speech"])
def test_copies_and_pickles_read_too_and_show_no_key(gateway: Emulator, way: Way, kind: str) -> None:
    base = "base_url" if way.framework == "lc" else "api_base"
    original = _CLASSES[way.framework, kind](api_key="sk-secret-key", **{base: gateway.base_url})
    for reader in (copy.deepcopy(original), pickle.loads(pickle.dumps(original)), original.model_copy()):
        assert read(way, reader, "https://example.com/file.pdf")
        assert "sk-secret-key" not in repr(reader)


@on_every_way
def test_unknown_argument_raises(gateway: Emulator, way: Way) -> None:
    with pytest.raises((TypeError, ValueError), match="colour"):
        component(way, "ocr", gateway, colour="red")
