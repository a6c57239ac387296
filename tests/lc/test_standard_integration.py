"""langchain-tests' integration tests, as they are, on both endpoints of the emulator, all capabilities on."""

from __future__ import annotations

import base64
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.conformance import ChatModelIntegrationTests
from tests.lc.gateway import Gateway, chat_body

pytestmark = pytest.mark.filterwarnings("default")

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FILES = {".png": PIXEL, ".jpg": PIXEL, ".pdf": b"%PDF-1.4\n%%EOF\n", ".wav": b"RIFF\x24\x00\x00\x00WAVEfmt "}


@pytest.fixture(scope="module", name="gateway")
def emulated_gateway() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway
    gc.collect()  # the tests leave their models to the garbage collector, open connections and all


@pytest.fixture(autouse=True)
def _files_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fetch pictures, sound and documents with `httpx.get`."""

    def get(url: str, **_: Any) -> httpx.Response:
        content = next((content for ending, content in FILES.items() if url.lower().endswith(ending)), PIXEL)
        return httpx.Response(200, content=content, request=httpx.Request("GET", url))

    monkeypatch.setattr(httpx, "get", get)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """Recorded from the emulator, at whatever port that was; without a key."""
    return {
        "filter_headers": [(name, None) for name in ("authorization", "user-agent")],
        "match_on": ["method", "path", "body"],
        "allow_playback_repeats": True,
    }


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return str(Path(__file__).parent / "recorded")


class _Standard(ChatModelIntegrationTests):
    endpoint: str
    model_id: str
    caching_model = "gpt-4o"

    @pytest.fixture(autouse=True)
    def _at_the_emulator(self, gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIMLAPI_API_BASE", gateway.base_url)
        monkeypatch.setenv("AIMLAPI_API_KEY", "emulated")

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.model_id, "endpoint": self.endpoint}

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "json_schema"}

    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_anthropic_inputs = True
    enable_vcr_tests = True

    @property
    def supported_usage_metadata_details(self) -> Any:
        details = ["reasoning_output", "cache_read_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        model = ChatAIMLAPI(model=REASONING_MODEL, endpoint=self.endpoint, reasoning_effort="high")
        return _asked(model, "What is 17 times 23?", stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatAIMLAPI(model=self.caching_model, endpoint=self.endpoint)
        question = "Remember this. " * 600
        _asked(model, question, stream)
        return _asked(model, question, stream)


REASONING_MODEL = "openai/gpt-5-mini-2025-08-07"


def _asked(model: ChatAIMLAPI, question: str, stream: bool) -> AIMessage:
    return model.invoke([HumanMessage(question)], stream=stream)


SPOKEN = {
    "prompt_tokens": 30,
    "completion_tokens": 20,
    "total_tokens": 50,
    "prompt_tokens_details": {"audio_tokens": 25, "cache_write_tokens": 4},
    "completion_tokens_details": {"audio_tokens": 15},
}


class TestChatCompletions(_Standard):
    endpoint = "chat_completions"
    model_id = "claude-3-7-sonnet-latest"
    supports_audio_inputs = True
    model_override_value = "gpt-4o-mini"

    @property
    def supported_usage_metadata_details(self) -> Any:
        details = ["reasoning_output", "cache_read_input", "audio_input", "audio_output", "cache_creation_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        """The emulator counts no sound, so this reply is a canned one."""
        sound = {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}
        model = Gateway({**chat_body("A dog."), "usage": SPOKEN}).model(model="gpt-audio")
        return model.invoke([HumanMessage(["What is this?", sound])], stream=stream)

    invoke_with_audio_output = invoke_with_audio_input
    invoke_with_cache_creation_input = invoke_with_audio_input


class TestResponses(_Standard):
    endpoint = "responses"
    model_id = "gpt-4o"
    model_override_value = "gpt-4o-mini"


class TestMessages(_Standard):
    """The third endpoint, which Claude models have. It knows no form of the answer, and tools do instead."""

    endpoint = "messages"
    model_id = "anthropic/claude-sonnet-4.5"
    model_override_value = "anthropic/claude-haiku-4.5"
    caching_model = model_id
    supports_json_mode = False

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}

    @property
    def supported_usage_metadata_details(self) -> Any:
        """Its counts don't separate thinking from the answer."""
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}
