"""How many pages a PDF has, without a PDF library."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress

_PAGE_TREE = re.compile(rb"/Type\s*/Pages\b")
_COUNT = re.compile(rb"/Count\s+(\d+)")
_STREAM = re.compile(rb"/Type\s*/ObjStm\b.*?stream\r?\n(.*?)endstream", re.DOTALL)
_NEARBY = 300


def count_pages(data: bytes) -> int | None:
    """Count the pages of a PDF: its page tree states the number, as is or in a compressed object stream.

    None if it can't be read, as in an encrypted file.

    >>> count_pages(b"%PDF-1.4 1 0 obj << /Type /Pages /Kids [2 0 R] /Count 12 >> endobj")
    12
    """
    counts = [int(count) for part in _parts(data) for count in _counts(part)]
    return max(counts, default=None)


def _parts(data: bytes) -> Iterator[bytes]:
    """The parts of the file that can hold its page tree."""
    yield data
    for stream in _STREAM.finditer(data):
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(stream[1])


def _counts(part: bytes) -> Iterator[bytes]:
    """The counts near each node of a page tree: keys of a dictionary come in any order."""
    for node in _PAGE_TREE.finditer(part):
        begin = max(part.rfind(b"<<", 0, node.start()), node.start() - _NEARBY)
        if count := _COUNT.search(part, begin, node.end() + _NEARBY):
            yield count[1]
