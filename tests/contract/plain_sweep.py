"""Hold the plain requests of both frameworks, without a pinned endpoint, against the schemas of every documented model.

    python -m tests.contract.plain_sweep --contract DIR [--unknown] [--adapter langchain]

Each model is called for text, with a system message, as a stream, with tools, with a forced tool, in a tool loop, for
structured output and with an image. A request must go to an endpoint that documents the model, its schema must accept
the request, and whatever the schema could carry must be in it. With `--unknown`, the table has no rows: every id gets
the defaults of its family. Exits with 1 if there are problems.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from aimlapi_integrations.endpoints.shared import adapt as shared_adapt
from aimlapi_integrations.errors import AIMLAPIError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.models import loader, lookup
from tests.contract import langchain_adapter, llama_index_adapter
from tests.contract.contract_sweep import Sweep, command, load_contract
from tests.contract.scenario import CHAT, MESSAGES, PNG, RESPONSES, Json, Scenario
from tests.contract.scenarios import formats, media, turns
from tests.contract.tool_scenarios import loops, tools

PATHS = (CHAT, RESPONSES, MESSAGES)


# --- a table without rows ---------------------------------------------------------------------------------------------


@contextmanager
def rows_deleted() -> Iterator[None]:
    """Make every id unknown, so that it gets the defaults of its family."""
    with patch.dict(loader.load_table(), models={}):
        clear_caches()
        yield
    clear_caches()


def clear_caches() -> None:
    """Clear what is cached per model."""
    module = sys.modules[lookup.__module__]
    caches = [*vars(module).values(), shared_adapt.get_context]
    for cached in caches:
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


# --- scenarios --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plain:
    """A scenario and what the request must have of it.

    Attributes:
        scenario: one of the contract sweep. Its hand-written bodies show which schemas can carry it.
        sent: whether a body has everything that was requested.
    """

    scenario: Scenario
    sent: Callable[[Json], bool]


def has_text(*texts: str) -> Callable[[Json], bool]:
    """Require texts anywhere in the body."""
    return lambda body: all(text in json.dumps(body) for text in texts)


def _forces_tool(body: Json) -> bool:
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else choice
    return kind in ("required", "any", "tool", "function") and "weather" in json.dumps(body["tools"])


def _asks_for_schema(body: Json) -> bool:
    """Require the schema of the answer, as a format or as a tool, the tool forced where that is possible."""
    return "city" in json.dumps({name: body.get(name) for name in ("response_format", "text", "tools", "messages")})


def plain_scenarios() -> tuple[Plain, ...]:
    """Return the scenarios of the contract sweep that every model should carry."""
    named = {each.name: each for each in (*turns(), *tools(), *loops(), *formats(), *media())}
    checks: dict[str, Callable[[Json], bool]] = {
        "plain": has_text("Hello"),
        "system": has_text("Hello", "Be brief."),
        "stream": lambda body: body.get("stream") is True and "Hello" in json.dumps(body),
        "tool": has_text("weather", '"city"'),
        "tool_choice required": _forces_tool,
        "tool_choice named": _forces_tool,
        "tool loop": has_text("Let me see.", "Bern", "Rain", "weather"),
        "tool loop without text": has_text("Bern", "Rain", "weather"),
        "json_schema": _asks_for_schema,
        "image as data": has_text(PNG),
    }
    return tuple(Plain(named[name], sent) for name, sent in checks.items())


def is_refused(model: str, plain: Plain) -> bool:
    """Return whether the model refuses forced tools, whatever its schema says: they are left out with a warning."""
    refusals = {"tool_choice_refused", "forced_tool_refused"} & lookup(model).quirks
    return plain.sent is _forces_tool and bool(refusals)


# --- adapters ---------------------------------------------------------------------------------------------------------


class LangChain(langchain_adapter.LangChain):
    """`ChatAIMLAPI` with the endpoint and the method of structured output left to it."""

    def _model(self, name: str, endpoint: str) -> ChatAIMLAPI:  # left to the model
        return ChatAIMLAPI(model=name, api_key="k", http_client=self.wire.client, max_retries=0)

    def send(self, name: str, scenario: Scenario) -> None:
        """Send a scenario."""
        if answer_format := scenario.fields.get("response_format"):
            schema = {"title": answer_format.name, "description": "A trip.", **(answer_format.schema or {})}
            self._model(name, "").with_structured_output(schema, include_raw=True).invoke("Hello")
        else:
            super().send(name, "", scenario)


class LlamaIndex(llama_index_adapter.LlamaIndex):
    """`AIMLAPI` with the endpoint and the mode of structured output left to it."""

    def _model(self, name: str, endpoint: str) -> AIMLAPI:  # left to the model
        return AIMLAPI(model=name, api_key="k", http_client=self.wire.client, max_retries=0)

    def send(self, name: str, scenario: Scenario) -> None:
        """Send a scenario."""
        if scenario.fields.get("response_format"):
            self.structured(name)
        else:
            super().send(name, "", scenario)

    def structured(self, name: str) -> None:
        """Ask for a pydantic object. The minimal reply has none, which is an error after the request was sent."""
        from llama_index.core.llms import ChatMessage
        from pydantic import BaseModel

        class Trip(BaseModel):
            """A trip."""

            city: str

        before = self.wire.sent
        try:
            self._model(name, "").as_structured_llm(Trip).chat([ChatMessage("Hello")])
        except Exception:
            if self.wire.sent is before:
                raise


ADAPTERS: dict[str, type[LangChain] | type[LlamaIndex]] = {"langchain": LangChain, "llama_index": LlamaIndex}


# --- the sweep --------------------------------------------------------------------------------------------------------


class PlainSweep(Sweep):
    """A sweep over models, not over endpoints: routing is part of what is checked."""

    def __init__(self, contract: Any, adapter: LangChain | LlamaIndex) -> None:
        super().__init__(contract)
        self.adapter = adapter

    def run(self) -> None:
        models = sorted({model for path in PATHS for model in self.contract.endpoints[path]})
        for plain in plain_scenarios():
            for model in models:
                if any(self.supports(path, model, plain.scenario) for path in self._paths(model)):
                    self.check(model, plain)

    def _paths(self, model: str) -> list[str]:
        return [path for path in PATHS if model in self.contract.endpoints[path]]

    def check(self, model: str, plain: Plain) -> None:
        """Send a scenario that one of the model's schemas can carry."""
        row = ("any", plain.scenario.name)
        self.carried[row] += 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            complaints = self.find_problems(model, plain)
        self.warned[row] += bool(caught)
        for complaint in complaints:
            self.problems[row][complaint].append(model)

    def find_problems(self, model: str, plain: Plain) -> list[str]:
        """Return what is wrong with the request."""
        try:
            self.adapter.send(model, plain.scenario)
        except (AIMLAPIError, ValueError) as error:
            return [f"raises {type(error).__name__}: {str(error).replace(model, '…')}"]
        path, body = self.adapter.wire.path, self.adapter.wire.sent
        if path not in self._paths(model):
            return [f"went to {path}, which does not document the model"]
        refused = self.contract.problems(path, model, body)
        lost = [] if plain.sent(body) or is_refused(model, plain) else [f"lost on {path}"]
        return [f"{path}: {problem}" for problem in refused] + lost


def main() -> int:
    cli = command(__doc__)
    cli.add_argument("--adapter", choices=ADAPTERS, action="append", help="one framework alone")
    cli.add_argument("--unknown", action="store_true", help="delete every row of the table first")
    arguments = cli.parse_args()
    total = 0
    for name in arguments.adapter or ADAPTERS:
        sweep = PlainSweep(load_contract(arguments.contract), ADAPTERS[name]())
        if arguments.unknown:
            with rows_deleted():
                sweep.run()
        else:
            sweep.run()
        print(f"=== {name}")
        total += sweep.report()
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
