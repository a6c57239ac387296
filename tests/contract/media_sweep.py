"""Holds the requests for OCR, speech to text and images against every documented model's schema.

    python -m tests.contract.media_sweep --contract DIR [--emulator]

DIR has `beyond_chat.json.gz`, gzipped JSON, `{path: [{"page", "requestBody"}]}`: the operations of the vendor's OpenAPI
files by path. With `--emulator`, the requests also go to the emulator, which must accept them. Exits with 1 if a schema
or the emulator refuses one, or if a field isn't listed. What a model can't do (edit images, tell speakers apart …) must
raise a typed error.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema

from aimlapi_integrations.client.options import DEFAULT_OPTIONS
from aimlapi_integrations.endpoints import images, ocr, speech_to_text
from aimlapi_integrations.endpoints.shared.sources import FormFile, MediaSource, load_source
from aimlapi_integrations.errors import AIMLAPIError
from aimlapi_integrations.models.media import image_capabilities

Json = dict[str, Any]
Built = tuple[str, Json, tuple[FormFile, ...]]

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(20)
FILES = [
    "https://example.com/a.pdf",
    "https://example.com/a.png",
    b"%PDF-1.4 1 0 obj <</Type /Pages /Count 2>> endobj",
    PNG,
]
SCHEMA = {"title": "Invoice", "type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
SIZES = [None, "1024x1024", "16:9", "1920x1080", "200x900", "5000x300", "landscape_4_3", "1:3"]
NOT_IMAGES = "3d-generating-models"


def ocr_requests(model: str) -> Iterator[Callable[[], list[Built]]]:
    options: list[Json] = [{}, {"pages": 0}, {"pages": "0-2,5"}, {"pages": range(3)}, {"pages": [4, 2]}]
    options += [
        {"include_images": True},
        {"annotation": SCHEMA, "image_annotation": SCHEMA, "annotation_prompt": "All"},
    ]
    options += [{"image_limit": 3, "image_min_size": 10}] if "google" not in model else []
    for file in FILES:
        for each in options:
            yield lambda file=file, each=each: [(ocr.PATH, ocr.encode(load_source(file), model, **each), ())]


def speech_requests(model: str) -> Iterator[Callable[[], list[Built]]]:
    for file in (MediaSource("audio/mpeg", "a.mp3", url="https://example.com/a.mp3"), load_source(b"ID3 sound")):
        for each in ({}, {"language": "en"}, {"speakers": True}, {"punctuate": True}):
            if not ("punctuate" in each and ("transcribe" in model)):
                yield lambda file=file, each=each: [_speech(speech_to_text.encode(file, model, **each))]


def _speech(submission: speech_to_text.Submission) -> Built:
    return speech_to_text.CREATE_PATH, submission.body, submission.files


def image_requests(model: str) -> Iterator[Callable[[], list[Built]]]:
    required = {name: values[0] for name, values in image_capabilities(model).required.items()}
    prompt = None if image_capabilities(model).max_prompt is None else "A lighthouse at night"
    sources: list[list[MediaSource]] = [[], [load_source(PNG)], [load_source("https://example.com/a.png")] * 2]
    for files in sources:
        for size in SIZES:
            for n in (1, 3):
                yield lambda files=files, size=size, n=n: [
                    (each.path, each.body, each.files)
                    for each in images.encode(prompt, model, files, size=size, n=n, **required)
                ]


REQUESTS = {
    "/v1/ocr": ocr_requests,
    "/v1/stt/create": speech_requests,
    "/v1/images/generations": image_requests,
    "/v1/images/edits": image_requests,
}


def as_json_schema(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: `nullable` and boolean bounds."""
    if isinstance(schema, list):
        return [as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: as_json_schema(value) for key, value in schema.items() if key not in ("nullable", "example")}
    if changed.get("exclusiveMinimum") is True:
        changed["exclusiveMinimum"] = changed.pop("minimum")
    if isinstance(changed.get("type"), str) and schema.get("nullable") is True:
        changed["type"] = [changed["type"], "null"]
    return changed


def problems(schema: Json, body: Json, files: tuple[FormFile, ...], listed: set[str]) -> list[str]:
    """What a schema refuses of a request, and the fields that no page of the model lists."""
    fields = {file.part: _form_value(schema["properties"].get(file.part, {})) for file in files}
    whole = {**body, **fields}
    found = [error.message[:200] for error in jsonschema.Draft202012Validator(schema).iter_errors(whole)]
    return found + [f"unlisted: {name}" for name in sorted(body.keys() - listed - {"url"})]


def _form_value(schema: Json) -> Any:
    """A file of a form as a schema describes it: its bytes as text, or what the server's parser makes of it."""
    parsed = {"fieldname": "f", "originalname": "a", "encoding": "7bit", "mimetype": "a/b"}
    return "bytes" if schema.get("type") == "string" else parsed


class Sweep:
    """Counts the requests that were held against a schema, and their problems."""

    def __init__(self, emulator: bool) -> None:
        self.carried: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.problems: list[str] = []
        self.gateway = emulated() if emulator else None

    def hold(self, path: str, page: str, schema: Json, model: str, listed: set[str]) -> None:
        for build in REQUESTS[path](model):
            try:
                requests = build()
            except AIMLAPIError as error:
                self.skipped[path] += 1
                self.reasons[path, str(error).replace(model, "MODEL")] += 1
                continue
            for target, body, files in requests:
                if f"/v1{target}" == path:
                    self.carried[path] += 1
                    errors = problems(schema, body, files, listed) + self.refused(target, body, files)
                    self.problems += [f"{path} {model} ({page}): {each} <- {json.dumps(body)[:300]}" for each in errors]

    def refused(self, path: str, body: Json, files: tuple[FormFile, ...]) -> list[str]:
        return [] if self.gateway is None else self.gateway(path, body, files)


def emulated() -> Callable[[str, Json, tuple[FormFile, ...]], list[str]]:
    """Return a function that sends a request to the emulator as the client does, and returns what it refuses."""
    from aimlapi_integrations import Client
    from aimlapi_integrations.client.call import build_http_request
    from aimlapi_integrations.client.media_calls import upload_files
    from aimlapi_integrations.emulator import Emulator
    from aimlapi_integrations.errors import APIError

    gateway = Emulator().start()
    client = Client("k", gateway.base_url, max_retries=0)

    def send(path: str, body: Json, files: tuple[FormFile, ...]) -> list[str]:
        request = build_http_request(path, DEFAULT_OPTIONS, body, files=upload_files(files))
        try:
            client._http.send(request)
        except APIError as error:
            return [f"emulator: {error}"]
        return []

    return send


def documented(operations: list[Json]) -> Iterator[tuple[str, Json, str]]:
    """The page, the schema and the model of each operation on images, documents and speech."""
    for operation in operations:
        if NOT_IMAGES not in operation["page"]:
            schema = as_json_schema(operation["requestBody"]["content"]["application/json"]["schema"])
            for model in schema["properties"]["model"]["enum"]:
                yield operation["page"], schema, model


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--contract", type=Path, required=True, help="the folder with beyond_chat.json.gz")
    cli.add_argument("--emulator", action="store_true", help="send the requests to the emulator, too")
    cli.add_argument("--reasons", action="store_true", help="list why requests were impossible")
    args = cli.parse_args()
    operations = json.loads(gzip.decompress((args.contract / "beyond_chat.json.gz").read_bytes()))
    sweep = Sweep(args.emulator)
    models: dict[str, dict[str, set[str]]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in REQUESTS:
            pages = list(documented(operations[path]))
            for _, schema, model in pages:
                models.setdefault(path, {}).setdefault(model, set()).update(schema["properties"])
            for page, schema, model in pages:
                sweep.hold(path, page, schema, model, models[path][model])
    for path, ids in models.items():
        print(
            f"{path}: {len(ids)} models, {sweep.carried[path]} requests, {sweep.skipped[path]} impossible ones raised"
        )
    if args.reasons:
        for (path, text), count in sweep.reasons.most_common():
            print(f"{count}x {path} {text}")
    for text, count in Counter(sweep.problems).most_common(40):
        print(f"{count}x {text}")
    print(f"{len(sweep.problems)} problems")
    return 1 if sweep.problems else 0


if __name__ == "__main__":
    sys.exit(main())
