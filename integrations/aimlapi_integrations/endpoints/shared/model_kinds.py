"""What kind of model an id names, and which classes and methods take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from ...errors import UnsupportedParameterError
from ...models import EMBEDDINGS, known_models, lookup
from ...models.loader import table_cache
from ...models.media import media_kind

Kind: TypeAlias = Literal["chat", "embeddings", "images", "ocr", "speech_to_text"]

_USES: Mapping[str, tuple[str, str]] = {
    "chat": ("is a chat model", "ChatAIMLAPI (LangChain), AIMLAPI (LlamaIndex) or Client.chat"),
    "embeddings": (
        "makes embeddings",
        "AIMLAPIEmbeddings (LangChain), AIMLAPIEmbedding (LlamaIndex) or Client.embed",
    ),
    "images": (
        "creates images",
        "AIMLAPIImageTool (LangChain), AIMLAPIMediaToolSpec (LlamaIndex) or Client.generate_image",
    ),
    "ocr": ("reads documents", "AIMLAPIOCRParser (LangChain), AIMLAPIOCRReader (LlamaIndex) or Client.ocr"),
    "speech_to_text": (
        "transcribes speech",
        "AIMLAPISpeechParser (LangChain), AIMLAPISpeechReader (LlamaIndex) or Client.transcribe",
    ),
}


def require_kind(model_id: str, kind: Kind) -> None:
    """Raise if a model is known to be of another kind. Unknown ids pass: the gateway has newer models than the tables.

    So do models that may chat and create images as well: chat models with images in their replies, and image models
    that are variants of a chat model, such as `gemini-2.5-flash-image`.

    Raises:
        UnsupportedParameterError: it is; the text says which classes and methods take it.
    """
    actual = find_kind(model_id)
    if actual is None or actual == kind:
        return
    may_do_both = {actual, kind} == {"chat", "images"} and (
        _is_variant_of_chat_model(model_id) if kind == "chat" else "image" in lookup(model_id).outputs
    )
    if not may_do_both:
        raise UnsupportedParameterError(describe_use(model_id, actual))


@table_cache  # it compares with every model, for each call
def _is_variant_of_chat_model(model_id: str) -> bool:
    """Return whether the id is that of a version of a chat model, followed by `-image`."""
    version, separator, _ = _normalize(model_id).partition("-image")
    if not separator or not any(map(str.isdigit, version)):
        return False
    return any(_normalize(model.id).startswith(version) for model in known_models() if model.chat)


def _normalize(model_id: str) -> str:
    return model_id.casefold().replace(".", "-")


def find_kind(model_id: str) -> Kind | None:
    """Return the kind of a model, or None if neither table has it.

    >>> find_kind("text-embedding-3-small"), find_kind("flux/schnell"), find_kind("flux/next")
    ('embeddings', 'images', None)
    """
    model = lookup(model_id)
    if not model.known:
        return media_kind(model_id)
    return "embeddings" if model.endpoints == {EMBEDDINGS} else "chat"


def describe_use(model_id: str, kind: Kind) -> str:
    """Say what a model does, and which classes and methods take it."""
    purpose, users = _USES[kind]
    return f"{model_id} {purpose}: use it with {users}."
