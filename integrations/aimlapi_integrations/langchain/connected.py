"""How a chat model reaches the gateway: the arguments of its clients, and the key of a call."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import inspect
from typing import Any

from pydantic import SecretStr
from typing_extensions import Self

from .connections import Connections
from .described import Described


class Connected(Described, Connections):
    """A chat model with clients; copies of `model_copy(update=…)` with another key or address make their own."""

    def _own_settings(self) -> dict[str, Any]:
        key = self.aimlapi_api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else "given with each call",
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "chunk_timeout": self.stream_chunk_timeout,
            "max_retries": self.max_retries,
        }

    def _authorization(self) -> dict[str, str]:
        """The header for a key that a function gives."""
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        if not isinstance(key, str):
            raise TypeError("An async function for api_key serves async calls only.")
        return {"Authorization": f"Bearer {key}"}

    async def _aauthorization(self) -> dict[str, str]:
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        return {"Authorization": f"Bearer {await key if inspect.isawaitable(key) else key}"}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__.pop("_serialized", None)  # core keeps the written form here
        return copied
