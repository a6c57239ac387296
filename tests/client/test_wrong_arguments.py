"""Arguments of a wrong kind raise an error that names them, before anything is sent, sync and async."""

from __future__ import annotations

import asyncio
import io
from operator import attrgetter
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError

PDF = b"%PDF-1.7 ..."
READ_TO_ITS_END = io.BytesIO(PDF)
READ_TO_ITS_END.read()

WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "empty document": ("ocr", (b"",), {}, UnsupportedContentError, "is empty"),
    "document read before": ("ocr", (READ_TO_ITS_END,), {}, UnsupportedContentError, "read to its end"),
    "empty recording": ("transcribe", (b"",), {}, UnsupportedContentError, "is empty"),
    "pages as words": ("ocr", (PDF,), {"pages": "all"}, UnsupportedParameterError, "pages='all'"),
    "pages as fractions": ("ocr", (PDF,), {"pages": 1.5}, UnsupportedParameterError, "pages=1.5"),
    "pages as texts": ("ocr", (PDF,), {"pages": ["0"]}, UnsupportedParameterError, r"pages=\['0'\]"),
    "annotation as a type": ("ocr", (PDF,), {"annotation": dict}, TypeError, "annotation: expected a pydantic class"),
    "annotation as a text": ("ocr", (PDF,), {"annotation": "a"}, TypeError, "annotation: expected a pydantic class"),
    "size as a pair": ("generate_image", ("A",), {"size": (1, 2)}, UnsupportedParameterError, r"size=\(1, 2\)"),
    "size as a number": ("generate_image", ("A",), {"size": 1024}, UnsupportedParameterError, "size=1024"),
    "no OCR model": ("ocr", (PDF,), {"model": None}, ValueError, "model=None"),
    "no speech model": ("transcribe", (PDF,), {"model": None}, ValueError, "model=None"),
    "no image model": ("generate_image", ("A",), {"model": ""}, ValueError, "model=''"),
    "no embedding model": ("embed", (["a"],), {"model": None}, ValueError, "model=None"),
    "dimensions as a text": ("embed", (["a"],), {"dimensions": "5"}, UnsupportedParameterError, "it takes a number"),
    "no query": ("rerank", (None, ["a"]), {}, TypeError, "query: expected a text, received NoneType"),
    "no documents": ("rerank", ("q", None), {}, TypeError, "documents: expected a list of texts"),
    "negative top_n": ("rerank", ("q", ["a"]), {"top_n": -1}, ValueError, "top_n=-1: expected a number from 1 up"),
    "top_n as a fraction": ("rerank", ("q", ["a"]), {"top_n": 1.5}, ValueError, "top_n=1.5"),
    "no concurrency": ("rerank", ("q", ["a"]), {"max_concurrency": 0}, ValueError, "max_concurrency=0"),
    "extra_body as a list": ("chat", ("Hi",), {"extra_body": [1], "model": "m"}, TypeError, "extra_body: expected"),
    "timeout as a text": ("transcribe", (PDF,), {"timeout": "1 min"}, TypeError, "timeout: expected seconds"),
    "negative timeout": ("transcribe", (PDF,), {"timeout": -1}, ValueError, "timeout: expected seconds from 0 up"),
    "no interval": ("transcribe", (PDF,), {"interval": None}, TypeError, "interval: expected seconds"),
    "wait for a text": ("transcriptions.wait", ("id",), {"timeout": "1"}, TypeError, "timeout: expected seconds"),
    "response, wait for a text": ("responses.wait", ("id",), {"timeout": "1"}, TypeError, "timeout: expected seconds"),
    "batch, wait for a text": ("batches.wait", ("id",), {"timeout": "1"}, TypeError, "timeout: expected seconds"),
    "batch, no interval": ("batches.results", ("id",), {"interval": None}, TypeError, "interval: expected seconds"),
    "keys as numbers": ("decide", ("s", {1: "Is it?"}), {}, TypeError, "expected a text as each key, received 1"),
}  # fmt: skip


def _refuse(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was requested.")


def _client() -> Client:
    return Client("k", http_client=httpx.Client(transport=httpx.MockTransport(_refuse)))


async def _call_async(method: str, *args: Any, **kwargs: Any) -> None:
    async with AsyncClient("k", http_client=httpx.AsyncClient(transport=httpx.MockTransport(_refuse))) as client:
        await attrgetter(method)(client)(*args, **kwargs)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_argument_raises_before_anything_is_sent(name: str) -> None:
    method, args, kwargs, error, text = WRONG[name]
    with _client() as client, pytest.raises(error, match=text):
        attrgetter(method)(client)(*args, **kwargs)
    with pytest.raises(error, match=text):
        asyncio.run(_call_async(method, *args, **kwargs))


BATCHES: dict[str, tuple[Any, str]] = {
    "nothing": (None, "a list of requests"),
    "messages instead of conversations": ([{"role": "user", "content": "Hi"}], r"needs `messages`.*'content', 'role'"),
    "a request in Anthropic's form": ([{"custom_id": "a", "params": {}}], "needs `messages`"),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_batch_of_something_else_raises(name: str) -> None:
    items, text = BATCHES[name]
    with _client() as client, pytest.raises(TypeError, match=text):
        client.batches.submit(items, model="anthropic/claude-sonnet-4.5")


@pytest.mark.parametrize("client_type", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("argument", "value", "text"),
    [
        ("api_key", 5, "api_key: expected a string, received int"),
        ("api_key", b"k", "api_key: expected a string, received bytes"),
        ("base_url", Path("/v1"), "base_url: expected a string, received PosixPath"),
        ("retry", 5, "retry: expected a RetryPolicy, received int"),
    ],
)
def test_wrong_setting_raises(client_type: Any, argument: str, value: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        client_type(**{"api_key": "k", argument: value})
