"""What LangChain wants to know of a model, from the table of models."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models import ModelProfile

from ..endpoints.catalogue import CatalogueModel
from ..models import Model, lookup


def model_profile(model: str) -> ModelProfile | None:
    """The profile of a model, None where it is in no table.

    >>> model_profile("openai/gpt-5-mini-2025-08-07")["reasoning_output"]
    True
    """
    known = lookup(model)
    return _profile(known) if known.known else None


def _profile(model: Model) -> ModelProfile:
    facts: dict[str, Any] = {
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
    return cast(ModelProfile, {name: fact for name, fact in facts.items() if fact is not None})


def live_profile(entry: CatalogueModel, known: ModelProfile | None) -> ModelProfile:
    """What the catalogue says of a model now, over what the table says.

    Its capabilities are only believed where they are there: some models declare less than they do.
    """
    inputs = entry.input_modalities
    facts: dict[str, Any] = {
        "name": entry.name,
        "max_input_tokens": entry.context_length,
        "max_output_tokens": entry.max_output,
        **{f"{kind}_inputs": kind in inputs for kind in ("text", "image", "audio", "video") if inputs},
        **{fact: True for capability, fact in _CAPABILITIES.items() if capability in entry.capabilities},
    }
    return cast(ModelProfile, {**(known or {}), **{name: fact for name, fact in facts.items() if fact is not None}})


_CAPABILITIES = {"tools": "tool_calling", "structured_output": "structured_output", "vision": "image_inputs"}
