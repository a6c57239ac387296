from __future__ import annotations

import pytest


@pytest.fixture(params=[False, True], ids=["chat", "responses"])
def responses(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)
