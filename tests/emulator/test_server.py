"""Starting and stopping, the command line, and the error without the extra."""

from __future__ import annotations

import subprocess
import sys
import threading

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator, app, create_app
from aimlapi_integrations.emulator.__main__ import main
from tests.emulator.gateway_client import MODEL

BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
KEY = {"authorization": "Bearer any"}


def test_emulator_restarts_after_it_stopped() -> None:
    gateway = Emulator()
    urls = []
    for _ in range(2):
        with gateway:
            urls.append(gateway.base_url)
            assert httpx.post(f"{gateway.base_url}/chat/completions", json=BODY, headers=KEY).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{urls[-1]}/models")


def test_emulator_after_stop_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with Emulator():
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["aimlapi-emulator"]
    assert set(threading.enumerate()) == before


def test_stop_with_an_open_stream_closes_it() -> None:
    gateway = Emulator().start()
    with httpx.Client(headers=KEY | {"x-emulator-fault": "stall"}) as http:
        request = http.build_request("POST", f"{gateway.base_url}/chat/completions", json=BODY | {"stream": True})
        response = http.send(request, stream=True)
        gateway.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            response.read()


def test_base_url_of_a_stopped_emulator_raises() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Emulator().base_url
    with Emulator() as gateway, pytest.raises(RuntimeError, match="already"):
        gateway.start()


def test_start_on_a_taken_port_raises() -> None:
    with Emulator() as gateway:
        port = int(gateway.base_url.rpartition(":")[2].removesuffix("/v1"))
        with pytest.raises(OSError, match="in use"):
            Emulator(port).start()
        with pytest.raises(SystemExit, match="Cannot listen"):
            main(["--port", str(port)])


@pytest.mark.parametrize("make", [app, create_app])
async def test_asgi_application_answers_without_a_server(make: object) -> None:
    assert callable(make)
    transport = httpx.ASGITransport(app=make())
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1", headers=KEY) as http:
        reply = await http.post("/chat/completions", json=BODY)
    assert reply.json()["system_fingerprint"] == "aimlapi-emulator"


def test_command_with_faults_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    shown = capsys.readouterr().out
    assert "cut-mid-tool-call" in shown
    assert "status-NNN" in shown


def test_command_serves_until_terminated() -> None:
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
        exports = [process.stdout.readline().rstrip() for _ in range(2)]
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert (line.startswith("AI/ML API emulator at http://127.0.0.1:"), errors) == (True, "")
    assert exports == [f"export AIMLAPI_BASE_URL={url}", "export AIMLAPI_API_KEY=emulator"]


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_missing_extra_raises_with_the_pip_command(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "import aimlapi_integrations.emulator as e\n"
        "try: e.Emulator\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "aimlapi-integrations[emulator]"' in out
