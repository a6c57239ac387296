"""Reach video, music and 3D through the gateway's MCP server, with LangChain's and LlamaIndex's adapters.

Without a key, a stand-in for that server runs on loopback, and the models are emulated.

    pip install ".[examples,mcp]"
    python examples/mcp_tools.py
"""

import asyncio
import json
import os
from contextlib import nullcontext
from typing import Any

from common import console, gateway
from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
from mcp_stand_in import StandIn

from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MCP_URL = "https://mcp.aimlapi.com/mcp"


def text_of(result: Any) -> str:
    """Return the text of a tool's result, which is a text or a list of content blocks."""
    return result if isinstance(result, str) else "".join(block.get("text", "") for block in result)


async def video(tools: dict[str, Any], model: str, prompt: str) -> str:
    """Submit a video, poll the job, and return the URL."""
    job = json.loads(text_of(await tools["video_generate"].ainvoke({"model": model, "prompt": prompt})))
    while job["status"] == "processing":
        console.print(f"job {job['job_id']}: {job['status']}")
        await asyncio.sleep(0.2 if "127.0.0.1" in os.environ["AIMLAPI_API_BASE"] else 10)
        job = json.loads(text_of(await tools["job_status"].ainvoke({"job_id": job["job_id"]})))
    job = json.loads(text_of(await tools["job_result"].ainvoke({"job_id": job["job_id"]})))
    return str(job["result"]["url"])


async def langchain(url: str, headers: dict[str, str]) -> None:
    connection: Any = {"transport": "streamable_http", "url": url, "headers": headers}
    tools = {tool.name: tool for tool in await MultiServerMCPClient({"aimlapi": connection}).get_tools()}
    console.print(f"[cyan]LangChain[/]   {', '.join(tools)}")
    agent = create_agent(ChatAIMLAPI(), [tools["account_balance"], tools["models_search"]])
    state = await agent.ainvoke({"messages": [("user", "Use account_balance: how much is left?")]})
    console.print(state["messages"][-1].text)
    console.print(await video(tools, "kling-video/v1.6/standard/text-to-video", "Waves at night"))


async def llama_index(url: str, headers: dict[str, str]) -> None:
    spec = McpToolSpec(BasicMCPClient(url, headers=headers), allowed_tools=["account_balance", "models_search"])
    tools: Any = await spec.to_tool_list_async()
    console.print(f"[cyan]LlamaIndex[/]  {', '.join(tool.metadata.name for tool in tools)}")
    console.print(str(await FunctionAgent(tools=tools, llm=AIMLAPI()).run("Use account_balance: how much is left?")))


async def main() -> None:
    is_live = bool(os.environ.get("AIMLAPI_API_KEY"))
    with gateway(), nullcontext() if is_live else StandIn() as stand_in:
        url = stand_in.url if stand_in else MCP_URL
        console.print(f"MCP server: {url}")
        headers = {"Authorization": f"Bearer {os.environ['AIMLAPI_API_KEY']}"}
        await langchain(url, headers)
        await llama_index(url, headers)


if __name__ == "__main__":
    asyncio.run(main())
