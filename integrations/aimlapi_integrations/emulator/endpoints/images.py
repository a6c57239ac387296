"""`/v1/images/generations` and `/v1/images/edits`: small PNGs in a color that the prompt decides."""

from __future__ import annotations

import base64
import hashlib
import struct
import time
import zlib

from starlette.requests import Request
from starlette.responses import Response

from ..model import LABEL
from ..model.usage import CREDITS_PER_USD
from ..store import GatewayState
from ..wire import JSON, GatewayError, parse_request
from ..wire.media import ImageRequest, check_image_request, check_media_model_served

IMAGE_CREDITS = 80_000  # $0.04 an image, an invented price of a realistic order
MAX_IMAGES = 1_000


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
    credits_used = IMAGE_CREDITS * count
    return {
        "created": int(time.time()),
        "data": [_item(state, http_request, request, image) for image in images],
        "meta": {"usage": {"credits_used": credits_used, "usd_spent": credits_used / CREDITS_PER_USD}},
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


# --- pictures -----------------------------------------------------------------------------------------------------

SIDE = 16


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
