"""Exercises an MCP server of the conformance tools as clients do, by the official Python SDK or by FastMCP.

Usage: exercise.py mcp|fastmcp MODE SERVER, where MODE is auto, legacy or 2026-07-28, and SERVER a URL, or a `bootstrap` to
start over stdio. Prints what it saw as one JSON object.
"""

import asyncio
import json
import os
import sys

import fastmcp
import fastmcp.client.transports
import mcp


def answer(schema: dict) -> dict:
    return {"name": "Ada"} if "name" in schema["properties"] else {"color": "blue"}


async def elicited(_context, params) -> mcp.types.ElicitResult:
    return mcp.types.ElicitResult(action="accept", content=answer(params.requested_schema))


async def elicited_by_fastmcp(_message, _type, params, _context) -> dict:
    return answer(params.requested_schema)


def connected(library: str, mode: str, server: str):
    over_http = server.startswith("http")
    plugins = {"MCP_PLUGIN_DIR": os.environ.get("MCP_PLUGIN_DIR", "")}
    if library == "mcp":
        started = mcp.StdioServerParameters(command=server, args=["stdio"], env=plugins)
        return mcp.Client(server if over_http else started, mode=mode, elicitation_callback=elicited)
    started = fastmcp.client.transports.StdioTransport(server, ["stdio"], plugins, keep_alive=False)
    return fastmcp.Client(server if over_http else started, mode=mode, elicitation_handler=elicited_by_fastmcp)


async def main(library: str, mode: str, server: str) -> None:
    told = []

    async def progress(done: float, total: float | None, _message: str | None) -> None:
        told.append([int(done), int(total)])

    async with connected(library, mode, server) as client:
        listed = await client.list_tools()
        tools = listed.tools if library == "mcp" else listed
        call = client.call_tool if library == "mcp" else client.call_tool_mcp
        text = await call("test_x_mcp_header", {"region": "eu"})
        error = await call("test_error_handling", {})
        await (
            call("test_tool_with_progress", {}, progress_callback=progress)
            if library == "mcp"
            else call("test_tool_with_progress", {}, progress_handler=progress)
        )
        try:
            await call("nothing", {})
            unknown = None
        except mcp.MCPError as refused:
            unknown = refused.code
        # In two rounds, each of which asks.
        asked = await call("test_input_required_result_multi_round", {})
        ping = None
        if client.protocol_version != "2026-07-28":
            ping = await (client.send_ping() if library == "mcp" else client.ping()) is not None
        saw = {
            "revision": client.protocol_version,
            "tools": [tool.name for tool in tools],
            "text": text.content[0].text,
            "error": [error.is_error, error.content[0].text],
            "progress": told,
            "unknown": unknown,
            "asked": asked.content[0].text,
            "ping": ping,
        }
    print(json.dumps(saw))


asyncio.run(main(*sys.argv[1:]))
