"""`python -m aimlapi_integrations.emulator`: serve the emulated gateway until interrupted."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

try:
    from .faults.table import fault_summaries
    from .server import bind_socket, create_server, url_of
    from .store import EmulatorOptions, GatewayState
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
        bound = bind_socket(args.host, args.port)
    except OSError as error:
        sys.exit(f"Cannot listen on {args.host}:{args.port}: {error.strerror}. --port 0 picks a free port.")
    print(_banner(url_of(bound)), flush=True)  # noqa: T201  # this is a command
    options = EmulatorOptions(any_model=args.any_model, log=args.log)
    with bound, contextlib.suppress(KeyboardInterrupt):
        create_server(GatewayState(options)).run(sockets=[bound])
    return 0


def _banner(url: str) -> str:
    return (
        f"AI/ML API emulator at {url} (no language model: answers by rule; Ctrl-C stops it). To use it:\n"
        f"export AIMLAPI_BASE_URL={url}\n"
        "export AIMLAPI_API_KEY=emulator"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aimlapi_integrations.emulator",
        description="The AI/ML API gateway, offline, on loopback. It answers by rule; it isn't a language model.",
        epilog=_fault_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 picks a free one (default: %(default)s)")
    parser.add_argument("--log", action="store_true", help="write one line per request to stderr")
    parser.add_argument("--any-model", action="store_true", help="serve unknown model ids instead of answering 404")
    parser.add_argument("--faults", action="store_true", help="list the faults that a request can ask for, and exit")
    return parser


def _fault_text() -> str:
    lines = [f"  {name:<20}{summary}" for name, summary in fault_summaries()]
    return "\n".join(
        [
            "Faults. A request asks for one by the header `x-emulator-fault: NAME; key=value`, by a model id that",
            "ends in `#fault=NAME;key=value`, or by the model id `emulator/NAME`. With `times=N`, only the first N",
            "such requests fail.",
            "",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
