"""What `/v1/responses` takes. A field with a default may be left out; it may be null only where its type says so."""

from typing import Annotated, Any, Literal

from pydantic import Field

from .wire import Closed, Open
from .wire_responses_items import Item

Json = dict[str, Any]


class FunctionTool(Open):
    type: Literal["function"]
    name: Annotated[str, Field(min_length=1)]
    parameters: Json
    strict: bool
    description: str = ""


class WebSearchTool(Open):
    type: Literal["web_search_preview", "web_search_preview_2025_03_11", "web_search", "x_search"]
    search_context_size: Literal["low", "medium", "high"] = "medium"
    user_location: Json | None = None


class McpTool(Open):
    type: Literal["mcp"]
    server_label: str
    server_url: str
    headers: dict[str, str] | None = None
    require_approval: Literal["always", "never"] | Json | None = None
    allowed_tools: list[str] | Json | None = None


class AutoContainer(Open):
    type: Literal["auto"]


class CodeTool(Open):
    type: Literal["code_interpreter"]
    container: str | AutoContainer


class ShellTool(Open):
    type: Literal["local_shell"]


ResponsesTool = Annotated[FunctionTool | WebSearchTool | McpTool | CodeTool | ShellTool, Field(discriminator="type")]


class NamedChoice(Open):
    type: Literal["function"]
    name: str


class HostedChoice(Open):
    type: Literal[
        "web_search_preview", "web_search_preview_2025_03_11", "computer_use_preview", "code_interpreter", "mcp"
    ]


class PlainFormat(Closed):
    type: Literal["text", "json_object"]


class SchemaFormat(Open):
    type: Literal["json_schema"]
    name: str
    json_schema: Json = Field(alias="schema")
    description: str = ""
    strict: bool | None = None


class TextOptions(Open):
    format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")]


class ReasoningOptions(Open):
    effort: Literal["none", "low", "medium", "high"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


Included = Literal[
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "reasoning.encrypted_content",
    "code_interpreter_call.outputs",
]


class PromptTemplate(Open):
    id: str
    variables: Json | None = None
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
        Literal["none", "auto", "required"] | Annotated[NamedChoice | HostedChoice, Field(discriminator="type")]
    ) = "auto"
    truncation: Literal["auto", "disabled"] = "disabled"
