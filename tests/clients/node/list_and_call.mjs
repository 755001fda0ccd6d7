// Lists the tools of an MCP server and calls the three of custom-tools, by the official TypeScript SDKs.
//
// Usage: list_and_call.mjs URL MODE, where MODE is legacy, auto or 2026-07-28 (client 2.x), or v1 (sdk 1.x).
// Prints one JSON object.

const [url, mode] = process.argv.slice(2);

async function connect() {
  const identity = { name: "tests", version: "1.0.0" };
  if (mode === "v1") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client(identity);
    const transport = new StreamableHTTPClientTransport(new URL(url));
    await client.connect(transport);
    return { client, transport };
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const negotiation = mode === "2026-07-28" ? { pin: mode } : mode;
  const client = new Client(identity, { versionNegotiation: { mode: negotiation } });
  const transport = new StreamableHTTPClientTransport(new URL(url));
  await client.connect(transport);
  return { client, transport };
}

const { client, transport } = await connect();
const { tools } = await client.listTools();
const texts = [];
for (const [name, args] of [
  ["greet", { name: "Ada" }],
  ["multiply", { x: 5, y: 3 }],
  ["add", { a: 2, b: 40 }],
]) {
  const result = await client.callTool({ name, arguments: args });
  texts.push(result.content[0].text);
}
const session = transport.sessionId ?? null;
if (session) await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), texts, session: session !== null }));
