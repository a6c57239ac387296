"""A cross-section of the models: the cheapest of each developer on each endpoint, and what each is asked."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from aimlapi_integrations import AIMLAPIError, APIStatusError, CallOptions, Client, Reply, Request, Tool
from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from aimlapi_integrations.errors import BadRequestError, InsufficientCreditsError
from aimlapi_integrations.models import CHAT, EMBEDDINGS, MESSAGES, RESPONSES, Model, Parameter, known_models, lookup
from aimlapi_integrations.types import Message, ResponseFormat, Text
from tests.live.budget import LIMIT_REACHED, Prices
from tests.live.differences import Difference

_LONGEST = {"max_tokens": 400}  # enough for a model that reasons before it answers
_LONGEST_WITH_REASONING = {"max_tokens": 1500}  # more than the least budget of Claude
_MOST_REFUSALS = 6
_ALPHABET = {"type": "object", "properties": {"letter": {"type": "string"}}, "required": ["letter"]}
_SCHEMA = {**_ALPHABET, "additionalProperties": False}
_TOOL = Tool("save_letter", "Save a letter of the alphabet.", _ALPHABET)
_FORMAT = ResponseFormat("json_schema", name="letter", schema=_SCHEMA, strict=True)

# Values of optional parameters that change nothing a test would notice. Parameters without one are not sent.
_VALUES: dict[str, Any] = {
    "temperature": 1.0,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.01,
    "top_a": 0.5,
    "seed": 7,
    "stop": ["\n\n\n"],
    "stop_sequences": ["\n\n\n"],
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "repetition_penalty": 1.05,
    "logprobs": True,
    "top_logprobs": 1,
    "logit_bias": {"1": 1},
    "n": 1,
    "reasoning_effort": "low",
    "metadata": {"purpose": "test"},
    "user": "test",
    "truncation": "auto",
    "store": False,
}


@dataclass(frozen=True)
class Subject:
    """A model on an endpoint."""

    model: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.model} on {self.endpoint}"


def select(catalogue: Iterable[CatalogueModel], prices: Prices) -> list[Subject]:
    """Return the cheapest model of each developer and endpoint that the catalog and the table share, cheapest first."""
    served = {name.casefold() for entry in catalogue for name in (entry.id, *entry.aliases)}
    cheapest: dict[tuple[str, str], Model] = {}
    for model in known_models():
        if model.status != "active" or not served & {name.casefold() for name in (model.id, *model.aliases)}:
            continue
        for endpoint in model.endpoints:
            family = (model.developer or model.id.partition("/")[0], endpoint)
            if family not in cheapest or sum(prices[model.id]) < sum(prices[cheapest[family].id]):
                cheapest[family] = model
    subjects = [Subject(model.id, endpoint) for (_, endpoint), model in cheapest.items()]
    return sorted(subjects, key=lambda subject: (sum(prices[subject.model]), subject.model, subject.endpoint))


def compare_with_catalogue(subjects: Iterable[Subject], catalogue: Iterable[CatalogueModel]) -> Iterator[Difference]:
    """Yield where the table contradicts the catalog about the models: their context and their longest reply."""
    entries = {name.casefold(): entry for entry in catalogue for name in (entry.id, *entry.aliases)}
    for name in dict.fromkeys(subject.model for subject in subjects):
        model, entry = lookup(name), entries.get(name.casefold())
        values = {"context": (model.context, entry and entry.context_length)}
        values["longest reply"] = (model.max_output, entry and entry.max_output)
        for what, (ours, theirs) in values.items():
            if ours and theirs and ours != theirs:
                yield Difference("table", "catalog", f"{what}: the table has {ours:,}, the catalog {theirs:,}", name)


# --- what a model is asked --------------------------------------------------------------------------------------------


Check: TypeAlias = Callable[[Client, Subject], Iterator[Difference]]


class LimitReachedError(Exception):
    """The spending limit stopped a call."""


def probe(client: Client, subject: Subject) -> Iterator[Difference]:
    """Make the calls for one model on one endpoint. Yield where the table is wrong about it.

    Raises:
        LimitReachedError: the spending limit is reached.
    """
    first, *others = _EMBEDDING_CHECKS if subject.endpoint == EMBEDDINGS else _CHAT_CHECKS
    differences, failed = _run(first, client, subject)
    yield from differences
    for check in () if failed else others:  # if the first one fails, so do the others
        yield from _run(check, client, subject)[0]


def _run(check: Check, client: Client, subject: Subject) -> tuple[list[Difference], bool]:
    """Return the differences that a check yields, and whether it ended with an error, which is one of them."""
    differences: list[Difference] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about parameters that the table tells us not to send
            differences.extend(check(client, subject))
    except (AIMLAPIError, ValueError) as error:
        if isinstance(error, InsufficientCreditsError) and LIMIT_REACHED in str(error):
            raise LimitReachedError from error
        return [*differences, _difference(subject, f"{check.__name__.strip('_')}: {_describe(error)}")], True
    return differences, False


def _describe(error: Exception) -> str:
    message = getattr(error, "message", str(error)).partition("\n")[0]
    status = getattr(error, "status", None)
    return f"{type(error).__name__}{f' {status}' if status else ''}: {message}"


def _difference(subject: Subject, text: str) -> Difference:
    return Difference("table", subject.endpoint, text, subject.model)


def _request(subject: Subject, text: str, **fields: Any) -> Request:
    options = {**_LONGEST, **fields.pop("options", {})}
    return Request(subject.model, (Message("user", (Text(text),)),), options=options, **fields)


def _send(client: Client, subject: Subject, text: str, **fields: Any) -> Reply:
    return client.complete(_request(subject, text, **fields), CallOptions(endpoint=subject.endpoint))


def _plain(client: Client, subject: Subject) -> Iterator[Difference]:
    reply = _send(client, subject, "Reply with the word: yes")
    yield from _judge(subject, reply)


def _stream(client: Client, subject: Subject) -> Iterator[Difference]:
    request = _request(subject, "Reply with the word: yes")
    with client.stream(request, CallOptions(endpoint=subject.endpoint)) as deltas:
        *_, last = deltas
    assert last.reply is not None
    yield from (
        Difference(found.kind, found.endpoint, f"streamed: {found.text}", found.model)
        for found in _judge(subject, last.reply)
    )


def _judge(subject: Subject, reply: Reply) -> Iterator[Difference]:
    """Yield what the reply lacks: text, token counts, a price, a known model."""
    model = lookup(subject.model)
    if not reply.text and reply.finish_reason != "length":
        yield _difference(subject, f"an empty reply, ended by {reply.finish_reason}")
    if reply.usage is None:
        yield _difference(subject, "no token counts")
    if reply.cost is None:
        yield _difference(subject, "no price")
    if _has_reasoned(reply) and not model.reasoning:
        yield _difference(subject, "it reasons, and the table doesn't say so")
    if reply.model and lookup(reply.model).id != model.id and not lookup(reply.model).known:
        yield _difference(subject, f"the reply names the model {reply.model!r}, which the table doesn't know")


def _has_reasoned(reply: Reply) -> bool:
    return bool(reply.reasoning) or bool(reply.usage and reply.usage.output_details.get("reasoning"))


def _reasoning(client: Client, subject: Subject) -> Iterator[Difference]:
    """Ask a model that reasons, by the table, to reason a little."""
    model = lookup(subject.model)
    if not model.reasoning:
        return
    levels = model.effort_levels
    effort = "low" if "low" in levels else levels[0] if levels else None
    options: dict[str, Any] = {**_LONGEST_WITH_REASONING}
    if subject.endpoint == RESPONSES:
        options["reasoning"] = {"summary": "auto", **({"effort": effort} if effort else {})}
    elif effort:
        options["reasoning_effort"] = effort
    if not _has_reasoned(_send(client, subject, "How many r are in 'strawberry'?", options=options)):
        yield _difference(subject, "the table says that it reasons, but neither reasoning nor its tokens came")


def _tools(client: Client, subject: Subject) -> Iterator[Difference]:
    if not _takes_tools(subject):
        return
    reply = _send(client, subject, "Save the letter q with the tool.", tools=(_TOOL,))
    if not reply.tool_calls:
        yield _difference(subject, "the table says that it calls tools, but it called none")
    elif any(call.parsed() is None for call in reply.tool_calls):
        yield _difference(subject, "the arguments of its tool call are not a JSON object")


def _takes_tools(subject: Subject) -> bool:
    model = lookup(subject.model)
    if subject.endpoint == CHAT:
        return bool(model.chat and model.chat.tools)
    return subject.endpoint == MESSAGES or bool(model.responses and "function" in model.responses.tools)


def _structured(client: Client, subject: Subject) -> Iterator[Difference]:
    model = lookup(subject.model)
    chat = model.chat.response_format if model.chat and subject.endpoint == CHAT else frozenset()
    responses = model.responses.text_formats if model.responses and subject.endpoint == RESPONSES else frozenset()
    if "json_schema" not in chat | responses:
        return
    reply = _send(client, subject, "Name the first letter of the alphabet.", response_format=_FORMAT)
    if reply.finish_reason != "length" and not _follows_schema(reply.text):
        yield _difference(subject, "the table says that it follows a JSON schema, but the answer doesn't")


def _follows_schema(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("letter"), str)


def _parameters(client: Client, subject: Subject) -> Iterator[Difference]:
    """Send every parameter that the table lists. Yield those that are refused, one after the other."""
    listed = lookup(subject.model).parameters(subject.endpoint)
    options = dict(_accepted_values(listed))
    for _ in range(_MOST_REFUSALS):
        refusal = _refusal(client, subject, options)
        if refusal is None:
            return
        name, error = refusal
        yield _difference(subject, f"parameter refused: {name}={options[name]!r}: {error.message}")
        del options[name]


def _refusal(client: Client, subject: Subject, options: dict[str, Any]) -> tuple[str, APIStatusError] | None:
    """Send these parameters. Return the first one that is refused, with the error; None if all are accepted."""
    try:
        _send(client, subject, "Reply with the word: yes", options=options)
    except BadRequestError as error:
        refused = [name for name in options if _names(error, name)]
        if not refused:
            raise
        return refused[0], error
    return None


def _accepted_values(listed: Mapping[str, Parameter]) -> Iterator[tuple[str, Any]]:
    exclusive = {"top_p"} if "temperature" in listed else set()  # Claude takes one of the two
    for name, parameter in listed.items():
        if name in _VALUES and name not in exclusive and parameter.accepts(_VALUES[name]):
            yield name, _VALUES[name]


def _names(error: APIStatusError, parameter: str) -> bool:
    """Return whether an error is about a parameter: by the paths in its details, else by its text."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    details = inner.get("details") if isinstance(inner, dict) else None
    if details:
        return any(re.split(r"[.\[]", _path(detail))[0] == parameter for detail in details)
    pattern = rf"""['"`]{re.escape(parameter)}['"`]|\b{re.escape(parameter)}\b(?=\s*:| is | not )"""
    return re.search(pattern, error.message) is not None


def _path(detail: Any) -> str:
    """Return the path of a detail, which is a text or a list of keys."""
    path = detail.get("path", "") if isinstance(detail, dict) else ""
    return ".".join(map(str, path)) if isinstance(path, list) else str(path)


def _embed(client: Client, subject: Subject) -> Iterator[Difference]:
    vectors = client.embed(["The Douro flows through Porto.", "Lisbon"], model=subject.model)
    model, length = lookup(subject.model), len(vectors.vectors[0])
    if model.dimensions and model.dimensions != length:
        yield _difference(subject, f"the table says {model.dimensions:,} dimensions, and {length:,} came")
    if vectors.usage is None:
        yield _difference(subject, "no token counts")
    if vectors.cost is None:
        yield _difference(subject, "no price")


def _dimensions(client: Client, subject: Subject) -> Iterator[Difference]:
    if "dimensions" not in lookup(subject.model).parameters(EMBEDDINGS):
        return
    length = len(client.embed(["Lisbon"], model=subject.model, dimensions=256).vectors[0])
    if length != 256:
        yield _difference(subject, f"parameter without effect: dimensions=256: {length:,} came")


_CHAT_CHECKS: tuple[Check, ...] = (_plain, _stream, _reasoning, _tools, _structured, _parameters)
_EMBEDDING_CHECKS: tuple[Check, ...] = (_embed, _dimensions)
