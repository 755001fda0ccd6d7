"""Lists and calls through Lambda's Invoke API, as AWS's own adapter does (run-mcp-servers-with-aws-lambda)."""

import asyncio
import json
import sys

from mcp import ClientSession, McpError
from mcp_lambda import LambdaFunctionParameters, lambda_function_client


async def main() -> None:
    function = LambdaFunctionParameters(function_name="mcp-host", region_name="eu-west-1")
    async with lambda_function_client(function) as streams, ClientSession(*streams) as session:
        begun = await session.initialize()
        listed = await session.list_tools()
        called = await session.call_tool("multiply", {"x": 6, "y": 7})
        failed = await session.call_tool("multiply", {"x": 6})
        try:
            await session.call_tool("divide", {})
            unknown = None
        except McpError as error:
            unknown = error.error.code
        seen = {
            "revision": begun.protocolVersion,
            "tools": [tool.name for tool in listed.tools],
            "text": called.content[0].text,
            "failed": [failed.isError, failed.content[0].text],
            "unknown": unknown,
        }
        json.dump(seen, sys.stdout)


asyncio.run(main())
