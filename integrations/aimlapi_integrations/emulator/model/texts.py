"""What the emulated model reads: values and words in a text, and the texts of PDFs.

Values are numbers, quoted strings, names, places, dates and labeled things.
"""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Iterator
from itertools import pairwise

_STOP_WORD_LIST = """
a about all an and any are as at be by can do does for from get give given has have how i in input into is it its make
me my need of on one or output please return returns run set that the then there this to tool two use used useful using
value want was what when where which who why will with would you your
"""
_OPENER_LIST = """
add answer ask book buy calculate call check compare compute convert could create describe divide email explain extract
find generate hello hey hi if let list look multiply name no open order query question read record register reply save
search send show subtract sum tell test translate user weather what's write yes
"""

# Words that say little about the topic of a text.
STOP_WORDS = frozenset(_STOP_WORD_LIST.split())
# Words that are capitalized only because a sentence starts with them.
SENTENCE_OPENERS = STOP_WORDS | frozenset(_OPENER_LIST.split())


MAX_TEXT_CHARS = 8_000


def shorten(text: str) -> str:
    """The start and the end of a long text, which is enough to find values in and keeps the work small."""
    half = MAX_TEXT_CHARS // 2
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:half]}\n{text[-half:]}"


def content_words(text: str) -> set[str]:
    """The words of a text in lower case, without stop words and plural s."""
    return {re.sub(r"s$", "", word) for word in re.findall(r"[^\W_]+", text.lower())} - STOP_WORDS


# A word that starts with a capital letter, or with a letter of a script without case.
_NAME_WORD = r"[^\W\d_a-zß-öø-ÿ][\w.'’-]*"
_NAME = rf"{_NAME_WORD}(?:,?[^\S\n]+{_NAME_WORD})*"
_ONE_NAME = rf"{_NAME_WORD}(?:[^\S\n]+{_NAME_WORD})*"
_NUMBER = re.compile(r"(?<![\w.])(?<![A-Za-z]-)-?\d{1,15}(?:\.\d{1,15})?(?!\w)")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.Z+-]+)?")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|“([^“”]+)”|‘([^‘’]+)’|`([^`\n]+)`|「([^「」]+)」")
_OPERAND = re.compile(r"[\d(][\d\s().]*")
_OPERATORS = ("-", "+", "*", "/", "^", "%")
_NUMBER_NAMES = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBER_WORDS = {word: number for number, word in enumerate(_NUMBER_NAMES.split())}

# Kind of value -> patterns that find it.
KIND_PATTERNS: dict[str, tuple[str, ...]] = {
    "place": (
        rf"\b(?:[Ii]n|[Ff]or|[Aa]t|[Oo]f|[Nn]ear|[Tt]o|[Ff]rom|[Aa]bout)\s+({_NAME})",
        r"\b(?:in|for|at|near)\s+(?!the\b|a\b|an\b|my\b|celsius\b|fahrenheit\b)([^\W\d_][\w'’-]+)",
    ),
    "origin": (rf"\b[Ff]rom\s+({_NAME})",),
    "target": (rf"\b[Tt]o\s+({_NAME})", r"\bto\s+([\w.+-]+@[\w-]+\.[\w.-]*\w)"),
    "person": (rf"\b(?:name is|[Ii] am|[Ii]'m|is)\s+({_ONE_NAME})",),
    "date": (r"\b(\d{4}-\d{2}-\d{2})\b",),
    "datetime": (r"\b(\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)",),
    "time": (r"\b(\d{1,2}:\d{2}(?::\d{2})?)\b",),
    "email": (r"(?<![\w.+-])([\w.+-]+@[\w-]+\.[\w.-]*\w)",),
    "url": (r"(https?://[^\s\"'<>)]*[^\s\"'<>).,!?])",),
}
# Word in the name of a property -> kind of its value.
PROPERTY_KINDS: dict[str, str] = {
    word: kind
    for kind, words in {
        "place": "city location place country town region address where area state",
        "origin": "origin departure source",
        "target": "arrival destination target to recipient",
        "person": "name person customer author who employee",
        "date": "date day birthday deadline",
        "time": "time hour",
        "email": "email mail",
        "url": "url uri link website",
        "free": "query question input text prompt message request search content topic task description instructions",
        "sum": "expression formula equation calculation",
    }.items()
    for word in words.split()
}
# A property whose name has only these words is a person's name.
_PERSON_WORDS = {
    "name",
    "full",
    "first",
    "last",
    "given",
    "family",
    "person",
    "user",
    "customer",
    "author",
    "who",
    "employee",
}


def split_identifier(name: str) -> list[str]:
    """`customerName` and `customer_name` -> ["customer", "name"]."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+", name)]


class TextValues:
    """Finds values in a text. A number, quoted string or name is returned once; the next call returns the next one."""

    def __init__(self, text: str) -> None:
        self.text = text
        numbers = _NUMBER.findall(_DATE.sub("", text))
        self._numbers = [float(number) if "." in number else int(number) for number in numbers]
        if not self._numbers:
            words = re.findall(r"[a-z]+", text.lower())
            self._numbers = [_NUMBER_WORDS[word] for word in words if word in _NUMBER_WORDS]
        self._strings: list[str] = [next(filter(None, groups)) for groups in _QUOTED.findall(text)]
        self._names = list(self._unquoted_names())

    def copy(self) -> TextValues:
        """A copy that consumes its values independently."""
        copied = copy.copy(self)
        copied._numbers, copied._strings, copied._names = self.numbers, self.strings, self.names
        return copied

    @property
    def numbers(self) -> list[int | float]:
        return list(self._numbers)

    @property
    def names(self) -> list[str]:
        return list(self._names)

    @property
    def strings(self) -> list[str]:
        return list(self._strings)

    def _unquoted_names(self) -> Iterator[str]:
        """Yield capitalized words outside quotation marks, without the word that opens a sentence."""
        for match in re.finditer(_ONE_NAME, _QUOTED.sub(" , ", self.text)):
            words = match[0].rstrip(".,'’-").split()
            words = words[1:] if words[0].lower() in SENTENCE_OPENERS else words
            if words and words[0][0].isupper() and "_" not in words[0]:
                yield " ".join(words)

    def labeled_number(self, name: str) -> int | float | None:
        """The number next to the name: `age 30`, `age is 30`, `30 items`; for an age also `30 years`."""
        if not self.text:  # compiling a pattern for each of many names takes time
            return None
        label = re.escape(" ".join(split_identifier(name))) + r"s?"
        label = rf"(?:{label}|years?)" if split_identifier(name)[-1:] == ["age"] else label
        after = rf"\b{label}\b[\"']?\s*(?:(?:is|are|of|to|=|:)\s*)?\$?(-?\d{{1,15}}(?:\.\d{{1,15}})?)"
        before = rf"(?<![\w.])(-?\d{{1,15}}(?:\.\d{{1,15}})?)[\s-]*{label}\b"
        text = self.text.replace("_", " ")
        match = re.search(after, text, re.I) or re.search(before, text, re.I)
        return self._take_number(match[1]) if match else None

    def _take_number(self, text: str) -> int | float:
        value = float(text) if "." in text else int(text)
        if value in self._numbers:
            self._numbers.remove(value)
        return value

    def next_number(self) -> int | float | None:
        return self._numbers.pop(0) if self._numbers else None

    def labeled(self, name: str) -> str | None:
        """The text next to the name: `title: X`, `the title is 'X'`, `named X`."""
        if not self.text:
            return None
        label = r"[\s_-]?".join(map(re.escape, split_identifier(name)))
        match = re.search(rf"\b{label}\b[\"']?\s*(?:(?:is|=|:|named|called)\s*|(?=[\"'“‘]))(\S.*)", self.text, re.I)
        return self._first_value(match[1]) if label and match else None

    def _first_value(self, rest: str) -> str | None:
        if quoted := _QUOTED.match(rest):
            return self._take_string(str(next(filter(None, quoted.groups()))))
        match = re.match(_ONE_NAME, rest) or re.match(r"[^\s,;.!?]+", rest)
        return str(match[0]).rstrip(".,;:!?'’") if match else None

    def _take_string(self, value: str) -> str:
        if value in self._strings:
            self._strings.remove(value)
        return value

    def by_kind(self, name: str) -> str | None:
        """The value that a property of this name usually has: a `city` follows "in", an `email` has an @."""
        for word in reversed(split_identifier(name)):
            kind = PROPERTY_KINDS.get(word)
            if kind == "person":
                return self._person(name) if _PERSON_WORDS.issuperset(split_identifier(name)) else self.next_string()
            if kind == "sum" and (expression := self._expression()):
                return expression
            if kind and (value := self.find(kind)):
                return value
        return None

    def _expression(self) -> str | None:
        """The first arithmetic expression: operands with operators between them."""
        start = end = None
        for left, right in pairwise(_OPERAND.finditer(self.text)):
            if self.text[left.end() : right.start()].strip() in _OPERATORS:
                start = left.start() if start is None else start
                end = right.end()
            elif start is not None:
                break
        return self.text[start:end].strip().rstrip(".") if start is not None else None

    def _person(self, name: str) -> str | None:
        """The text after "named" or "called", else the next name or quoted string. A first or last name is one word."""
        match = re.search(r"\b(?:named|called)\s+(\S.*)", self.text)
        value = (self._first_value(match[1]) if match else None) or self.find("person") or self.next_name()
        value = value or self.next_string()
        parts = {"first": 0, "given": 0, "last": -1, "family": -1}
        index = next((parts[word] for word in split_identifier(name) if word in parts), None)
        return value.split()[index] if value and index is not None else value

    def next_name(self) -> str | None:
        return self._names.pop(0) if self._names else None

    def find(self, kind: str) -> str | None:
        """The first value of a kind, such as a place or an email address."""
        for pattern in KIND_PATTERNS.get(kind, ()):
            for match in re.finditer(pattern, self.text):
                value = str(match[1]).rstrip(".,;:!?'’-")
                if value and value.lower() not in SENTENCE_OPENERS:
                    self._names = [name for name in self._names if name not in value]
                    return value
        return None

    def is_free_text(self, name: str) -> bool:
        """Whether a property of this name takes any text, such as a `query`."""
        return any(PROPERTY_KINDS.get(word) == "free" for word in split_identifier(name))

    def next_string(self) -> str | None:
        """The next quoted string, else the next name."""
        return self._strings.pop(0) if self._strings else self.next_name()

    def places(self) -> list[str]:
        """Several places in a row: `in Paris, Rome and Oslo` or `in Paris and in Rome`."""
        match = re.search(rf"\b(?:in|for|of|at)\s+({_ONE_NAME}(?:(?:,|,? and)(?: in| for)? {_ONE_NAME})+)", self.text)
        if not match or " and " not in match[1]:
            return []
        parts = re.split(r",? and (?:in |for )?|, (?:in |for )?", match[1])
        return [part.strip().rstrip(".,?!") for part in parts if part.strip()]

    def mentions(self, word: str) -> bool:
        if word.lower() not in self.text.lower():
            return False
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.I) is not None


# --- PDFs ---------------------------------------------------------------------------------------------------------

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
