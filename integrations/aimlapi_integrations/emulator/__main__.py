"""`python -m aimlapi_integrations.emulator`: serves the emulated gateway until it is interrupted."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

try:
    from .fault_table import rows
    from .server import listen, server
    from .store import Memory
except ModuleNotFoundError as missing:
    if (missing.name or "").split(".")[0] not in ("starlette", "uvicorn"):
        raise
    sys.exit(f'The emulator needs {missing.name}: pip install "aimlapi-integrations[emulator]"')


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    if args.faults:
        sys.stdout.write(_fault_text())
        return 0
    try:
        bound = listen(args.host, args.port)
    except OSError as error:
        sys.exit(f"Cannot listen at {args.host}:{args.port}: {error.strerror}")
    host, port = bound.getsockname()[:2]
    line = f"AI/ML API emulator at http://{host}:{port}/v1 (no model, answers by rule; any key will do; Ctrl-C ends it)"
    print(line, flush=True)  # noqa: T201  # this is a command
    with bound, contextlib.suppress(KeyboardInterrupt):
        server(Memory()).run(sockets=[bound])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aimlapi_integrations.emulator",
        description="The AI/ML API gateway, offline, on loopback. It answers by rule; it is no language model.",
        epilog=_fault_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one (default: %(default)s)")
    parser.add_argument("--faults", action="store_true", help="list the faults that a request can ask for, and stop")
    return parser


def _fault_text() -> str:
    lines = [f"  {name:<20}{summary}" for name, summary in rows()]
    return "\n".join(
        [
            "Faults, asked for by the header `x-emulator-fault: NAME; key=value`, by a model id that ends in",
            "`#fault=NAME;key=value`, or by the model id `emulator/NAME`. With `times=N` only the first N fail.",
            "",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
