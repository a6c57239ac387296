"""Facts about models: which exist, what each refuses, how each family answers.

`models.json` has a row for each known model. A chat model has a dialect there: the names of the features that it
refuses, as `wire/chat_completions_rules.py` defines them. `responses_refuse` lists the types that it refuses on the
Responses endpoint. Both result from testing the vendor's published schemas. A model without a row refuses nothing.
`reasons` says whether a model reasons without being told to, where it differs from its family's rule, by the vendor's
published replies and third parties' measurements.
`other_modalities` lists the gateway's models for images, speech and OCR; `wire/media.py` has what they accept.
`emulator/newcomer` is invented: a model that this package's own table lacks, to try a refresh of that table with.
`deprecations` has models that the gateway is known to have withdrawn or superseded, with invented dates.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from . import JSON, ModelCall

# --- the table ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CatalogueModel:
    id: str
    name: str
    developer: str
    context: int | None
    aliases: tuple[str, ...]
    endpoints: tuple[str, ...]
    chat_refusals: frozenset[str]
    responses_refusals: frozenset[str]
    reasons: bool | None


@cache
def _data() -> JSON:
    data: JSON = json.loads((Path(__file__).parent / "models.json").read_text("utf-8"))
    return data


@cache
def _all_models() -> dict[str, CatalogueModel]:
    dialects = [frozenset(dialect) for dialect in _data()["dialects"]]
    return {row["id"]: _parse_row(row, dialects) for row in _data()["models"]}


@cache
def catalogue() -> dict[str, CatalogueModel]:
    """Every model that the gateway serves, by id."""
    withdrawn = {row["model"] for row in deprecations() if row["status"] == "withdrawn"}
    return {model_id: model for model_id, model in _all_models().items() if model_id not in withdrawn}


def deprecations() -> list[JSON]:
    """Models with the status deprecated, superseded or withdrawn, as {model, status, replaced_by, shutdown_at}."""
    rows: list[JSON] = _data()["deprecations"]
    return rows


@cache
def other_modalities() -> frozenset[str]:
    """Ids of models for images, speech and OCR."""
    return frozenset(_data()["other_modalities"])


def find_model(model_id: str) -> CatalogueModel | None:
    """The model with this id or alias. The gateway takes dotted and dashed versions of an id (4.8, 4-8)."""
    return catalogue().get(model_id) or _models_by_alias().get(_normalize_id(model_id))


@cache
def _models_by_alias() -> dict[str, CatalogueModel]:
    models = catalogue().values()
    return {_normalize_id(name): model for model in models for name in (*model.aliases, model.id)}


def _normalize_id(model_id: str) -> str:
    return model_id.lower().replace(".", "-")


def _parse_row(row: JSON, dialects: list[frozenset[str]]) -> CatalogueModel:
    return CatalogueModel(
        id=row["id"],
        name=row["name"],
        developer=row["developer"],
        context=row.get("context"),
        aliases=tuple(row.get("aliases", [])),
        endpoints=tuple(row["endpoints"]),
        chat_refusals=dialects[row["dialect"]] if "dialect" in row else frozenset(),
        responses_refusals=frozenset(row.get("responses_refuse", [])),
        reasons=row.get("reasons"),
    )


def chat_refusals(model_id: str) -> frozenset[str]:
    """The features that a model refuses on /v1/chat/completions."""
    model = _all_models().get(model_id) or find_model(model_id)
    return model.chat_refusals if model else frozenset()


def responses_refusals(model_id: str) -> frozenset[str]:
    """The types of items, parts and tools that a model refuses on /v1/responses."""
    model = _all_models().get(model_id) or find_model(model_id)
    return model.responses_refusals if model else frozenset()


# --- reasoning effort ---------------------------------------------------------------------------------------

EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_DEFAULT_EFFORTS = frozenset({"none", "low", "medium", "high"})

# Pattern of model ids, with dashes for dots -> the levels that the model accepts, as measured on the live gateway in
# September 2026 by the vendor's models.dev synchronization. Accepting a level doesn't mean that it has an effect.
_MEASURED_EFFORTS: tuple[tuple[str, str], ...] = (
    (r"claude-(haiku|sonnet)-4-5", " ".join(EFFORTS)),
    (r"claude-(sonnet-5|opus-4-[78]|opus-5|haiku-5|fable-5)", "none low medium high xhigh max"),
    (r"gemini-3-7-flash", "low medium high max"),
    (r"gemini-3-6-flash", "minimal low medium high max"),
    (r"gemini-3-1-pro-preview|gemma-4-26b|glm-5v?-turbo|qwen-plus", " ".join(EFFORTS)),
    (r"gpt-5-[245]-pro", "low medium high"),
    (r"gpt-5-6-luna", "none low medium high xhigh"),
    (r"gpt-5-6-(sol|terra)|gpt-6", "none low medium high xhigh max"),
    (r"^o1$|^o3-mini$", "low medium high xhigh"),
    (r"deepseek-v4-pro", "none low high"),
    (r"qwen3-8-max", "low medium high"),
    (r"glm|zhipu", "none low medium high xhigh max"),
)


def reasoning_efforts(model_id: str) -> frozenset[str]:
    """The levels of reasoning effort that a model accepts."""
    efforts = (efforts for pattern, efforts in _MEASURED_EFFORTS if re.search(pattern, _normalize_id(model_id)))
    return frozenset(next(efforts, "").split()) or _DEFAULT_EFFORTS


def effort_refusal(model_id: str, effort: str | None) -> str | None:
    """Why a model refuses a level of reasoning effort. None if it accepts it."""
    accepted = reasoning_efforts(model_id)
    if effort is None or effort in accepted:
        return None
    if effort == "none" and "gemini" in model_id:
        return "Reasoning is mandatory for this endpoint and cannot be disabled."
    levels = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    options = " | ".join(f"'{level}'" for level in levels if level in accepted)
    return f"Invalid enum value. Expected {options}, received '{effort}'"


# --- families -----------------------------------------------------------------------------------------------

ReasoningForm = Literal["field", "details", "inline", "empty", "hidden"]


@dataclass(frozen=True)
class Family:
    """How the models of one vendor answer, according to the vendor's documented replies.

    Attributes:
        name: of the family.
        pattern: matches the model ids.
        reasons: whether the models reason without being told to.
        reasoning_form: where reasoning text goes: `reasoning_content` (field), `reasoning` and `reasoning_details`
            (details), the content as <think>…</think> (inline), nowhere but with an empty `reasoning_content` (empty),
            or nowhere at all (hidden). The token count always includes it.
        minimal: whether replies have only OpenAI's own fields.
    """

    name: str
    pattern: str
    reasons: bool
    reasoning_form: ReasoningForm
    minimal: bool = False


FAMILIES = (
    Family("minimal", r"^qwen/(qwq-32b|qwen2\.5-coder)|^o1-mini", True, "hidden", minimal=True),
    Family("claude", r"claude", False, "empty"),
    Family("gemini before 3", r"gemini-[12]\b", False, "hidden"),  # signs nothing: its schemas have no field for it
    Family("gemini", r"gemini", False, "hidden"),
    Family("perplexity", r"^perplexity/|sonar", False, "field"),
    Family("minimax", r"minimax/(minimax-)?m[23]", True, "inline"),
    Family("openai", r"gpt-5(?!.*chat)|\bo[134]\b", True, "hidden"),
    Family("openai", r"^openai/|^gpt-|^chatgpt", False, "hidden"),
    Family("deepseek", r"deepseek.*(r1|reasoner|v4)|deepseek-thinking", True, "field"),
    Family("deepseek", r"deepseek", False, "field"),
    Family("qwen", r"qwen3|qwq", True, "field"),
    Family("kimi", r"kimi", True, "field"),
    Family("zhipu", r"zhipu/|glm-", True, "field"),
    Family("openrouter", r"^(ai21|aion-labs|inclusionai|mistralai|nvidia|stepfun|tencent|xiaomi)/", False, "details"),
    Family("other", r"think|reason", True, "field"),
    Family("other", r"", False, "field"),
)


def model_family(model_id: str) -> Family:
    """How a model answers. Its row says whether it reasons, where it differs from its family."""
    model = find_model(model_id)
    if model and model.reasons is not None:
        return replace(_match_family(model_id), reasons=model.reasons)
    return _match_family(model_id)


def _match_family(model_id: str) -> Family:
    family = next(family for family in FAMILIES if re.search(family.pattern, model_id.lower()))
    if family.reasons or not re.search(r"(?<!non-)think|(?<!non-)reason", model_id.lower()):
        return family
    return replace(family, reasons=True)


# --- signatures ---------------------------------------------------------------------------------------------
# Opaque values that a model attaches to its output and expects back unchanged. Gemini signs its calls
# (`tool_calls[].extra_content.google.thought_signature`), Claude signs its reasoning, OpenAI encrypts it.
# Here a signature is a hash of what it signs.

SIGNED_CALL_PREFIX = "call_signed_"


def sign(text: str) -> str:
    return base64.b64encode(hashlib.sha256(f"aimlapi-emulator {text}".encode()).digest()).decode()


def thought_signature(call_id: str) -> JSON:
    """The `extra_content` of a call by Gemini."""
    return {"google": {"thought_signature": sign(call_id)}}


def with_signed_id(call: ModelCall) -> ModelCall:
    """Mark a call as one that must come back with its signature."""
    return replace(call, id=call.id.replace("call_", SIGNED_CALL_PREFIX))


def unsigned_calls(model_id: str, messages: list[dict[str, Any]]) -> Iterator[int]:
    """Yield the indexes of messages with calls that the emulated Gemini signed and that came back unsigned."""
    if model_family(model_id).name != "gemini":
        return
    last_user = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=0)
    for index, message in enumerate(messages[last_user:], last_user):
        for call in message.get("tool_calls") or []:
            is_signed = call["id"].startswith(SIGNED_CALL_PREFIX)
            if is_signed and call.get("extra_content") != thought_signature(call["id"]):
                yield index
