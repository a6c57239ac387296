"""Write `llms.txt`, the list of pages that language models and coding assistants read (https://llmstxt.org)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

INTRODUCTION = """\
# aimlapi-integrations

> The models of the AI/ML API gateway (aimlapi.com: one key and one HTTP API for more than 400 models) in
> LangChain and LlamaIndex. It keeps reasoning text, citations, signatures, token details, the price of each call and
> the gateway's errors.

- LangChain: `from aimlapi_integrations.langchain import ChatAIMLAPI, AIMLAPIEmbeddings`.
  Arguments are named as in `ChatOpenAI`.
- LlamaIndex: `from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding`.
  Arguments are named as in `OpenAILike`.
- Without a framework: `from aimlapi_integrations import Client, AsyncClient`.
- The API key is read from `AIMLAPI_API_KEY`. Don't pass `base_url`: the gateway is the default.
- Tests without a key run on `aimlapi_integrations.emulator.Emulator`.

## Pages

"""

_lines: list[str] = []


def on_pre_build(**_: Any) -> None:
    """Start a new list. mkdocs calls this before each build."""
    _lines.clear()


def on_page_markdown(markdown: str, page: Any, **_: Any) -> None:
    """Add a page to the list. mkdocs calls this for each page."""
    _lines.append(f"- [{page.title}]({page.url}){summary(markdown)}\n")


def on_post_build(config: Any, **_: Any) -> None:
    """Write the list into the site. mkdocs calls this at the end."""
    Path(config["site_dir"], "llms.txt").write_text(INTRODUCTION + "".join(_lines), encoding="utf-8")


def summary(markdown: str) -> str:
    """Return the first sentence of a page with a colon before it, or nothing if the page doesn't begin with text."""
    body = re.sub(r"\A\s*# .*\n", "", markdown).strip()
    body = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body)  # links are relative to the page
    paragraph = " ".join(body.partition("\n\n")[0].split())
    if not re.match(r"`?/?\w", paragraph):  # a word, or a name in backticks
        return ""
    return ": " + re.split(r"(?<=[.:!?]) ", paragraph)[0].rstrip(":")
