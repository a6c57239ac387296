"""The endpoint `/v1/messages`."""

from __future__ import annotations

from ...models import MESSAGES as NAME
from .adapt import ADAPT_STEPS
from .decode import decode
from .encode import PATH, encode, stream_options
from .stream import MessagesDecoder as Decoder

__all__ = ["ADAPT_STEPS", "NAME", "PATH", "Decoder", "decode", "encode", "stream_options"]
