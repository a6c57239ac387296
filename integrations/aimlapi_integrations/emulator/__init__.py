"""The gateway, offline, on loopback: for developing and testing without a key, at no cost, as often as you like.

    python -m aimlapi_integrations.emulator --port 8080

    from aimlapi_integrations.emulator import Emulator

    with Emulator() as gateway:
        ...                                  # point any client at gateway.base_url, with any key
        gateway.requests[-1].json            # what arrived; gateway.reset() forgets

It is no language model. It answers by rule, and its text says so: it starts with "[emulated]", and every chat reply
carries `system_fingerprint: "aimlapi-emulator"`. What it does do is what a client has to get right: it refuses what the
gateway refuses and in its words, calls tools with arguments that fit their schemas and come from the prompt, answers
in the form asked for, streams, counts, prices, embeds texts so that similar ones lie near each other, and fails on
demand: `python -m aimlapi_integrations.emulator --faults` lists how.

Needs the extra `emulator` (Starlette and uvicorn).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..late import late as _late

if TYPE_CHECKING:
    from .gateway import create_app
    from .server import Emulator
    from .store import Record
else:
    _loaded = _late(__name__, {"Emulator": "server", "Record": "store", "create_app": "gateway"})

    def __getattr__(name: str) -> Any:
        """Loads the server on first use, so that a missing extra is told in words."""
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
    """The gateway as an ASGI application: `uvicorn --factory aimlapi_integrations.emulator:app`."""
    from aimlapi_integrations.emulator import create_app as create

    return create()
