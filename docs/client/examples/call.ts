// Lists the tools of a server, and calls one: `node call.ts URL`. Needs Node.js 22.18 or later, and
// `npm install @modelcontextprotocol/client`.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const url: string = process.argv[2];
const client = new Client({ name: "example", version: "1.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));

const { tools } = await client.listTools();
console.log("tools:", tools.map((tool) => tool.name).join(", "));

let result = await client.callTool({ name: "multiply", arguments: { x: 6, y: 7 } });
console.log("result:", result.content[0].text);

// Errors of a tool are results: a model reads their text.
result = await client.callTool({ name: "multiply", arguments: { x: 6 } });
if (result.isError) console.log("error:", result.content[0].text);

await client.close();
