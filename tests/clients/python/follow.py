"""Calls the tool `follow` by the official Python SDK, which continues only when its client has received each step.

Usage: follow.py MODE URL FOLDER, where MODE is legacy or 2026-07-28. Prints what it heard and got, in that order.
"""

import asyncio
import json
import pathlib
import sys

import mcp


async def main(mode: str, url: str, folder: str) -> None:
    seen = []

    async def progress(done: float, total: float | None, _message: str | None) -> None:
        seen.append(f"{int(done)} of {int(total)}")
        pathlib.Path(folder, str(int(done))).touch()

    async with mcp.Client(url, mode=mode) as client:
        result = await client.call_tool("follow", {"folder": folder}, progress_callback=progress)
        seen.append(result.content[0].text)
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
