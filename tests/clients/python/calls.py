"""Makes calls by the official Python SDK, each request to another of several servers that must act as one.

Usage: calls.py MODE SERVERS CALLS, as of `calls.mjs` beside the TypeScript SDKs. Prints what that prints.
"""

import asyncio
import json
import sys

import httpx2
import mcp
from mcp.client.streamable_http import streamable_http_client


class InTurn(httpx2.AsyncBaseTransport):
    """Sends each request to the next server, but every fifth to the same server as the one before it."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = [httpx2.URL(url) for url in urls]
        self.reached = [{} for _ in urls]
        self.requests = 0
        self.inner = httpx2.AsyncHTTPTransport()
        self.session = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        turn = (self.requests + self.requests // 5) % len(self.urls)
        self.requests += 1
        body = await request.aread()
        method = json.loads(body)["method"] if body else request.method
        self.reached[turn][method] = self.reached[turn].get(method, 0) + 1
        request.url = self.urls[turn]
        request.headers["Host"] = request.url.netloc.decode()
        self.session = self.session or "mcp-session-id" in request.headers
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def main(mode: str, servers: str, calls: str) -> None:
    urls = servers.split(",")
    in_turn = InTurn(urls)
    results, lists = [], set()
    async with httpx2.AsyncClient(transport=in_turn, timeout=60) as http:
        async with mcp.Client(streamable_http_client(urls[0], http_client=http), mode=mode) as client:
            for name, given in json.loads(calls):
                tools = (await client.list_tools()).tools
                lists.add(json.dumps([tool.name for tool in tools]))
                named = (results[0]["structuredContent"] or {}).get("list") if results else None
                arguments = {key: named if value == "LIST" else value for key, value in given.items()}
                arguments = {key: value for key, value in arguments.items() if value is not None}
                result = await client.call_tool(name, arguments)
                results.append(result.model_dump(by_alias=True, mode="json"))
    seen = {"results": results, "lists": [json.loads(names) for names in lists]}
    print(json.dumps(seen | {"session": in_turn.session, "reached": in_turn.reached}))


asyncio.run(main(*sys.argv[1:]))
