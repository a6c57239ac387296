"""Many small connection pools instead of a large one.

Finding a free connection costs httpcore more the more connections a pool has; with calls spread by least load over
pools that stay small, the cost of a call stays the same from one at a time to hundreds.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import cast

import httpx

SHARDS = 32
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=512, keepalive_expiry=30)


class ShardedTransport(httpx.AsyncBaseTransport):
    """Spreads calls by least load over `shards` transports, each made when it is first needed."""

    def __init__(
        self, limits: httpx.Limits = LIMITS, shards: int = SHARDS, verify: ssl.SSLContext | bool = True
    ) -> None:
        shards = min(shards, limits.max_connections or shards)
        self._verify = verify
        self._limits = httpx.Limits(
            max_connections=_share(limits.max_connections, shards),
            max_keepalive_connections=_share(limits.max_keepalive_connections, shards),
            keepalive_expiry=limits.keepalive_expiry,
        )
        self._transports: list[httpx.AsyncHTTPTransport | None] = [None] * shards
        self._load = [0] * shards

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        shard = self._load.index(min(self._load))
        self._load[shard] += 1
        try:
            response = await self._transport(shard).handle_async_request(request)
        except BaseException:
            self._load[shard] -= 1
            raise
        response.stream = _Counted(cast(httpx.AsyncByteStream, response.stream), self._load, shard)
        return response

    def _transport(self, shard: int) -> httpx.AsyncHTTPTransport:
        found = self._transports[shard]
        if found is None:
            found = httpx.AsyncHTTPTransport(verify=self._verify, limits=self._limits)
            self._transports[shard] = found
        return found

    async def aclose(self) -> None:
        for transport in filter(None, self._transports):
            await transport.aclose()


def _share(limit: int | None, shards: int) -> int | None:
    return None if limit is None else -(-limit // shards)


class _Counted(httpx.AsyncByteStream):
    """A response's bytes; closing them takes the call off its shard's load."""

    def __init__(self, stream: httpx.AsyncByteStream, load: list[int], shard: int) -> None:
        self._stream, self._load, self._shard = stream, load, shard
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._open:
                self._open = False
                self._load[self._shard] -= 1
