"""`aimlapi doctor`: check the key, the address, the account, the clock and each endpoint, and say what to do."""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr

from ..client.client import Client
from ..client.options import (
    API_KEY_VARIABLES,
    BASE_URL_VARIABLES,
    DEFAULT_BASE_URL,
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_MODEL,
    CallOptions,
    resolve_api_key,
    resolve_base_url,
)
from ..costs import Ledger, track_costs
from ..endpoints.decisions import DEFAULT_DECISION_MODEL, Decisions
from ..endpoints.ocr import OCRResult
from ..endpoints.shared.model_kinds import OCR_MODEL
from ..errors import (
    AIMLAPIError,
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InsufficientCreditsError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    StreamError,
)
from ..errors.parsing import redact_secrets, redact_url
from ..models import CHAT, MESSAGES, RESPONSES
from ..types import Embeddings, Reply
from ..version import __version__
from . import Command

_DESCRIPTION = """Check the key, the address, the account's balance and the clock, and call each endpoint once, apart
from images, speech and batches. The calls cost less than a cent together; --free leaves them out. The exit status is 1
if a check failed. Keys are never printed."""

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

_CLAUDE = "anthropic/claude-haiku-4.5"
_TIMEOUT = 60.0
_CLOCK_TOLERANCE = 30.0
_LOW_BALANCE = 1
_FRAMEWORKS = ("langchain-core", "llama-index-core")
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PLACEHOLDERS = ("<", "your", "...", "…", "xxx")

_KEY_PAGE = "https://aimlapi.com/app/keys"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m", "--model", default=DEFAULT_MODEL, metavar="ID", help="called on chat completions; default: %(default)s"
    )
    parser.add_argument("--free", action="store_true", help="only the checks that cost nothing")
    parser.add_argument("--json", action="store_true", help="print a JSON object instead of lines")


def _run(options: argparse.Namespace) -> int:
    """Print the result of each check. Return the exit status: 1 if one failed."""
    results: list[Result] = []
    with track_costs() as costs:
        for result in examine(options.model, free=options.free):
            results.append(result)
            if not options.json:
                sys.stdout.write(_format(result))
                sys.stdout.flush()
    if options.json:
        summary = {"cost_usd": f"{costs.total.usd:f}", "checks": [asdict(result) for result in results]}
        sys.stdout.write(f"{json.dumps(summary, indent=2)}\n")
    else:
        sys.stdout.write(f"\n{_summarize(results, costs)}\n")
    return int(any(result.status == "failed" for result in results))


COMMAND = Command(
    "doctor", "check the key, the account, the clock and each endpoint", _DESCRIPTION, _add_arguments, _run
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check: what was observed, and what to do if it isn't `ok`."""

    check: str
    status: Status
    text: str
    advice: str = ""


def examine(model: str = DEFAULT_MODEL, *, free: bool = False) -> Iterator[Result]:
    """Yield the result of each check. No text contains the key.

    Args:
        model: the model to call on chat completions.
        free: leave out the calls, which cost something.
    """
    yield _check_versions()
    api_key, result = _check_key()
    yield result
    base_url, result = _check_address()
    yield result
    if api_key is None or base_url is None:
        yield Result("gateway", "skipped", "needs a key and an address")
        return
    with Client(api_key, base_url, max_retries=0, timeout=_TIMEOUT) as client:
        for result in _check_gateway(client, model, free):
            text, advice = redact_secrets([result.text, result.advice], api_key)
            yield Result(result.check, result.status, text, advice)


# --- without the gateway ------------------------------------------------------------------------------------------


def _check_versions() -> Result:
    frameworks = [f"{name} {_version(name) or 'not installed'}" for name in _FRAMEWORKS]
    return Result("versions", "ok", ", ".join([f"aimlapi-integrations {__version__}", _python(), *frameworks]))


def _python() -> str:
    return f"Python {platform.python_version()} on {platform.system()}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _check_key() -> tuple[SecretStr | None, Result]:
    try:
        api_key = resolve_api_key()
    except (AIMLAPIError, ValueError) as error:
        return None, Result("key", "failed", str(error), f"export AIMLAPI_API_KEY=… with a key from {_KEY_PAGE}")
    names = _set_variables(API_KEY_VARIABLES)
    text = f"{names[0]}, {len(api_key)} characters"
    if any(mark in api_key.get_secret_value().casefold() for mark in _PLACEHOLDERS):
        return api_key, Result("key", "warning", f"{text}; it looks like a placeholder", f"Create a key at {_KEY_PAGE}")
    if _differ(names):
        return api_key, Result("key", "warning", f"{text}; {names[1]} has another key", f"Unset {names[1]}")
    return api_key, Result("key", "ok", text)


def _check_address() -> tuple[str | None, Result]:
    names = _set_variables(BASE_URL_VARIABLES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            base_url = resolve_base_url()
        except ValueError as error:
            return None, Result("address", "failed", str(error), f"Correct or unset {names[0]}")
    text = redact_url(base_url) + (f", from {names[0]}" if names else "")
    for problem, advice in _address_problems(base_url, names, [str(warning.message) for warning in caught]):
        return base_url, Result("address", "warning", f"{text}; {problem}", advice)
    return base_url, Result("address", "ok", text)


def _address_problems(base_url: str, names: list[str], caught: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each problem of the address, with what to do about it."""
    url, gateway = urlsplit(base_url), urlsplit(DEFAULT_BASE_URL)
    if caught:
        yield caught[0], "Use https"
    if url.hostname == gateway.hostname and url.path != gateway.path:
        yield f"the gateway's path is {gateway.path}", f"Unset {names[0]}" if names else ""
    if _differ(names):
        yield f"{names[1]} has another address", f"Unset {names[1]}"


def _set_variables(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if os.environ.get(name, "").strip()]


def _differ(names: list[str]) -> bool:
    return len({os.environ[name].strip() for name in names}) > 1


# --- at the gateway -----------------------------------------------------------------------------------------------


def _check_gateway(client: Client, model: str, free: bool) -> Iterator[Result]:
    result, error = _attempt("catalog", lambda: _read_catalogue(client))
    yield replace(result, status="warning") if isinstance(error, NotFoundError) else result  # another server's
    if isinstance(error, (APIConnectionError, ConfigurationError)):
        yield Result("account and calls", "skipped", "the gateway can't be reached")
        return
    started = time.time()
    result, error, headers = _check_account(client)
    yield result
    yield _check_clock(headers, (started + time.time()) / 2)
    if free or isinstance(error, AuthenticationError):
        yield Result("calls", "skipped", "--free" if free else "the key isn't accepted")
        return
    for name, (called, call) in _calls(model).items():
        yield _attempt(name, lambda call=call, called=called: call(client, called))[0]  # type: ignore[misc]


def _attempt(name: str, check: Callable[[], tuple[Status, str]]) -> tuple[Result, AIMLAPIError | None]:
    """Run a check that returns its status and text. An error is a failure."""
    started = time.perf_counter()
    try:
        status, text = check()
    except (AIMLAPIError, ValueError) as error:
        api_error = error if isinstance(error, AIMLAPIError) else None
        return Result(name, "failed", _describe(error), _advice(error)), api_error
    return Result(name, status, f"{text}, {time.perf_counter() - started:.2f} s"), None


def _read_catalogue(client: Client) -> tuple[Status, str]:
    return "ok", f"knows {client.models.get(DEFAULT_MODEL).id}"


def _check_account(client: Client) -> tuple[Result, AIMLAPIError | None, Mapping[str, str]]:
    """Return the result for the balance, the error if there is one, and the response's headers."""
    try:
        balance = client.billing.balance()
    except NotFoundError as error:
        text = "this server doesn't report a balance; the calls show whether it accepts the key"
        return Result("account", "warning", text), error, error.headers
    except AIMLAPIError as error:
        status: Status = "warning" if _may_not_read(error) else "failed"
        return Result("account", status, _describe(error), _advice(error)), error, getattr(error, "headers", {})
    headers = balance.call_metadata.headers
    text = f"the key is accepted; the balance is {balance}"
    if balance.amount >= _LOW_BALANCE:
        return Result("account", "ok", text), None, headers
    status = "warning" if balance.amount > 0 else "failed"
    return Result("account", status, text, _ADVICE[InsufficientCreditsError]), None, headers


def _may_not_read(error: AIMLAPIError) -> bool:
    return isinstance(error, PermissionDeniedError) and not isinstance(error, InsufficientCreditsError)


def _check_clock(headers: Mapping[str, str], now: float) -> Result:
    """Compare the clock with the response's `Date`, which is cut to seconds."""
    try:
        date = parsedate_to_datetime(headers.get("date", "")).timestamp() + 0.5
    except (TypeError, ValueError):
        return Result("clock", "skipped", "the response has no date")
    seconds = now - date
    difference = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the gateway's"
    if abs(seconds) <= _CLOCK_TOLERANCE:
        return Result("clock", "ok", "agrees with the gateway's" if abs(seconds) < 2 else difference)
    advice = "Synchronize the clock: certificates and rate limits depend on it"
    return Result("clock", "warning", difference, advice)


# --- one call per endpoint ----------------------------------------------------------------------------------------

Call: TypeAlias = Callable[[Client, str], tuple[Status, str]]

_QUESTION = "Reply with the word: yes"
_IMAGE = (  # a red square of 16 by 16 pixels
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg=="
)
_LIMITS: dict[str, Any] = {"max_tokens": 400}  # enough for a model that reasons first


def _calls(model: str) -> dict[str, tuple[str, Call]]:
    """Return the model and the function for the call of each endpoint."""
    return {
        "chat completions": (model, lambda client, name: _chat(client, name, CHAT)),
        "… streamed": (model, _stream),
        "responses": (DEFAULT_MODEL, lambda client, name: _chat(client, name, RESPONSES)),
        "messages": (_CLAUDE, lambda client, name: _chat(client, name, MESSAGES)),
        "embeddings": (DEFAULT_EMBEDDING_MODEL, _embed),
        "decisions": (DEFAULT_DECISION_MODEL, _decide),
        "OCR": (OCR_MODEL, _read_image),
    }


def _chat(client: Client, model: str, endpoint: str) -> tuple[Status, str]:
    return _judge(model, client.chat(_QUESTION, model=model, call=CallOptions(endpoint=endpoint), **_LIMITS))


def _stream(client: Client, model: str) -> tuple[Status, str]:
    started = time.perf_counter()
    call = CallOptions(endpoint=CHAT)
    with client.chat_stream(_QUESTION, model=model, call=call, **_LIMITS) as deltas:
        last = next(deltas)
        first = time.perf_counter() - started
        for delta in deltas:
            last = delta
    assert last.reply is not None  # the last one has it
    status, text = _judge(model, last.reply)
    return status, f"{text}, first event after {first:.2f} s"


def _embed(client: Client, model: str) -> tuple[Status, str]:
    return _judge(model, client.embed([_QUESTION], model=model))


def _decide(client: Client, model: str) -> tuple[Status, str]:
    return _judge(
        model, client.decide("My card was charged twice!", {"payments": "Is it about payments?"}, model=model)
    )


def _read_image(client: Client, model: str) -> tuple[Status, str]:
    return _judge(model, client.ocr(base64.b64decode(_IMAGE), mime_type="image/png", model=model))


def _judge(model: str, reply: Reply | Embeddings | Decisions | OCRResult) -> tuple[Status, str]:
    """Return `ok` if the reply has content and a price."""
    price = f"${reply.cost.usd}" if reply.cost else "no price"
    content = _content(reply)
    status: Status = "ok" if content and reply.cost else "warning"
    return status, f"{model}: {content or 'an empty reply'}, {price}"


def _content(reply: Reply | Embeddings | Decisions | OCRResult) -> str:
    """Describe the content of a reply; empty if it has none."""
    match reply:
        case Embeddings():
            return f"{len(reply.vectors[0])} dimensions" if reply.vectors[0] else ""
        case Decisions():
            return f"{len(reply.answers)} answer"
        case OCRResult():
            return f"{len(reply.pages)} page" if reply.pages else ""
        case _ if reply.text.startswith("[emulated]"):
            return "emulated"
        case _:
            return f"ended by {reply.finish_reason}" if reply.text or reply.finish_reason == "length" else ""


# --- errors -------------------------------------------------------------------------------------------------------

_ADVICE: dict[type[AIMLAPIError], str] = {
    AuthenticationError: f"Check how AIMLAPI_API_KEY was copied, or create a key at {_KEY_PAGE}",
    InsufficientCreditsError: "Top up the account at https://aimlapi.com/app",
    PermissionDeniedError: f"Check the scopes of the key at {_KEY_PAGE}: model:chat, model:embeddings, model:ocr …",
    NotFoundError: "List the models with: aimlapi models --live",
    BadRequestError: "Choose another model with --model, or report this if the model is documented for this endpoint",
    RateLimitError: "Wait a minute and try again; send fewer requests at a time",
    InternalServerError: "Try again later; name the request's id if you report it to the gateway's support",
    APITimeoutError: "Try again; if it stays slow, check the network and the proxy",
    StreamError: "Check whether a proxy cuts or buffers streams",
    APIResponseError: "Check that the address is the gateway's and that no proxy changes responses",
    ConfigurationError: "Correct or unset that variable",
}


def _advice(error: Exception) -> str:
    """Return what to do about an error, by its class or the nearest base class."""
    if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
        names = [name for name in _PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.lower())]
        network = f"These variables are set: {', '.join(names)}" if names else "A proxy goes into HTTPS_PROXY"
        return f"Check the address, the network and the firewall. {network}"
    return next((_ADVICE[cls] for cls in type(error).__mro__ if cls in _ADVICE), "")


def _describe(error: Exception) -> str:
    """Return the error in one line: its class, message, status and the id of the request."""
    message = (error.message if isinstance(error, APIError) else str(error)).partition("\n")[0]
    facts = []
    if isinstance(error, APIError):
        facts = [f"HTTP {error.status}"] if error.status else []
        facts += [f"request {error.request_id}"] if error.request_id else []
    return f"{type(error).__name__}: {message}" + (f" ({', '.join(facts)})" if facts else "")


# --- output -------------------------------------------------------------------------------------------------------


def _format(result: Result) -> str:
    """Return the line of a check, with the advice below it."""
    advice = f"{'':28}→ {result.advice}\n" if result.advice else ""
    return f"{result.status:<8} {result.check:<18} {result.text}\n{advice}"


def _summarize(results: list[Result], costs: Ledger) -> str:
    failed = [result.check for result in results if result.status == "failed"]
    warned = sum(result.status == "warning" for result in results)
    verdict = f"{len(failed)} of {len(results)} checks failed: {', '.join(failed)}." if failed else "Nothing failed."
    warned_text = f" {warned} {'warning' if warned == 1 else 'warnings'}." if warned else ""
    cost = f" The calls cost ${costs.total.usd:f}." if costs.total.calls else " Nothing was charged."
    return f"{verdict}{warned_text}{cost}"
