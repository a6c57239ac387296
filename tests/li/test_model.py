"""`AIMLAPI` as an object: its arguments, metadata, secrets, copies, threads and event loops."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from llama_index.core.async_utils import asyncio_run
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import SecretStr, ValidationError

from aimlapi_integrations.errors import MissingAPIKeyError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.li.gateway import Gateway, reply

MESSAGES = [ChatMessage("Hello")]
SECRET = "sk-do-not-tell"


def body(**settings: Any) -> dict[str, Any]:
    """The body that a chat with these fields sends."""
    gateway = Gateway()
    gateway.llm(**settings).chat(MESSAGES)
    return gateway.bodies[0]


def test_classes_are_instances_of_llama_index_base_classes() -> None:
    assert issubclass(AIMLAPI, FunctionCallingLLM)
    assert BaseLLM in AIMLAPI.__mro__
    assert BaseEmbedding in AIMLAPIEmbedding.__mro__
    assert (AIMLAPI.class_name(), AIMLAPIEmbedding.class_name()) == ("AIMLAPI_LLM", "AIMLAPIEmbedding")


# --- arguments --------------------------------------------------------------------------------------------------------


def test_unset_field_is_not_sent() -> None:
    assert body() == {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize("name", ["max_tokens", "max_new_tokens", "max_output_tokens"])
def test_max_tokens_by_any_name_is_sent_as_max_tokens(name: str) -> None:
    assert body(**{name: 100})["max_tokens"] == 100


def test_call_argument_overrides_additional_kwargs_and_field() -> None:
    gateway = Gateway()
    llm = gateway.llm(
        temperature=0.1, max_tokens=10, top_p=0.1, additional_kwargs={"temperature": 0.2, "max_tokens": 20}
    )
    llm.chat(MESSAGES, temperature=0.3, top_p=None)
    sent = gateway.bodies[0]
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.3, 20, 0.1)
    assert None not in sent.values()


def test_constructor_with_unknown_argument_raises() -> None:
    with pytest.raises(ValidationError, match="temprature"):
        AIMLAPI(api_key=SECRET, temprature=1)
    with pytest.raises(ValidationError, match="dimension") as caught:
        AIMLAPIEmbedding(api_key=SECRET, dimension=SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", [AIMLAPI, AIMLAPIEmbedding])
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("seed", "additional_kwargs"),
        ("base_url", "api_base"),
        ("openai_client", "http_client"),
        ("api_version", "leave it out"),
        ("tokenizer", "leave it out"),
    ],
)
def test_argument_of_another_class_raises_with_its_replacement(kind: Any, name: str, instead: str) -> None:
    with pytest.raises(ValidationError, match=f"'{name}' is not an argument of {kind.__name__}: .*{instead}") as caught:
        kind(api_key=SECRET, **{name: SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("name", "here"), [("metadata", "call_metadata"), ("order", "provider")])
def test_argument_with_another_name_is_accepted(name: str, here: str) -> None:
    with pytest.raises(ValidationError, match=f"it is called {here}"):
        AIMLAPI(api_key=SECRET, **{name: {}})
    with pytest.raises(ValidationError, match="additional_kwargs"):
        AIMLAPIEmbedding(api_key=SECRET, **{name: {}})


def test_stream_options_are_sent_for_streams_only() -> None:
    gateway = Gateway()
    llm = gateway.llm(additional_kwargs={"stream_options": {"include_usage": True}})
    llm.chat(MESSAGES)
    assert list(llm.stream_chat(MESSAGES))[-1].additional_kwargs["total_tokens"] == 15
    assert ["stream_options" in body for body in gateway.bodies] == [False, True]


def test_argument_passed_twice_raises() -> None:
    with pytest.raises(ValidationError, match="max_tokens"):
        AIMLAPI(api_key="k", max_tokens=1, max_new_tokens=2)


def test_headers_are_sent_and_ids_are_returned() -> None:
    gateway = Gateway()
    llm = gateway.llm(default_headers={"X-Title": "Mine"}, client_request_id="trace-1")
    llm.chat(MESSAGES, extra_headers={"X-More": "1"}, extra_body={"custom": True})
    [headers] = gateway.headers
    assert (headers["x-title"], headers["x-more"], headers["x-client-request-id"]) == ("Mine", "1", "trace-1")
    assert headers["authorization"] == "Bearer sk-test"
    assert gateway.bodies[0]["custom"] is True


def test_constructor_without_api_key_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError, match="AIMLAPI_API_KEY"):
        AIMLAPI()
    with pytest.raises(MissingAPIKeyError):
        AIMLAPIEmbedding()


# --- metadata ---------------------------------------------------------------------------------------------------------


def test_metadata_of_a_known_model_comes_from_its_data() -> None:
    model = "openai/gpt-5-mini-2025-08-07"
    metadata = AIMLAPI(api_key="k", model=model, max_tokens=100).metadata
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model
    assert (metadata.context_window, metadata.num_output, metadata.model_name) == (400_000, 100, model)
    assert metadata.system_role == MessageRole.SYSTEM
    assert AIMLAPI(api_key="k", model="gpt-4o").metadata.num_output == -1


@pytest.mark.parametrize("model", ["nobody/knows-it", "☃", "openai/gpt-5-pro"])
def test_metadata_of_an_unknown_model_assumes_a_capable_one(model: str) -> None:
    metadata = AIMLAPI(api_key="k", model=model, max_tokens=128_000).metadata
    assert metadata.is_function_calling_model
    assert metadata.context_window > metadata.num_output


def test_metadata_with_fields_set_uses_them() -> None:
    llm = AIMLAPI(
        api_key="k", model="gpt-4o", context_window=1000, is_function_calling_model=False, is_chat_model=False
    )
    assert (llm.metadata.context_window, llm.metadata.is_function_calling_model) == (1000, False)
    assert not llm.metadata.is_chat_model


def test_constructor_sends_no_catalog_request(emulator: Any) -> None:
    llm = AIMLAPI.from_catalogue("gpt-4o", api_key="k", api_base=emulator.base_url)
    catalog, *schemas = emulator.requests
    assert catalog.path.endswith("/gpt-4o")
    assert {request.path for request in schemas} == {"/docs-json"}
    assert llm.metadata.context_window > 0


# --- secrets and copies -----------------------------------------------------------------------------------------------


@pytest.fixture(params=[AIMLAPI, AIMLAPIEmbedding])
def holder(request: pytest.FixtureRequest) -> Any:
    return request.param(api_key=SECRET, default_headers={"X-Secret": SECRET})


def test_api_key_is_in_no_dump_and_no_hash(holder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    in_events = getattr(holder, "to_payload", dict)()  # core has it since 0.14.25
    texts = [repr(holder), str(holder), str(holder.to_dict()), holder.to_json(), str(in_events)]
    assert not [text for text in texts if SECRET in text]
    other = type(holder)(api_key="another")
    assert hashlib.sha256(other.to_json().encode()).digest() == hashlib.sha256(holder.to_json().encode()).digest()
    monkeypatch.setenv("AIMLAPI_API_KEY", "from-env")
    again = type(holder).from_dict(holder.to_dict())
    assert again.api_key.get_secret_value() == "from-env"
    assert again.to_dict() == holder.to_dict()


def test_events_do_not_contain_the_api_key(make: Any) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = make(api_key=SECRET, callback_manager=CallbackManager([debug]))
    llm.chat(MESSAGES)
    [(start, end)] = debug.get_llm_inputs_outputs()
    assert SECRET not in str(start.payload) + str(end.payload)
    assert len(debug.get_events(CBEventType.LLM)) == 2


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda llm: llm.model_copy(update={"max_retries": 1}),
    "deep model_copy": lambda llm: llm.model_copy(deep=True),
    "pickle": lambda llm: pickle.loads(pickle.dumps(llm)),
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
async def test_copy_of_a_used_model_works(
    make: Any, open_models: list[Any], embedding: AIMLAPIEmbedding, duplicate: Any
) -> None:
    llm = make()
    llm.chat(MESSAGES)
    await llm.achat(MESSAGES)
    await embedding.aget_text_embedding("Porto")
    open_models += [twin := duplicate(llm), other := duplicate(embedding)]
    assert twin.chat(MESSAGES).message.content == (await twin.achat(MESSAGES)).message.content
    assert twin.api_key == llm.api_key
    assert other.get_text_embedding("Porto") == await other.aget_text_embedding("Porto")


def test_http_client_of_the_caller_is_shared_by_copies_and_never_closed() -> None:
    gateway = Gateway()
    llm = gateway.llm()
    twin = copy.deepcopy(llm)
    twin.chat(MESSAGES)
    del twin
    llm.chat(MESSAGES)
    assert not llm.http_client.is_closed
    assert len(gateway.bodies) == 2


@pytest.mark.parametrize("timeout", [5.0, (1.0, 2.0), httpx.Timeout(9, read=2)])
def test_timeout_in_any_form_survives_serialization(holder: Any, timeout: Any) -> None:
    settings = type(holder)(api_key=SECRET, timeout=timeout)
    assert type(holder).from_dict({**json.loads(settings.to_json()), "api_key": SECRET}).timeout == timeout
    assert pickle.loads(pickle.dumps(settings)).timeout == timeout


@pytest.mark.parametrize("change", ["assigned", "copied"])
@pytest.mark.parametrize("key", ["other", SecretStr("other")])
@pytest.mark.parametrize("kind", [AIMLAPI, AIMLAPIEmbedding])
async def test_key_changed_after_the_first_call_is_used_and_not_shown(kind: Any, key: Any, change: str) -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["authorization"])
        data = [{"object": "embedding", "index": 0, "embedding": [1.0]}]
        return httpx.Response(200, json={**reply(), "data": data} if kind is AIMLAPI else {"data": data})

    transport = httpx.MockTransport(answer)
    clients = {
        "http_client": httpx.Client(transport=transport),
        "async_http_client": httpx.AsyncClient(transport=transport),
    }
    model = kind(api_key="first", **clients)
    await _call_both_ways(model)
    if change == "assigned":
        model.api_key = key
    else:
        model = model.model_copy(update={"api_key": key})
    await _call_both_ways(model)
    assert keys == ["Bearer first"] * 2 + ["Bearer other"] * 2
    assert "other" not in repr(model) + str(model) + json.dumps(model.to_dict()) + model.to_json()


async def _call_both_ways(model: Any) -> None:
    if isinstance(model, AIMLAPI):
        model.complete("x")
        await model.acomplete("x")
    else:
        model.get_text_embedding("x")
        await model.aget_text_embedding("x")


def test_field_changed_after_use_applies_to_the_next_call() -> None:
    gateway = Gateway()
    llm = gateway.llm()
    llm.chat(MESSAGES)
    llm.default_headers = {"X-Mine": "New"}
    llm.chat(MESSAGES)
    assert [headers.get("x-mine") for headers in gateway.headers] == [None, "New"]


# --- threads and event loops ------------------------------------------------------------------------------------------


def test_clients_in_two_event_loops_send_one_request_each(
    make: Any, embedding: AIMLAPIEmbedding, emulator: Any
) -> None:
    llm = make()

    async def both() -> None:
        await llm.achat(MESSAGES)
        await embedding.aget_text_embedding("Porto")

    for _ in range(2):
        asyncio.run(both())
    assert len(emulator.requests) == 4


# Core closes the loop that it creates next to a running one, but not the connections in it.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_sync_call_inside_a_running_loop_and_in_threads_works(make: Any, emulator: Any) -> None:
    llm = make()
    replies = [await llm.achat(MESSAGES), asyncio_run(llm.achat(MESSAGES)), await llm.achat(MESSAGES)]
    with ThreadPoolExecutor(4) as pool:
        replies += list(pool.map(llm.chat, [MESSAGES] * 8))
    assert len({reply.message.content for reply in replies}) == 1
    assert len(emulator.requests) == 11
