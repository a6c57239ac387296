"""One test for a method and its async twin."""

from __future__ import annotations

import asyncio
from typing import Any


class Run:
    """Calls sync methods, or their async twins."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous

    def __call__(self, component: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if not self.asynchronous:
            return getattr(component, method)(*args, **kwargs)
        return asyncio.run(getattr(component, f"a{method}")(*args, **kwargs))
