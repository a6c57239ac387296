"""The suites of langchain-tests, which is not installed with the lowest supported versions: it needs httpx 0.28.1."""

from __future__ import annotations

import pytest

try:
    from langchain_tests.integration_tests import ChatModelIntegrationTests, EmbeddingsIntegrationTests
    from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests
except ImportError:
    pytest.skip("langchain-tests is not installed: it needs httpx 0.28.1", allow_module_level=True)

__all__ = [
    "ChatModelIntegrationTests",
    "ChatModelUnitTests",
    "EmbeddingsIntegrationTests",
    "EmbeddingsUnitTests",
]
