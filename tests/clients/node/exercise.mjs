// Exercises an MCP server of the conformance tools as clients do, by the official TypeScript SDKs.
//
// Usage: exercise.mjs MODE SERVER, where MODE is legacy, auto or 2026-07-28 (client 2.x), or v1 (sdk 1.x), and SERVER a URL,
// or a `bootstrap` to start over stdio. Prints what it saw as one JSON object.

const [mode, server] = process.argv.slice(2);
const identity = { name: "tests", version: "1.0.0" };

async function connect() {
  if (mode === "v1") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    return connected(new Client(identity), StreamableHTTPClientTransport, StdioClientTransport);
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const { StdioClientTransport } = await import("@modelcontextprotocol/client/stdio");
  const negotiation = mode === "2026-07-28" ? { pin: mode } : mode;
  const client = new Client(identity, { versionNegotiation: { mode: negotiation }, capabilities: { elicitation: {} } });
  client.setRequestHandler("elicitation/create", async ({ params }) => ({
    action: "accept",
    content: "name" in params.requestedSchema.properties ? { name: "Ada" } : { color: "blue" },
  }));
  return connected(client, StreamableHTTPClientTransport, StdioClientTransport);
}

async function connected(client, Http, Stdio) {
  const started = { command: server, args: ["stdio"], env: { MCP_PLUGIN_DIR: process.env.MCP_PLUGIN_DIR ?? "" }, stderr: "ignore" };
  const transport = server.startsWith("http") ? new Http(new URL(server)) : new Stdio(started);
  await client.connect(transport);
  return { client, transport };
}

const { client, transport } = await connect();
const { tools } = await client.listTools();
const call = (name, args, options) =>
  mode === "v1"
    ? client.callTool({ name, arguments: args }, undefined, options)
    : client.callTool({ name, arguments: args }, options);
const text = await call("test_x_mcp_header", { region: "eu" });
const error = await call("test_error_handling", {});
// The SDKs drop messages that they read together with the response. Over stdio that depends on the pipe, so this retries.
let progress;
for (let attempt = 0; attempt < 20; attempt++) {
  progress = [];
  await call("test_tool_with_progress", {}, { onprogress: (told) => progress.push([told.progress, told.total]) });
  if (progress.length === 3 || server.startsWith("http")) break;
}
const unknown = await call("nothing", {}).then(
  () => null,
  (refused) => refused.code,
);
// In two rounds, each of which asks.
const asked = await call("test_input_required_result_multi_round", {});
const legacy = mode === "legacy" || mode === "v1";
const ping = legacy ? (await client.ping()) !== undefined : null;
// By DELETE. (The other SDKs do so by themselves.)
if (transport.sessionId) await transport.terminateSession();
await client.close();
console.log(
  JSON.stringify({
    tools: tools.map((tool) => tool.name),
    text: text.content[0].text,
    error: [error.isError, error.content[0].text],
    progress,
    unknown,
    asked: asked.content[0].text,
    ping,
  }),
);
