"""vcrpy for this gateway: readable cassettes without secrets.

`recording` makes one, `replaying` plays one with the network off; a request that the cassette does not hold, to the
field of its body, is an error, and so is a response that was not requested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import vcr
from vcr.cassette import Cassette
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request
from vcr.serialize import serialize

from tests.cassettes import pages
from tests.cassettes.bodies import FORM, Stored, readable, wire
from tests.cassettes.observed import PICTURE

FOLDER = Path(__file__).parents[2] / "cassettes"
GATEWAY = "https://api.aimlapi.com"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_URL = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+")

REQUEST_HEADERS = ("content-type",)
RESPONSE_HEADERS = (
    "content-type",
    "x-inference-id",
    "x-request-id",
    "x-client-request-id",
    "x-aimlapi-credits-used",
    "x-aimlapi-usd-spent",
)
# Fields of bodies that name an account or its end user, wherever they stand. They are left out of cassettes.
PERSONAL = frozenset({"user", "user_id", "safety_identifier", "account_id", "organization", "billing"})
# Fields of responses with an image in base64. A longer one is replaced by a small picture: cassettes stay short.
IMAGE_FIELDS = frozenset({"b64_json", "image_base64"})
MAX_IMAGE = 1_000

SECRETS = {
    "a bearer token": re.compile(r"[Bb]earer\s+[\w.-]{8,}"),
    "an API key": re.compile(r"\bsk-[\w-]{16,}|(?<!\bid: )(?<![\w-])[0-9a-f]{32}(?![\w-]|\.(?:png|jpe?g|webp)\b)"),
    "a header that names somebody": re.compile(
        r"(?im)^\s*(authorization|(set-)?cookie|x-api-key|user-agent|x-forwarded-for|cf-[\w-]+):"
    ),
    "an IP address": re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"),
    "an e-mail address": re.compile(r"\b[\w.+-]+@[\w-]+\.[A-Za-z]{2,}\b"),
}


def path_of(name: str) -> Path:
    """Return the file of the cassette `name`."""
    return FOLDER / f"{name}.yaml"


def read(name: str) -> dict[str, Any]:
    """Read a cassette: its `provenance`, and its `interactions` as `ReadableSerializer` stores them."""
    return pages.load(path_of(name).read_text(encoding="utf-8"))


def find_secrets(text: str, *keys: str) -> list[str]:
    """Return the kinds of secrets in the text of a cassette. `keys` are known secrets."""
    parsed = [kind for kind, pattern in SECRETS.items() if pattern.search(text)]
    return [*parsed, *("the key in use" for key in keys if key in text)]


class ReadableSerializer:
    """vcrpy's cassettes in our own format, with the `provenance` first."""

    def __init__(self, provenance: Mapping[str, Any] | None = None) -> None:
        self._provenance = dict(provenance or {})

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        stored = [_stored(interaction) for interaction in cassette["interactions"]]
        return pages.dump({"provenance": self._provenance, "interactions": stored})

    def deserialize(self, text: str) -> dict[str, Any]:
        return {"version": 1, "interactions": [_played(stored) for stored in pages.load(text)["interactions"]]}


def _stored(interaction: Mapping[str, Any]) -> Stored:
    request, response = interaction["request"], interaction["response"]
    sent, final = _plain(request["headers"]), _plain(response["headers"])
    return {
        "request": {"method": request["method"], "uri": request["uri"], "headers": sent}
        | readable(request["body"], sent.get("content-type", "")),
        "response": {"status": response["status"]["code"], "headers": final}
        | _legible(readable(response["body"]["string"], final.get("content-type", ""))),
    }


def _legible(stored: Stored) -> Stored:
    return {**stored, "events": [pages.Event(event) for event in stored["events"]]} if "events" in stored else stored


def _played(stored: Stored) -> dict[str, Any]:
    request, response = stored["request"], stored["response"]
    return {
        "request": {key: request[key] for key in ("method", "uri", "headers")} | {"body": wire(request)},
        "response": {
            "status": {"code": response["status"], "message": None},
            "headers": {name: [value] for name, value in response["headers"].items()},
            "body": {"string": wire(response)},
        },
    }


def _plain(headers: Mapping[str, Any]) -> dict[str, str]:
    """Return the first value of each header by its lower-case name."""
    return {name.lower(): value if isinstance(value, str) else value[0] for name, value in headers.items()}


# --- removal of private data ------------------------------------------------------------------------------------------


def _clean_request(request: Request) -> Request:
    headers = _plain(request.headers)
    request.headers = {name: headers[name] for name in REQUEST_HEADERS if name in headers}
    if headers.get("content-type", "").startswith(FORM):
        request.body = wire(readable(request.body, headers["content-type"]))
        request.headers["content-type"] = FORM
    parts = urlsplit(request.uri)
    if parts.hostname in LOOPBACK:
        request.uri = GATEWAY + parts.path + (f"?{parts.query}" if parts.query else "")
    return request


def _clean_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = _plain(response["headers"])
    response["headers"] = {name: [headers[name]] for name in RESPONSE_HEADERS if name in headers}
    stored = readable(response["body"]["string"], headers.get("content-type", ""))
    response["body"]["string"] = LOOPBACK_URL.sub(GATEWAY, wire(_cleaned(stored))).encode("utf-8")
    return response


def _cleaned(value: Any) -> Any:
    """Return a stored body without personal fields and large images."""
    if isinstance(value, dict):
        return {key: _cleaned_field(key, item) for key, item in value.items() if key not in PERSONAL}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _cleaned_field(name: str, value: Any) -> Any:
    if name in IMAGE_FIELDS and isinstance(value, str) and len(value) > MAX_IMAGE:
        return PICTURE
    return _cleaned(value)


# --- recording and playing --------------------------------------------------------------------------------------------


def same_json(one: Request, other: Request) -> None:
    """Return whether two requests have equal JSON, in any order of keys."""
    sent, stored = (_sorted(request.body) for request in (one, other))
    assert sent == stored, f"{sent}\nis not\n{stored}"


def _sorted(body: bytes | str | None) -> str:
    return json.dumps(json.loads(body), sort_keys=True) if body else ""


def recorder(serializer: ReadableSerializer | None = None) -> vcr.VCR:
    """Create a `vcr.VCR` for this gateway. Loopback counts as the gateway, so that recordings look alike."""
    made = vcr.VCR(
        serializer="readable",
        match_on=("method", "scheme", "host", "port", "path", "query", "same_json"),
        before_record_request=_clean_request,
        before_record_response=_clean_response,
        decode_compressed_response=True,
        record_on_exception=False,
    )
    made.register_serializer("readable", serializer or ReadableSerializer())
    made.register_matcher("same_json", same_json)
    return made


class _Desk:
    """Holds a new cassette until it has been checked: vcrpy would write it to its file at once."""

    text = ""

    def load_cassette(self, path: str, serializer: ReadableSerializer) -> None:
        raise CassetteNotFoundError

    def save_cassette(self, path: str, cassette: dict[str, Any], serializer: ReadableSerializer) -> None:
        self.text = serialize(cassette, serializer)


@contextmanager
def recording(path: Path, provenance: Mapping[str, Any], *keys: str) -> Iterator[Cassette]:
    """Record every exchange of the block in a new cassette at `path`. A block that fails leaves none.

    Args:
        path: the file; what is there is replaced.
        provenance: what to write at the top.
        keys: secrets that may stand nowhere, by their letters; `SECRETS` are looked for besides.

    Raises:
        ValueError: there is a secret in it, and nothing was written.
    """
    desk, machine = _Desk(), recorder(ReadableSerializer(provenance))
    machine.register_persister(desk)
    with machine.use_cassette(str(path), record_mode="all") as cassette:
        yield cassette
    if secrets := find_secrets(desk.text, *keys):
        raise ValueError(f"Not saved: {path.name} would carry {', '.join(secrets)}")
    path.write_text(desk.text, encoding="utf-8")


@contextmanager
def replaying(path: Path) -> Iterator[Cassette]:
    """Run the block on the cassette at `path` and on nothing else.

    Raises:
        AssertionError: the block ended well, and some of the cassette was not played.
    """
    with recorder().use_cassette(str(path), record_mode="none") as cassette:
        yield cassette
        left = [str(first) for number, first in enumerate(cassette.requests) if not cassette.play_counts[number]]
        assert not left, f"{path.name} was only partly played: {', '.join(left)}"
        assert len(cassette), f"There is no cassette {path}, or nothing on it"
