"""A model on an endpoint of another kind: the error says what it is and what takes it, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_integrations import BadRequestError, Client, UnsupportedParameterError
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.models.media import media_kind
from tests.support.media_files import make_pdf

Call = Callable[[str, httpx.Client], Any]
PDF = make_pdf("A page")


def client(http: httpx.Client) -> Client:
    return Client("key", http_client=http, max_retries=0)


def chat(model: str, http: httpx.Client, **options: Any) -> Any:
    return ChatAIMLAPI(model=model, api_key="key", http_client=http, max_retries=0, **options)


CHATS: dict[str, Call] = {
    "ChatAIMLAPI": lambda model, http: chat(model, http).invoke("Hi"),
    "ChatAIMLAPI, streamed": lambda model, http: list(chat(model, http).stream("Hi")),
    "AIMLAPI": lambda model, http: AIMLAPI(model, api_key="key", http_client=http, max_retries=0).complete("Hi"),
    "Client.chat": lambda model, http: client(http).chat("Hi", model=model),
}
EMBEDDINGS: dict[str, Call] = {
    "AIMLAPIEmbeddings": lambda model, http: AIMLAPIEmbeddings(
        model=model, api_key="key", http_client=http, max_retries=0
    ).embed_query("Hi"),
    "AIMLAPIEmbedding": lambda model, http: AIMLAPIEmbedding(
        model=model, api_key="key", http_client=http, max_retries=0
    ).get_text_embedding("Hi"),
    "Client.embed": lambda model, http: client(http).embed(["Hi"], model=model),
}
USERS: dict[str, tuple[str, Call]] = {
    **{name: ("chat", call) for name, call in CHATS.items()},
    **{name: ("embeddings", call) for name, call in EMBEDDINGS.items()},
    "generate_image": ("images", lambda model, http: client(http).generate_image("A cat", model=model)),
    "ocr": ("ocr", lambda model, http: client(http).ocr(PDF, model=model)),
    "transcribe": ("speech", lambda model, http: client(http).transcribe("https://example.com/a.mp3", model=model)),
}
MODELS = {
    "gpt-4o": ("chat", "is a chat model: use it with ChatAIMLAPI"),
    "text-embedding-3-small": ("embeddings", "makes embeddings: use it with AIMLAPIEmbeddings"),
    "flux/schnell": ("images", "creates images: use it with AIMLAPIImageTool"),
    "gpt-image-1": ("images", "creates images: use it with AIMLAPIImageTool"),  # without its vendor
    "mistral-ocr-latest": ("ocr", "reads documents: use it with AIMLAPIOCRParser"),
    "#g1_whisper-large": ("speech", "transcribes speech: use it with AIMLAPISpeechParser"),
}


def refuse(request: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"message": "The gateway was asked."})


@pytest.fixture
def http() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(refuse))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("user", USERS)
def test_model_of_another_kind_raises_and_names_what_takes_it(user: str, model: str, http: httpx.Client) -> None:
    (own_kind, call), (kind, text) = USERS[user], MODELS[model]
    if own_kind == kind:
        with pytest.raises(BadRequestError, match="The gateway was asked"):
            call(model, http)
    else:
        with pytest.raises(UnsupportedParameterError, match=f"{model} {text}"):
            call(model, http)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("model", ["vendor/image-embed-whisper-9", "flux/schnell-9", "text-embedding-9", "gpt-image-9"])
def test_model_newer_than_the_tables_is_sent(user: str, model: str, http: httpx.Client) -> None:
    with pytest.raises(BadRequestError, match="The gateway was asked"):
        USERS[user][1](model, http)


def test_requested_endpoint_gets_any_media_model(http: httpx.Client) -> None:
    with pytest.raises(BadRequestError, match="The gateway was asked"):
        chat("flux/schnell", http, endpoint="chat_completions").invoke("Hi")


def test_chat_model_that_draws_may_create_images(http: httpx.Client) -> None:
    model = "google/gemini-3-pro-image"
    assert media_kind(model) is None
    with pytest.raises(BadRequestError, match="The gateway was asked"):
        client(http).generate_image("A cat", model=model)


@pytest.mark.parametrize("model", ["google/gemini-2.5-flash-image", "google/gemini-3-1-flash-image-preview"])
def test_image_model_that_is_a_variant_of_a_chat_model_may_chat(model: str, http: httpx.Client) -> None:
    assert media_kind(model) == "images"
    with pytest.raises(BadRequestError, match="The gateway was asked"):
        client(http).chat("Hi", model=model)
