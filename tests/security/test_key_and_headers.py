"""SECURITY.md: where the key goes, plain http, headers, telemetry."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest

from aimlapi_integrations import AIMLAPIError, APIStatusError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.transport.retries import HTTPRequest

from .planted import (
    CLASSES,
    GATEWAY,
    KEY,
    PASSWORD,
    TOKEN,
    chat_reply,
    client_with,
    every_class,
    key_of,
    leaks,
    replies,
)
from .promises import holds


@holds("The API key is sent in the `Authorization` header")
def test_key_goes_to_the_host_of_the_base_url_and_to_no_other() -> None:
    transport, requests = replies(body=chat_reply({"role": "assistant", "content": "Hi"}))
    client = client_with(transport, "https://gateway.example/v1")
    client.chat("Hello", model="gpt-4o")
    assert [(each.url.host, each.headers["authorization"]) for each in requests] == [
        ("gateway.example", f"Bearer {KEY}")
    ]
    assert KEY not in str(requests[0].url) + requests[0].content.decode()
    with pytest.raises(ValueError, match="is not on the server"):
        client._http.send(HTTPRequest("GET", "https://other.example/v1/models"))
    assert len(requests) == 1


@holds("Redirects are not followed")
def test_redirect_raises_and_is_not_followed() -> None:
    transport, requests = replies(302, content=b"", location="https://other.example/v1")
    with pytest.raises(APIStatusError, match="redirects"):
        client_with(transport).chat("Hello", model="gpt-4o")
    assert len(requests) == 1


@holds("The key comes from the argument")
@every_class
def test_key_comes_from_the_argument_or_two_variables(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (name for name in os.environ if "KEY" in name):
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    with pytest.raises(AIMLAPIError, match="No API key"):
        CLASSES[kind]()
    for name in ("AIML_API_KEY", "AIMLAPI_API_KEY"):
        monkeypatch.setenv(name, f"key of {name}".replace(" ", "-"))
        assert key_of(CLASSES[kind]()) == f"key-of-{name}"
    assert key_of(CLASSES[kind](api_key="argument")) == "argument"


AUDITED = """
import os, sys
written, connected, read = [], [], []

def audit(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str) and ((flags or 0) & (os.O_WRONLY | os.O_RDWR) or set(mode or "") & set("wax+")):
            written.append(path)
        elif isinstance(path, str) and path.startswith(os.environ["HOME"]):
            read.append(path)
    elif event == "socket.connect":
        connected.append(arguments[1][:2])
    elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        written.append(event)

sys.addaudithook(audit)
from aimlapi_integrations import Client
with Client() as client:
    client.chat("Hello", model="gpt-4o")
    client.embed(["Hello"])
    client.models.list()
print(written, sorted(set(connected)), read)
"""


@holds("A client reads no other source of keys", "The package connects only to the base URL")
def test_client_writes_no_file_and_connects_to_the_base_url_only(gateway: Emulator, tmp_path: Path) -> None:
    for name in (".netrc", ".aimlapi", ".env"):
        (tmp_path / name).write_text(f"machine 127.0.0.1 login ann password {PASSWORD}")
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "AIMLAPI_API_KEY": KEY}
    process = subprocess.run(
        [sys.executable, "-c", AUDITED],
        env={**environment, "AIMLAPI_BASE_URL": gateway.base_url},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    url = httpx.URL(gateway.base_url)
    assert process.stdout.strip() == f"[] [({url.host!r}, {url.port})] []"


@holds("A base URL with `http://`")
@every_class
def test_plain_http_warns_unless_it_is_this_machine(kind: str) -> None:
    with pytest.warns(UserWarning, match="plain http"):
        CLASSES[kind](api_key=KEY, base_url="http://gateway.example/v1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for host in ("127.0.0.1:80", "localhost", "[::1]:8080"):
            CLASSES[kind](api_key=KEY, base_url=f"http://{host}/v1")


UNSENDABLE = [f"{TOKEN}\r\nX-Injected: 1", f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\0", f"{TOKEN}ü"]


@holds("Header names and values, including the key", "The error names the header")
@pytest.mark.parametrize("value", UNSENDABLE)
@every_class
def test_unsendable_header_or_key_raises_and_is_not_shown(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match="X-Team") as caught:
        CLASSES[kind](api_key=KEY, default_headers={"X-Team": value})
    assert leaks([str(caught.value)]) == []
    with pytest.raises(ValueError, match="Header 'X-") as caught:
        CLASSES[kind](api_key=KEY, default_headers={"X-Team\r\nX-Injected": "1"})
    if value.strip() == value:
        with pytest.raises(ValueError, match="Authorization") as caught:
            CLASSES[kind](api_key=value)
        assert leaks([str(caught.value)]) == []


@holds("Calls to `api.aimlapi.com`")
@pytest.mark.parametrize(
    ("base_url", "title"), [(GATEWAY, "aimlapi-integrations"), ("https://api.aimlapi.com.example/v1", None)]
)
def test_headers_that_name_the_package_go_to_the_gateway_only(base_url: str, title: str | None) -> None:
    transport, requests = replies(body=chat_reply({"role": "assistant", "content": "Hi"}))
    client_with(transport, base_url).chat("Hello", model="gpt-4o")
    assert requests[0].headers.get("x-title") == title
    assert ("x-aimlapi-source" in requests[0].headers) == (title is not None)


@holds("You can override them")
def test_headers_that_name_the_package_can_be_replaced() -> None:
    transport, requests = replies(body=chat_reply({"role": "assistant", "content": "Hi"}))
    client_with(transport, default_headers={"x-title": "My app"}).chat("Hello", model="gpt-4o")
    assert requests[0].headers["x-title"] == "My app"
