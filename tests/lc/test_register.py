"""`register()` and `unregister()`: LangChain's own makers of models, with ours among them."""

from __future__ import annotations

import sys

import httpx
import langchain.chat_models.base as chat_base
import langchain.embeddings.base as embeddings_base
import pytest
from langchain.chat_models import init_chat_model
from langchain.embeddings import init_embeddings
from langchain_core.load import dumpd, load

from aimlapi_integrations.errors import AIMLAPIError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain.embeddings import AIMLAPIEmbeddings
from aimlapi_integrations.langchain.registration import RegistrationError, register, unregister

MODEL = "aimlapi:openai/gpt-5-mini-2025-08-07"


@pytest.fixture(autouse=True)
def _as_it_was():
    before = dict(chat_base._BUILTIN_PROVIDERS), dict(embeddings_base._BUILTIN_PROVIDERS)
    yield
    unregister()
    assert before == (chat_base._BUILTIN_PROVIDERS, embeddings_base._BUILTIN_PROVIDERS)


def test_factory_without_register_raises():
    with pytest.raises(ValueError, match="model_provider"):
        init_chat_model(MODEL, api_key="k")


def test_factories_after_register_create_the_classes():
    register()
    model = init_chat_model(MODEL, api_key="k", temperature=0.5)
    assert isinstance(model, ChatAIMLAPI)
    assert (model.model_name, model.temperature) == ("openai/gpt-5-mini-2025-08-07", 0.5)
    assert init_chat_model("google/gemini-2.5-pro", model_provider="aimlapi", api_key="k").model_name
    embeddings = init_embeddings("aimlapi:voyage-2", api_key="k")
    assert isinstance(embeddings, AIMLAPIEmbeddings)
    assert embeddings.model == "voyage-2"


def test_model_id_with_a_colon_is_not_split():
    register()
    assert init_chat_model("aimlapi:google/gemma-3-27b-it:free", api_key="k").model_name == "google/gemma-3-27b-it:free"


def test_configurable_model_selects_the_provider(emulated):
    register()
    config = {"configurable": {"model": "gpt-4o", "model_provider": "aimlapi"}}
    with httpx.Client() as client:
        arguments = {"api_key": "k", "base_url": emulated.base_url, "http_client": client}
        model = init_chat_model(configurable_fields=("model", "model_provider"), **arguments)
        assert model.invoke("Hello", config=config).response_metadata["model_name"] == "gpt-4o"


@pytest.fixture
def emulated():
    from aimlapi_integrations.emulator import Emulator

    with Emulator() as gateway:
        yield gateway


def test_register_called_twice_adds_one_row():
    register()
    rows = dict(chat_base._BUILTIN_PROVIDERS)
    register()
    assert rows == chat_base._BUILTIN_PROVIDERS


def test_unregister_removes_the_provider():
    register()
    unregister()
    unregister()
    with pytest.raises(ValueError):
        init_chat_model(MODEL, api_key="k")
    with pytest.raises(ValueError):
        init_chat_model("gpt-4o", model_provider="aimlapi", api_key="k")
    with pytest.raises(ValueError):
        init_embeddings("aimlapi:voyage-2", api_key="k")


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_load_after_register_accepts_the_class():
    written = dumpd(ChatAIMLAPI(model="gpt-4o", api_key="sk-planted-secret", temperature=0.5))
    requested = {"allowed_objects": "all", "secrets_map": {"AIMLAPI_API_KEY": "k"}}
    with pytest.raises(ValueError, match="not allowed"):
        load(written, **requested, valid_namespaces=["aimlapi_integrations"])
    register()
    again = load(written, **requested, valid_namespaces=["aimlapi_integrations"])
    assert (type(again), again.model_name, again.temperature) == (ChatAIMLAPI, "gpt-4o", 0.5)
    with pytest.raises(ValueError, match="Invalid namespace"):
        load(written, **requested)
    unregister()
    with pytest.raises(ValueError, match="not allowed"):
        load(written, **requested, valid_namespaces=["aimlapi_integrations"])


def test_register_with_changed_loader_tables_raises(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["langchain_core.load.load"], "ALL_SERIALIZABLE_MAPPINGS", {})
        patch.setattr(sys.modules["langchain_core.load.load"], "_get_default_allowed_class_paths", lambda _: set())
        with pytest.raises(RegistrationError, match=r"langchain_core\.load"):
            register()
    assert "aimlapi" not in chat_base._BUILTIN_PROVIDERS


@pytest.mark.parametrize("module", [chat_base, embeddings_base])
@pytest.mark.parametrize("changed", [None, {}, [], {"openai": "langchain_openai:ChatOpenAI"}, {"openai": ("a", "B")}])
def test_register_with_changed_provider_table_raises_and_changes_nothing(monkeypatch, module, changed):
    with monkeypatch.context() as patch:
        patch.setattr(module, "_BUILTIN_PROVIDERS", changed)
        with pytest.raises(RegistrationError, match="directly"):
            register()
        for base in (chat_base, embeddings_base):
            assert "aimlapi" not in (base._BUILTIN_PROVIDERS or {})


def test_register_with_unused_provider_table_raises(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(chat_base, "init_chat_model", lambda *_, **__: object())
        with pytest.raises(RegistrationError, match="directly"):
            register()
    assert "aimlapi" not in chat_base._BUILTIN_PROVIDERS


def test_register_with_another_provider_of_that_name_raises(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(chat_base._BUILTIN_PROVIDERS, "aimlapi", ("langchain_aimlapi", "ChatAimlapi", lambda cls: cls()))
        with pytest.raises(RegistrationError, match="langchain_aimlapi"):
            register()
        unregister()
        assert chat_base._BUILTIN_PROVIDERS["aimlapi"][0] == "langchain_aimlapi"


def test_register_without_langchain_raises(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "langchain.chat_models.base", None)
        with pytest.raises(RegistrationError, match="pip install langchain"):
            register()


def test_registration_error_is_a_package_and_runtime_error():
    assert issubclass(RegistrationError, AIMLAPIError)
    assert issubclass(RegistrationError, RuntimeError)
