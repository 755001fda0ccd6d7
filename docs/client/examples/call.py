"""Lists the tools of a server, and calls one: `call.py URL`. Needs `pip install mcp`, release 2."""

import asyncio
import sys

import mcp


async def main(url: str) -> None:
    async with mcp.Client(url) as client:
        listed = await client.list_tools()
        print("tools:", ", ".join(tool.name for tool in listed.tools))

        result = await client.call_tool("multiply", {"x": 6, "y": 7})
        print("result:", result.content[0].text)

        # Errors of a tool are results: a model reads their text.
        result = await client.call_tool("multiply", {"x": 6})
        if result.is_error:
            print("error:", result.content[0].text)


asyncio.run(main(sys.argv[1]))
