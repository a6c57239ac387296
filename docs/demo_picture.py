"""Render the output of `make demo` on the emulator as an SVG: `python docs/demo_picture.py docs/pages/demo.svg`."""

from __future__ import annotations

import io
import os
import re
import runpy
import sys
from pathlib import Path

from rich.console import Console

EXAMPLES = Path(__file__).parents[1] / "examples"

_REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def render(width: int = 80) -> str:
    """Run the demo and return its output as an SVG without remote resources. `width` is in characters."""
    sys.path.insert(0, str(EXAMPLES))
    import common

    common.console = Console(file=io.StringIO(), record=True, width=width, highlight=False)
    runpy.run_path(str(EXAMPLES / "quickstart.py"), run_name="__main__")
    svg = common.console.export_svg(title="make demo", unique_id="demo")
    return _REMOTE_FONTS.sub("", svg).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


if __name__ == "__main__":
    os.environ.pop("AIMLAPI_API_KEY", None)
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
