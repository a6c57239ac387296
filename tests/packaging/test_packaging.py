"""The distribution: its files, its metadata, and what importing it loads."""

from __future__ import annotations

import email
import importlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest

import aimlapi_integrations
from tests.packaging.clean_installs import USES, use

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "integrations" / "aimlapi_integrations"
INFO = f"aimlapi_integrations-{aimlapi_integrations.__version__}.dist-info"
PUBLIC = ["", ".langchain", ".llama_index", ".emulator", ".bulk", ".tracing"]
EXTRAS = {
    "langchain": {"langchain-core", "pydantic"},
    "llama-index": {"llama-index-core"},
    "emulator": {"starlette", "uvicorn"},
    "cli": {"jsonschema", "platformdirs", "rich"},
    "tracing": {"opentelemetry-sdk"},
    "aiohttp": {"httpx-aiohttp"},
    "mcp": {"langchain-mcp-adapters", "llama-index-tools-mcp", "mcp"},
    "ray": {"ray"},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a folder with the sdist and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    [path] = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"{INFO}/METADATA"))


# --- files ------------------------------------------------------------------------------------------------------------


def test_wheel_contains_only_the_package(wheel: zipfile.ZipFile) -> None:
    package_files = {
        f"aimlapi_integrations/{path.relative_to(PACKAGE).as_posix()}"
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    metadata_files = {
        f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert set(wheel.namelist()) == package_files | metadata_files | {"pytest_aimlapi.py"}


def test_package_holds_code_its_tables_and_py_typed() -> None:
    others = {path.name for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert others == {"media.json", "models.json", "py.typed"}
    assert not [path for path in PACKAGE.rglob("*.py") if path.name.startswith(("test_", "conftest"))]


FOLDERS = ("integrations", "tests", "cassettes", "examples", "benchmarks", "docs")
TOP_LEVEL_FILES = {
    *("pyproject.toml", "Makefile", "LICENSE", "PKG-INFO", ".gitignore"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff"),
}
GENERATED = {"__pycache__", ".import_linter_cache", "example-data"}


def test_sdist_contains_what_its_tests_need_and_nothing_else(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {PurePosixPath(*PurePosixPath(file.name).parts[1:]).as_posix() for file in archive if file.isfile()}
    files = {path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()}
    assert names == TOP_LEVEL_FILES | {path.as_posix() for path in files if not GENERATED & set(path.parts)}


# --- metadata ---------------------------------------------------------------------------------------------------------


def test_metadata_names_version_license_and_python(metadata: Message) -> None:
    assert metadata["Name"] == "aimlapi-integrations"
    assert metadata["Version"] == aimlapi_integrations.__version__
    assert (metadata["License-Expression"], metadata["License-File"]) == ("MIT", "LICENSE")
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])


def test_extras_require_their_packages(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist", [])
    bare = {_name(each) for each in required if "extra ==" not in each}
    assert bare == {"httpx", "pydantic"}
    for extra, names in EXTRAS.items():
        assert {_name(each) for each in required if each.endswith(f"extra == '{extra}'")} == names, extra
    assert {"all", *EXTRAS} <= set(metadata.get_all("Provides-Extra", []))


def test_every_extra_for_users_is_tested_in_a_clean_environment(metadata: Message) -> None:
    internal = {"bench", "dev", "docs", "programs-test", "ray-test", "release", "test", "web-test"}
    assert set(USES) - {"-"} == set(metadata.get_all("Provides-Extra", [])) - internal


@pytest.mark.parametrize("extra", ["-", "langchain", "llama-index", "emulator", "cli", "tracing", "aiohttp"])
def test_use_of_an_extra_works_here(extra: str, tmp_path: Path) -> None:
    """`make installs` runs it in a clean environment, which takes minutes. `all` is the demo, which runs elsewhere."""
    use(sys.executable, extra, tmp_path)


def test_every_python_classifier_is_tested_in_ci(metadata: Message) -> None:
    workflow = ROOT / ".github" / "workflows" / "ci.yml"
    if not workflow.exists():
        pytest.skip("the sdist has no workflow")
    named = {each.rpartition(" ")[2] for each in metadata.get_all("Classifier", []) if "Python :: 3." in each}
    assert named == set(re.findall(r'"(3\.\d+)"', workflow.read_text(encoding="utf-8")))


def _name(requirement: str) -> str:
    return requirement.split(";")[0].split("<")[0].split(">")[0].split("[")[0].strip()


def test_changelog_has_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {aimlapi_integrations.__version__}" in changelog


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PUBLIC)
def test_all_lists_every_public_name(part: str) -> None:
    module = importlib.import_module(f"aimlapi_integrations{part}")
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None, name
        assert name in vars(module), f"{name} is looked up again at each access"
    public = {name for name, value in vars(module).items() if not name.startswith("_") and _is_own(value)}
    assert public <= set(module.__all__)
    with pytest.raises(AttributeError):
        _ = module.no_such_name


def test_type_checker_rejects_unknown_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    lines = [f"from aimlapi_integrations{part} import no_such_name" for part in PUBLIC]
    (tmp_path / "names.py").write_text("\n".join(lines), encoding="utf-8")
    ours_alone = ["--no-site-packages", "--ignore-missing-imports", "--follow-imports=silent"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), *ours_alone, "names.py"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(PACKAGE.parent)},
    )
    assert [line for line in result.stdout.splitlines() if "[attr-defined]" not in line][:-1] == [], result.stdout
    assert result.stdout.count("[attr-defined]") == len(PUBLIC)


def _is_own(value: object) -> bool:
    """Return whether the package defines a value of one of its modules."""
    return not isinstance(value, ModuleType) and str(getattr(value, "__module__", "")).startswith("aimlapi_")


# --- importing --------------------------------------------------------------------------------------------------------


def python(code: str) -> str:
    """Return the output of a new interpreter in which warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def imported_packages(part: str) -> set[str]:
    """Return the top-level packages that importing all names of a module loads."""
    code = f"""
import sys
import aimlapi_integrations{part} as module
[getattr(module, name) for name in module.__all__]
import json
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
    return set(json.loads(python(code)))


HEAVY = {"openai", "anthropic", "tiktoken", "transformers", "torch", "pandas", "llama_index_llms_openai"}


def test_core_imports_no_framework() -> None:
    frameworks = {"langchain_core", "langchain", "llama_index", "starlette", "uvicorn", "numpy", "langsmith"}
    assert not imported_packages("") & (HEAVY | frameworks)


def test_emulator_imports_no_framework() -> None:
    others = {"langchain_core", "langchain", "llama_index", "langsmith", "numpy"}
    assert not imported_packages(".emulator") & (HEAVY | others)


def test_langchain_part_imports_only_langchain_core() -> None:
    others = {"langchain", "langgraph", "llama_index", "numpy", "starlette", "PIL"}
    assert not imported_packages(".langchain") & (HEAVY | others)


def test_llama_index_part_imports_only_llama_index_core() -> None:
    others = {"langchain_core", "langchain", "starlette"}
    assert not imported_packages(".llama_index") & (HEAVY - {"tiktoken"} | others)  # core itself may load that


def test_langchain_model_imports_the_client_with_its_first_call() -> None:
    code = """
import sys
from aimlapi_integrations.langchain import ChatAIMLAPI
model = ChatAIMLAPI(api_key="key", base_url="http://127.0.0.1:1/v1", max_retries=0)
print("aimlapi_integrations.client.client" in sys.modules)
try:
    model.invoke("Hello")
except Exception as error:
    print(type(error).__name__)
print("aimlapi_integrations.client.client" in sys.modules)
"""
    assert python(code).split() == ["False", "APIConnectionError", "True"]


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [
        ("aimlapi_integrations.langchain", "langchain_core", "langchain"),
        ("aimlapi_integrations.llama_index", "llama_index", "llama-index"),
        ("aimlapi_integrations.emulator", "starlette", "emulator"),
        ("aimlapi_integrations.emulator", "uvicorn", "emulator"),
        ("aimlapi_integrations.tracing", "opentelemetry", "tracing"),
        ("aimlapi_integrations.tracing", "langchain_core", "langchain"),
    ],
)
def test_missing_extra_raises_import_error_with_the_command(module: str, missing: str, extra: str) -> None:
    code = f"""
import importlib, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
import aimlapi_integrations
from tests.packaging.clean_installs import USES
try:
    module = importlib.import_module({module!r})
    [getattr(module, name) for name in module.__all__]
except ImportError as error:
    print(error)
"""
    assert f'pip install "aimlapi-integrations[{extra}]"' in python(code)
