"""What editors, notebooks and `help()` show of the classes that users construct."""

from __future__ import annotations

import inspect
import pydoc
import typing
from typing import Any

import pytest
from pydantic import BaseModel

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.client.options import ChatArguments
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.langchain.arguments import ChatModelArguments, EmbeddingsArguments
from aimlapi_integrations.langchain.init_kwargs import CHAT_NAMES
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.llama_index.arguments import EmbeddingArguments, LLMArguments
from aimlapi_integrations.llama_index.fields import ALIASES
from aimlapi_integrations.models import CHAT, RESPONSES, known_models

CLASSES: list[type[BaseModel]] = [ChatAIMLAPI, AIMLAPIEmbeddings, AIMLAPI, AIMLAPIEmbedding]
ARGUMENTS = [ChatModelArguments, EmbeddingsArguments, LLMArguments, EmbeddingArguments]


def names(cls: type[BaseModel]) -> set[str]:
    fields = cls.model_fields.items()
    return {name for name, _ in fields} | {field.alias for _, field in fields if field.alias}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_field_has_a_description(cls: type[BaseModel]) -> None:
    assert not [name for name, field in cls.model_fields.items() if not field.description]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("subclass", [False, True])
def test_signature_is_short_and_has_every_argument(cls: type[BaseModel], subclass: bool) -> None:
    cls = type("Own", (cls,), {"__module__": __name__}) if subclass else cls
    signature = inspect.signature(cls)
    assert {*signature.parameters} == {field.alias or name for name, field in cls.model_fields.items()}
    assert next(iter(signature.parameters)) in ("model", "model_name")
    assert len(str(signature)) < 1500


@pytest.mark.parametrize(("cls", "arguments"), list(zip(CLASSES, ARGUMENTS, strict=True)))
def test_type_checkers_know_every_argument_and_no_other(cls: type[BaseModel], arguments: type) -> None:
    typed = {*typing.get_type_hints(arguments), "model"}
    others = {"max_completion_tokens"} & {*CHAT_NAMES} if cls is ChatAIMLAPI else set()
    others |= {*ALIASES} if cls is AIMLAPI else set()
    others |= {"batch_size", "model"} if cls is AIMLAPIEmbedding else set()
    assert typed == names(cls) | others


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        (ChatAIMLAPI, {"model_name": "gpt-4o", "api_key": "k", "stop": ["."], "reasoning_effort": "of-tomorrow"}),
        (ChatAIMLAPI, {"model": "gpt-4o", "aimlapi_api_key": "k", "stop_sequences": ["."], "request_timeout": 5}),
        (AIMLAPIEmbeddings, {"model": "text-embedding-3-small", "api_key": "k", "timeout": (1, 2)}),
        (AIMLAPI, {"model_name": "gpt-4o", "api_key": "k", "max_output_tokens": 9, "truncation": "of-tomorrow"}),
        (AIMLAPIEmbedding, {"model": "text-embedding-3-small", "api_key": "k", "batch_size": 5}),
    ],
)
def test_typed_arguments_are_accepted_at_run_time(cls: Any, arguments: dict[str, Any]) -> None:
    assert {*arguments} <= {*typing.get_type_hints(ARGUMENTS[CLASSES.index(cls)]), "model"}
    assert cls(**arguments)


@pytest.mark.parametrize("method", [Client.chat, Client.chat_stream, AsyncClient.chat, AsyncClient.chat_stream])
def test_type_hints_of_client_methods_resolve(method: Any) -> None:
    assert "ChatArguments" in str(typing.get_type_hints(method)["options"])


def test_chat_arguments_have_the_parameters_that_many_models_list() -> None:
    listed = {
        name
        for path in (CHAT, RESPONSES)
        for model in known_models()
        for name in model.parameters(path)
        if sum(name in other.parameters(path) for other in known_models()[:200]) > 4
    }
    assert listed - {"stream", "stream_options", "echo"} <= {*ChatArguments.__annotations__}


@pytest.mark.parametrize("cls", CLASSES)
def test_help_begins_with_the_arguments_the_errors_and_an_example(cls: type[BaseModel]) -> None:
    beginning = pydoc.plain(pydoc.render_doc(cls)).split("Method resolution order")[0]
    assert len(beginning.splitlines()) < 40
    for words in ("model: ", "api_key: ", "model_fields", "MissingAPIKeyError", f"{cls.__name__}(model="):
        assert words in beginning
