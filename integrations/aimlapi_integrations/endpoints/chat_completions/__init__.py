"""The endpoint `/v1/chat/completions`."""

from __future__ import annotations

from .decode import decode
from .encode import PATH, encode, stream_options
from .stream import ChatDecoder as Decoder

__all__ = ["PATH", "Decoder", "decode", "encode", "stream_options"]
