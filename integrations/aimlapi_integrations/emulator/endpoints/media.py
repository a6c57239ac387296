"""Images, speech and OCR: `/v1/images/generations`, `/v1/images/edits`, `/v1/stt/create`, `/v1/stt/{id}` and `/v1/ocr`.

Images are small PNGs in a color that the prompt decides. Speech jobs are queued, then generating, then completed. The
emulator hears nothing: the transcript names the recording and says that it is emulated, in the form that the model's
vendor has for it. OCR returns the text that a PDF really holds where it is simple to read, else a placeholder for each
page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import time
import uuid
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response

from ..model import LABEL
from ..model.catalogue import credits_meta
from ..model.schema_values import value_for_schema
from ..model.texts import page_texts
from ..store import GatewayState
from ..wire import JSON, GatewayError, parse_request
from ..wire.media import (
    AssemblyAIRequest,
    DeepgramRequest,
    GLMOCRRequest,
    GoogleOCRRequest,
    ImageRequest,
    MistralOCRRequest,
    OCRRequest,
    PageIndices,
    PageRange,
    PagesTo,
    SpeechRequest,
    check_image_request,
    check_media_model_served,
    ocr_family,
    speech_family,
)

IMAGE_CREDITS = 80_000  # $0.04 an image, an invented price of a realistic order
MAX_IMAGES = 1_000
SIDE = 16

SECOND_CREDITS = 200  # $0.0001 a second, an invented price of a realistic order
WORD_SECONDS = 0.4
MAX_JOBS = 1_000
PAGE_CREDITS = 8_000  # $0.004 a page, an invented price of a realistic order
ANNOTATED_PAGE_CREDITS = 12_000
PAGES_OF_LINK = 2  # of a document behind a URL, which the emulator doesn't fetch
WIDTH, HEIGHT, DPI = 1240, 1754, 150


# --- images -------------------------------------------------------------------------------------------------------


def create_images(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    return _create(state, http_request, body, edits=False)


def edit_images(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    if "gpt-image" not in str(body.get("model")) and not str(body.get("model")).startswith("emulator/"):
        raise GatewayError(400, f"Model {body.get('model')} is not available on /v1/images/edits")
    return _create(state, http_request, body, edits=True)


def _create(state: GatewayState, http_request: Request, body: JSON, *, edits: bool) -> JSON:
    model = str(body.get("model"))
    check_media_model_served(model, "images", any_model=state.options.any_model)
    request = parse_request(ImageRequest, body, strict=not http_request.state.is_form)
    check_image_request(body, request, edits=edits)
    count = int(max(request.n, request.num_images))
    images = [draw(f"{request.prompt} {_inputs(body)}", number) for number in range(count)]
    return {
        "created": int(time.time()),
        "data": [_item(state, http_request, request, image) for image in images],
        "meta": credits_meta(IMAGE_CREDITS * count),
    }


def _inputs(body: JSON) -> str:
    """What stands for the images to edit."""
    named = [str(body[name]) for name in ("image", "image_url", "image_urls") if name in body]
    return hashlib.sha256(" ".join(named).encode()).hexdigest() if named else ""


def _item(state: GatewayState, http_request: Request, request: ImageRequest, image: bytes) -> JSON:
    about = {"mime_type": "image/png", "revised_prompt": f"{LABEL} {request.prompt}"}
    if request.response_format == "b64_json":
        return {"b64_json": base64.b64encode(image).decode(), **about}
    name = f"{hashlib.sha256(image).hexdigest()[:32]}.png"
    state.images[name] = image
    for old in list(state.images)[:-MAX_IMAGES]:
        del state.images[old]
    return {"url": f"{str(http_request.base_url).rstrip('/')}/emulated/images/{name}", **about}


async def serve_image(request: Request) -> Response:
    """Serve a generated image as the gateway's storage does, without a key."""
    state: GatewayState = request.app.state.gateway
    image = state.images.get(request.path_params["name"])
    return Response(status_code=404) if image is None else Response(image, media_type="image/png")


def draw(prompt: str, number: int) -> bytes:
    """A PNG of one color. The same prompt and number always give the same bytes."""
    color = hashlib.sha256(f"{number}:{prompt}".encode()).digest()[:3]
    rows = (b"\x00" + color * SIDE) * SIDE
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)),
        (b"tEXt", b"Software\x00aimlapi-emulator"),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# --- speech -------------------------------------------------------------------------------------------------------


@dataclass
class SpeechJob:
    """A job: the states that it reports before it ends, and what it reports then. It never ends if `endless`."""

    id: str
    outcome: JSON
    pending: list[str] = field(default_factory=lambda: ["queued", "generating"])
    endless: bool = False

    def report(self) -> JSON:
        if self.endless:
            return {"id": self.id, "status": "generating"}
        return {"id": self.id, "status": self.pending.pop(0)} if self.pending else {"id": self.id, **self.outcome}


def create_speech_job(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_media_model_served(model, "stt", any_model=state.options.any_model)
    request = parse_request(speech_family(model), body, strict=not http_request.state.is_form)
    fault = http_request.state.fault
    outcome = _failure() if fault == "job-failed" else _completed(request)
    job = SpeechJob(str(uuid.uuid4()), outcome, endless=fault == "job-endless")
    state.speech_jobs[job.id] = job
    for old in list(state.speech_jobs)[:-MAX_JOBS]:
        del state.speech_jobs[old]
    return {"generation_id": job.id}


def retrieve_speech_job(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    job: Any = state.speech_jobs.get(http_request.path_params["id"])
    if job is None:
        raise GatewayError(404, "Generation not found")
    report: JSON = job.report()
    return report


def _failure() -> JSON:
    return {
        "status": "error",
        "error": {"name": "UpstreamError", "message": "emulated: the recording can't be decoded"},
    }


def _completed(request: SpeechRequest) -> JSON:
    sentences = _sentences(request)
    words = [(word, index) for index, sentence in enumerate(sentences) for word in sentence.split()]
    duration = round(len(words) * WORD_SECONDS, 1)
    return {
        "status": "completed",
        "result": _result(request, sentences, words, duration),
        "meta": credits_meta(max(1, int(duration * SECOND_CREDITS))),
    }


def _sentences(request: SpeechRequest) -> list[str]:
    """Two sentences, one by each of two speakers."""
    file = request.audio or request.file or {}
    name = str(file.get("originalname") or (request.url or "").partition("?")[0].rpartition("/")[2] or "a recording")
    size = f" of {file['size']} bytes" if "size" in file else ""
    return [f"{LABEL} Nobody has listened to {name}{size}.", "This transcript is made up."]


def _result(request: SpeechRequest, sentences: list[str], words: list[tuple[str, int]], duration: float) -> JSON:
    match request:
        case DeepgramRequest():
            return _deepgram(request, sentences, words, duration)
        case AssemblyAIRequest():
            return _assemblyai(request, sentences, words, duration)
    usage = {"type": "tokens", "input_tokens": 10 * len(words), "output_tokens": len(words)}
    return {"text": " ".join(sentences), "usage": {**usage, "total_tokens": 11 * len(words)}}


def _deepgram(request: DeepgramRequest, sentences: list[str], words: list[tuple[str, int]], duration: float) -> JSON:
    timed = [
        {
            "word": re.sub(r"\W", "", word).lower(),
            "start": round(place * WORD_SECONDS, 1),
            "end": round((place + 1) * WORD_SECONDS, 1),
            "confidence": 0.99,
            "punctuated_word": word,
            **({"speaker": speaker} if request.diarize else {}),
        }
        for place, (word, speaker) in enumerate(words)
    ]
    alternative = {"transcript": " ".join(sentences), "confidence": 0.99, "words": timed}
    results: JSON = {"channels": [{"alternatives": [alternative]}]}
    if request.utterances:
        results["utterances"] = [
            {"start": start, "end": end, "confidence": 0.99, "channel": 0, "transcript": text, "speaker": speaker}
            for speaker, (text, start, end) in enumerate(_turns(sentences, 1.0))
        ]
    digest = hashlib.sha256(str(request.audio or request.url).encode()).hexdigest()
    metadata = {"request_id": str(uuid.uuid4()), "sha256": digest, "duration": duration, "channels": 1}
    return {"metadata": {**metadata, "models": [request.model]}, "results": results}


def _assemblyai(
    request: AssemblyAIRequest, sentences: list[str], words: list[tuple[str, int]], duration: float
) -> JSON:
    step = WORD_SECONDS * 1000
    timed = [
        {
            "text": word,
            "start": int(place * step),
            "end": int((place + 1) * step),
            "confidence": 0.99,
            "speaker": "AB"[speaker] if request.speaker_labels else None,
        }
        for place, (word, speaker) in enumerate(words)
    ]
    utterances = [
        {"text": text, "start": int(start), "end": int(end), "speaker": "AB"[speaker], "confidence": 0.99}
        for speaker, (text, start, end) in enumerate(_turns(sentences, 1000.0))
    ]
    return {
        "id": str(uuid.uuid4()),
        "language_model": "aimlapi-emulator",
        "language_code": request.language_code,
        "status": "completed",
        "text": " ".join(sentences),
        "words": timed,
        "utterances": utterances if request.speaker_labels else None,
        "audio_duration": duration,
    }


def _turns(sentences: list[str], unit: float) -> list[tuple[str, float, float]]:
    """Each sentence with its begin and end, in seconds times `unit`."""
    turns, start = [], 0.0
    for sentence in sentences:
        end = start + len(sentence.split()) * WORD_SECONDS
        turns.append((sentence, round(start * unit, 1), round(end * unit, 1)))
        start = end
    return turns


# --- OCR ----------------------------------------------------------------------------------------------------------


def create_ocr(state: GatewayState, _http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_media_model_served(model, "ocr", any_model=state.options.any_model)
    request = parse_request(ocr_family(model), body)
    link = _link(request)
    data, name = _content(link), link if link.startswith("http") else "the document"
    texts = _texts(data, name, is_image=_is_image(request))
    indexes = [index for index in _selected(request, len(texts)) if index < len(texts)]
    pages = [_page(index, len(texts), texts[index], request, link) for index in indexes]
    annotation = _annotation(request, "\n".join(texts))
    return {
        "pages": pages,
        "model": model.rpartition("/")[2],
        "document_annotation": annotation,
        "usage_info": {"pages_processed": len(pages), "doc_size_bytes": len(data) if data else None},
        "meta": credits_meta(len(pages) * (ANNOTATED_PAGE_CREDITS if annotation else PAGE_CREDITS)),
    }


def _link(request: OCRRequest) -> str:
    if isinstance(request, GoogleOCRRequest):
        is_link = re.match(r"(https?|data):", request.document)
        return request.document if is_link else f"data:{request.mimeType};base64,{request.document}"
    return str(getattr(request.document, request.document.type))


def _is_image(request: OCRRequest) -> bool:
    if isinstance(request, GoogleOCRRequest):
        return request.mimeType.startswith("image/")
    return request.document.type == "image_url"


def _content(link: str) -> bytes:
    """The bytes of a data URL; none of another URL."""
    if not link.startswith("data:"):
        return b""
    head, _, data = link.partition(",")
    return base64.b64decode(data) if head.endswith(";base64") else unquote_to_bytes(data)


def _texts(data: bytes, name: str, *, is_image: bool) -> list[str]:
    """The text of each page."""
    texts = page_texts(data) if data.startswith(b"%PDF") else []
    count = 1 if is_image else PAGES_OF_LINK if not data else max(1, len(texts))
    texts = texts or [""] * count
    placeholder = f"No text that the emulator can read in {name}: a picture, or a font of its own."
    return [text or placeholder for text in texts]


def _selected(request: OCRRequest, count: int) -> list[int]:
    """Return the requested page indexes, counted from 0."""
    if isinstance(request, GoogleOCRRequest):
        match request.pages:
            case PageIndices(indices=numbers):
                return [number - 1 for number in numbers]
            case PageRange(start=start, end=end):
                return list(range(start - 1, end))
            case PagesTo(end=end):
                return list(range(end))
        return list(range(request.pages.start - 1, count))
    return list(range(count)) if request.pages is None else _page_numbers(request.pages)


def _page_numbers(pages: str | list[int]) -> list[int]:
    if isinstance(pages, list):
        return pages
    ranges = re.findall(r"(\d+)(?:-(\d+))?", pages)
    return [page for first, last in ranges for page in range(int(first), int(last or first) + 1)]


def _page(index: int, count: int, text: str, request: OCRRequest, link: str) -> JSON:
    return {
        "index": index,
        "markdown": f"{LABEL} page {index + 1} of {count}\n\n{text}",
        "images": _images(request, link) if _is_image(request) else [],
        "dimensions": {"dpi": DPI, "height": HEIGHT, "width": WIDTH},
    }


def _images(request: OCRRequest, link: str) -> list[JSON]:
    """The picture that is the document, as the one picture on its page."""
    inline = isinstance(request, GLMOCRRequest) and request.include_image_base64
    corners: JSON = {"top_left_x": 0, "top_left_y": 0, "bottom_right_x": WIDTH, "bottom_right_y": HEIGHT}
    image = {"id": "img-0.png", **corners, "image_base64": link if inline and link.startswith("data:") else None}
    bbox = request.bbox_annotation_format if isinstance(request, MistralOCRRequest) else None
    return [{**image, "image_annotation": _json(bbox.json_schema.schema_, "a picture")} if bbox else image]


def _annotation(request: OCRRequest, text: str) -> str | None:
    requested = request.document_annotation_format if isinstance(request, MistralOCRRequest) else None
    return None if requested is None else _json(requested.json_schema.schema_, text)


def _json(schema: JSON, text: str) -> str:
    value: Any = value_for_schema(schema, text)
    return json.dumps(value, ensure_ascii=False)
