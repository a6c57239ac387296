"""What `/v1/responses` accepts: items, tools and options, and the rules beyond their types.

A field with a default may be left out; it may be null only if its type says so.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from ..model import Turn
from ..model.catalogue import effort_refusal, responses_refusals
from . import JSON, Closed, Open, invalid_request, problem
from .chat_completions import Effort

# --- items: messages, calls and their outputs, reasoning, what hosted tools did -----------------------------------

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(Open):
    type: Literal["input_text"]
    text: str


class InputImage(Open):
    type: Literal["input_image"]
    image_url: str | None = None
    detail: Literal["high", "low", "auto"] = "auto"


class InputFile(Open):
    type: Literal["input_file"]
    filename: str = ""
    file_data: str = ""


InputPart = Annotated[InputText | InputImage | InputFile, Field(discriminator="type")]


class InputMessage(Open):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputPart]


class URLCitation(Open):
    type: Literal["url_citation"]
    url: str
    title: str
    start_index: int
    end_index: int


class FileCitation(Open):
    type: Literal["file_citation", "file_path"]
    file_id: str
    index: int


class ContainerCitation(Open):
    type: Literal["container_file_citation"]
    container_id: str
    file_id: str
    start_index: int
    end_index: int


class OutputText(Open):
    type: Literal["output_text"]
    text: str
    annotations: list[Annotated[URLCitation | FileCitation | ContainerCitation, Field(discriminator="type")]]
    logprobs: list[JSON] = Field(default_factory=list)


class RefusalContent(Open):
    type: Literal["refusal"]
    refusal: str


class OutputMessage(Open):
    """An assistant message as the gateway returned it. It is accepted only when complete."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Status
    content: list[Annotated[OutputText | RefusalContent, Field(discriminator="type")]]


class FunctionCallItem(Open):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str = ""
    status: Status = "completed"


class FunctionOutputItem(Open):
    type: Literal["function_call_output"]
    call_id: str
    output: str
    id: str | None = None
    status: Status | None = None


class SummaryText(Open):
    type: Literal["summary_text"]
    text: str


class ReasoningItem(Open):
    type: Literal["reasoning"]
    id: str
    summary: list[SummaryText]
    encrypted_content: str | None = None
    status: Status = "completed"


class WebSearchItem(Open):
    type: Literal["web_search_call"]
    id: str
    status: Literal["in_progress", "completed", "searching", "failed"]


class CodeItem(Open):
    type: Literal["code_interpreter_call"]
    id: str
    code: str
    container_id: str
    outputs: list[JSON] | None
    status: Literal["in_progress", "completed", "interpreting"]


class McpListItem(Open):
    type: Literal["mcp_list_tools"]
    id: str
    server_label: str
    tools: list[JSON]
    error: str | None = None


class McpRequestItem(Open):
    type: Literal["mcp_approval_request"]
    id: str
    server_label: str
    name: str
    arguments: str


class McpApprovalItem(Open):
    type: Literal["mcp_approval_response"]
    approval_request_id: str
    approve: bool
    id: str | None = None
    reason: str | None = None


class McpCallItem(Open):
    type: Literal["mcp_call"]
    id: str
    server_label: str
    name: str
    arguments: str
    output: str | None = None
    error: str | None = None


class ShellItem(Open):
    type: Literal["local_shell_call", "local_shell_call_output"]
    id: str


class ItemReference(Open):
    type: Literal["item_reference"] | None = None
    id: str


def _item_tag(item: Any) -> str:
    """Tell items apart by type, and messages by whether their parts are those of an output."""
    if not isinstance(item, dict):
        return "message"
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    content = item.get("content")
    if kind == "message" and isinstance(content, list) and item.get("role") == "assistant":
        kinds = {part.get("type") for part in content if isinstance(part, dict)}
        return "output" if kinds & {"output_text", "refusal"} else "message"
    return "shell" if kind in ("local_shell_call", "local_shell_call_output") else str(kind)


Item = Annotated[
    Annotated[InputMessage, Tag("message")]
    | Annotated[OutputMessage, Tag("output")]
    | Annotated[FunctionCallItem, Tag("function_call")]
    | Annotated[FunctionOutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[WebSearchItem, Tag("web_search_call")]
    | Annotated[CodeItem, Tag("code_interpreter_call")]
    | Annotated[McpListItem, Tag("mcp_list_tools")]
    | Annotated[McpRequestItem, Tag("mcp_approval_request")]
    | Annotated[McpApprovalItem, Tag("mcp_approval_response")]
    | Annotated[McpCallItem, Tag("mcp_call")]
    | Annotated[ShellItem, Tag("shell")]
    | Annotated[ItemReference, Tag("item_reference")],
    Discriminator(_item_tag),
]

# --- tools and options --------------------------------------------------------------------------------------------


class ResponsesFunctionTool(Open):
    type: Literal["function"]
    name: Annotated[str, Field(min_length=1)]
    parameters: JSON
    strict: bool
    description: str = ""


class WebSearchTool(Open):
    type: Literal["web_search_preview", "web_search_preview_2025_03_11", "web_search", "x_search"]
    search_context_size: Literal["low", "medium", "high"] = "medium"
    user_location: JSON | None = None


class McpTool(Open):
    type: Literal["mcp"]
    server_label: str
    server_url: str
    headers: dict[str, str] | None = None
    require_approval: Literal["always", "never"] | JSON | None = None
    allowed_tools: list[str] | JSON | None = None


class AutoContainer(Open):
    type: Literal["auto"]


class CodeTool(Open):
    type: Literal["code_interpreter"]
    container: str | AutoContainer


class ShellTool(Open):
    type: Literal["local_shell"]


ResponsesTool = Annotated[
    ResponsesFunctionTool | WebSearchTool | McpTool | CodeTool | ShellTool, Field(discriminator="type")
]


class ResponsesNamedChoice(Open):
    type: Literal["function"]
    name: str


class HostedChoice(Open):
    type: Literal[
        "web_search_preview", "web_search_preview_2025_03_11", "computer_use_preview", "code_interpreter", "mcp"
    ]


class PlainFormat(Closed):
    type: Literal["text", "json_object"]


class ResponsesSchemaFormat(Open):
    type: Literal["json_schema"]
    name: str
    json_schema: JSON = Field(alias="schema")
    description: str = ""
    strict: bool | None = None


class TextOptions(Open):
    format: Annotated[PlainFormat | ResponsesSchemaFormat, Field(discriminator="type")]


class ReasoningOptions(Open):
    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


Included = Literal[
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "reasoning.encrypted_content",
    "code_interpreter_call.outputs",
]


class PromptTemplate(Open):
    id: str
    variables: JSON | None = None
    version: str | None = None


class ResponsesRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    input: str | list[Item]
    instructions: str | None = None
    stream: bool | None = False
    store: bool | None = False
    background: bool = False
    include: list[Included] | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] = 1_000_000
    parallel_tool_calls: bool | None = True
    previous_response_id: str | None = None
    prompt: PromptTemplate | None = None
    reasoning: ReasoningOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0.01, le=1)] | None = None
    text: TextOptions = TextOptions(format=PlainFormat(type="text"))
    tools: list[ResponsesTool] = Field(default_factory=list)
    tool_choice: (
        Literal["none", "auto", "required"]
        | Annotated[ResponsesNamedChoice | HostedChoice, Field(discriminator="type")]
    ) = "auto"
    truncation: Literal["auto", "disabled"] = "disabled"


# --- rules beyond the types ---------------------------------------------------------------------------------------

Problems = Iterator[JSON]


def check_responses_request(body: JSON, turns: tuple[Turn, ...]) -> None:
    """Raise the gateway's 400 with everything that is wrong.

    Args:
        body: the request.
        turns: the whole conversation, with what was stored of it before.
    """
    problems = [*_check_call_outputs(turns), *_check_tool_choice(body), *_check_model_refusals(body)]
    if reason := effort_refusal(body["model"], (body.get("reasoning") or {}).get("effort")):
        problems.append(problem("reasoning.effort", reason, "invalid_enum_value"))
    if not any(turn.role != "system" for turn in turns):
        problems.append(problem("input", "Array must contain at least 1 element(s)", "too_small"))
    if problems:
        raise invalid_request(problems)


def _check_call_outputs(turns: tuple[Turn, ...]) -> Problems:
    """Every output must answer a call, and every call must have an output."""
    call_ids = dict.fromkeys(call.id for turn in turns for call in turn.calls)
    answered_ids = dict.fromkeys(turn.call_id for turn in turns if turn.role == "tool")
    for call_id in answered_ids:
        if call_id not in call_ids:
            yield problem("input", f"No tool call found for function call output with call_id {call_id}.")
    for call_id in call_ids:
        if call_id not in answered_ids:
            yield problem("input", f"No tool output found for function call {call_id}.")


def _check_tool_choice(body: JSON) -> Problems:
    choice, tools = body.get("tool_choice", "auto"), body.get("tools", [])
    if choice == "required" and not tools:
        yield problem("tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")
    if isinstance(choice, dict):
        key = "name" if choice["type"] == "function" else "type"
        if choice[key] not in [tool.get(key) for tool in tools]:
            yield problem("tool_choice", f"Tool choice '{choice[key]}' not found in 'tools' parameter.")


def _check_model_refusals(body: JSON) -> Problems:
    """Yield the items, parts and tools whose type the model refuses."""
    refused_types = responses_refusals(body["model"])
    items = body["input"] if isinstance(body["input"], list) else []
    for index, item in enumerate(items):
        parts = item["content"] if isinstance(item.get("content"), list) else []
        types = [item.get("type"), *(part["type"] for part in parts)]
        if refused_types & set(types):
            yield problem(f"input.{index}", "Invalid input", "invalid_union")
    for index, tool in enumerate(body.get("tools", [])):
        if tool["type"] in refused_types:
            yield problem(f"tools.{index}", "Invalid input", "invalid_union")
