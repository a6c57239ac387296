"""The endpoint `/v1/chat/completions`."""

from __future__ import annotations

from ...models import CHAT as NAME
from .adapt import ADAPT_STEPS
from .decode import decode
from .encode import PATH, encode, stream_options
from .stream import ChatDecoder as Decoder

__all__ = ["ADAPT_STEPS", "NAME", "PATH", "Decoder", "decode", "encode", "stream_options"]
