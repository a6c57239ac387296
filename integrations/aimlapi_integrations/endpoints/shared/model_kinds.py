"""What kind of model an id names, and which classes and methods take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from ...errors import UnsupportedParameterError
from ...models import EMBEDDINGS, lookup
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

    Raises:
        UnsupportedParameterError: it is; the text says which classes and methods take it.
    """
    actual = find_kind(model_id)
    draws = kind == "images" and "image" in lookup(model_id).outputs
    if actual is not None and actual != kind and not draws:
        raise UnsupportedParameterError(describe_use(model_id, actual))


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
