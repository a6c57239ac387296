"""Holds what is seen of documented replies, plain and as streams, against what they state.

    python -m tests.contract.reply_sweep --replies FILE

FILE has a JSON object a line: `page`, where the reply is documented, and `reply`, its body. Each is read by the bare
endpoint, through LangChain (both forms of content) and through LlamaIndex. Exits with 1 where anything differs.
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

from aimlapi_integrations.endpoints import ENDPOINTS
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply
from tests.contract.documented_reply import Json, Told, of_message, of_reply, of_response, stated
from tests.support.chat_chunks import cut
from tests.support.responses_events import events


def endpoint_of(body: Json) -> str:
    return "responses" if body.get("object") == "response" else "chat_completions"


def streamed(body: Json) -> list[Json]:
    return events(body) if endpoint_of(body) == "responses" else list(cut(body))


def server(body: Json) -> httpx.Client:
    """A client whose every answer is `body`, as a stream where one is asked for."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not json.loads(request.content).get("stream"):
            return httpx.Response(200, json=body)
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in streamed(body))
        return httpx.Response(200, text=f"{text}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})

    return httpx.Client(transport=httpx.MockTransport(answer))


# --- the ways to read a reply, each plain and as a stream ---------------------------------------------------------


def bare(body: Json) -> Iterator[Told]:
    endpoint = ENDPOINTS[endpoint_of(body)]
    yield of_reply(endpoint.decode(body, {}))
    decoder = endpoint.Decoder(body["model"], {})
    for event in streamed(body):
        decoder.feed(event)
    reply = decoder.close(True).reply
    assert isinstance(reply, Reply)
    yield of_reply(reply)


def langchain(body: Json, **form: Any) -> Iterator[Told]:
    asked = {"model": body["model"], "api_key": "k", "endpoint": endpoint_of(body), "http_client": server(body)}
    model = ChatAIMLAPI(**asked, **form)
    yield of_message(model.invoke("Hello"))
    yield of_message(reduce(add, model.stream("Hello")))


def langchain_v1(body: Json) -> Iterator[Told]:
    return langchain(body, output_version="v1")


def llama_index(body: Json) -> Iterator[Told]:
    asked = {"model": body["model"], "api_key": "k", "endpoint": endpoint_of(body), "http_client": server(body)}
    llm = AIMLAPI(**asked)
    yield of_response(llm.chat([ChatMessage("Hello")]))
    *_, last = llm.stream_chat([ChatMessage("Hello")])
    yield of_response(last)


WAYS: tuple[Callable[[Json], Iterator[Told]], ...] = (bare, langchain, langchain_v1, llama_index)


def differences(body: Json) -> Iterator[tuple[str, str]]:
    """Each way in which a field is seen otherwise than it is stated: where, and how."""
    wanted = stated(body)
    for way in WAYS:
        for colour, seen in zip(("plain", "stream"), way(body), strict=True):
            for each in fields(Told):
                due, found = getattr(wanted, each.name), getattr(seen, each.name)
                if due != found:
                    yield f"{way.__name__} {colour}: {each.name}", f"due {due!r:.200} seen {found!r:.200}"


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--replies", type=Path, required=True, help="JSON lines: page, reply")
    rows = [json.loads(line) for line in cli.parse_args().replies.read_text(encoding="utf-8").splitlines() if line]
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for where, how in differences(row["reply"]):
            found[where].append(f"{row['page']}: {how}")
    for where, those in found.items():
        print(f"{where}: {len(those)}\n" + "\n".join(f"    {each}" for each in those[:4]))
    print(f"{len(rows)} replies, {sum(map(len, found.values()))} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
