"""Replies of OCR, speech and image models in every documented form, and the table of what models accept."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from aimlapi_integrations import APIResponseError, ParameterWarning, Segment, UnsupportedParameterError
from aimlapi_integrations.endpoints import images, ocr, speech_to_text
from aimlapi_integrations.endpoints.ocr import count_pages
from aimlapi_integrations.endpoints.shared.sources import MediaSource, NamedBytes, load_source
from aimlapi_integrations.models.media import (
    image_capabilities,
    media_models,
    ocr_capabilities,
    speech_capabilities,
)
from tests.support.media_files import PNG, make_pdf

Json = dict[str, Any]
HEADERS = {"x-request-id": "req-1"}


# --- pages ------------------------------------------------------------------------------------------------------------


def test_page_in_full() -> None:
    image = {"id": "a.jpeg", "top_left_x": 1, "top_left_y": 2, "bottom_right_x": 3, "bottom_right_y": 4}
    page = {
        "index": 3,
        "markdown": "# A",
        "images": [{**image, "image_base64": "data:image/png;base64,aGk=", "image_annotation": {"kind": "chart"}}],
        "dimensions": {"dpi": 200, "height": 2200, "width": 1700},
    }
    body = {"pages": [page], "model": "m", "usage_info": {"pages_processed": 1, "doc_size_bytes": None}}
    result = ocr.decode({**body, "meta": {"usage": {"credits_used": 10}}}, HEADERS)
    [read] = result.pages
    assert (read.index, read.width, read.height, read.dpi) == (3, 1700, 2200, 200)
    [picture] = read.images
    assert (picture.box, picture.content, picture.mime) == ((1, 2, 3, 4), b"hi", "image/png")
    assert picture.annotation == '{"kind": "chart"}'
    assert (result.cost and result.cost.credits, result.call_metadata.request_id) == (10, "req-1")


@pytest.mark.parametrize("field", ["images", "dimensions", "index"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [None], [5]])
def test_odd_details_of_a_page_are_left_out(field: str, value: Any) -> None:
    [page] = ocr.decode({"pages": [{"markdown": "x", field: value}]}, {}).pages
    assert page.markdown == "x"
    assert page.index == (5 if (field, value) == ("index", 5) else 0)


# --- transcripts ------------------------------------------------------------------------------------------------------

DEEPGRAM = {
    "metadata": {"duration": 4.5, "models": ["nova"]},
    "results": {"channels": [{"alternatives": [{"transcript": "Hello there. Bye.", "words": []}]}]},
}
WORDS = [
    {"word": "hello", "punctuated_word": "Hello", "start": 0.0, "end": 0.4, "speaker": 0, "confidence": 0.9},
    {"word": "there", "punctuated_word": "there.", "start": 0.4, "end": 1.0, "speaker": 0},
    {"word": "bye", "punctuated_word": "Bye.", "start": 1.0, "end": 1.5, "speaker": 1},
]
BY_WORDS = (Segment("Hello there.", 0.0, 1.0, "0"), Segment("Bye.", 1.0, 1.5, "1"))
SENTENCE = {"text": "Hello there.", "start": 0.0, "end": 1.0}


def deepgram(**alternative: Any) -> Json:
    return {
        **DEEPGRAM,
        "results": {"channels": [{"alternatives": [{"transcript": "Hello there. Bye.", **alternative}]}]},
    }


@pytest.mark.parametrize(
    ("result", "segments"),
    [
        (DEEPGRAM, (Segment("Hello there. Bye.", 0.0, 4.5),)),
        (deepgram(words=WORDS), BY_WORDS),
        (
            deepgram(paragraphs={"paragraphs": [{"speaker": 1, "sentences": [SENTENCE]}]}),
            (Segment("Hello there.", 0.0, 1.0, "1"),),
        ),
        (
            {**DEEPGRAM, "results": {"utterances": [{**SENTENCE, "transcript": "Hi", "speaker": 2}]}},
            (Segment("Hi", 0.0, 1.0, "2"),),
        ),
        ({"text": "Hi.", "audio_duration": 2000, "words": [{"text": "Hi.", "start": 0, "end": 1500, "speaker": "A"}]},
         (Segment("Hi.", 0.0, 1.5, "A"),)),
        (
            {"audio_duration": 2, "utterances": [{"text": "Hi.", "start": 10, "end": 1500, "speaker": "B"}]},
            (Segment("Hi.", 0.01, 1.5, "B"),),
        ),
        ({"text": "Hi.", "segments": [{"text": " Hi. ", "start": 1.0, "end": 2.0}]}, (Segment("Hi.", 1.0, 2.0),)),
        ({"text": "Hi.", "usage": {"type": "duration", "seconds": 7}}, (Segment("Hi.", 0.0, 7),)),
        ({"text": "Hi."}, (Segment("Hi."),)),
        ({"text": ""}, ()),
        ({"text": "Hi.", "segments": [None, 5, {"text": 5}], "words": [5, {}], "utterances": "x"}, (Segment("Hi."),)),
    ],
)  # fmt: skip
def test_result_of_each_vendor_becomes_segments(result: Json, segments: tuple[Segment, ...]) -> None:
    body = {"status": "completed", "result": result}
    transcript = speech_to_text.decode(body, HEADERS, "job-1")
    assert transcript.segments == segments
    assert (transcript.id, transcript.done) == ("job-1", True)


@pytest.mark.parametrize("status", ["queued", "generating", "processing", "waiting", "active", "in_progress"])
def test_job_that_has_not_ended_is_not_done(status: str) -> None:
    assert not speech_to_text.decode({"status": status}, {}, "job-1").done


@pytest.mark.parametrize("body", [{"generation_id": "a"}, {"id": "a"}])
def test_submission_names_the_job(body: Json) -> None:
    assert speech_to_text.decode_submission(body, {}).id == "a"


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"data": [{"url": "https://x.y/a.png"}]}, ("https://x.y/a.png", b"", None)),
        ({"images": [{"url": "https://x.y/a", "content_type": "image/jpeg"}]}, ("https://x.y/a", b"", "image/jpeg")),
        ({"data": [{"b64_json": "iVBORw0KGgo=", "url": None}]}, (None, b"\x89PNG\r\n\x1a\n", "image/png")),
        ({"data": [{"url": "data:image/webp;base64,aGk="}]}, (None, b"hi", "image/webp")),
        ({"data": [{"b64_json": "data:image/png;base64,aGk="}]}, (None, b"hi", "image/png")),
    ],
)
def test_image_in_each_form(body: Json, expected: Any) -> None:
    [image] = images.decode(body, {}, "m").images
    assert (image.url, image.content, image.mime) == expected


@pytest.mark.parametrize("body", [{"data": [{"url": "https://x.y"}, {}]}, {"images": 5}, {"data": {}}])
def test_reply_without_an_image_raises(body: Json) -> None:
    with pytest.raises(APIResponseError):
        images.decode(body, HEADERS, "m")


@pytest.mark.parametrize(
    "size", ["1024x1024", "1024 X 768", "16:9", "16/9", "1024×768", "landscape_4_3", "3:1", "1:50"]
)
def test_every_size_is_taken_by_every_model_with_sizes(size: str) -> None:
    for model in media_models("images"):
        known = image_capabilities(model)
        if known.size is None or known.max_prompt is None or (known.inputs and known.inputs.required):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ParameterWarning)
            [request] = images.encode("x", model, size=size)
        value = request.body[known.size.field]
        assert value in known.size.values or known.size.pixels or not known.size.values, (model, value)


@pytest.mark.parametrize("n", [True, 1.5, -1, "2", None])
def test_count_that_is_none_raises(n: Any) -> None:
    with pytest.raises(UnsupportedParameterError, match="n="):
        images.encode("x", n=n)


# --- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"ID3", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
        (b"?", "application/octet-stream"),
        ("data:audio/mpeg;base64,aGk=", "audio/mpeg"),
        ("data:text/html,hi", "text/html"),
        ("https://x.y/a%20b.mp3?x=1", "audio/mpeg"),
    ],
)
def test_type_of_a_source_is_detected(data: Any, mime: str) -> None:
    source = load_source(data)
    assert source.mime == mime
    assert load_source(data, "image/gif").mime == "image/gif"


@pytest.mark.parametrize(
    ("data", "label", "file_name"),
    [
        (b"%PDF-", "The PDF passed as bytes", "file.pdf"),
        (b"GIF8", "The image passed as bytes", "file.gif"),
        (b"ID3", "The recording passed as bytes", "file.mp3"),
        (b"?", "The file passed as bytes", "file.bin"),
        ("data:application/pdf;base64,aGk=", "The PDF passed as bytes", "file.pdf"),
        (NamedBytes(b"%PDF-", "/scans/a.pdf"), "a.pdf", "a.pdf"),
        ("https://x.y/a%20b.mp3?x=1", "a b.mp3", "a b.mp3"),
    ],
)
def test_source_is_called_by_its_name_or_its_kind(data: Any, label: str, file_name: str) -> None:
    source = load_source(data)
    assert (source.label, source.file_name) == (label, file_name)


def test_source_does_not_show_its_bytes() -> None:
    assert "secret" not in repr(MediaSource("a/b", "a", data=b"secret" * 1000))


@pytest.mark.parametrize(
    ("data", "count"), [(make_pdf("a", "b", "c"), 3), (b"%PDF-1.4 << /Count 7 /Type /Pages >>", 7), (b"%PDF-", None)]
)
def test_pages_of_a_pdf_are_counted(data: bytes, count: int | None) -> None:
    assert count_pages(data) == count


# --- the table --------------------------------------------------------------------------------------------------------


def test_table_has_every_documented_model() -> None:
    counts = [len(media_models(section)) for section in ("ocr", "speech_to_text", "images")]  # type: ignore[arg-type]
    assert counts == [6, 30, 83]


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("MISTRAL-OCR-3", "mistral-ocr-3"),
        ("mistral/mistral-ocr-3", "mistral-ocr-3"),
        ("mistral-ocr-9", "mistral-ocr-3"),
    ],
)
def test_id_in_other_spelling_or_of_a_newer_version_has_its_familys_row(model: str, same_as: str) -> None:
    assert ocr_capabilities(model) == ocr_capabilities(same_as)


def test_unknown_model_has_what_all_have_in_common() -> None:
    assert ocr_capabilities("acme/reader").max_bytes is None
    assert speech_capabilities("acme/listener").speakers == {}
    assert image_capabilities("acme/painter").upload is None
