"""What each model of the gateway is, as data: endpoints, context, the request fields it lists, its quirks.

The table is `models.json`, beside this file. Models that accept the same requests share a *shape* there; a shape and a
set of parameters are named after a model that has them. Look-ups are offline, and an unknown id gets generous defaults.

    >>> lookup("gpt-4o").chat.parameters["temperature"].maximum
    2
    >>> lookup("claude-opus-9").known
    False
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from . import loader
from .capabilities import (
    ANYTHING,
    ChatCapabilities,
    EmbeddingsCapabilities,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
    Words,
)

__all__ = [
    "CHAT",
    "EMBEDDINGS",
    "MESSAGES",
    "RESPONSES",
    "ChatCapabilities",
    "EmbeddingsCapabilities",
    "Model",
    "Parameter",
    "ResponsesCapabilities",
    "ToolCapabilities",
    "explain",
    "known_models",
    "lookup",
    "table_date",
    "vendor",
]

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Model:
    """One model. Where `known` is False the id is in no table, and the rest is a generous guess from its prefix.

    Attributes:
        id: the id as the gateway writes it, or as asked for where unknown. Send what the caller wrote, not this.
        context, max_output: tokens; None where not documented.
        inputs, outputs: modalities: `text`, `image`, `pdf`, `audio`, `video`; `embedding`.
        endpoints: paths that serve it.
        messages: whether `/v1/messages` serves it; `messages_parameters` are the fields listed there.
        dimensions: length of its embeddings unless asked otherwise.
        prices: US dollars per unit by the unit's name, where the table was refreshed from a catalogue with prices.
        aliases: other names that `lookup` knows it by.
        quirks: names of what it does unlike most; `explain` says what one means.
    """

    id: str
    developer: str | None = None
    name: str = ""
    context: int | None = None
    max_output: int | None = None
    inputs: Words = frozenset({"text"})
    outputs: Words = frozenset({"text"})
    endpoints: Words = frozenset()
    chat: ChatCapabilities | None = None
    responses: ResponsesCapabilities | None = None
    embeddings: EmbeddingsCapabilities | None = None
    messages: bool = False
    messages_parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    dimensions: int | None = None
    prices: Mapping[str, float] = field(default_factory=dict, hash=False)
    aliases: Words = frozenset()
    quirks: Words = frozenset()
    known: bool = True

    def parameter(self, name: str, endpoint: str = CHAT) -> Parameter | None:
        """What field `name` may hold on `endpoint`; None where it is not listed. A model not known takes anything.

        >>> lookup("gpt-4o").parameter("seed").minimum
        1
        """
        listed = self.parameters(endpoint).get(name)
        return listed if listed is not None or self.known else ANYTHING

    def parameters(self, endpoint: str = CHAT) -> Mapping[str, Parameter]:
        """The optional fields listed on `endpoint`, by name; empty where the model is not served there."""
        if endpoint == MESSAGES:
            return self.messages_parameters
        shape = {CHAT: self.chat, RESPONSES: self.responses, EMBEDDINGS: self.embeddings}[endpoint]
        return shape.parameters if shape else {}

    @property
    def tools(self) -> bool:
        """Whether it takes function tools, on chat or responses."""
        return bool(self.chat and self.chat.tools) or bool(self.responses and "function" in self.responses.tools)

    @property
    def tool_choice(self) -> bool:
        """Whether a tool can be forced. Where the schema is `swapped_tools`, it has been seen to work live."""
        chat = self.chat.tool_choice if self.chat else frozenset()
        forms = chat | (self.responses.tool_choice if self.responses else frozenset())
        forced = forms & {"required", "function", "anthropic", "definition"}
        return self.tools and bool(forced) and "tool_choice_refused" not in self.quirks

    @property
    def structured_output(self) -> bool:
        """Whether a reply can be held to a JSON schema."""
        return "json_schema" in self._formats()

    @property
    def json_mode(self) -> bool:
        """Whether a reply can be held to JSON of any form."""
        return "json_object" in self._formats()

    @property
    def parallel_tool_calls(self) -> bool:
        """Whether `parallel_tool_calls` is listed, on chat or responses."""
        return any("parallel_tool_calls" in self.parameters(path) for path in (CHAT, RESPONSES))

    @property
    def reasoning(self) -> bool:
        """Whether it reasons before it answers; which control it lists, `parameter` tells."""
        return "reasons" in self.quirks

    @property
    def system_role(self) -> bool:
        """Whether chat takes messages of the role `system`."""
        return self.chat is not None and "system" in self.chat.roles

    @property
    def vision(self) -> bool:
        """Whether it reads images."""
        return "image" in self.inputs

    def _formats(self) -> Words:
        chat = self.chat.response_format if self.chat else frozenset()
        return chat | (self.responses.text_formats if self.responses else frozenset())


@lru_cache(maxsize=4096)
def lookup(model: str) -> Model:
    """The model of that id or alias, in any case. Never raises: an unknown id gets its family's defaults.

    >>> lookup("gpt-5-mini").id
    'openai/gpt-5-mini-2025-08-07'
    """
    key = _find(model)
    return _known(key) if key else _model(model, _family(model), known=False)


@lru_cache(maxsize=4096)
def vendor(name: str | None) -> str | None:
    """Who made a model, from its id at any host, or from the name of a provider; None where the name does not say.

    >>> vendor("us.anthropic.claude-sonnet-4-5-v1:0"), vendor("google_genai"), vendor("my-model")
    ('Anthropic', 'Google', None)
    """
    if not name:
        return None
    known = lookup(name).developer or _PROVIDERS.get(name.casefold())
    words = (match[0] for part in re.split(r"[/:.@]", name.casefold()) if (match := re.match(r"[a-z]{3,}", part)))
    prefix = name.casefold().partition("/")[0] if "/" in name else None
    return known or next((_makers()[word] for word in words if word in _makers()), prefix)


# Names of providers that serve models of one vendor, as LangChain and LlamaIndex write them.
_PROVIDERS = {
    "anthropic": "Anthropic",
    "openai": "OpenAI",
    "azure": "OpenAI",
    "azure_openai": "OpenAI",
    "google": "Google",
    "google_genai": "Google",
    "google_vertexai": "Google",
    "mistralai": "Mistral AI",
    "xai": "xAI",
    "deepseek": "DeepSeek",
    "cohere": "Cohere",
    "perplexity": "Perplexity",
    "moonshot": "Moonshot AI",
}


@cache
def _makers() -> dict[str, str]:
    """The first word of a model's name -> who makes the models that are called so."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key, row in loader.load()["models"].items():
        word = re.match(r"[a-z]{3,}", _tail(key))
        if word and "by" in row:
            counts[word[0]][row["by"]] += 1
    return {word: makers.most_common(1)[0][0] for word, makers in counts.items()}


@cache
def known_models() -> tuple[Model, ...]:
    """Every model of the table, sorted by id."""
    return tuple(map(_known, loader.load()["models"]))


def explain(quirk: str) -> str:
    """One sentence on what a quirk is. KeyError where there is none of that name."""
    return str(loader.load()["quirks"][quirk])


def table_date() -> str:
    """The day the table was last refreshed, as ISO 8601."""
    return str(loader.load()["about"]["date"])


@cache
def _names() -> dict[str, str]:
    """Every spelling of an id or alias -> id; the nearer spelling wins."""
    rows = loader.load()["models"]
    given = {name: key for key, row in rows.items() for name in row.get("aliases", "").split()}
    given |= {key: key for key in rows}
    names: dict[str, str] = {}
    for spell in (_dashed_tail, _tail, _dashed, str.casefold):
        names |= {spell(name): key for name, key in reversed(given.items())}
    return names


def _find(model: str) -> str | None:
    """The id meant: any case, `.` for `-`, the vendor's prefix left out or put before an id that has none."""
    names, rows = _names(), loader.load()["models"]
    for spelling in (model.casefold(), _dashed(model)):
        if spelling in names:
            return names[spelling]
    key = names.get(_dashed_tail(model))
    return key if key and rows[key].get("by") == _family(model).get("by") else None


def _tail(name: str) -> str:
    return name.casefold().rpartition("/")[2]


def _dashed(name: str) -> str:
    return name.casefold().replace(".", "-")


def _dashed_tail(name: str) -> str:
    return _dashed(_tail(name))


@cache
def _known(key: str) -> Model:
    return _model(key, loader.load()["models"][key])


def _family(model: str) -> dict[str, Any]:
    """What is assumed of an id that starts like this one."""
    families = loader.load()["families"]
    prefix = max((prefix for prefix in families if model.casefold().startswith(prefix)), key=len)
    return dict(families[prefix])


def _model(key: str, row: Mapping[str, Any], known: bool = True) -> Model:
    chat = loader.chat_capabilities(*row["chat"]) if "chat" in row else None
    responses = loader.responses_capabilities(row["responses"]) if "responses" in row else None
    return Model(
        id=key,
        developer=row.get("by"),
        name=row.get("name") or key.rpartition("/")[2],
        context=row.get("context"),
        max_output=row.get("max_output"),
        inputs=loader.words(row["inputs"]) if "inputs" in row else _inputs(chat, responses),
        outputs=loader.words(row.get("outputs", "embedding" if "embeddings" in row else "text")),
        endpoints=frozenset(path for section, path in _PATHS.items() if section in row),
        chat=chat,
        responses=responses,
        embeddings=loader.embeddings_capabilities(row["embeddings"]) if "embeddings" in row else None,
        messages="messages" in row,
        messages_parameters=loader.parameter_set(row["messages"]) if "messages" in row else {},
        dimensions=row.get("dimensions"),
        prices=row.get("prices", {}),
        aliases=loader.words(row.get("aliases", "")),
        quirks=loader.words(row.get("quirks", "")) | _quirks(chat, responses),
        known=known,
    )


_PATHS = {"chat": CHAT, "responses": RESPONSES, "embeddings": EMBEDDINGS, "messages": MESSAGES}

_MODALITIES = {
    "image_url": "image",
    "image": "image",
    "input_image": "image",
    "file": "pdf",
    "document": "pdf",
    "input_file": "pdf",
    "input_audio": "audio",
    "video_url": "video",
}


def _inputs(chat: ChatCapabilities | None, responses: ResponsesCapabilities | None) -> Words:
    parts = (chat.user_parts | chat.blocks if chat else frozenset()) | (responses.parts if responses else frozenset())
    return frozenset({"text"}) | {_MODALITIES[part] for part in parts if part in _MODALITIES}


_CHAT_QUIRKS: dict[str, Callable[[ChatCapabilities], bool]] = {
    "anthropic_messages": lambda chat: chat.dialect == "anthropic",
    "no_system_role": lambda chat: "system" not in chat.roles,
    "no_developer_role": lambda chat: "developer" not in chat.roles,
    "string_tool_results": lambda chat: "tool" in chat.roles and "tool" not in chat.list_roles,
    "system_field": lambda chat: "system" in chat.parameters,
    "stop_sequences_only": lambda chat: "stop_sequences" in chat.parameters and "stop" not in chat.parameters,
    "small_default_output": lambda chat: chat.parameters.get("max_tokens", ANYTHING).default == 512,
    "swapped_tools": lambda chat: chat.tools is not None and chat.tools.form == "swapped",
    "parameters_required": lambda chat: chat.tools is not None and "parameters" in chat.tools.function_required,
    "description_required": lambda chat: chat.tools is not None and "description" in chat.tools.function_required,
}


def _quirks(chat: ChatCapabilities | None, responses: ResponsesCapabilities | None) -> Words:
    """The quirks that a shape already states, by name."""
    names = {name for name, shown in _CHAT_QUIRKS.items() if chat and shown(chat)}
    return frozenset(names | ({"one_input_item"} if responses and not responses.list_input else set()))
