"""Prompts of a known shape, and the answers that their authors can parse. One table: `RULES`, tried in order.

The shapes are those of LlamaIndex's default prompts and of the common LangChain ones. What has to be parsed is given
bare; everything else says that it is emulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .ask import Ask, Tool
from .hints import Hints
from .schema_values import value_for
from .stop_words import COMMON
from .tool_choice import arguments, best_tool

SIGN = "[emulated]"


def reply_to(ask: Ask) -> str | None:
    """The answer to a prompt of a known shape; None where the shape is not known."""
    prompt = f"{ask.system}\n{ask.prompt}"
    for pattern, rule in RULES:
        if re.search(pattern, prompt, re.S) and (reply := rule(ask, prompt)):
            return reply
    return None


def words(text: str) -> set[str]:
    return {re.sub(r"s$", "", word) for word in re.findall(r"[^\W_]+", text.lower())} - COMMON


def _overlap(text: str, query: str) -> int:
    return len(words(text) & words(query))


def _between(text: str, start: str, end: str) -> str:
    found = re.search(rf"{start}(.*?){end}", text, re.S)
    return found[1].strip() if found else ""


# --- ReAct: thought, action, observation ----------------------------------------------------------------


def _react(ask: Ask, prompt: str) -> str:
    """An action first; after its observation the answer."""
    final = "Final Answer" if "Final Answer" in prompt else "Answer"
    seen = re.findall(r"^Observation: (.*?)(?=\n\w+:|\Z)", f"{ask.prompt}\n{_scratchpad(prompt)}", re.S | re.M)
    if seen and seen[-1].strip():
        said = f"{SIGN} Based on the observation: {seen[-1].strip()}"
        return f"Thought: I can answer without using any more tools.\n{final}: {said}"
    question = _between(prompt, r"\nQuestion: ", r"(?:\nThought:|\Z)") if final == "Final Answer" else _question(ask)
    tools = _listed_tools(prompt)
    if not tools:
        return f"Thought: I can answer without using any more tools.\n{final}: {SIGN} You said: {question}"
    tool = best_tool(tools, question)
    return f"Thought: {SIGN} I need to use a tool.\nAction: {tool.name}\nAction Input: {_action_input(tool, question)}"


def _scratchpad(prompt: str) -> str:
    """What follows `Begin!` in the classic prompt: the question and the steps so far."""
    return prompt.rpartition("Begin!")[2] if "Begin!" in prompt else ""


def _question(ask: Ask) -> str:
    asked = [turn.text for turn in ask.turns if turn.role == "user" and not turn.text.startswith("Observation:")]
    return asked[-1] if asked else ""


def _listed_tools(prompt: str) -> tuple[Tool, ...]:
    listed = re.findall(r"> Tool Name: (\S+)\nTool Description: (.*?)\nTool Args: (\{.*?\})\n", prompt, re.S)
    if listed:
        return tuple(Tool(name, description, _schema_or_empty(args)) for name, description, args in listed)
    names = _between(prompt, r"should be one of \[", r"\]")
    return tuple(
        Tool(name, _between(prompt, rf"\n{re.escape(name)}", r"\n"), {}) for name in re.split(r",\s*", names) if name
    )


def _action_input(tool: Tool, question: str) -> str:
    return arguments(tool, question) if tool.parameters else (Hints(question).find("place") or question)


def _schema_or_empty(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# --- choosing among what is listed ----------------------------------------------------------------------


def _selector(_ask: Ask, prompt: str) -> str:
    """[{"choice", "reason"}] for the numbered choice that has most words in common with the question."""
    listed = re.findall(r"^\((\d+)\) (.*?)(?=^\(\d+\) |\Z)", _between(prompt, r"-{5,}\n", r"\n-{5,}"), re.S | re.M)
    question = _between(prompt, r"to the question: '", r"'\n")
    best = max(listed, key=lambda row: _overlap(row[1], question), default=("1", ""))
    return json.dumps([{"choice": int(best[0]), "reason": f"{SIGN} Most words in common with the question."}])


def _rerank(_ask: Ask, prompt: str) -> str:
    """`Doc: 1, Relevance: 7` for every document, those first that share most words with the question."""
    body = prompt.rpartition("Let's try this now")[2] or prompt
    query = _between(body, r"\nQuestion: ", r"\nAnswer:")
    listed = re.findall(r"Document (\d+):\n(.*?)(?=\n\nDocument \d+:|\nQuestion: )", body, re.S)
    scores = {number: min(10, 1 + 3 * _overlap(text, query)) for number, text in listed}
    ranked = sorted(scores, key=lambda number: -scores[number])
    return "\n".join(f"Doc: {number}, Relevance: {scores[number]}" for number in ranked)


def _yes_or_no(_ask: Ask, prompt: str) -> str:
    """YES where the context holds most words of what it should support."""
    information = _between(prompt, r".*\n(?:Information|Query and Response): ", r"\nContext: ")
    context = _between(prompt, r".*\nContext: ", r"\nAnswer: ")
    claimed = words(information) - {"emulated"}
    return "YES" if len(claimed & words(context)) * 2 >= len(claimed) else "NO"


def _score(_ask: Ask, _prompt: str) -> str:
    return f"4.0\n{SIGN} The score is fixed; nothing was judged."


# --- questions about questions --------------------------------------------------------------------------


def _sub_questions(_ask: Ask, prompt: str) -> str:
    """One sub-question for each tool that is listed last, in the fenced JSON that is asked for."""
    tail = prompt.rpartition("<Tools>")[2]
    tools = _schema_or_empty(_between(tail, r"```json\n", r"\n```"))
    question = _between(tail, r"<User Question>\n", r"\n\n?<Output>")
    items = [{"sub_question": f"{question} ({name})", "tool_name": name} for name in tools]
    return "```json\n" + json.dumps({"items": items}, indent=4) + "\n```"


def _standalone(_ask: Ask, prompt: str) -> str:
    label = r".*(?:<Follow Up Message>|Follow Up (?:Input|Message|Question):)\s*"
    return _between(prompt, label, r"\n\s*\n?(?:<|Standalone)")


def _queries(_ask: Ask, prompt: str) -> str:
    query = _between(prompt, r".*\nQuery: ", r"\nQueries:")
    return f"{query}\nWhat is known about {query.rstrip('?')}?"


def _keywords(ask: Ask, prompt: str) -> str:
    body = _between(prompt, r".*-{5,}\n(?=.*-{5,})", r"\n-{5,}") or _between(prompt, r"question: ", r"\n") or ask.prompt
    return "KEYWORDS: " + ", ".join(_key_words(body, 10))


def _keyword_list(ask: Ask, _prompt: str) -> str:
    return ", ".join(_key_words(ask.prompt.partition("Give ")[0], 5))


def _key_words(text: str, most: int) -> list[str]:
    found = dict.fromkeys(re.findall(r"[^\W\d_]{3,}", text.lower()))
    return [word for word in found if word not in COMMON][:most]


def _title(ask: Ask, prompt: str) -> str:
    body = _between(prompt, r"Context: ", r"Give a title") or ask.prompt.partition("Based on the above")[0]
    return f"{SIGN} " + " ".join(word for word in _key_words(body, 7) if word != "emulated").title()


# --- answers out of a context ---------------------------------------------------------------------------


def _from_context(ask: Ask, prompt: str) -> str:
    """The sentence of the context that shares most words with the query."""
    parts = re.search(r"Context information.*?-{5,}\n(.*)\n-{5,}(.*)", prompt, re.S)
    context, rest = (parts[1], parts[2]) if parts else (prompt, ask.prompt)
    query = _between(rest, r".*(?:Query|Question): ", r"(?:\nAnswer|\Z)")
    return _best_sentence(context, query)


def _from_retrieved(ask: Ask, prompt: str) -> str:
    """The same for the retrieved context of LangChain's prompts."""
    context = _between(prompt, r"[Cc]ontext:", r"(?:\n\s*(?:Question|Helpful Answer)|\Z)")
    query = _between(prompt, r".*\nQuestion: ", r"(?:\n|\Z)") or ask.prompt
    return _best_sentence(context, query)


def _best_sentence(context: str, query: str) -> str:
    lines = re.sub(r"^(?:page_label|file_\w+|creation_date|last_modified_date): .*$", "", context, flags=re.M)
    parts = (part.strip().removeprefix("Response: ") for part in re.split(r"(?<=[.!?])\s+|\n+", lines))
    sentences = [part for part in parts if part and not part.startswith("Sub question:")]
    best = max(sentences, key=lambda sentence: _overlap(sentence, query), default="")
    return f"{SIGN} According to the context: {best}" if best else f"{SIGN} The context is empty."


def _from_system(ask: Ask, _prompt: str) -> str:
    """The same where the context stands in the system prompt, and the user's message is the query."""
    return _best_sentence(_between(ask.system, r"-{5,}\n?", r"(?:-{5,}|\Z)") or ask.system, ask.prompt)


def _refined(_ask: Ask, prompt: str) -> str:
    """The answer that there is already: a later context changes nothing here."""
    return _between(prompt, r"(?:existing answer|.*\nOriginal Answer): ", r"\n(?:\n|We have|New Answer)")


# --- JSON by a schema that stands in the prompt ---------------------------------------------------------


def _by_schema(ask: Ask, prompt: str) -> str | None:
    schemas = [found for found in _json_objects(prompt) if {"properties", "$defs", "items", "type"} & set(found)]
    if not schemas:
        return None
    task = ask.prompt.partition("schema")[0] if "schema" in ask.prompt else ask.prompt
    return json.dumps(value_for(schemas[-1], task), ensure_ascii=False)


def _json_objects(text: str) -> list[dict[str, Any]]:
    """Every JSON object in a text, also where a template engine was to halve its braces and did not."""
    text = text.replace("{{", "{").replace("}}", "}") if "{{" in text else text
    decoder, found, at = json.JSONDecoder(), [], text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found


Rule = Callable[[Ask, str], "str | None"]
RULES: tuple[tuple[str, Rule], ...] = (
    (r"Thought:.*Action:.*Action Input:", _react),
    (r"Some choices are given below.*numbered list", _selector),
    (r"list of documents is shown below.*Doc: \d+, Relevance: \d+", _rerank),
    (r"answer with either YES or NO|two options to answer\. Either YES/ ?NO", _yes_or_no),
    (r"output a single score|evaluation system", _score),
    (r"list of relevant sub-questions", _sub_questions),
    (r"rephrase the|standalone question", _standalone),
    (r"generate \d+ search queries|generates multiple search queries", _queries),
    (r"KEYWORDS: <keywords>", _keywords),
    (r"Format as comma separated\. Keywords:", _keyword_list),
    (r"Give a title that summarizes|comprehensive title for this document", _title),
    (r"JSON.*schema|schema.*JSON", _by_schema),
    (r"original query is as follows.*existing answer|Original Answer: .*New Answer:", _refined),
    (r"context information below|relevant documents for the context", _from_system),
    (r"Context information", _from_context),
    (r"retrieved context|pieces of context|[Cc]ontext:\s", _from_retrieved),
)
