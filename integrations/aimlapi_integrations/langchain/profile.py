"""LangChain's `ModelProfile` of a model, from the table of models or the live catalog."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models import ModelProfile

from ..endpoints.catalogue import CatalogueModel
from ..models import Model, lookup


def model_profile(model: str) -> ModelProfile | None:
    """Return the profile of a model, or None for an unknown model.

    >>> model_profile("openai/gpt-5-mini-2025-08-07")["reasoning_output"]
    True
    """
    entry = lookup(model)
    return _build_profile(entry) if entry.known else None


def _build_profile(model: Model) -> ModelProfile:
    fields: dict[str, Any] = {
        "name": model.name,
        **{f"{kind}_inputs": kind in model.inputs for kind in ("text", "image", "pdf", "audio", "video")},
        **{f"{kind}_outputs": kind in model.outputs for kind in ("text", "image", "audio", "video")},
        "max_input_tokens": model.context,
        "max_output_tokens": model.max_output,
        "image_url_inputs": model.vision,
        "image_tool_message": model.vision,
        "pdf_tool_message": "pdf" in model.inputs,
        "attachment": bool(model.inputs & {"image", "pdf"}),
        "tool_calling": model.tools,
        "tool_choice": model.tool_choice,
        "tool_call_streaming": model.tools,
        "structured_output": model.structured_output,
        "reasoning_output": model.reasoning,
        "reasoning_effort_levels": list(model.effort_levels) or None,
        "temperature": model.parameter("temperature") is not None,
    }
    return cast(ModelProfile, {name: value for name, value in fields.items() if value is not None})


def live_profile(entry: CatalogueModel, profile: ModelProfile | None) -> ModelProfile:
    """Return `profile` updated with what the live catalog reports.

    Only the capabilities that an entry lists are applied: some models support more than they list.
    """
    inputs = entry.input_modalities
    fields: dict[str, Any] = {
        "name": entry.name,
        "max_input_tokens": entry.context_length,
        "max_output_tokens": entry.max_output,
        **{f"{kind}_inputs": kind in inputs for kind in ("text", "image", "audio", "video") if inputs},
        **{field: True for capability, field in _CAPABILITIES.items() if capability in entry.capabilities},
    }
    live = {name: value for name, value in fields.items() if value is not None}
    return cast(ModelProfile, {**(profile or {}), **live})


_CAPABILITIES = {"tools": "tool_calling", "structured_output": "structured_output", "vision": "image_inputs"}
