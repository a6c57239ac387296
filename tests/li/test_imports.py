"""Importing the LlamaIndex adapter."""

from __future__ import annotations

import subprocess
import sys


def test_package_that_is_imported_loads_its_modules_when_they_are_used() -> None:
    code = (
        "import sys, aimlapi_integrations.llama_index as package\n"
        "used = [f'aimlapi_integrations.{name}' for name in ('llama_index.', 'endpoints', 'models')]\n"
        "assert not [name for name in sys.modules if name.startswith(tuple(used))]\n"
        "assert package.AIMLAPI.__name__ == 'AIMLAPI'\n"
        "try:\n    package.Missing\nexcept AttributeError as error:\n    assert 'Missing' in str(error)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
