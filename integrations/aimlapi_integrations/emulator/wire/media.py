"""Requests for OCR, speech to text and images, by family of models; what each accepts is written by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import Self

from ..model.catalogue import other_modalities
from . import JSON, Closed, GatewayError, Open, invalid_request, problem

MEDIA_PATHS = {"ocr": "/v1/ocr", "stt": "/v1/stt/create", "images": "/v1/images/generations"}
_KINDS = (
    ("ocr", r"ocr|document-ai"),
    ("stt", r"whisper|nova-\d|slam-1|^aai/|transcribe"),
    ("other", r"tts|aura|eleven|octave|voice|speech-2|seed-audio|3d|hunyuan-part|triposr"),
    ("images", r""),
)
_UNLISTED = re.compile(r"#g1_(whisper-(tiny|base|small|medium|large)|nova-2-\w+)|aai/slam-1|mistral/mistral-ocr-latest")

Link = Annotated[str, StringConstraints(pattern=r"^(https?|data):\S+$")]


def check_media_model_served(model_id: str, kind: str, *, any_model: bool = False) -> None:
    """Raise if an endpoint does not serve a model.

    Args:
        model_id: of the request. Ids that start with `emulator/` are always served.
        kind: ocr, stt or images.
        any_model: serve unknown ids, too.

    Raises:
        GatewayError: 404 for an unknown model, 400 for a model of another endpoint.
    """
    known = model_id in other_modalities() or _UNLISTED.fullmatch(model_id)
    if not known and not model_id.startswith("emulator/") and not any_model:
        raise GatewayError(404, f"Model {model_id} not found")
    if known and next(name for name, pattern in _KINDS if re.search(pattern, model_id)) != kind:
        raise GatewayError(400, f"Model {model_id} is not available on {MEDIA_PATHS[kind]}")


# --- OCR ----------------------------------------------------------------------------------------------------------


class DocumentURL(Open):
    type: Literal["document_url"]
    document_url: Link


class ImageURL(Open):
    type: Literal["image_url"]
    image_url: Link


class JSONSchema(Open):
    name: str
    schema_: Annotated[JSON, Field(alias="schema")]
    description: str | None = None
    strict: bool | None = None


class AnnotationFormat(Open):
    type: Literal["json_schema"]
    json_schema: JSONSchema


class GLMOCRRequest(Open):
    model: str
    document: Annotated[DocumentURL | ImageURL, Field(discriminator="type")]
    pages: str | list[int] | None = None
    include_image_base64: bool | None = None
    image_limit: int | None = None
    image_min_size: int | None = None


class MistralOCRRequest(GLMOCRRequest):
    bbox_annotation_format: AnnotationFormat | None = None
    document_annotation_format: AnnotationFormat | None = None
    document_annotation_prompt: str | None = None


PageNumber = Annotated[int, Field(ge=1)]


class PagesFrom(Open):
    type: Literal["start"]
    start: PageNumber


class PagesTo(Open):
    type: Literal["end"]
    end: PageNumber


class PageRange(Open):
    type: Literal["range"]
    start: PageNumber
    end: Annotated[int, Field(ge=2)]


class PageIndices(Open):
    type: Literal["indices"]
    indices: Annotated[list[PageNumber], Field(max_length=15)]


class GoogleOCRRequest(Closed):
    model: str
    document: str
    mimeType: Literal[  # noqa: N815  # the gateway's name
        "application/pdf", "image/gif", "image/tiff", "image/jpeg", "image/png", "image/bmp", "image/webp", "text/html"
    ] = "application/pdf"
    pages: Annotated[PagesFrom | PagesTo | PageRange | PageIndices, Field(discriminator="type")] = PagesFrom(
        type="start", start=1
    )


OCRRequest = MistralOCRRequest | GLMOCRRequest | GoogleOCRRequest


def ocr_family(model_id: str) -> type[OCRRequest]:
    """The request model of an OCR model."""
    if "document-ai" in model_id:
        return GoogleOCRRequest
    return GLMOCRRequest if "glm" in model_id else MistralOCRRequest


# --- speech to text -----------------------------------------------------------------------------------------------


class SpeechRequest(Open):
    """What every model takes: a URL, or a file in the field that the family has for it."""

    model: str
    url: Link | None = None
    audio: JSON | None = None
    file: JSON | None = None

    @model_validator(mode="after")
    def _has_audio(self) -> Self:
        if sum(each is not None for each in (self.url, self.audio, self.file)) != 1:
            raise ValueError("Provide either url or audio: exactly one is required")
        return self


class DeepgramRequest(SpeechRequest):
    language: str = "en"
    diarize: bool | None = None
    punctuate: bool | None = None
    utterances: bool | None = None
    smart_format: bool | None = None
    paragraphs: bool | None = None
    detect_language: Any = None


class AssemblyAIRequest(SpeechRequest):
    language_code: str = "en_us"
    speaker_labels: bool | None = None
    speakers_expected: int | None = None
    punctuate: bool | None = None


class OpenAISpeechRequest(SpeechRequest):
    language: str = "en"
    prompt: str = ""
    temperature: Annotated[float, Field(ge=0, le=1)] = 0.0


# Pattern of model ids -> request model.
SPEECH_FAMILIES: tuple[tuple[str, type[SpeechRequest]], ...] = (
    (r"whisper|nova", DeepgramRequest),
    (r"slam|aai/", AssemblyAIRequest),
    (r"gpt-4o", OpenAISpeechRequest),
    (r"", SpeechRequest),
)


def speech_family(model_id: str) -> type[SpeechRequest]:
    """The request model of a speech-to-text model."""
    return next(family for pattern, family in SPEECH_FAMILIES if re.search(pattern, model_id))


# --- images -------------------------------------------------------------------------------------------------------


class PixelSize(Open):
    width: Annotated[int, Field(ge=64, le=4096)]
    height: Annotated[int, Field(ge=64, le=4096)]


class ImageRequest(Open):
    """Every field that any image model takes; which of them a model takes is in `IMAGE_FAMILIES`."""

    model: str
    prompt: Annotated[str, Field(min_length=1)] = "-"
    n: Annotated[float, Field(ge=1, le=10)] = 1
    num_images: Annotated[float, Field(ge=1, le=9)] = 1
    size: str = ""
    image_size: PixelSize | str = ""
    aspect_ratio: Annotated[str, StringConstraints(pattern=r"^(\d+(\.\d+)?:\d+(\.\d+)?|auto)$")] = "1:1"
    image: Any = None
    image_url: Link | list[Link] = "data:,"
    image_urls: Annotated[list[Link], Field(min_length=1, max_length=14)] = []  # noqa: RUF012  # frozen
    response_format: Literal["url", "b64_json"] = "url"
    seed: int = 1


@dataclass(frozen=True)
class ImageFamily:
    """What image models take beyond the types of `ImageRequest`.

    Attributes:
        max_count: the most images of one call.
        sizes: the values of `size`; any if empty.
        required: fields that a request must have.
    """

    max_count: int = 4
    sizes: tuple[str, ...] = ()
    required: tuple[str, ...] = ("prompt",)


_GPT_SIZES = ("1024x1024", "1024x1536", "1536x1024")
# Pattern of model ids -> what they take. The first match counts.
IMAGE_FAMILIES: tuple[tuple[str, ImageFamily], ...] = (
    (r"gpt-image", ImageFamily(1, _GPT_SIZES)),
    (r"dall-e-3", ImageFamily(1, ("1024x1024", "1024x1792", "1792x1024"))),
    (r"dall-e-2", ImageFamily(10, ("1024x1024", "512x512", "256x256"))),
    (r"stable-diffusion-xl", ImageFamily(4, ("512x512", "1024x1024"))),
    (r"grok", ImageFamily(10)),
    (r"recraft", ImageFamily(1)),
    (r"image-o1", ImageFamily(9, required=("prompt", "image_urls"))),
    (r"sharpen", ImageFamily(required=("image_url", "mode"))),
    (r"dreamina|switchx", ImageFamily(required=("image_url",))),
    (r"qwen-image-edit|seededit", ImageFamily(required=("prompt", "image"))),
    (r"image-to-image|reve/edit", ImageFamily(required=("prompt", "image_url"))),
    (r"flux-2.*-edit|qwen-image-3-edit|remix|v4-edit|/uso", ImageFamily(required=("prompt", "image_urls"))),
    (r"", ImageFamily()),
)
EDITS = ImageFamily(10, _GPT_SIZES, ("prompt", "image"))


def check_image_request(body: JSON, request: ImageRequest, *, edits: bool) -> None:
    """Raise if a model doesn't take a request.

    Raises:
        GatewayError: 400 with an entry in `details` for each field.
    """
    family = EDITS if edits else next(row for pattern, row in IMAGE_FAMILIES if re.search(pattern, request.model))
    details = [problem(name, "Required", "invalid_type") for name in family.required if body.get(name) is None]
    for name in ("n", "num_images"):
        if getattr(request, name) > family.max_count:
            reason = f"Number must be less than or equal to {family.max_count}"
            details.append(problem(name, reason, "too_big"))
    if request.size and family.sizes and request.size not in family.sizes:
        options = " | ".join(f"'{size}'" for size in family.sizes)
        details.append(problem("size", f"Invalid enum value. Expected {options}, received '{request.size}'"))
    if details:
        raise invalid_request(details)
