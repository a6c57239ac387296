"""Conversation <-> JSON, one package for each endpoint: pure functions, no I/O, no framework.

`ENDPOINTS` is the registry of the endpoints that carry conversations. Everything else looks up an endpoint here, by the
name that its package states next to its path.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import chat_completions, messages, responses
from .base import Endpoint, StreamDecoder

__all__ = ["ENDPOINTS", "Endpoint", "StreamDecoder"]

_ENDPOINTS: tuple[Endpoint, ...] = (chat_completions, responses, messages)

ENDPOINTS: Mapping[str, Endpoint] = {endpoint.NAME: endpoint for endpoint in _ENDPOINTS}
"""Name -> endpoint."""
