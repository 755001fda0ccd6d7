"""Lists the tools of an MCP server and calls the three of custom-tools, by the official Python SDK.

Usage: list_and_call.py URL MODE, where MODE is auto, legacy or 2026-07-28. Prints one JSON object.
"""

import asyncio
import json
import sys

import mcp


async def main(url: str, mode: str) -> None:
    async with mcp.Client(url, mode=mode) as client:
        tools = (await client.list_tools()).tools
        greeting = await client.call_tool("greet", {"name": "Ada"})
        product = await client.call_tool("multiply", {"x": 5, "y": 3})
        total = await client.call_tool("add", {"a": 2, "b": 40})
        print(
            json.dumps(
                {
                    "tools": [tool.name for tool in tools],
                    "texts": [result.content[0].text for result in (greeting, product, total)],
                    "revision": client.protocol_version,
                }
            )
        )


asyncio.run(main(*sys.argv[1:]))
