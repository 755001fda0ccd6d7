// Makes calls by the official TypeScript SDKs, each request to another of several servers that must act as one.
//
// Usage: calls.mjs MODE SERVERS CALLS, where MODE is legacy or 2026-07-28 (client 2.x), or v1 (sdk 1.x), SERVERS are URLs,
// comma-separated, and CALLS is JSON, [[TOOL, ARGUMENTS], ...]; an argument "LIST" is the `list` of the first answer, or left
// out when that has none. Prints the results, the different lists of tools that it saw before each call, and how
// often it has reached each server with which method, as one JSON object.

const [mode, servers, calls] = process.argv.slice(2);
const urls = servers.split(",");
const reached = urls.map(() => ({}));
let requests = 0;

// Every fifth goes to the same server as the one before it, so that no kind of message always reaches one server.
function inTurn(_url, init) {
  const turn = (requests + Math.floor(requests / 5)) % urls.length;
  requests++;
  const method = init?.body ? JSON.parse(init.body).method : (init?.method ?? "GET");
  reached[turn][method] = (reached[turn][method] ?? 0) + 1;
  return fetch(urls[turn], init);
}

async function connect() {
  const identity = { name: "tests", version: "1.0.0" };
  const at = [new URL(urls[0]), { fetch: inTurn }];
  if (mode === "v1") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    return connected(new Client(identity), new StreamableHTTPClientTransport(...at));
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const negotiation = mode === "2026-07-28" ? { pin: mode } : mode;
  const client = new Client(identity, { versionNegotiation: { mode: negotiation } });
  return connected(client, new StreamableHTTPClientTransport(...at));
}

async function connected(client, transport) {
  await client.connect(transport);
  return { client, transport };
}

const { client, transport } = await connect();
const lists = new Set();
const results = [];
for (const [name, given] of JSON.parse(calls)) {
  const { tools } = await client.listTools();
  lists.add(JSON.stringify(tools.map((tool) => tool.name)));
  const list = results[0]?.structuredContent?.list;
  const args = Object.entries(given).map(([key, value]) => [key, value === "LIST" ? list : value]);
  results.push(await client.callTool({ name, arguments: Object.fromEntries(args) }));
}
const session = transport.sessionId !== undefined;
if (session) await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ results, lists: [...lists].map((list) => JSON.parse(list)), session, reached }));
