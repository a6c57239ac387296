"""Check that clients return what documented replies contain, plain and streamed.

    python -m tests.contract.reply_sweep --replies FILE

FILE has one JSON object per line: `page`, where the reply is documented, and `reply`, its body. Each is decoded by the
endpoint, LangChain (both forms of content) and LlamaIndex. Exits with 1 on differences.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import httpx
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations.endpoints import get_endpoint
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply
from tests.contract.documented_reply import Json, ReplySummary, expected_summary, of_message, of_reply, of_response
from tests.support.chat_chunks import cut
from tests.support.responses_events import events


def endpoint_of(body: Json) -> str:
    return "responses" if body.get("object") == "response" else "chat_completions"


def streamed(body: Json) -> list[Json]:
    return events(body) if endpoint_of(body) == "responses" else list(cut(body))


def server(body: Json) -> httpx.Client:
    """Return a client whose every response is `body`, as a stream if requested."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not json.loads(request.content).get("stream"):
            return httpx.Response(200, json=body)
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in streamed(body))
        return httpx.Response(200, text=f"{text}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})

    return httpx.Client(transport=httpx.MockTransport(answer))


# --- readers of a reply, each plain and as a stream -------------------------------------------------------------------


def bare(body: Json) -> Iterator[ReplySummary]:
    endpoint = get_endpoint(endpoint_of(body))
    yield of_reply(endpoint.decode(body, {}))
    decoder = endpoint.Decoder(body["model"], {})
    for event in streamed(body):
        decoder.feed(event)
    reply = decoder.close(True).reply
    assert isinstance(reply, Reply)
    yield of_reply(reply)


def langchain(body: Json, **form: Any) -> Iterator[ReplySummary]:
    settings = {"model": body["model"], "api_key": "k", "endpoint": endpoint_of(body), "http_client": server(body)}
    model = ChatAIMLAPI(**settings, **form)
    yield of_message(model.invoke("Hello"))
    yield of_message(reduce(add, model.stream("Hello")))


def langchain_v1(body: Json) -> Iterator[ReplySummary]:
    return langchain(body, output_version="v1")


def llama_index(body: Json) -> Iterator[ReplySummary]:
    settings = {"model": body["model"], "api_key": "k", "endpoint": endpoint_of(body), "http_client": server(body)}
    llm = AIMLAPI(**settings)
    yield of_response(llm.chat([ChatMessage("Hello")]))
    *_, last = llm.stream_chat([ChatMessage("Hello")])
    yield of_response(last)


READERS: tuple[Callable[[Json], Iterator[ReplySummary]], ...] = (bare, langchain, langchain_v1, llama_index)


def differences(body: Json) -> Iterator[tuple[str, str]]:
    """Yield each field whose observed value differs from the documented one: where, and how."""
    expected_reply = expected_summary(body)
    for reader in READERS:
        for form, observed_reply in zip(("plain", "stream"), reader(body), strict=True):
            for name in (field.name for field in fields(ReplySummary)):
                expected, observed = getattr(expected_reply, name), getattr(observed_reply, name)
                if expected != observed:
                    yield f"{reader.__name__} {form}: {name}", f"expected {expected!r:.200} observed {observed!r:.200}"


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--replies", type=Path, required=True, help="JSON lines: page, reply")
    rows = [json.loads(line) for line in cli.parse_args().replies.read_text(encoding="utf-8").splitlines() if line]
    differences_by_field: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for where, how in differences(row["reply"]):
            differences_by_field[where].append(f"{row['page']}: {how}")
    for where, texts in differences_by_field.items():
        print(f"{where}: {len(texts)}\n" + "\n".join(f"    {each}" for each in texts[:4]))
    print(f"{len(rows)} replies, {sum(map(len, differences_by_field.values()))} differences")
    return 1 if differences_by_field else 0


if __name__ == "__main__":
    sys.exit(main())
