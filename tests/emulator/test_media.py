"""The emulator's OCR, speech and image endpoints: what they refuse, and what they return."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator
from tests.support.media_files import PNG, make_pdf

Json = dict[str, Any]
DATA_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PDF_URL = (
    f"data:application/pdf;base64,{base64.b64encode(make_pdf('First line' + chr(10) + 'Second', 'Terms')).decode()}"
)
OCR: Json = {"model": "mistral/mistral-ocr-4-0", "document": {"type": "document_url", "document_url": PDF_URL}}
GOOGLE: Json = {"model": "google/gc-document-ai", "document": PDF_URL}
SPEECH: Json = {"model": "nova-3", "url": "https://x.y/talk.mp3"}
IMAGE: Json = {"model": "openai/gpt-image-1", "prompt": "A lighthouse"}
PATHS = {"ocr": "/ocr", "stt": "/stt/create", "images": "/images/generations", "edits": "/images/edits"}


@pytest.fixture
def http(gateway: Emulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.base_url, headers={"Authorization": "Bearer k"}, verify=False) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("ocr", {**OCR, "document": {"type": "document_url"}}, "document.document_url"),
        ("ocr", {**OCR, "document": {"type": "file", "file": "x"}}, "document"),
        ("ocr", {**OCR, "document": {"type": "document_url", "document_url": "not a url"}}, "document.document_url"),
        ("ocr", {"model": OCR["model"]}, "document"),
        ("ocr", {**OCR, "pages": 3}, "pages"),
        ("ocr", {**OCR, "document_annotation_format": {"type": "json_schema"}}, "document_annotation_format"),
        ("ocr", {**GOOGLE, "pages": {"type": "range", "start": 0, "end": 2}}, "pages.start"),
        ("ocr", {**GOOGLE, "pages": {"type": "indices", "indices": list(range(1, 17))}}, "pages.indices"),
        ("ocr", {**GOOGLE, "mimeType": "audio/mpeg"}, "mimeType"),
        ("ocr", {**GOOGLE, "colour": "red"}, "colour"),
        ("stt", {"model": "nova-3"}, ""),
        ("stt", {**SPEECH, "diarize": "yes"}, "diarize"),
        ("stt", {**SPEECH, "url": "talk.mp3"}, "url"),
        ("stt", {"model": "openai/gpt-4o-transcribe", "url": SPEECH["url"], "temperature": 2}, "temperature"),
        ("images", {"model": IMAGE["model"]}, "prompt"),
        ("images", {**IMAGE, "size": "1x1"}, "size"),
        ("images", {**IMAGE, "n": 2}, "n"),
        ("images", {**IMAGE, "response_format": "png"}, "response_format"),
        ("images", {"model": "flux/schnell", "prompt": "x", "image_size": {"width": 5, "height": 5}}, "image_size"),
        ("images", {"model": "flux/schnell", "prompt": "x", "num_images": 5}, "num_images"),
        (
            "images",
            {"model": "google/gemini-3-pro-image-preview", "prompt": "x", "aspect_ratio": "wide"},
            "aspect_ratio",
        ),
        ("images", {"model": "flux/dev/image-to-image", "prompt": "x"}, "image_url"),
        ("images", {"model": "topaz-labs/sharpen", "image_url": DATA_URL}, "mode"),
        ("edits", {**IMAGE}, "image"),
    ],
)
def test_invalid_request_is_refused_with_the_place(http: httpx.Client, path: str, body: Json, place: str) -> None:
    response = http.post(PATHS[path], json=body)
    assert response.status_code == 400
    details = response.json()["error"]["details"]
    paths = [item["path"] if isinstance(item["path"], str) else ".".join(map(str, item["path"])) for item in details]
    assert [each for each in paths if each.startswith(place)], details


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("ocr", {**OCR, "model": "acme/ocr"}, 404, "acme/ocr"),
        ("ocr", {**OCR, "model": "nova-3"}, 400, "not available on /v1/ocr"),
        ("stt", {**SPEECH, "model": "openai/gpt-image-1"}, 400, "not available on /v1/stt/create"),
        ("images", {**IMAGE, "model": "mistral-ocr-3"}, 400, "not available on /v1/images/generations"),
        ("edits", {**IMAGE, "model": "flux/schnell"}, 400, "not available on /v1/images/edits"),
    ],
)
def test_model_of_another_endpoint_is_refused(
    http: httpx.Client, path: str, body: Json, status: int, text: str
) -> None:
    response = http.post(PATHS[path], json=body)
    assert response.status_code == status
    assert text in response.text


@pytest.mark.parametrize("path", ["/ocr", "/stt/create", "/stt/none", "/images/generations", "/images/edits"])
def test_request_without_a_key_is_refused(gateway: Emulator, path: str) -> None:
    send = httpx.get if path == "/stt/none" else httpx.post
    assert send(gateway.base_url + path).status_code == 401


def test_form_that_is_none_is_refused(http: httpx.Client) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        response = http.post("/stt/create", content=b"--x\r\nno form\r\n--x--", headers={"content-type": content_type})
        assert response.status_code == 400
        assert "Multipart" in response.text


def test_form_fields_are_texts_and_repeated_ones_lists(http: httpx.Client, gateway: Emulator) -> None:
    response = http.post("/stt/create", data={"model": "nova-3", "diarize": "true"}, files={"audio": ("a.mp3", b"ID3")})
    assert response.status_code == 200
    files = [("image", ("a.png", PNG, "image/png")), ("image", ("b.png", PNG, "image/png"))]
    assert http.post("/images/edits", data=IMAGE, files=files).status_code == 200
    body = gateway.requests[-1].json
    assert body is not None
    assert [file["originalname"] for file in body["image"]] == ["a.png", "b.png"]
    assert gateway.requests[0].json == {
        "model": "nova-3",
        "diarize": "true",
        "audio": {
            "fieldname": "audio",
            "originalname": "a.mp3",
            "encoding": "7bit",
            "mimetype": "audio/mpeg",
            "size": 3,
            "sha256": gateway.requests[0].json["audio"]["sha256"],  # type: ignore[index]
        },
    }


def test_text_of_a_pdf_is_returned_line_by_line(http: httpx.Client) -> None:
    body = http.post("/ocr", json=OCR).json()
    first, second = (page["markdown"] for page in body["pages"])
    assert first == "[emulated] page 1 of 2\n\nFirst line\nSecond"
    assert second.endswith("Terms")
    assert body["usage_info"]["pages_processed"] == 2
    assert body["meta"]["usage"]["credits_used"] == 16_000


@pytest.mark.parametrize(
    "pages",
    [
        {"type": "start", "start": 2},
        {"type": "range", "start": 2, "end": 2},
        {"type": "indices", "indices": [2]},
    ],
)
def test_google_pages_count_from_one(http: httpx.Client, pages: Json) -> None:
    assert [page["index"] for page in http.post("/ocr", json={**GOOGLE, "pages": pages}).json()["pages"]] == [1]


def test_job_is_queued_then_generating_then_completed(http: httpx.Client) -> None:
    job_id = http.post("/stt/create", json=SPEECH).json()["generation_id"]
    states = [http.get(f"/stt/{job_id}").json() for _ in range(4)]
    assert [state["status"] for state in states] == ["queued", "generating", "completed", "completed"]
    assert states[2] == states[3]
    assert http.get("/stt/none").status_code == 404


def test_image_is_served_at_its_url_without_a_key_until_reset(http: httpx.Client, gateway: Emulator) -> None:
    item = http.post("/images/generations", json=IMAGE).json()["data"][0]
    assert httpx.get(item["url"]).content.startswith(b"\x89PNG")
    assert item["revised_prompt"].startswith("[emulated]")
    gateway.reset()
    assert httpx.get(item["url"]).status_code == 404
