"""The text that a PDF holds, page by page, where it is simple to read: text operators in plain or deflated streams."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_OBJECT = re.compile(rb"(?:^|\s)(\d+)\s+\d+\s+obj\b(.*?)\bendobj\b", re.DOTALL)
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b")
_STREAM = re.compile(rb"\bstream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
_CONTENTS = re.compile(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)")
_REFERENCE = re.compile(rb"(\d+)\s+\d+\s+R")
_TEXT_BLOCK = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
_OPERATION = re.compile(rb"\((?:\\.|[^()\\])*\)|<[0-9A-Fa-f\s]+>|\bT(?:[dDm]\b|\*)|['\"]", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_MAX_INFLATED = 20_000_000


def page_texts(data: bytes) -> list[str]:
    """The text of each page; an empty text for a page that has none, such as a scan."""
    objects = dict(_objects(data))
    pages = [content for content in objects.values() if _PAGE.search(content.split(b"stream", 1)[0])]
    return [_page_text(page, objects) for page in pages]


def _objects(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The objects of a file by number, those inside object streams included."""
    for match in _OBJECT.finditer(data):
        number, content = match[1], match[2]
        yield number, content
        if _OBJECT_STREAM.search(content):
            yield from _packed_objects(content)


def _packed_objects(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    first = re.search(rb"/First\s+(\d+)", content)
    inner = _stream(content)
    if first is None or not inner:
        return
    begin = int(first[1])
    numbers = [int(number) for number in inner[:begin].split()]
    starts = [begin + offset for offset in numbers[1::2]]
    for number, start, end in zip(numbers[::2], starts, [*starts[1:], len(inner)], strict=False):
        yield str(number).encode(), inner[start:end]


def _stream(content: bytes) -> bytes:
    """The stream of an object, inflated; empty if it has none or is encoded in another way."""
    match = _STREAM.search(content)
    if match is None:
        return b""
    head = content[: match.start()]
    if b"/FlateDecode" not in head:
        return b"" if b"/Filter" in head else match[1]
    try:
        return zlib.decompressobj().decompress(match[1], _MAX_INFLATED)
    except zlib.error:
        return b""


def _page_text(page: bytes, objects: dict[bytes, bytes]) -> str:
    contents = _CONTENTS.search(page)
    numbers = _REFERENCE.findall(contents[1]) if contents else []
    drawn = b"\n".join(_stream(objects.get(number, b"")) for number in numbers)
    lines = (_block_text(block[1]) for block in _TEXT_BLOCK.finditer(drawn))
    return "\n".join(line for line in lines if line.strip())


def _block_text(block: bytes) -> str:
    """The strings of a text object; operators that move to another line break it."""
    texts: list[str] = []
    for operation in _OPERATION.finditer(block):
        token = operation[0]
        if token[:1] == b"(":
            texts.append(_ESCAPE.sub(_unescape, token[1:-1]).decode("cp1252", "replace"))
        elif token[:1] == b"<":
            texts.append(_hex_text(token[1:-1]))
        elif texts and not texts[-1].endswith("\n"):
            texts.append("\n")
    return "".join(texts).strip()


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) % 256]) if code[:1].isdigit() else _ESCAPED.get(code, code)


def _hex_text(digits: bytes) -> str:
    """A hexadecimal string that holds readable text; glyph numbers of a font are left out."""
    compact = b"".join(digits.split())
    text = bytes.fromhex((compact + b"0" * (len(compact) % 2)).decode()).decode("cp1252", "replace")
    return text if text.isprintable() else ""
