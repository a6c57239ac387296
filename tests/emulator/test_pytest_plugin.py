"""The pytest plugin, in test runs of their own: fixtures, faults, recorded requests, and runs that don't use it."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import pytest_aimlapi
from aimlapi_integrations.emulator import Emulator

pytest_plugins = ["pytester"]

MODEL = """
    import pytest
    from aimlapi_integrations import AsyncClient, Client, RateLimitError, StreamError
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Run pytest in a process of its own, with this plugin and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(pytest_aimlapi.__file__).parent), prepend=":")
    monkeypatch.delenv("AIMLAPI_API_KEY", raising=False)
    return pytester


def passes(run: pytest.Pytester, tests: str, passed: int, *arguments: str) -> pytest.RunResult:
    run.makepyfile(MODEL + tests)
    result = run.runpytest_subprocess("-p", "pytest_aimlapi", "-W", "error", *arguments)
    result.assert_outcomes(passed=passed)
    return result


def test_models_in_a_test_need_no_key_and_no_url(run: pytest.Pytester) -> None:
    passes(
        run,
        """
    def test_langchain(aimlapi_gateway):
        from aimlapi_integrations.langchain import ChatAIMLAPI
        with ChatAIMLAPI() as model:
            assert model.invoke("Hello").text.startswith("[emulated]")
        [request] = aimlapi_gateway.requests
        assert request.path == "/v1/chat/completions"
        assert request.json["messages"] == [{"role": "user", "content": "Hello"}]

    def test_llama_index(aimlapi_gateway):
        from aimlapi_integrations.llama_index import AIMLAPI
        with AIMLAPI() as llm:
            assert llm.complete("Hello").text.startswith("[emulated]")
        assert len(aimlapi_gateway.requests) == 1

    def test_client(aimlapi_gateway):
        import asyncio
        with Client() as client:
            client.chat("Hello")
        async def call():
            async with AsyncClient() as client:
                await client.chat("Hello")
        asyncio.run(call())
        assert len(aimlapi_gateway.requests) == 2
    """,
        3,
    )


def test_environment_is_restored_after_a_test(run: pytest.Pytester) -> None:
    passes(
        run,
        """
    def test_one(aimlapi_gateway):
        Client().close()

    def test_two():
        with pytest.raises(Exception, match="API key"):
            Client()
    """,
        2,
    )


def test_scheduled_fault_fails_the_next_requests_of_its_test_only(run: pytest.Pytester) -> None:
    passes(
        run,
        """
    def test_retries(aimlapi_gateway):
        aimlapi_gateway.fail("status-429; retry-after=0", times=2)
        with Client() as client:
            client.chat("Hello")
        assert len(aimlapi_gateway.requests) == 3

    def test_gives_up(aimlapi_gateway):
        aimlapi_gateway.fail("status-429; retry-after=0", times=None)
        with Client(max_retries=1) as client, pytest.raises(RateLimitError):
            client.chat("Hello")

    def test_stream(aimlapi_gateway):
        aimlapi_gateway.fail("cut-mid-text")
        with Client() as client, pytest.raises(StreamError), client.chat_stream("Hello") as deltas:
            list(deltas)

    def test_no_fault(aimlapi_gateway):
        with Client(max_retries=0) as client:
            client.chat("Hello")
        assert len(aimlapi_gateway.requests) == 1
    """,
        4,
    )


def test_server_runs_once_per_session_and_can_be_replaced(run: pytest.Pytester) -> None:
    run.makeconftest(
        """
        import pytest
        from aimlapi_integrations.emulator import Emulator

        @pytest.fixture(scope="session")
        def aimlapi_emulator():
            with Emulator(any_model=True) as emulator:
                yield emulator
        """
    )
    passes(
        run,
        """
    URLS = set()

    @pytest.mark.parametrize("attempt", [1, 2])
    def test_url(aimlapi_gateway, aimlapi_emulator, attempt):
        URLS.add(aimlapi_gateway.base_url)
        assert aimlapi_gateway is aimlapi_emulator
        assert len(URLS) == 1
        with Client(aimlapi_emulator.base_url and "key", aimlapi_emulator.base_url) as client:
            client.chat("Hello", model="my/own-model")
    """,
        2,
    )


def test_tests_of_the_documentation_pass(run: pytest.Pytester) -> None:
    page = Path(__file__).parents[2] / "docs" / "pages" / "testing.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    conftest = [block for block in blocks if block.startswith("# conftest.py")]
    run.makeconftest("\n".join(conftest))
    run.makepyfile("\n".join(block for block in blocks if block not in conftest))
    run.runpytest_subprocess("-p", "pytest_aimlapi", "-W", "error").assert_outcomes(passed=3)


def test_fixtures_are_listed_with_what_they_do(run: pytest.Pytester) -> None:
    result = run.runpytest_subprocess("-p", "pytest_aimlapi", "--fixtures")
    result.stdout.fnmatch_lines(["aimlapi_emulator * -- *pytest_aimlapi.py:*", "*once per session*"])
    result.stdout.fnmatch_lines(["aimlapi_gateway -- *", "*one test*"])


def test_missing_extra_fails_the_test_that_needs_it_and_names_the_command(run: pytest.Pytester) -> None:
    run.makeconftest("import sys; sys.modules['uvicorn'] = None")
    run.makepyfile("def test_one(aimlapi_gateway): pass\ndef test_two(): pass")
    result = run.runpytest_subprocess("-p", "pytest_aimlapi")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(['*pip install "aimlapi-integrations[[]emulator]"*'])


def test_run_that_uses_no_fixture_imports_nothing_of_the_package(run: pytest.Pytester) -> None:
    run.makepyfile(
        """
        import sys

        def test_imports():
            assert "pytest_aimlapi" in sys.modules
            assert not {"aimlapi_integrations", "httpx", "pydantic", "starlette", "uvicorn"} & sys.modules.keys()
        """
    )
    run.runpytest_subprocess("-p", "pytest_aimlapi").assert_outcomes(passed=1)


def test_entry_point_has_the_name_of_the_module() -> None:
    pyproject = Path(__file__).parents[2] / "pyproject.toml"
    assert '[project.entry-points.pytest11]\npytest_aimlapi = "pytest_aimlapi"' in pyproject.read_text("utf-8")
    installed = [entry for entry in entry_points(group="pytest11") if entry.value == "pytest_aimlapi"]
    assert {entry.name for entry in installed} <= {"pytest_aimlapi"}


# --- Emulator.fail ---------------------------------------------------------------------------------------------------


def _statuses(gateway: Emulator, *models: str) -> list[int]:
    import httpx

    bodies = [{"model": model, "messages": [{"role": "user", "content": "Hi"}]} for model in models]
    url, headers = f"{gateway.base_url}/chat/completions", {"authorization": "Bearer key"}
    return [httpx.post(url, json=body, headers=headers).status_code for body in bodies]


MINI, GPT = "openai/gpt-5-mini-2025-08-07", "gpt-4o"


def test_faults_of_several_calls_apply_in_order(gateway: Emulator) -> None:
    gateway.fail("status-503", times=2)
    gateway.fail("status-429")
    assert _statuses(gateway, *[MINI] * 4) == [503, 503, 429, 200]


def test_fault_of_a_model_leaves_other_models_alone(gateway: Emulator) -> None:
    gateway.fail("status-503", times=None, model=GPT)
    assert _statuses(gateway, MINI, GPT, GPT, MINI) == [200, 503, 503, 200]


def test_reset_removes_faults(gateway: Emulator) -> None:
    gateway.fail("status-503", times=None)
    gateway.reset()
    assert _statuses(gateway, MINI) == [200]


@pytest.mark.parametrize(
    ("fault", "times", "message"),
    [
        ("cut-mid-txt", 1, "Did you mean 'cut-mid-text'"),
        ("status-999", 1, "unknown"),
        ("nonsense", 1, "--faults"),
        ("status-503; retry-aftr=0", 1, "option of a fault: 'retry-aftr' is unknown. Did you mean 'retry-after'"),
        ("drop", 0, "times: expected a number from 1 up or None, received 0"),
    ],
)
def test_invalid_fault_is_refused(gateway: Emulator, fault: str, times: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gateway.fail(fault, times)
    assert _statuses(gateway, MINI) == [200]
