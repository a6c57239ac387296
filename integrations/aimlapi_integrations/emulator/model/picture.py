"""A picture for a prompt: a small PNG in a color of its own, which says in its metadata that it is emulated."""

from __future__ import annotations

import hashlib
import struct
import zlib

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
