"""Errors as the gateway words them. It has had four body shapes over time, and answers with any of them today."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from .ask import JSON

NAMES = {
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
MESSAGES = {
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
    """A request that is refused. `details` lists what is wrong with it, as {path, reason, code}."""

    def __init__(
        self, status: int, message: str = "", *, details: list[JSON] | None = None, kind: str | None = None
    ) -> None:
        self.status = status
        self.message = message or MESSAGES.get(status) or phrase(status)
        self.details = details
        self.kind = kind
        super().__init__(self.message)


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def problem_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The newest shape, problem+json without `type` and `detail`."""
    inner: JSON = {"name": NAMES.get(error.status, "HttpException"), "message": error.message}
    if error.details is not None:
        inner["name"], inner["details"] = "PublicApiValidationException", error.details
    if error.kind is not None:
        inner["data"] = {"kind": error.kind}
    return {
        "title": phrase(error.status),
        "status": error.status,
        "message": error.message,
        "instance": path,
        "requestId": request_id,
        "timestamp": now(),
        "error": inner,
    }


def legacy_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The oldest shape; its `statusCode` is text in the vendor's documentation."""
    return {
        "message": error.message,
        "path": path,
        "requestId": request_id,
        "statusCode": str(error.status),
        "timestamp": now(),
    }


def tree_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The shape of 2025: the oldest one with a tree of complaints."""
    leaf = {"_errors": ["Invalid enum value. Expected 'user' | 'assistant', received 'system'"]}
    tree = {"_errors": [], "messages": {"0": {"_errors": [], "role": leaf}, "_errors": []}}
    return legacy_body(error, path, request_id) | {"message": "Invalid input", "statusCode": error.status, "meta": tree}


def upstream_body(error: GatewayError, path: str, request_id: str) -> JSON:
    """The error of the provider behind the gateway, put into `message` as text."""
    upstream = {"type": "error", "error": {"type": "api_error", "message": error.message}, "request_id": "req_emulated"}
    wrapped = GatewayError(error.status, f"{error.status} {json.dumps(upstream)}")
    return legacy_body(wrapped, path, request_id) | {"statusCode": error.status}


SHAPES = {"problem": problem_body, "legacy": legacy_body, "tree": tree_body, "upstream": upstream_body}


def error_response(
    error: GatewayError, path: str, shape: str = "problem", headers: dict[str, str] | None = None
) -> Response:
    request_id = str(uuid.uuid4())
    body: Any = SHAPES[shape](error, path, request_id)
    kind = "application/problem+json" if shape == "problem" else "application/json"
    return Response(
        json.dumps(body, ensure_ascii=False),
        status_code=error.status,
        headers={"content-type": f"{kind}; charset=utf-8", "x-request-id": request_id} | (headers or {}),
    )
