"""Values that a prompt holds: numbers in their order, quoted strings, names, places, dates, labelled things."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .stop_words import OPENERS

# A word that starts with a capital, or with a letter of a script that has no capitals.
_NAME_WORD = r"[^\W\d_a-zß-öø-ÿ][\w.'’-]*"
_NAME = rf"{_NAME_WORD}(?:,?[^\S\n]+{_NAME_WORD})*"
_ONE_NAME = rf"{_NAME_WORD}(?:[^\S\n]+{_NAME_WORD})*"
_NUMBER = re.compile(r"(?<![\w.])(?<![A-Za-z]-)-?\d+(?:\.\d+)?(?!\w)")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:T[\d:.Z+-]+)?")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|(?<!\w)'([^'\n]+)'(?!\w)|“([^”]+)”|‘([^’]+)’|`([^`\n]+)`|「([^」]+)」")
_SUM = re.compile(r"[\d(][\d\s().]*(?:[-+*/^%]\s*[\d(][\d\s().]*)+")
_DIGITS = "zero one two three four five six seven eight nine ten eleven twelve"
_WORDS = {word: number for number, word in enumerate(_DIGITS.split())}

FINDERS: dict[str, tuple[str, ...]] = {
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
    "email": (r"([\w.+-]+@[\w-]+\.[\w.-]*\w)",),
    "url": (r"(https?://[^\s\"'<>)]*[^\s\"'<>).,!?])",),
}
KINDS: dict[str, str] = {
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
_PEOPLE = {
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


def words_of(name: str) -> list[str]:
    """`customerName` and `customer_name` -> ["customer", "name"]."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+", name)]


class Hints:
    """Reads values out of one text. A number or a quoted string that was handed out once is not handed out again."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = _NUMBER.findall(_DATE.sub("", text))
        self._numbers = [float(match) if "." in match else int(match) for match in found]
        if not self._numbers:
            self._numbers = [_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS]
        self._strings: list[str] = [next(filter(None, groups)) for groups in _QUOTED.findall(text)]
        self._names = list(self._plain_names())

    @property
    def numbers(self) -> list[int | float]:
        return list(self._numbers)

    @property
    def names(self) -> list[str]:
        return list(self._names)

    @property
    def strings(self) -> list[str]:
        return list(self._strings)

    def _plain_names(self) -> Iterator[str]:
        """Capitalised words outside quotation marks, without the word that opens a sentence."""
        for match in re.finditer(_ONE_NAME, _QUOTED.sub(" , ", self.text)):
            words = match[0].rstrip(".,'’-").split()
            words = words[1:] if words[0].lower() in OPENERS else words
            if words and words[0][0].isupper() and "_" not in words[0]:
                yield " ".join(words)

    def labelled_number(self, name: str) -> int | float | None:
        """The number that stands by the name: `age 30`, `age is 30`, `30 items`; for an age also `30 years`."""
        label = re.escape(" ".join(words_of(name))) + r"s?"
        label = rf"(?:{label}|years?)" if words_of(name)[-1:] == ["age"] else label
        after = rf"\b{label}\b[\"']?\s*(?:is|are|of|to|=|:)?\s*\$?(-?\d+(?:\.\d+)?)"
        before = rf"(?<![\w.])(-?\d+(?:\.\d+)?)[\s-]*{label}\b"
        text = self.text.replace("_", " ")
        found = re.search(after, text, re.I) or re.search(before, text, re.I)
        return self._take_number(found[1]) if found else None

    def _take_number(self, text: str) -> int | float:
        value = float(text) if "." in text else int(text)
        if value in self._numbers:
            self._numbers.remove(value)
        return value

    def next_number(self) -> int | float | None:
        return self._numbers.pop(0) if self._numbers else None

    def labelled(self, name: str) -> str | None:
        """The text that stands by the name: `title: X`, `the title is 'X'`, `named X`."""
        label = r"[\s_-]?".join(map(re.escape, words_of(name)))
        found = re.search(rf"\b{label}\b[\"']?\s*(?:(?:is|=|:|named|called)\s*|(?=[\"'“‘]))(\S.*)", self.text, re.I)
        return self._value(found[1]) if label and found else None

    def _value(self, rest: str) -> str | None:
        if quoted := _QUOTED.match(rest):
            return self._take(str(next(filter(None, quoted.groups()))))
        found = re.match(_ONE_NAME, rest) or re.match(r"[^\s,;.!?]+", rest)
        return str(found[0]).rstrip(".,;:!?'’") if found else None

    def _take(self, value: str) -> str:
        if value in self._strings:
            self._strings.remove(value)
        return value

    def by_kind(self, name: str) -> str | None:
        """What a property of that name usually means: a `city` is what follows "in", an `email` has an @."""
        for word in reversed(words_of(name)):
            kind = KINDS.get(word)
            if kind == "person":
                return self._person(name) if _PEOPLE.issuperset(words_of(name)) else self.next_string()
            if kind == "sum" and (found := _SUM.search(self.text)):
                return str(found[0]).strip().rstrip(".")
            if kind and (value := self.find(kind)):
                return value
        return None

    def _person(self, name: str) -> str | None:
        """Who is called so, else the next name, else what is quoted. A first or last name is one word of it."""
        called = re.search(r"\b(?:named|called)\s+(\S.*)", self.text)
        value = (self._value(called[1]) if called else None) or self.find("person") or self.next_name()
        value = value or self.next_string()
        parts = {"first": 0, "given": 0, "last": -1, "family": -1}
        place = next((parts[word] for word in words_of(name) if word in parts), None)
        return value.split()[place] if value and place is not None else value

    def next_name(self) -> str | None:
        return self._names.pop(0) if self._names else None

    def find(self, kind: str) -> str | None:
        for pattern in FINDERS.get(kind, ()):
            for found in re.finditer(pattern, self.text):
                value = str(found[1]).rstrip(".,;:!?'’-")
                if value and value.lower() not in OPENERS:
                    self._names = [name for name in self._names if name not in value]
                    return value
        return None

    def is_free(self, name: str) -> bool:
        return any(KINDS.get(word) == "free" for word in words_of(name))

    def next_string(self) -> str | None:
        """The next quoted string, else the next name."""
        return self._strings.pop(0) if self._strings else self.next_name()

    def places(self) -> list[str]:
        """Several places in a row: `in Paris, Rome and Oslo` or `in Paris and in Rome`."""
        found = re.search(rf"\b(?:in|for|of|at)\s+({_ONE_NAME}(?:(?:,|,? and)(?: in| for)? {_ONE_NAME})+)", self.text)
        if not found or " and " not in found[1]:
            return []
        parts = re.split(r",? and (?:in |for )?|, (?:in |for )?", found[1])
        return [part.strip().rstrip(".,?!") for part in parts if part.strip()]

    def mentions(self, word: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.I) is not None
