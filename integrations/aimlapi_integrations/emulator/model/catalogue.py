"""Facts about models: which exist, what each refuses, how each family answers, and what its tokens cost.

`models.json` has a row for each known model. A chat model has a dialect there: the names of the features that it
refuses, as `wire/chat_completions_rules.py` defines them. `responses_refuse` lists the types that it refuses on the
Responses endpoint. Both result from testing the vendor's published schemas. A model without a row refuses nothing.
`reasons` says whether a model reasons without being told to, where it differs from its family's rule, by the vendor's
published replies and third parties' measurements.
`other_modalities` lists the gateway's models for images, speech and OCR; `wire/media.py` has what they accept.
`emulator/newcomer` is invented: a model that this package's own table lacks, to try a refresh of that table with.
`deprecations` has models that the gateway is known to have withdrawn or superseded, with invented dates.

A token is a run of up to four characters; a price is per million tokens. Prices are invented but of a realistic order,
so that code that handles costs has numbers. The exchange rate is the gateway's: 1 USD = 2,000,000 credits,
https://docs.aimlapi.com/faq/how-can-i-track-my-funds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from . import JSON, ModelCall, ModelInput, ModelOutput

# --- the table ----------------------------------------------------------------------------------------------------


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


# --- reasoning effort ---------------------------------------------------------------------------------------------

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


# --- families -----------------------------------------------------------------------------------------------------

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


# --- signatures ---------------------------------------------------------------------------------------------------
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


# --- tokens and prices --------------------------------------------------------------------------------------------

CREDITS_PER_USD = 2_000_000
CACHE_BLOCK_TOKENS = 1024
MAX_CACHED_PREFIXES = 100_000
_TOKEN = re.compile(r"\s*\S{1,4}|\s+")

# Pattern of model ids -> USD per million input tokens, per million output tokens. The first match counts.
PRICES: tuple[tuple[str, float, float], ...] = (
    (r"\bjev\b", 0.06, 0.06),
    (r"embedding|voyage|bge|m2-bert", 0.1, 0.0),
    (r"nano|lite|flash|4b", 0.1, 0.5),
    (r"mini|haiku|small", 0.3, 2.5),
    (r"opus|pro\b|o1|o3", 15.0, 75.0),
    (r"gpt-5|gpt-4|sonnet|gemini|grok", 2.5, 12.5),
    (r"", 0.5, 1.5),
)


def tokenize(text: str) -> list[str]:
    """The tokens of a text, in order. Joined, they are the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    return len(tokenize(text))


@dataclass(frozen=True)
class TokenUsage:
    """Token counts of one call. `output` includes `reasoning`."""

    input: int
    output: int
    cached: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output


class PromptCache:
    """Remembers prefixes of long prompts, so that a repeated one reports cached tokens, in blocks of 1,024."""

    def __init__(self) -> None:
        self._prefixes: set[bytes] = set()

    def cached_tokens(self, model: str, prompt: str) -> int:
        """Count the tokens of the longest known prefix, and remember every prefix of the prompt."""
        tokens = tokenize(prompt)
        prefix = hashlib.blake2b(model.encode())
        cached = 0
        for end in range(CACHE_BLOCK_TOKENS, len(tokens) + 1, CACHE_BLOCK_TOKENS):
            prefix.update("".join(tokens[end - CACHE_BLOCK_TOKENS : end]).encode())
            if prefix.digest() in self._prefixes:
                cached = end
            self._prefixes.add(prefix.digest())
        if len(self._prefixes) > MAX_CACHED_PREFIXES:
            self._prefixes.clear()
        return cached

    def clear(self) -> None:
        self._prefixes.clear()


def count_usage(model_input: ModelInput, outputs: list[ModelOutput], cache: PromptCache) -> TokenUsage:
    prompt = _billed_text(model_input)
    reasoning = sum(count_tokens(output.reasoning) for output in outputs)
    text = sum(count_tokens(output.text) for output in outputs)
    calls = [call for output in outputs for call in output.calls]
    text += sum(count_tokens(call.name) + count_tokens(call.arguments) for call in calls)
    cached = cache.cached_tokens(model_input.model, prompt)
    return TokenUsage(max(1, count_tokens(prompt)), text + reasoning, cached, reasoning)


def _billed_text(model_input: ModelInput) -> str:
    """Everything that counts as input: turns, calls, tool definitions. An attachment counts as its name."""
    turns = (
        "\n".join((turn.text, *turn.attachments, *(call.arguments for call in turn.calls)))
        for turn in model_input.turns
    )
    tools = (f"{tool.name} {tool.description} {tool.parameters}" for tool in model_input.tools)
    return "\n".join((*tools, *turns))


def token_prices(model: str) -> tuple[float, float]:
    """USD per million input tokens and per million output tokens."""
    _, input_price, output_price = next(row for row in PRICES if re.search(row[0], model.lower()))
    return input_price, output_price


def cost_meta(model: str, usage: TokenUsage) -> JSON:
    """The `meta` of a reply: what the call cost."""
    input_price, output_price = token_prices(model)
    usd = (usage.input * input_price + usage.output * output_price) / 1_000_000
    return credits_meta(max(1, math.ceil(usd * CREDITS_PER_USD)))


def credits_meta(credits_used: int) -> JSON:
    """The `meta` of a reply that cost a number of credits."""
    return {"usage": {"credits_used": credits_used, "usd_spent": credits_used / CREDITS_PER_USD}}


def cost_headers(body: JSON) -> dict[str, str]:
    """The cost in headers, which the gateway sets on plain JSON replies only."""
    cost = body.get("meta", {}).get("usage")
    if not cost:
        return {}
    return {
        "x-aimlapi-credits-used": str(cost["credits_used"]),
        "x-aimlapi-usd-spent": f"{cost['usd_spent']:.9f}",
    }
