"""What each model of the gateway is, as data: endpoints, context, the request fields it lists, its quirks.

The table is `models.json`, next to this file. Models that accept the same requests share *capabilities* there. These
and sets of parameters are named after one of those models. Lookups are offline. An unknown id gets family defaults.

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
from typing import Any

from .._utils.diagnostics import warn_once
from . import loader
from .capabilities import (
    ANYTHING,
    ChatCapabilities,
    EmbeddingsCapabilities,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
)
from .loader import table_cache

__all__ = [
    "CHAT",
    "EMBEDDINGS",
    "ENDPOINTS_BY_SECTION",
    "MESSAGES",
    "RESPONSES",
    "ChatCapabilities",
    "EmbeddingsCapabilities",
    "Model",
    "ModelDeprecationWarning",
    "Parameter",
    "ResponsesCapabilities",
    "ToolCapabilities",
    "check_model",
    "describe_status",
    "explain",
    "known_models",
    "lookup",
    "table_date",
    "vendor",
    "warn_if_deprecated",
]

CHAT = "chat_completions"
RESPONSES = "responses"
MESSAGES = "messages"
EMBEDDINGS = "embeddings"

ENDPOINTS_BY_SECTION = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "embeddings": EMBEDDINGS}
"""Name of an endpoint by the section of the table, which is also its name on the command line."""


class ModelDeprecationWarning(UserWarning):
    """The gateway has withdrawn this model, or will."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model. If `known` is False the id is not in the table, and the rest is the default of its family.

    Attributes:
        id: the id as the gateway writes it, or as requested if unknown. Send what the caller wrote, not this.
        context, max_output: tokens; None where not documented.
        inputs, outputs: modalities: `text`, `image`, `pdf`, `audio`, `video`; `embedding`.
        endpoints: names of the endpoints that serve it: `chat_completions`, `responses`, `messages`, `embeddings`.
        messages: whether `/v1/messages` serves it; `messages_parameters` are the fields listed there.
        dimensions: the length of its embeddings by default.
        prices: US dollars per unit by the unit's name, if the table was refreshed from a catalog with prices.
        aliases: other names that `lookup` accepts.
        status: `active`, `deprecated`, `superseded`, or `withdrawn` if the gateway no longer serves it.
        successor: the id that replaces it, if there is one.
        retires: the date on which it is or was withdrawn, as ISO 8601, if known.
        efforts: levels of reasoning effort that it has been measured to honor, lowest first; see `effort_levels`.
        quirks: names of what it does unlike most models; `explain` describes one.
    """

    id: str
    developer: str | None = None
    name: str = ""
    context: int | None = None
    max_output: int | None = None
    inputs: frozenset[str] = frozenset({"text"})
    outputs: frozenset[str] = frozenset({"text"})
    endpoints: frozenset[str] = frozenset()
    chat: ChatCapabilities | None = None
    responses: ResponsesCapabilities | None = None
    embeddings: EmbeddingsCapabilities | None = None
    messages: bool = False
    messages_parameters: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    dimensions: int | None = None
    prices: Mapping[str, float] = field(default_factory=dict, hash=False)
    aliases: frozenset[str] = frozenset()
    status: str = "active"
    successor: str | None = None
    retires: str | None = None
    efforts: tuple[str, ...] = ()
    quirks: frozenset[str] = frozenset()
    known: bool = True

    def parameter(self, name: str, endpoint: str = CHAT) -> Parameter | None:
        """Return what the field `name` accepts on `endpoint`; None if it is not listed. Unknown models accept anything.

        >>> lookup("gpt-4o").parameter("seed").minimum
        1
        """
        if name == "reasoning_effort" and endpoint == CHAT and self.efforts:
            return Parameter(types=("string",), enum=self.efforts)
        parameter = self.parameters(endpoint).get(name)
        return parameter if parameter is not None or self.known else ANYTHING

    def parameters(self, endpoint: str = CHAT) -> Mapping[str, Parameter]:
        """Return the optional fields listed on `endpoint`, by name; empty if the model is not served there."""
        if endpoint == MESSAGES:
            return self.messages_parameters
        capabilities = {CHAT: self.chat, RESPONSES: self.responses, EMBEDDINGS: self.embeddings}[endpoint]
        return capabilities.parameters if capabilities else {}

    @property
    def tools(self) -> bool:
        """Whether it accepts function tools, on chat completions or Responses."""
        return bool(self.chat and self.chat.tools) or bool(self.responses and "function" in self.responses.tools)

    @property
    def tool_choice(self) -> bool:
        """Whether a tool can be forced. Models with `swapped_tools` have been seen to accept it."""
        chat = self.chat.tool_choice if self.chat else frozenset()
        forms = chat | (self.responses.tool_choice if self.responses else frozenset())
        forced = forms & {"required", "function", "anthropic", "definition"}
        return self.tools and bool(forced) and self.quirks.isdisjoint({"tool_choice_refused", "forced_tool_refused"})

    @property
    def structured_output(self) -> bool:
        """Whether a response can be constrained to a JSON schema. That is not assumed of unknown Claude models."""
        is_assumed = not self.known and self.developer == "Anthropic"
        return "json_schema" in self._formats() and not is_assumed

    @property
    def json_mode(self) -> bool:
        """Whether a response can be constrained to any JSON object."""
        return "json_object" in self._formats()

    @property
    def parallel_tool_calls(self) -> bool:
        """Whether `parallel_tool_calls` is listed, on chat completions or Responses."""
        return any("parallel_tool_calls" in self.parameters(endpoint) for endpoint in (CHAT, RESPONSES))

    @property
    def reasoning(self) -> bool:
        """Whether it reasons before it answers. `parameter` returns the controls that it lists."""
        return "reasons" in self.quirks

    @property
    def effort_levels(self) -> tuple[str, ...]:
        """The levels of reasoning effort that have an effect, lowest first: measured ones, else the listed ones.

        >>> lookup("anthropic/claude-sonnet-5").effort_levels
        ('low', 'medium', 'high', 'xhigh', 'max')
        """
        if "effort_ignored" in self.quirks and not self.messages:
            return ()
        return self.efforts or _listed_efforts(self)

    @property
    def system_role(self) -> bool:
        """Whether chat completions accepts messages with the role `system`."""
        return self.chat is not None and "system" in self.chat.roles

    @property
    def vision(self) -> bool:
        """Whether it reads images."""
        return "image" in self.inputs

    def _formats(self) -> frozenset[str]:
        chat = self.chat.response_format if self.chat else frozenset()
        return chat | (self.responses.text_formats if self.responses else frozenset())


def _listed_efforts(model: Model) -> tuple[str, ...]:
    """Return the levels of effort that a schema lists, as `reasoning_effort` or as `effort` of `reasoning`."""
    for endpoint in (CHAT, RESPONSES):
        parameters = model.parameters(endpoint)
        effort = parameters.get("reasoning_effort") or parameters.get("reasoning", ANYTHING).fields.get("effort")
        if effort:
            return tuple(level for level in effort.enum if level is not None)
    return ()


@table_cache
def lookup(model: str) -> Model:
    """Return the model with that id or alias, in any case. An unknown id gets its family's defaults; nothing raises.

    >>> lookup("gpt-5-mini").id
    'openai/gpt-5-mini-2025-08-07'
    """
    key = _find_id(model)
    return _known_model(key) if key else _build_model(model, _family(model), known=False)


def check_model(model: str) -> str:
    """Return the id of a model. ValueError if it is blank, or no text."""
    if not isinstance(model, str) or not model.strip():
        raise ValueError(f"model={model!r}: expected the id of a model. List them with: aimlapi models")
    return model


def warn_if_deprecated(model_id: str) -> None:
    """Warn once per process if the model is known to be deprecated, superseded or withdrawn."""
    model = lookup(model_id)
    if model.status != "active":
        warn_once(describe_status(model_id, model), ModelDeprecationWarning)


def describe_status(model_id: str, model: Model) -> str:
    """Return a sentence about a model that is not active: since or until when, and what replaces it.

    >>> describe_status("a/b", Model("a/b", status="withdrawn", successor="a/c", retires="2026-09-01"))
    'a/b is withdrawn (2026-09-01). Use a/c instead.'
    """
    when = f" ({model.retires})" if model.retires else ""
    advice = f"Use {model.successor} instead." if model.successor else "Choose another: aimlapi models --live"
    return f"{model_id} is {model.status}{when}. {advice}"


@table_cache
def vendor(name: str | None) -> str | None:
    """Return who made a model, from its id at any host or the name of a provider; None if the name does not say.

    >>> vendor("us.anthropic.claude-sonnet-4-5-v1:0"), vendor("google_genai"), vendor("my-model")
    ('Anthropic', 'Google', None)
    """
    if not name:
        return None
    developer = lookup(name).developer or _PROVIDERS.get(name.casefold())
    words = (match[0] for part in re.split(r"[/:.@]", name.casefold()) if (match := re.match(r"[a-z]{3,}", part)))
    prefix = name.casefold().partition("/")[0] if "/" in name else None
    developers = _developers_by_word()
    return developer or next((developers[word] for word in words if word in developers), prefix)


# Names of providers that serve the models of one vendor, as LangChain and LlamaIndex write them.
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


@table_cache
def _developers_by_word() -> dict[str, str]:
    """Map the first word of a model's name to the developer of most models with that first word."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key, row in loader.load_table()["models"].items():
        word = re.match(r"[a-z]{3,}", _tail(key))
        if word and "by" in row:
            counts[word[0]][row["by"]] += 1
    return {word: developers.most_common(1)[0][0] for word, developers in counts.items()}


@table_cache
def known_models() -> tuple[Model, ...]:
    """Return every model of the table, sorted by id."""
    return tuple(map(_known_model, loader.load_table()["models"]))


@table_cache
def listed_parameters(*endpoints: str) -> frozenset[str]:
    """Return the optional fields that any model lists on these endpoints.

    >>> "top_k" in listed_parameters(CHAT)
    True
    """
    return frozenset().union(*(model.parameters(endpoint) for model in known_models() for endpoint in endpoints))


def explain(quirk: str) -> str:
    """Describe a quirk in a sentence or two. KeyError if there is none of that name."""
    return str(loader.load_table()["quirks"][quirk])


def table_date() -> str:
    """Return the date on which the table was last refreshed, by its maintainers or by you, as ISO 8601."""
    return str(loader.load_table()["about"]["date"])


@table_cache
def _ids_by_spelling() -> dict[str, str]:
    """Map every accepted spelling of an id or alias to the id; closer spellings take precedence."""
    rows = loader.load_table()["models"]
    ids = {name: key for key, row in rows.items() for name in row.get("aliases", "").split()}
    ids |= {key: key for key in rows}
    spellings: dict[str, str] = {}
    for spell in (_dashed_tail, _tail, _dashed, str.casefold):
        spellings |= {spell(name): key for name, key in reversed(ids.items())}
    return spellings


def _find_id(model: str) -> str | None:
    """Find the id in any case, with `.` for `-`, without the vendor's prefix or with one that the id lacks."""
    ids, rows = _ids_by_spelling(), loader.load_table()["models"]
    for spelling in (model.casefold(), _dashed(model)):
        if spelling in ids:
            return ids[spelling]
    key = ids.get(_dashed_tail(model))
    return key if key and rows[key].get("by") == _family(model).get("by") else None


def _tail(name: str) -> str:
    return name.casefold().rpartition("/")[2]


def _dashed(name: str) -> str:
    return name.casefold().replace(".", "-")


def _dashed_tail(name: str) -> str:
    return _dashed(_tail(name))


@table_cache
def _known_model(key: str) -> Model:
    return _build_model(key, loader.load_table()["models"][key])


def _family(model: str) -> dict[str, Any]:
    """Return the defaults of the family with the longest prefix of this id."""
    return loader.family_defaults(loader.load_table(), model)


def _build_model(key: str, row: Mapping[str, Any], known: bool = True) -> Model:
    chat = loader.chat_capabilities(*row["chat"]) if "chat" in row else None
    responses = loader.responses_capabilities(row["responses"]) if "responses" in row else None
    return Model(
        id=key,
        developer=row.get("by"),
        name=row.get("name") or key.rpartition("/")[2],
        context=row.get("context"),
        max_output=row.get("max_output"),
        inputs=loader.split_words(row["inputs"]) if "inputs" in row else _inputs(chat, responses),
        outputs=loader.split_words(row.get("outputs", "embedding" if "embeddings" in row else "text")),
        endpoints=frozenset(endpoint for section, endpoint in ENDPOINTS_BY_SECTION.items() if section in row),
        chat=chat,
        responses=responses,
        embeddings=loader.embeddings_capabilities(row["embeddings"]) if "embeddings" in row else None,
        messages="messages" in row,
        messages_parameters=loader.parameter_set(row["messages"]) if "messages" in row else {},
        dimensions=row.get("dimensions"),
        prices=row.get("prices", {}),
        aliases=loader.split_words(row.get("aliases", "")),
        status=row.get("status", "active"),
        successor=row.get("successor"),
        retires=row.get("retires"),
        efforts=tuple(row.get("efforts", "").split()),
        quirks=loader.split_words(row.get("quirks", "")) | _derive_quirks(chat, responses),
        known=known,
    )


# The keys of a row that name capabilities, and the endpoints that these are of.
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


def _inputs(chat: ChatCapabilities | None, responses: ResponsesCapabilities | None) -> frozenset[str]:
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


def _derive_quirks(chat: ChatCapabilities | None, responses: ResponsesCapabilities | None) -> frozenset[str]:
    """Derive the quirks that the capabilities already state."""
    names = {name for name, has_quirk in _CHAT_QUIRKS.items() if chat and has_quirk(chat)}
    return frozenset(names | ({"one_input_item"} if responses and not responses.list_input else set()))
