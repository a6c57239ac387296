"""The items of a Responses request: messages, calls and their outputs, reasoning, what hosted tools did."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from .wire import Open

Json = dict[str, Any]
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
    logprobs: list[Json] = Field(default_factory=list)


class Refusal(Open):
    type: Literal["refusal"]
    refusal: str


class OutputMessage(Open):
    """An assistant turn as the gateway gave it: only whole."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    status: Status
    content: list[Annotated[OutputText | Refusal, Field(discriminator="type")]]


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
    outputs: list[Json] | None
    status: Literal["in_progress", "completed", "interpreting"]


class McpListItem(Open):
    type: Literal["mcp_list_tools"]
    id: str
    server_label: str
    tools: list[Json]
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


def _item_kind(item: Any) -> str:
    """Which item this is: by its type, and for a message by whether its parts are those of an output."""
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
    Discriminator(_item_kind),
]
