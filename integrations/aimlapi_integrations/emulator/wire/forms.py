"""Forms (`multipart/form-data`), in which a few endpoints take files."""

from __future__ import annotations

import hashlib
import re

from . import JSON, GatewayError

FORM = "multipart/form-data"
_BOUNDARY = re.compile(r"boundary=\"?([^\";]+)\"?")
_PARAMETER = re.compile(r"(\w+)=\"((?:[^\"\\]|\\.)*)\"")


def parse_form(content: bytes, content_type: str) -> JSON:
    """Parse a form: fields as text, repeated ones as a list, and files as the gateway's schemas describe them.

    A file's bytes are left out: their number and their SHA-256 stand for them.

    Raises:
        GatewayError: 400 if it isn't a form.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise GatewayError(400, "Multipart: Boundary not found")
    fields: JSON = {}
    for part in content.split(b"--" + boundary[1].encode())[1:-1]:
        head, separator, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not separator:
            raise GatewayError(400, "Multipart: Unexpected end of form")
        _add_field(fields, head.decode("utf-8", "replace"), value.removesuffix(b"\r\n"))
    return fields


def _add_field(fields: JSON, head: str, value: bytes) -> None:
    disposition = next((line for line in head.splitlines() if line.lower().startswith("content-disposition")), "")
    parameters = dict(_PARAMETER.findall(disposition))
    name = parameters.get("name", "")
    field = _file(name, parameters["filename"], head, value) if "filename" in parameters else value.decode("utf-8")
    known = fields.get(name)
    fields[name] = field if known is None else [*(known if isinstance(known, list) else [known]), field]


def _file(name: str, filename: str, head: str, value: bytes) -> JSON:
    mime = re.search(r"(?im)^content-type:\s*([^\r\n;]+)", head)
    return {
        "fieldname": name,
        "originalname": filename,
        "encoding": "7bit",
        "mimetype": mime[1] if mime else "application/octet-stream",
        "size": len(value),
        "sha256": hashlib.sha256(value).hexdigest(),
    }
