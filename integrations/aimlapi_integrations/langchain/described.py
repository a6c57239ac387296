"""What the chat model says of itself: to tracers, to caches, to `dumpd`."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import LangSmithParams

from ..options import NOT_IN_BODY
from .fields import ChatFields, stop_list
from .from_reply import PROVIDER

# Beside the parameters, what changes an answer or the form of it.
_IDENTIFYING = (
    "aimlapi_api_base",
    "endpoint",
    "use_responses_api",
    "use_previous_response_id",
    "output_version",
    "include_response_headers",
    "extra_body",
    "disabled_params",
)

_NOT_SHOWN = NOT_IN_BODY - {"aimlapi_api_base"}


class Described(ChatFields):
    """A chat model that can be told from another, without its secrets."""

    @property
    def _llm_type(self) -> str:
        return "aimlapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        further = {name: value for name in _IDENTIFYING if (value := getattr(self, name)) not in (None, False)}
        return {"model_name": self.model_name, **further, **self._parameters}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Everything that makes this call's answer what it is, and nothing secret."""
        params = super()._get_invocation_params(stop=stop or stop_list(self.stop) or None, **kwargs)
        asked = params.pop("model", None) or self.model_name
        hidden = {name: value for name, value in params.items() if name not in _NOT_SHOWN}
        if hidden.get("tools"):
            hidden["tools"] = [_redacted(tool) for tool in hidden["tools"]]
        return {**hidden, "model": asked, "model_name": asked}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The cache key: what changes the answer. Core's own lays the raw arguments over it, headers included."""
        return str(sorted(self._get_invocation_params(stop=stop, **kwargs).items()))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        merged = {**self._parameters, **kwargs}
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_name=str(kwargs.get("model") or kwargs.get("model_name") or self.model_name),
            ls_model_type="chat",
        )
        if merged.get("temperature") is not None:
            params["ls_temperature"] = merged["temperature"]
        limit = merged.get("max_tokens") or merged.get("max_completion_tokens")
        if limit:
            params["ls_max_tokens"] = limit
        if stops := stop_list(stop) or stop_list(merged.get("stop")):
            params["ls_stop"] = stops
        return params

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the secrets of a serialised model are read from."""
        return {"aimlapi_api_key": "AIMLAPI_API_KEY"}

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """The package that serialised models are loaded from."""
        return ["aimlapi_integrations", "langchain"]

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Yes: `dumpd` writes the constructor call, and `load` makes it where it is allowed to."""
        return True

    def to_json(self) -> Any:
        """The constructor call that makes this model again, its secrets left out."""
        kwargs = {name: value for name, value in self._written().items() if name not in self.lc_secrets}
        secrets = {name: {"lc": 1, "type": "secret", "id": [env]} for name, env in self.lc_secrets.items()}
        written = {} if callable(self.aimlapi_api_key) else secrets
        return {"lc": 1, "type": "constructor", "id": self.lc_id(), "kwargs": {**kwargs, **written}}

    def _written(self) -> dict[str, Any]:
        """The fields that were given or resolved, but for those that cannot or must not be written."""
        names = {"model_name", "aimlapi_api_base", *self.model_fields_set}
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in fields if name in names and not fields[name].exclude}


def _redacted(tool: Any) -> Any:
    """A tool without the secrets that it takes along, as MCP's do."""
    if not isinstance(tool, Mapping):
        return tool
    return {name: "**REDACTED**" if name in ("headers", "authorization") else value for name, value in tool.items()}
