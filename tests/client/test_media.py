"""Documents, recordings and images with both clients, on the emulator."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from aimlapi_integrations import (
    APITimeoutError,
    AsyncClient,
    BudgetExceededError,
    CallOptions,
    Client,
    NotFoundError,
    OutputError,
    ParameterWarning,
    ResponseFailedError,
    UnsupportedContentError,
    UnsupportedParameterError,
    track_costs,
)
from aimlapi_integrations.emulator import Emulator
from tests.support.media_files import PNG, make_pdf

Call = Callable[..., Any]


@pytest.fixture(params=[Client, AsyncClient])
async def client(request: pytest.FixtureRequest, gateway: Emulator) -> Any:
    client = request.param("k", gateway.base_url, max_retries=0)
    yield client
    await resolve(client.aclose() if request.param is AsyncClient else client.close())


async def resolve(value: Any) -> Any:
    """Return the result of a sync or async call."""
    return await value if inspect.isawaitable(value) else value


class Invoice(BaseModel):
    number: int
    total: float


# --- documents --------------------------------------------------------------------------------------------------------


def sources(folder: Path) -> list[Any]:
    """The same document in every form of a source."""
    path = folder / "a.pdf"
    path.write_bytes(make_pdf("Invoice 17", "Terms"))
    data = path.read_bytes()
    return [str(path), path, path.as_uri(), data, bytearray(data), memoryview(data), io.BytesIO(data)]


@pytest.mark.parametrize("kind", range(7))
async def test_ocr_reads_every_form_of_source(client: Any, tmp_path: Path, kind: int) -> None:
    result = await resolve(client.ocr(sources(tmp_path)[kind]))
    assert [page.index for page in result.pages] == [0, 1]
    assert "Invoice 17" in result.pages[0].markdown
    assert "Terms" in result.pages[1].markdown
    assert result.text == "\n\n".join(page.markdown for page in result.pages)
    assert (result.pages_processed, result.cost.credits, result.usage) == (2, 16_000, None)


async def test_ocr_sends_a_url_and_downloads_nothing(client: Any, gateway: Emulator) -> None:
    result = await resolve(client.ocr("https://example.com/scan.png"))
    [request] = gateway.requests
    assert request.json["document"] == {"type": "image_url", "image_url": "https://example.com/scan.png"}
    assert len(result.pages) == 1


@pytest.mark.parametrize("pages", [1, [1], range(1, 2), "1", "1-1"])
async def test_ocr_reads_selected_pages(client: Any, pages: Any) -> None:
    result = await resolve(client.ocr(make_pdf("One", "Two", "Three"), pages=pages))
    assert [page.index for page in result.pages] == [1]


async def test_ocr_of_google_counts_pages_from_one_on_the_wire(client: Any, gateway: Emulator) -> None:
    result = await resolve(client.ocr(make_pdf("One", "Two", "Three"), model="google/gc-document-ai", pages="0-1"))
    assert gateway.requests[-1].json["pages"] == {"type": "range", "start": 1, "end": 2}
    assert [page.index for page in result.pages] == [0, 1]


async def test_ocr_annotation_is_an_object_of_the_class(client: Any) -> None:
    result = await resolve(client.ocr(make_pdf("Invoice 17"), annotation=Invoice))
    assert isinstance(result.annotation, Invoice)
    assert result.cost.credits == 12_000


async def test_ocr_annotation_of_a_json_schema_is_json(client: Any) -> None:
    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    assert set((await resolve(client.ocr(make_pdf("17"), annotation=schema))).annotation) == {"number"}


async def test_ocr_returns_images_on_request(client: Any) -> None:
    result = await resolve(client.ocr(PNG, model="zhipu/glm-ocr", include_images=True))
    [image] = result.pages[0].images
    assert (image.content, image.mime) == (PNG, "image/png")
    assert (await resolve(client.ocr(PNG, model="zhipu/glm-ocr"))).pages[0].images[0].content == b""


def long_pdf(pages: int) -> bytes:
    return b"%%PDF-1.4 << /Type /Pages /Count %d >>" % pages


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        (
            make_pdf("x") + b" " * 50_000_001,
            {},
            r"^The PDF passed as bytes has 50.0 MB; mistral/mistral-ocr-4-0 takes 50 MB. Split or compress",
        ),
        (long_pdf(1001), {}, "^The PDF passed as bytes has 1,001 pages; .* takes 1,000. Split it into several files"),
        (long_pdf(101), {"model": "zhipu/glm-ocr"}, "^The PDF passed as bytes has 101 pages; .* takes 100"),
        (b"GIF89a", {"model": "zhipu/glm-ocr"}, "^The image passed as bytes is image/gif; zhipu/glm-ocr reads app"),
        (b"?", {"model": "zhipu/glm-ocr"}, "^The file passed as bytes is application/octet-stream; zhipu/glm-ocr"),
    ],
)
async def test_ocr_beyond_a_limit_raises_before_sending(
    client: Any, gateway: Emulator, source: bytes, options: Any, text: str
) -> None:
    with pytest.raises(UnsupportedContentError, match=text):
        await resolve(client.ocr(source, **options))
    assert gateway.requests == []


async def test_ocr_of_selected_pages_of_a_long_document_is_sent(client: Any, gateway: Emulator) -> None:
    await resolve(client.ocr(long_pdf(1001), pages=0))
    assert len(gateway.requests) == 1


async def test_ocr_option_that_a_model_lacks_raises(client: Any) -> None:
    with pytest.raises(UnsupportedParameterError, match="document_annotation_format"):
        await resolve(client.ocr(PNG, model="zhipu/glm-ocr", annotation=Invoice))


async def test_ocr_unlisted_option_warns_or_raises(client: Any) -> None:
    with pytest.warns(ParameterWarning, match="colour"):
        await resolve(client.ocr(PNG, colour="red"))
    with pytest.raises(UnsupportedParameterError, match="colour"):
        await resolve(client.ocr(PNG, colour="red", call=CallOptions(strict_parameters=True)))


@pytest.mark.parametrize("source", [5, None, io.StringIO("text")])
async def test_ocr_of_what_is_no_source_raises_type_error(client: Any, source: Any) -> None:
    with pytest.raises(TypeError):
        await resolve(client.ocr(source))


async def test_ocr_of_a_missing_file_raises_its_error(client: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await resolve(client.ocr(tmp_path / "none.pdf"))


def test_annotation_that_does_not_match_raises_output_error_with_the_pages_intact() -> None:
    from aimlapi_integrations.endpoints.ocr import decode

    body = {"pages": [{"index": 0, "markdown": "x"}], "document_annotation": '{"number": "many"}'}
    result = decode(body, {}, annotation=Invoice)
    assert result.text == "x"
    with pytest.raises(OutputError, match="many"):
        _ = result.annotation


# --- recordings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["nova-3", "aai/universal", "#g1_whisper-large"])
async def test_transcribe_tells_speakers_apart_with_times(client: Any, model: str) -> None:
    transcript = await resolve(client.transcribe("https://x.y/talk.mp3", model=model, speakers=True, interval=0.0))
    assert len({segment.speaker for segment in transcript.segments}) == 2
    starts = [segment.start for segment in transcript.segments]
    assert starts == sorted(starts)
    assert transcript.segments[-1].end == transcript.duration
    assert (transcript.model, transcript.done) == (model, True)
    assert transcript.words[0].speaker == transcript.segments[0].speaker
    assert Decimal(transcript.cost.usd) > 0


@pytest.mark.parametrize("model", ["nova-3", "aai/universal", "openai/gpt-4o-transcribe"])
async def test_transcribe_uploads_a_file_as_a_form(client: Any, gateway: Emulator, model: str) -> None:
    transcript = await resolve(client.transcribe(b"ID3 sound", model=model, language="en", interval=0.0))
    form = gateway.requests[0]
    assert form.headers["content-type"].startswith("multipart/form-data")
    [file] = [value for value in form.json.values() if isinstance(value, dict)]
    assert (file["size"], file["mimetype"]) == (9, "audio/mpeg")
    assert "of 9 bytes" in transcript.text


async def test_jobs_are_submitted_and_retrieved_by_id(client: Any, gateway: Emulator) -> None:
    job = await resolve(client.transcriptions.submit("https://x.y/talk.mp3"))
    assert (job.done, job.text) == (False, "")
    assert not (await resolve(client.transcriptions.retrieve(job.id))).done
    with track_costs() as costs:
        transcript = await resolve(client.transcriptions.wait(job.id, interval=0.0))
    assert transcript.text
    assert costs.total.usd == Decimal(transcript.cost.usd)
    assert [request.method for request in gateway.requests] == ["POST", "GET", "GET", "GET"]


async def test_failed_job_raises_its_reason(client: Any) -> None:
    call = CallOptions(headers={"X-Emulator-Fault": "job-failed"})
    with pytest.raises(ResponseFailedError, match="can't be decoded") as caught:
        await resolve(client.transcribe("https://x.y/talk.mp3", interval=0.0, call=call))
    assert caught.value.response_id in str(caught.value)


async def test_job_that_does_not_end_raises_timeout_that_names_it(client: Any) -> None:
    call = CallOptions(headers={"X-Emulator-Fault": "job-endless"})
    with pytest.raises(APITimeoutError, match=r"client.transcriptions.wait\('"):
        await resolve(client.transcribe("https://x.y/talk.mp3", timeout=0.05, interval=0.01, call=call))


async def test_timeout_of_none_waits_until_the_job_ends(client: Any) -> None:
    assert (await resolve(client.transcribe("https://x.y/talk.mp3", timeout=None, interval=0.0))).text


async def test_unknown_job_raises_not_found(client: Any) -> None:
    with pytest.raises(NotFoundError):
        await resolve(client.transcriptions.retrieve("none"))
    with pytest.raises(ValueError, match="job"):
        await resolve(client.transcriptions.retrieve(""))


async def test_canceled_task_stops_waiting_and_submits_once(gateway: Emulator) -> None:
    call = CallOptions(headers={"X-Emulator-Fault": "job-endless"})
    async with AsyncClient("k", gateway.base_url) as client:
        task = asyncio.create_task(client.transcribe("https://x.y/talk.mp3", interval=0.01, call=call))
        while len(gateway.requests) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [request.method for request in gateway.requests].count("POST") == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"model": "openai/gpt-4o-transcribe", "speakers": True}, "doesn't tell speakers apart: use nova-3"),
        ({"model": "microsoft/mai-transcribe-1.5", "language": "en"}, "detects the language by itself"),
    ],
)
async def test_transcribe_option_that_a_model_lacks_raises(client: Any, options: Any, text: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=text):
        await resolve(client.transcribe("https://x.y/talk.mp3", **options))


# --- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "options", "sent"),
    [
        ("google/imagen-4.0-generate-001", {"size": "1920x1080"}, {"aspect_ratio": "16:9"}),
        ("openai/gpt-image-1", {"size": "1024x1024"}, {"size": "1024x1024"}),
        ("flux/schnell", {"size": "1000x600"}, {"image_size": {"width": 1000, "height": 600}}),
        ("flux/schnell", {"size": "square_hd", "n": 2}, {"image_size": "square_hd", "num_images": 2}),
        ("x-ai/grok-imagine-image", {"n": 3, "size": "auto"}, {"n": 3, "aspect_ratio": "auto"}),
    ],
)
async def test_generate_image_sends_the_models_own_fields(
    client: Any, gateway: Emulator, model: str, options: Any, sent: Any
) -> None:
    result = await resolve(client.generate_image("A lighthouse", model=model, **options))
    [request] = gateway.requests
    assert request.json == {"model": model, "prompt": "A lighthouse", **sent}
    assert len(result.images) == options.get("n", 1)
    assert result.cost.credits == 80_000 * len(result.images)


async def test_generate_image_nearest_size_warns_or_raises(client: Any, gateway: Emulator) -> None:
    with pytest.warns(ParameterWarning, match="'1024x1536' is sent, the nearest"):
        await resolve(client.generate_image("x", model="openai/gpt-image-1", size="9:16"))
    strict = CallOptions(strict_parameters=True)
    with pytest.raises(UnsupportedParameterError, match="nearest"):
        await resolve(client.generate_image("x", model="openai/gpt-image-1", size="9:16", call=strict))
    assert gateway.requests[0].json["size"] == "1024x1536"


async def test_more_images_than_one_request_makes_are_several_requests(client: Any, gateway: Emulator) -> None:
    result = await resolve(client.generate_image("x", model="flux/schnell", n=6))
    assert [request.json.get("num_images") for request in gateway.requests] == [4, 2]
    assert (len(result.images), result.cost.credits) == (6, 480_000)


async def test_budget_is_checked_before_each_request(client: Any, gateway: Emulator) -> None:
    with track_costs(max_cost_usd="0.05"), pytest.raises(BudgetExceededError):
        await resolve(client.generate_image("x", model="openai/gpt-image-1", n=4))
    assert len(gateway.requests) == 2


async def test_edit_image_sends_a_form_to_models_that_take_files(client: Any, gateway: Emulator) -> None:
    result = await resolve(
        client.edit_image("Winter", [PNG, PNG], mask=PNG, model="openai/gpt-image-1", n=2, response_format="b64_json")
    )
    [request] = gateway.requests
    assert request.path == "/v1/images/edits"
    assert (len(request.json["image"]), request.json["mask"]["mimetype"], request.json["n"]) == (2, "image/png", "2")
    assert [image.content[:4] for image in result.images] == [b"\x89PNG"] * 2


async def test_edit_image_sends_a_data_url_to_other_models(client: Any, gateway: Emulator) -> None:
    await resolve(client.edit_image("Winter", ["https://x.y/a.png", PNG], model="google/gemini-3-pro-image-edit"))
    [request] = gateway.requests
    assert request.path == "/v1/images/generations"
    assert [link[:20] for link in request.json["image_urls"]] == ["https://x.y/a.png", "data:image/png;base6"]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        (("Winter", PNG), {"model": "flux/schnell"}, UnsupportedContentError, "can't edit images"),
        (("Winter", "https://x.y/a.png"), {"model": "openai/gpt-image-1"}, UnsupportedContentError, "download"),
        (("Winter", [PNG] * 9), {"model": "google/nano-banana-edit"}, UnsupportedContentError, "takes 3 images, not 9"),
        (("Winter", PNG), {"model": "google/nano-banana-edit", "mask": PNG}, UnsupportedParameterError, "no mask"),
        ((None, PNG), {"model": "topaz-labs/sharpen"}, UnsupportedParameterError, "needs 'mode': one of 'Standard'"),
        (("x", PNG), {"model": "topaz-labs/sharpen", "mode": "Strong"}, UnsupportedParameterError, "takes no prompt"),
        (("x" * 401, []), {"model": "google/imagen-4.0-generate-001"}, UnsupportedParameterError, "401 characters"),
        (("x", []), {"model": "flux/dev/image-to-image"}, UnsupportedContentError, "needs an image"),
        (("x", []), {"size": "large"}, UnsupportedParameterError, "such as '1024x1024'"),
        (("x", []), {"n": 0}, UnsupportedParameterError, "n=0"),
    ],
)
async def test_images_that_a_model_cannot_make_raise_before_sending(
    client: Any, gateway: Emulator, arguments: Any, options: Any, error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        await resolve(client.edit_image(*arguments, **options))
    assert gateway.requests == []


async def test_image_at_a_url_is_not_saved_and_base64_is(client: Any, tmp_path: Path) -> None:
    at_url = await resolve(client.generate_image("x"))
    with pytest.raises(UnsupportedContentError, match="download"):
        at_url.images[0].save(tmp_path / "a.png")
    inline = await resolve(client.generate_image("x", model="openai/gpt-image-1", response_format="b64_json"))
    path = inline.images[0].save(tmp_path / f"a{inline.images[0].extension}")
    assert path.read_bytes() == inline.images[0].content
