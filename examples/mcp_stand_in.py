"""A stand-in for the gateway's MCP server (https://mcp.aimlapi.com/mcp), to try agents without a key.

It has a part of that server's tools, by their names and arguments. It generates nothing: what it returns says that it
is emulated. Serve it alone, or as a context manager:

    pip install ".[examples,mcp]"
    python examples/mcp_stand_in.py --port 8090
"""

import argparse
import hashlib
import json
import socket
import threading
import time
from typing import Any

import uvicorn
from mcp.server.fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aimlapi_integrations.models import known_models
from aimlapi_integrations.models.media import media_models

Json = dict[str, Any]
jobs: dict[str, Json] = {}


def ping() -> str:
    """Check that the server is reachable and the key is valid."""
    return "pong"


def models_search(query: str, limit: int = 5) -> Json:
    """Search the models by a part of their id."""
    ids = sorted({*known_models(), *media_models("images")})
    return {"models": [{"id": each} for each in ids if query.lower() in each.lower()][:limit]}


def video_generate(model: str, prompt: str, params: Json | None = None) -> Json:
    """Start a video. Returns a job_id: poll job_status, then fetch job_result."""
    job_id = hashlib.sha256(json.dumps([model, prompt, params]).encode()).hexdigest()[:12]
    return jobs.setdefault(job_id, {"job_id": job_id, "kind": "video", "model": model, "status": "processing"})


def job_status(job_id: str) -> Json:
    """Return the status of a job: processing, complete or error."""
    status = dict(jobs.get(job_id) or _error("job_not_found", f"There is no job {job_id!r}."))
    if job_id in jobs:
        jobs[job_id]["status"] = "complete"  # with the next request
    return status


def job_result(job_id: str) -> Json:
    """Return the result of a job that is complete: the URL of the video."""
    job = jobs.get(job_id)
    if job is None:
        return _error("job_not_found", f"There is no job {job_id!r}.")
    result = {"url": f"https://example.com/emulated/{job_id}.mp4", "usage": {"usd_spent": 0.0}}
    return {**job, "result": result} if job["status"] == "complete" else {**job, "ready": False}


def account_balance() -> Json:
    """Return the account's balance in credits."""
    return {"balance": 2_000_000, "low": False, "note": "emulated"}


def _error(code: str, message: str) -> Json:
    return {"error": {"code": code, "message": message, "retryable": False, "request_id": "emulated"}}


class KeyRequired:
    """Refuses requests without a key, as the gateway does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self.app
        if scope["type"] == "http" and not Request(scope).headers.get("authorization", "").startswith("Bearer "):
            response: Response = JSONResponse(_error("unauthorized", "Send Authorization: Bearer KEY."), 401)
            app = response
        await app(scope, receive, send)


class StandIn:
    """The server on loopback, in a thread: `with StandIn() as server: server.url`."""

    def __init__(self, port: int = 0) -> None:
        server = FastMCP("aimlapi-stand-in", stateless_http=True, json_response=True, log_level="WARNING")
        for tool in (ping, models_search, video_generate, job_status, job_result, account_balance):
            server.tool()(tool)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/mcp"
        config = uvicorn.Config(KeyRequired(server.streamable_http_app()), log_level="warning")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> "StandIn":
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8090)
    with StandIn(parser.parse_args().port) as running:
        print(f"Serving a stand-in for the gateway's MCP server at {running.url}")
        running.thread.join()
