"""Generate an output by rule: tool calls, structured values, answers to well-known prompts, or an echo.

`RULES` has the well-known prompts: LlamaIndex's default prompts and common LangChain ones. Output that the caller must
parse is returned bare. All other text says that it is emulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import JSON, LABEL, ModelCall, ModelInput, ModelOutput, ModelTool, UnprocessableInputError
from .catalogue import count_tokens, model_family, tokenize
from .schema_values import value_for_schema
from .texts import STOP_WORDS, TextValues, content_words, shorten
from .tools import best_tool, build_arguments, choose_calls

MAX_INPUT_CHARS = 4_000_000
_MAX_ECHO_CHARS = 2000
_MAX_JSON_ATTEMPTS = 100


def generate(model_input: ModelInput) -> ModelOutput:
    """Generate the output, reasoning included, cut by stop sequences and by the token limit."""
    if sum(len(turn.text) for turn in model_input.turns) > MAX_INPUT_CHARS:
        raise UnprocessableInputError(f"the input has more than {MAX_INPUT_CHARS} characters")
    limit = model_input.max_tokens
    reasoning = _reasoning(model_input) if model_input.reasons or model_family(model_input.model).reasons else ""
    reasoning = _first_tokens(reasoning, limit // 2) if limit is not None else reasoning
    output = replace(_generate_unlimited(model_input), reasoning=reasoning)
    return _apply_token_limit(_apply_stop_sequences(output, model_input.stop), limit)


def _generate_unlimited(model_input: ModelInput) -> ModelOutput:
    if calls := choose_calls(model_input):
        return ModelOutput(calls=calls)
    return ModelOutput(text=_text(model_input))


def _text(model_input: ModelInput) -> str:
    if model_input.schema is not None:
        return json.dumps(value_for_schema(model_input.schema, model_input.source_text), ensure_ascii=False)
    if model_input.json_mode:
        return json.dumps(_json_object(model_input), ensure_ascii=False)
    if results := model_input.tool_results:
        return f"{LABEL} Based on " + "; ".join(f"{name}: {text}" for name, text in results)
    return answer_known_prompt(model_input) or _echo(model_input)


def _echo(model_input: ModelInput) -> str:
    prompt = model_input.prompt.strip()
    prompt = prompt if len(prompt) <= _MAX_ECHO_CHARS else prompt[:_MAX_ECHO_CHARS] + "…"
    attachments = [attachment for turn in model_input.turns for attachment in turn.attachments]
    suffix = f" (with {', '.join(attachments)})" if attachments else ""
    return f"{LABEL} You said: {prompt}{suffix}" if prompt or suffix else f"{LABEL} You said nothing."


def _json_object(model_input: ModelInput) -> JSON:
    """The object that a schema in the prompt describes; without a schema, an object with the keys that it quotes."""
    if text := answer_known_prompt(model_input):
        parsed = _parse_json(text)
        if isinstance(parsed, dict):
            return parsed
    strings = TextValues(shorten(f"{model_input.system}\n{model_input.prompt}")).strings
    keys = dict.fromkeys(key for key in strings if re.fullmatch(r"[\w-]+", key))
    return {key: f"{LABEL} {key}" for key in keys} or {"text": _echo(model_input)}


def _parse_json(text: str) -> Any:
    """The parsed text; None if it isn't JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _reasoning(model_input: ModelInput) -> str:
    tokens = count_tokens(model_input.prompt)
    return f"{LABEL} The user wrote {tokens} tokens. No thinking takes place here: the answer follows a rule."


def _first_tokens(text: str, count: int) -> str:
    return "".join(tokenize(text)[: max(0, count)])


def _apply_stop_sequences(output: ModelOutput, stop: tuple[str, ...]) -> ModelOutput:
    matches = [(output.text.index(sequence), sequence) for sequence in stop if sequence and sequence in output.text]
    if not matches:
        return output
    end, sequence = min(matches)
    return replace(output, text=output.text[:end], stopped_by=sequence)


def _apply_token_limit(output: ModelOutput, limit: int | None) -> ModelOutput:
    """Cut an output at the token limit. Reasoning counts. A call that is cut keeps its name and half its arguments."""
    if limit is None:
        return output
    remaining = limit - count_tokens(output.reasoning)
    if count_tokens(output.text) > remaining:
        return replace(output, text=_first_tokens(output.text, remaining), truncated=True, stopped_by=None)
    calls: list[ModelCall] = []
    for call in output.calls:
        name_tokens = count_tokens(call.name)
        tokens = name_tokens + count_tokens(call.arguments)
        if tokens > remaining:
            arguments = _first_tokens(call.arguments, remaining - name_tokens)
            return replace(output, calls=(*calls, replace(call, arguments=arguments)), truncated=True)
        remaining -= tokens
        calls.append(call)
    return output


# --- well-known prompts -------------------------------------------------------------------------------------------


def answer_known_prompt(model_input: ModelInput) -> str | None:
    """The answer to a well-known prompt. None if no rule applies."""
    prompt = f"{model_input.system}\n{model_input.prompt}"
    for pattern, rule in RULES:
        if any(_contains_in_order(prompt, parts) for parts in pattern) and (answer := rule(model_input, prompt)):
            return answer
    return None


def _contains_in_order(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether a text has matches of all patterns, one after the other. Linear, unlike `A.*B.*C`."""
    position = 0
    for pattern in patterns:
        match = re.compile(pattern).search(text, position)
        if match is None:
            return False
        position = match.end()
    return True


def _between(text: str, start: str, end: str) -> str:
    """The text between the first match of `start` and the next match of `end`."""
    match = re.search(start, text)
    return _until(text, match.end(), end) if match else ""


def _between_last(text: str, start: str, end: str) -> str:
    """The text between the last match of `start` that a match of `end` follows, and that match."""
    last_end = max((match.start() for match in re.finditer(end, text)), default=-1)
    begin = max((match.end() for match in re.finditer(start, text) if match.end() <= last_end), default=-1)
    return _until(text, begin, end) if begin >= 0 else ""


def _until(text: str, begin: int, end: str) -> str:
    match = re.compile(end).search(text, begin)
    return text[begin : match.start()].strip() if match else ""


# --- ReAct: thought, action, observation --------------------------------------------------------------------------


def _react_step(model_input: ModelInput, prompt: str) -> str:
    """An action first, and the answer after its observation."""
    label = "Final Answer" if "Final Answer" in prompt else "Answer"
    steps = f"{model_input.prompt}\n{_react_scratchpad(prompt)}"
    observations = re.findall(r"^Observation: (.*?)(?=\n\w+:|\Z)", steps, re.S | re.M)
    finish = f"Thought: I can answer without using any more tools.\n{label}: {LABEL}"
    if observations and observations[-1].strip():
        return f"{finish} Based on the observation: {observations[-1].strip()}"
    if label == "Final Answer":
        question = _between(prompt, r"\nQuestion: ", r"(?:\nThought:|\Z)")
    else:
        question = _react_question(model_input)
    tools = _react_tools(prompt)
    if not tools:
        return f"{finish} You said: {question}"
    tool = best_tool(tools, question)
    action_input = _react_action_input(tool, question)
    return f"Thought: {LABEL} I need to use a tool.\nAction: {tool.name}\nAction Input: {action_input}"


def _react_scratchpad(prompt: str) -> str:
    """What follows `Begin!` in the classic prompt: the question and the steps so far."""
    return prompt.rpartition("Begin!")[2] if "Begin!" in prompt else ""


def _react_question(model_input: ModelInput) -> str:
    user_texts = [turn.text for turn in model_input.turns if turn.role == "user"]
    questions = [text for text in user_texts if not text.startswith("Observation:")]
    return questions[-1] if questions else ""


def _react_tools(prompt: str) -> tuple[ModelTool, ...]:
    rows = [row for text in prompt.split("> Tool Name: ")[1:] if (row := _parse_react_tool(text))]
    if rows:
        return tuple(rows)
    names = re.split(r",\s*", _between(prompt, r"should be one of \[", r"\]"))
    return tuple(ModelTool(name, _between(prompt, rf"\n{re.escape(name)}", r"\n"), {}) for name in names if name)


def _parse_react_tool(text: str) -> ModelTool | None:
    """Parse a name, and on lines of their own `Tool Description: …` and `Tool Args: {…}`."""
    name, _, rest = text.partition("\nTool Description: ")
    description, _, rest = rest.partition("\nTool Args: ")
    schema, separator, _ = rest.partition("}\n")
    if not separator or not re.fullmatch(r"\S+", name):
        return None
    return ModelTool(name, description, _parse_object(schema + "}"))


def _react_action_input(tool: ModelTool, question: str) -> str:
    if tool.parameters:
        return build_arguments(tool, question)
    return TextValues(question).find("place") or question


def _parse_object(text: str) -> JSON:
    parsed = _parse_json(text)
    return parsed if isinstance(parsed, dict) else {}


# --- selecting from a list ----------------------------------------------------------------------------------------


def _select_choice(_model_input: ModelInput, prompt: str) -> str:
    """[{"choice", "reason"}] for the numbered choice that has the most words in common with the question."""
    choices = re.findall(
        r"^\((\d+)\) (.*?)(?=^\(\d+\) |\Z)", _between(prompt, r"(?<!-)-{5,}\n", r"\n-{5,}"), re.S | re.M
    )
    question = _between(prompt, r"to the question: '", r"'\n")
    words = content_words(question)
    best = max(choices, key=lambda choice: len(content_words(choice[1]) & words), default=("1", ""))
    return json.dumps([{"choice": int(best[0]), "reason": f"{LABEL} Most words in common with the question."}])


def _rank_documents(_model_input: ModelInput, prompt: str) -> str:
    """`Doc: 1, Relevance: 7` for every document, sorted by the words in common with the question."""
    task = prompt.rpartition("Let's try this now")[2] or prompt
    query = _between(task, r"\nQuestion: ", r"\nAnswer:")
    documents = re.findall(r"Document (\d+):\n(.*?)(?=\n\nDocument \d+:|\nQuestion: |\Z)", task, re.S)
    words = content_words(query)
    scores = {number: min(10, 1 + 3 * len(content_words(text) & words)) for number, text in documents}
    ranked = sorted(scores, key=lambda number: -scores[number])
    return "\n".join(f"Doc: {number}, Relevance: {scores[number]}" for number in ranked)


def _evaluate_support(_model_input: ModelInput, prompt: str) -> str:
    """YES if the context contains at least half of the words of the information that it should support."""
    information = _between_last(prompt, r"\n(?:Information|Query and Response): ", r"\nContext: ")
    context = _between_last(prompt, r"\nContext: ", r"\nAnswer: ")
    information_words = content_words(information) - {"emulated"}
    return "YES" if len(information_words & content_words(context)) * 2 >= len(information_words) else "NO"


def _score(_model_input: ModelInput, _prompt: str) -> str:
    return f"4.0\n{LABEL} The score is fixed; nothing was judged."


# --- questions about questions ------------------------------------------------------------------------------------


def _sub_questions(_model_input: ModelInput, prompt: str) -> str:
    """One sub-question for each tool in the last list of tools, in the fenced JSON that the prompt asks for."""
    task = prompt.rpartition("<Tools>")[2]
    tools = _parse_object(_between(task, r"```json\n", r"\n```"))
    question = _between(task, r"<User Question>\n", r"\n\n?<Output>")
    items = [{"sub_question": f"{question} ({name})", "tool_name": name} for name in tools]
    return "```json\n" + json.dumps({"items": items}, indent=4) + "\n```"


def _standalone_question(_model_input: ModelInput, prompt: str) -> str:
    label = r"<Follow Up Message>|Follow Up (?:Input|Message|Question):"
    return _between_last(prompt, label, r"\n[^\S\n]{0,8}(?:<|Standalone)")


def _search_queries(_model_input: ModelInput, prompt: str) -> str:
    query = _between_last(prompt, r"\nQuery: ", r"\nQueries:")
    return f"{query}\nWhat is known about {query.rstrip('?')}?"


def _keywords(model_input: ModelInput, prompt: str) -> str:
    text = _between_last(prompt, r"(?<!-)-{5,}\n", r"\n-{5,}") or _between(prompt, r"question: ", r"\n")
    return "KEYWORDS: " + ", ".join(_first_keywords(text or model_input.prompt, 10))


def _keyword_list(model_input: ModelInput, _prompt: str) -> str:
    return ", ".join(_first_keywords(model_input.prompt.partition("Give ")[0], 5))


def _first_keywords(text: str, count: int) -> list[str]:
    words = dict.fromkeys(re.findall(r"[^\W\d_]{3,}", text.lower()))
    return [word for word in words if word not in STOP_WORDS][:count]


def _title(model_input: ModelInput, prompt: str) -> str:
    text = _between(prompt, r"Context: ", r"Give a title") or model_input.prompt.partition("Based on the above")[0]
    return f"{LABEL} " + " ".join(word for word in _first_keywords(text, 7) if word != "emulated").title()


# --- answering from a context -------------------------------------------------------------------------------------


def _answer_from_context(model_input: ModelInput, prompt: str) -> str:
    """The sentence of the context that has the most words in common with the query."""
    context, rest = _split_context(prompt) or (prompt, model_input.prompt)
    query = _between_last(rest, r"(?:Query|Question): ", r"(?:\nAnswer|\Z)")
    return _best_sentence(context, query)


def _split_context(prompt: str) -> tuple[str, str] | None:
    """The context between the first line of dashes after its heading and the last one, and what follows."""
    heading = prompt.find("Context information")
    start = re.compile(r"(?<!-)-{5,}\n").search(prompt, heading)
    ends = list(re.compile(r"\n-{5,}").finditer(prompt, start.end())) if start else []
    return (prompt[start.end() : ends[-1].start()], prompt[ends[-1].end() :]) if start and ends else None


def _answer_from_retrieved(model_input: ModelInput, prompt: str) -> str:
    """The same for the retrieved context of LangChain's prompts."""
    context = _between(prompt, r"[Cc]ontext:", r"(?:\n[^\S\n]{0,8}(?:Question|Helpful Answer)|\Z)")
    query = _between_last(prompt, r"\nQuestion: ", r"(?:\n|\Z)") or model_input.prompt
    return _best_sentence(context, query)


def _answer_from_system(model_input: ModelInput, _prompt: str) -> str:
    """The same if the context is in the system prompt, and the user's message is the query."""
    context = _between(model_input.system, r"(?<!-)-{5,}\n?", r"(?:-{5,}|\Z)") or model_input.system
    return _best_sentence(context, model_input.prompt)


def _best_sentence(context: str, query: str) -> str:
    text = re.sub(r"^(?:page_label|file_\w+|creation_date|last_modified_date): .*$", "", context, flags=re.M)
    parts = (part.strip().removeprefix("Response: ") for part in re.split(r"(?<=[.!?])\s+|\n+", text))
    sentences = [part for part in parts if part and not part.startswith("Sub question:")]
    words = content_words(query)
    best = max(sentences, key=lambda sentence: len(content_words(sentence) & words), default="")
    return f"{LABEL} According to the context: {best}" if best else f"{LABEL} The context is empty."


def _refine_answer(_model_input: ModelInput, prompt: str) -> str:
    """The existing answer. More context never changes it."""
    end = r"\n(?:\n|We have|New Answer)"
    return _between(prompt, r"existing answer: ", end) or _between_last(prompt, r"\nOriginal Answer: ", end)


# --- following a JSON schema in the prompt ------------------------------------------------------------------------


def _follow_schema(model_input: ModelInput, prompt: str) -> str | None:
    schemas = [value for value in _json_objects(prompt) if {"properties", "$defs", "items", "type"} & set(value)]
    if not schemas:
        return None
    return json.dumps(value_for_schema(schemas[-1], model_input.prompt.partition("schema")[0]), ensure_ascii=False)


def _json_objects(text: str) -> list[JSON]:
    """Every JSON object in a text, even if a template engine left its braces doubled."""
    text = text.replace("{{", "{").replace("}}", "}") if "{{" in text else text
    decoder, objects, start, failures = json.JSONDecoder(), [], text.find("{"), 0
    while start >= 0 and failures < _MAX_JSON_ATTEMPTS:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end, failures = start + 1, failures + 1
        else:
            objects.append(value)
        start = text.find("{", end)
    return objects


Rule = Callable[[ModelInput, str], "str | None"]
Pattern = tuple[tuple[str, ...], ...]  # alternatives, each of which is patterns that follow one another


def _pattern(*alternatives: str) -> Pattern:
    return tuple(tuple(alternative.split(" … ")) for alternative in alternatives)


# Pattern in a prompt -> how to answer. The first rule that gives an answer counts.
RULES: tuple[tuple[Pattern, Rule], ...] = (
    (_pattern(r"Thought: … Action: … Action Input:"), _react_step),
    (_pattern(r"Some choices are given below … numbered list"), _select_choice),
    (_pattern(r"list of documents is shown below … Doc: \d+, Relevance: \d+"), _rank_documents),
    (_pattern(r"answer with either YES or NO", r"two options to answer\. Either YES/ ?NO"), _evaluate_support),
    (_pattern(r"output a single score", r"evaluation system"), _score),
    (_pattern(r"list of relevant sub-questions"), _sub_questions),
    (_pattern(r"rephrase the", r"standalone question"), _standalone_question),
    (_pattern(r"generate \d+ search queries", r"generates multiple search queries"), _search_queries),
    (_pattern(r"KEYWORDS: <keywords>"), _keywords),
    (_pattern(r"Format as comma separated\. Keywords:"), _keyword_list),
    (_pattern(r"Give a title that summarizes", r"comprehensive title for this document"), _title),
    (_pattern(r"JSON … schema", r"schema … JSON"), _follow_schema),
    (_pattern(r"original query is as follows … existing answer", r"Original Answer:  … New Answer:"), _refine_answer),
    (_pattern(r"context information below", r"relevant documents for the context"), _answer_from_system),
    (_pattern(r"Context information"), _answer_from_context),
    (_pattern(r"retrieved context", r"pieces of context", r"[Cc]ontext:\s"), _answer_from_retrieved),
)
