"""The gateway, offline, on loopback: develop and test without a key and at no cost.

    python -m aimlapi_integrations.emulator --port 8080

    from aimlapi_integrations.emulator import Emulator

    with Emulator() as gateway:
        ...                                  # point any client at gateway.base_url, with any key
        gateway.requests[-1].json            # what arrived; gateway.reset() clears it

It isn't a language model. It answers by rule and says so: its text starts with "[emulated]", and every chat reply has
`system_fingerprint: "aimlapi-emulator"`. It does what a client must handle correctly: it refuses what the gateway
refuses, with the same messages; calls tools with arguments from the prompt that match their schemas; returns structured
output; streams; counts tokens and costs; embeds similar texts close to each other; and fails on demand
(`python -m aimlapi_integrations.emulator --faults` lists how).

Unknown model ids answer 404, as at the gateway; `--any-model` or `Emulator(any_model=True)` serves them. `--log`
writes a line for each request.

Needs the extra `emulator` (Starlette and uvicorn).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._utils.lazy_imports import lazy_getattr as _lazy_getattr

if TYPE_CHECKING:
    from .gateway import create_app
    from .server import Emulator
    from .store import Record
else:
    _loaded = _lazy_getattr(__name__, {"Emulator": "server", "Record": "store", "create_app": "gateway"})

    def __getattr__(name: str) -> Any:
        """Load the server on first use. Name the pip command if the extra is missing."""
        try:
            return _loaded(name)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in ("starlette", "uvicorn"):
                raise
            raise ImportError(
                f'The emulator needs {error.name}: pip install "aimlapi-integrations[emulator]"', name=error.name
            ) from error


__all__ = ["Emulator", "Record", "app", "create_app"]


def app() -> Any:
    """Create the gateway as an ASGI application: `uvicorn --factory aimlapi_integrations.emulator:app`."""
    from aimlapi_integrations.emulator import create_app as create

    return create()
