"""The endpoint `/v1/responses`."""

from __future__ import annotations

from ...models import RESPONSES as NAME
from .adapt import ADAPT_STEPS
from .decode import decode, decode_status
from .encode import PATH, cancel_path, encode, response_path, stream_options
from .stream import ResponsesDecoder as Decoder

__all__ = [
    "ADAPT_STEPS",
    "NAME",
    "PATH",
    "Decoder",
    "cancel_path",
    "decode",
    "decode_status",
    "encode",
    "response_path",
    "stream_options",
]
