"""Items of the Responses endpoint: read into turns, and made out of an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from .ask import JSON, Answer, Call, Turn, new_id
from .families import family_of
from .hosted import Plan
from .signatures import mark

Role = Literal["system", "user", "assistant"]
_ATTACHMENTS = {"input_image": "an image", "input_file": "a file"}


def turns_of(item: JSON) -> list[Turn]:
    """An item as the turns it stands for. Reasoning, references and the calls of hosted tools say nothing here."""
    match item.get("type", "message"):
        case "message":
            return [_message(item)] if "role" in item else []
        case "function_call":
            return [Turn("assistant", "", (Call(item["name"], item["arguments"], item["call_id"]),))]
        case "function_call_output":
            return [Turn("tool", item["output"], call_id=item["call_id"])]
        case _:
            return []


def _message(item: JSON) -> Turn:
    content: Any = item["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    role: Role = "system" if item["role"] == "developer" else item["role"]
    text = "\n".join(part.get("text") or part.get("refusal", "") for part in parts if part["type"] not in _ATTACHMENTS)
    return Turn(role, text, attachments=tuple(_ATTACHMENTS[p["type"]] for p in parts if p["type"] in _ATTACHMENTS))


def output_items(said: Answer, hosted: Plan, body: JSON) -> list[JSON]:
    """The output: thoughts, what hosted tools did, the message, the calls."""
    items = [*_reasoning(said, body), *hosted.items]
    if said.text or not (said.calls or hosted.items):
        items.append(_text(said, hosted))
    return items + [_function_call(call, said, last=call is said.calls[-1]) for call in said.calls]


def _reasoning(said: Answer, body: JSON) -> Iterator[JSON]:
    if not (said.reasoning or family_of(body["model"]).thinks):
        return
    item: JSON = {"id": new_id("rs_"), "type": "reasoning", "summary": []}
    if (body.get("reasoning") or {}).get("summary") and said.reasoning:
        item["summary"] = [{"type": "summary_text", "text": said.reasoning}]
    if "reasoning.encrypted_content" in (body.get("include") or []):
        item["encrypted_content"] = mark(item["id"])
    yield item


def _text(said: Answer, hosted: Plan) -> JSON:
    found = [note for note in hosted.annotations if note["end_index"] <= len(said.text)]
    part = {"type": "output_text", "text": said.text, "annotations": found, "logprobs": []}
    status = "incomplete" if said.cut else "completed"
    return {"id": new_id("msg_"), "type": "message", "status": status, "role": "assistant", "content": [part]}


def _function_call(call: Call, said: Answer, *, last: bool) -> JSON:
    return {
        "id": new_id("fc_"),
        "type": "function_call",
        "status": "incomplete" if said.cut and last else "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }
