"""What the gateway's HTTP looks like: how requests are validated, which endpoint serves a model, errors, events.

The request models of an endpoint are in a module of this package, or next to its handler if they are few. They are
strict pydantic models: nothing is coerced, and a null is refused unless the type of the field includes None.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from ..model.catalogue import CatalogueModel, find_model, other_modalities

JSON = dict[str, Any]
MAX_DETAILS = 100  # validation errors of a request that are reported
RequestT = TypeVar("RequestT", bound=BaseModel)


class Open(BaseModel):
    """A model that drops unknown keys, as the gateway does."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, protected_namespaces=())


class Closed(Open):
    """A model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid")


def parse_request(model: type[RequestT], body: Any, *, strict: bool = True) -> RequestT:
    """Validate `body` as `model`.

    Args:
        model: of the request.
        body: the JSON, or the fields of a form.
        strict: False for a form, whose fields are texts: `true` is a boolean there.

    Raises:
        GatewayError: 400 with one entry in `details` for each invalid place.
    """
    try:
        return model.model_validate(body, strict=strict)
    except ValidationError as error:
        raise invalid_request(_validation_details(error.errors(include_url=False)[:MAX_DETAILS], body)) from None


# --- errors -------------------------------------------------------------------------------------------------------

ERROR_NAMES = {
    400: "BadRequestException",
    401: "UnauthorizedException",
    403: "ForbiddenException",
    404: "NotFoundException",
    429: "TooManyRequestsException",
    500: "InternalServerErrorException",
    502: "BadGatewayException",
    503: "ServiceUnavailableException",
    504: "GatewayTimeoutException",
}
ERROR_MESSAGES = {
    401: "This request requires a valid API key. You can create one at https://aimlapi.com/app/keys",
    403: "You don't have access to this resource.",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Something wrong with the server. Please, try again later.",
    502: "Bad Gateway",
    503: "Service unavailable",
    504: "Generation timeout",
}


class GatewayError(Exception):
    """A refused request. `details` lists what is wrong with it, as {path, reason, code}."""

    def __init__(
        self, status: int, message: str = "", *, details: list[JSON] | None = None, kind: str | None = None
    ) -> None:
        self.status = status
        self.message = message or ERROR_MESSAGES.get(status) or _status_phrase(status)
        self.details = details
        self.kind = kind
        super().__init__(self.message)


def invalid_request(details: list[JSON]) -> GatewayError:
    return GatewayError(400, "Bad Request — Invalid payload provided", details=details)


def problem(path: str, reason: str, code: str = "custom") -> JSON:
    return {"path": path, "reason": reason, "code": code}


def error_response(
    error: GatewayError, path: str, shape: str = "problem", headers: dict[str, str] | None = None
) -> Response:
    """The response for an error, in one of the four body shapes that the gateway has used over time."""
    request_id = str(uuid.uuid4())
    body: Any = ERROR_SHAPES[shape](error, path, request_id)
    media_type = "application/problem+json" if shape == "problem" else "application/json"
    return Response(
        json.dumps(body, ensure_ascii=False),
        status_code=error.status,
        headers={"content-type": f"{media_type}; charset=utf-8", "x-request-id": request_id} | (headers or {}),
    )


def _status_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _timestamp() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _problem_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The newest shape: problem+json without `type` and `detail`."""
    inner: JSON = {"name": ERROR_NAMES.get(error.status, "HttpException"), "message": error.message}
    if error.details is not None:
        inner["name"], inner["details"] = "PublicApiValidationException", error.details
    if error.kind is not None:
        inner["data"] = {"kind": error.kind}
    return {
        "title": _status_phrase(error.status),
        "status": error.status,
        "message": error.message,
        "instance": path,
        "requestId": request_id,
        "timestamp": _timestamp(),
        "error": inner,
    }


def _legacy_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The oldest shape. Its `statusCode` is a string in the vendor's documentation."""
    return {
        "message": error.message,
        "path": path,
        "requestId": request_id,
        "statusCode": str(error.status),
        "timestamp": _timestamp(),
    }


def _tree_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The shape of 2025: the oldest one plus a tree of validation errors."""
    leaf = {"_errors": ["Invalid enum value. Expected 'user' | 'assistant', received 'system'"]}
    tree = {"_errors": [], "messages": {"0": {"_errors": [], "role": leaf}, "_errors": []}}
    body = _legacy_body(error, path, request_id)
    return body | {"message": "Invalid input", "statusCode": error.status, "meta": tree}


def _upstream_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """An error of the provider behind the gateway, embedded in `message` as text."""
    upstream = {"type": "error", "error": {"type": "api_error", "message": error.message}, "request_id": "req_emulated"}
    wrapped = GatewayError(error.status, f"{error.status} {json.dumps(upstream)}")
    return _legacy_body(wrapped, path, request_id) | {"statusCode": error.status}


ERROR_SHAPES = {"problem": _problem_body, "legacy": _legacy_body, "tree": _tree_body, "upstream": _upstream_body}


# --- pydantic's validation errors in the gateway's words ----------------------------------------------------------


def _validation_details(errors: list[ErrorDetails], body: Any) -> list[JSON]:
    """One entry for each place. When no branch of a union matches, report the branch that got deepest."""
    errors_by_path: dict[str, list[ErrorDetails]] = {}
    for error in errors:
        errors_by_path.setdefault(_error_path(error, body), []).append(error)
    deepest = [path for path in errors_by_path if not any(_is_inside(other, path) for other in errors_by_path)]
    return [_error_detail(path, errors_by_path[path]) for path in deepest]


def _is_inside(path: str, outer: str) -> bool:
    return path != outer and (outer == "" or path.startswith(f"{outer}."))


def _error_path(error: ErrorDetails, body: Any) -> str:
    """The place in the body: the error's location without the names of union branches."""
    path: list[str] = []
    value, location = body, error["loc"]
    for index, key in enumerate(location):
        items = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
        if key in items:
            value = items[key]
        elif not (index == len(location) - 1 and error["type"] == "missing"):
            continue
        path.append(str(key))
    if error["type"] == "union_tag_invalid":
        path.append("role" if "role" in error["ctx"]["discriminator"] else "type")
    return ".".join(path)


def _error_detail(path: str, errors: list[ErrorDetails]) -> JSON:
    first = errors[0]
    if len(errors) > 1 and first["input"] is not None:
        return problem(path, "Invalid input", "invalid_union")
    code, reason = VALIDATION_MESSAGES.get(first["type"], _OTHER_ERROR)
    return problem(path, reason(first), code)


def _received_type(value: Any) -> str:
    names = {type(None): "null", str: "string", bool: "boolean", int: "number", float: "float", list: "array"}
    return names.get(type(value), "object")


def _expected(kind: str) -> tuple[str, Callable[[ErrorDetails], str]]:
    return "invalid_type", lambda error: f"Expected {kind}, received {_received_type(error['input'])}"


def _out_of_bounds(text: str, key: str, code: str) -> tuple[str, Callable[[ErrorDetails], str]]:
    return code, lambda error: text.format(error["ctx"][key])


def _invalid_enum(error: ErrorDetails) -> str:
    options = error["ctx"]["expected"].replace(" or ", " | ").replace(", ", " | ")
    if isinstance(error["input"], str):
        return f"Invalid enum value. Expected {options}, received '{error['input']}'"
    return f"Expected {options}, received {_received_type(error['input'])}"


def _invalid_tag(error: ErrorDetails) -> str:
    options = error["ctx"]["expected_tags"].replace(", ", " | ")
    return f"Invalid enum value. Expected {options}, received '{error['ctx']['tag']}'"


_OTHER_ERROR: tuple[str, Callable[[ErrorDetails], str]] = (
    "custom",
    lambda error: error["msg"].removeprefix("Value error, "),
)

# pydantic's error type -> the gateway's code and message.
VALIDATION_MESSAGES: dict[str, tuple[str, Callable[[ErrorDetails], str]]] = {
    "missing": ("invalid_type", lambda _error: "Required"),
    "string_type": _expected("string"),
    "int_type": _expected("integer"),
    "int_from_float": _expected("integer"),
    "float_type": _expected("number"),
    "bool_type": _expected("boolean"),
    "list_type": _expected("array"),
    "dict_type": _expected("object"),
    "model_type": _expected("object"),
    "model_attributes_type": _expected("object"),
    "literal_error": ("invalid_enum_value", _invalid_enum),
    "union_tag_invalid": ("invalid_union_discriminator", _invalid_tag),
    "union_tag_not_found": ("invalid_union", lambda _error: "Invalid input"),
    "extra_forbidden": ("unrecognized_keys", lambda error: f"Unrecognized key(s) in object: '{error['loc'][-1]}'"),
    "greater_than_equal": _out_of_bounds("Number must be greater than or equal to {}", "ge", "too_small"),
    "less_than_equal": _out_of_bounds("Number must be less than or equal to {}", "le", "too_big"),
    "string_too_short": _out_of_bounds("String must contain at least {} character(s)", "min_length", "too_small"),
    "string_too_long": _out_of_bounds("String must contain at most {} character(s)", "max_length", "too_big"),
    "too_short": _out_of_bounds("Array must contain at least {} element(s)", "min_length", "too_small"),
    "too_long": _out_of_bounds("Array must contain at most {} element(s)", "max_length", "too_big"),
    "string_pattern_mismatch": ("invalid_string", lambda _error: "Invalid"),
}


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """A reply that is a list of objects: as JSON, or one object a line."""

    items: list[JSON]
    as_lines: bool = False

    def encode(self) -> str:
        return "\n".join(map(dump_json, self.items)) if self.as_lines else dump_json(self.items)


# --- server-sent events -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """One server-sent event.

    `data` is JSON, or a string that is sent as is. `kind` says what the event carries (faults select events by it).
    `name` is the event's name on the wire, if it has one.
    """

    data: Any
    kind: str = ""
    name: str = ""


def dump_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_event(event: Event) -> bytes:
    data = event.data if isinstance(event.data, str) else dump_json(event.data)
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {data}\n\n".encode()


# --- forms, in which a few endpoints take files -------------------------------------------------------------------

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


# --- which endpoint serves a model --------------------------------------------------------------------------------

ENDPOINT_PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "decisions": "/v1/decisions",
}
DECISION_MODELS = frozenset({"typesafe/jev"})


def check_model_served(model_id: str, endpoint: str, *, any_model: bool = False) -> None:
    """Raise if the endpoint does not serve the model.

    Args:
        model_id: of the request. Ids that start with `emulator/` are always served.
        endpoint: chat, responses, embeddings, messages or decisions.
        any_model: serve unknown ids, too.

    Raises:
        GatewayError: 404 for an unknown model, 400 for a model of another endpoint.
    """
    model = find_model(model_id)
    if model_id in DECISION_MODELS:
        available = endpoint == "decisions"
    elif model is not None:
        available = is_available(model, endpoint)
    elif model_id in other_modalities():
        available = False
    elif model_id.startswith("emulator/") or (any_model and not _is_nonexistent(model_id)):
        available = endpoint != "messages" or "claude" in model_id
    else:
        raise GatewayError(404, f"Model {model_id} not found")
    if not available:
        raise GatewayError(400, f"Model {model_id} is not available on {ENDPOINT_PATHS[endpoint]}")


def _is_nonexistent(model_id: str) -> bool:
    """Whether an id says that it doesn't exist. Such ids are never served."""
    return "does-not-exist" in model_id or model_id.startswith("emulated/nope")


def is_available(model: CatalogueModel, endpoint: str) -> bool:
    """Whether a known model is served on an endpoint.

    The catalog's endpoints are not complete: every Claude model is served on /v1/messages, gpt-5-4 on
    /v1/chat/completions, and models of every vendor on /v1/responses.
    """
    if (endpoint == "embeddings") != ("embeddings" in model.endpoints) or endpoint == "decisions":
        return False
    if endpoint == "chat":
        return model.endpoints != ("responses",) or model.id == "openai/gpt-5-4"
    return endpoint != "messages" or "claude" in model.id
