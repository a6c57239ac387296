"""Starting, stopping, the command line, and what is said when the extra is missing."""

from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator, app, create_app
from aimlapi_integrations.emulator.__main__ import main

from .wires import MODEL

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
KEY = {"authorization": "Bearer any"}


def test_it_starts_and_stops_and_starts() -> None:
    gateway = Emulator()
    urls = []
    for _ in range(2):
        with gateway:
            urls.append(gateway.base_url)
            assert httpx.post(f"{gateway.base_url}/chat/completions", json=BODY, headers=KEY).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{urls[-1]}/models")


def test_it_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    with Emulator():
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["aimlapi-emulator"]
    assert set(threading.enumerate()) == before


def test_it_stops_while_a_client_waits() -> None:
    gateway = Emulator().start()
    with httpx.Client(headers=KEY | {"x-emulator-fault": "stall"}) as http:
        request = http.build_request("POST", f"{gateway.base_url}/chat/completions", json=BODY | {"stream": True})
        response = http.send(request, stream=True)
        gateway.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()


def test_a_url_needs_a_server() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Emulator().base_url
    with Emulator() as gateway, pytest.raises(RuntimeError, match="already"):
        gateway.start()


def test_a_port_that_is_taken() -> None:
    with Emulator() as gateway:
        port = int(gateway.base_url.rpartition(":")[2].removesuffix("/v1"))
        with pytest.raises(OSError, match="in use"):
            Emulator(port).start()
        with pytest.raises(SystemExit, match="Cannot listen"):
            main(["--port", str(port)])


@pytest.mark.parametrize("make", [app, create_app])
async def test_as_an_asgi_application(make: object) -> None:
    assert callable(make)
    transport = httpx.ASGITransport(app=make())
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1", headers=KEY) as http:
        reply = await http.post("/chat/completions", json=BODY)
    assert reply.json()["system_fingerprint"] == "aimlapi-emulator"


def test_the_command_lists_the_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    shown = capsys.readouterr().out
    assert "cut-mid-tool-call" in shown
    assert "status-NNN" in shown


def test_the_command_serves() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "aimlapi_integrations.emulator", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.partition(" at ")[2].partition(" ")[0]
        assert httpx.get(f"{url}/model/{MODEL}").status_code == 200
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert (line.startswith("AI/ML API emulator at http://127.0.0.1:"), errors) == (True, "")


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import aimlapi_integrations.emulator as e\n"
        "try: e.Emulator\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "aimlapi-integrations[emulator]"' in out
