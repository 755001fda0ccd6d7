// Calls the tool `follow` by the official TypeScript SDKs, which continues only when its client has received each step.
//
// Usage: follow.mjs MODE URL FOLDER, where MODE is legacy or 2026-07-28 (client 2.x), or v1 (sdk 1.x). Prints the progress
// and the result, in that order.

import { writeFileSync } from "node:fs";

const [mode, url, folder] = process.argv.slice(2);
const identity = { name: "tests", version: "1.0.0" };

async function connect() {
  if (mode === "v1") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    return connected(new Client(identity), new StreamableHTTPClientTransport(new URL(url)));
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const negotiation = mode === "2026-07-28" ? { pin: mode } : mode;
  const client = new Client(identity, { versionNegotiation: { mode: negotiation } });
  return connected(client, new StreamableHTTPClientTransport(new URL(url)));
}

async function connected(client, transport) {
  await client.connect(transport);
  return client;
}

const client = await connect();
const seen = [];
const onprogress = ({ progress, total }) => {
  seen.push(`${progress} of ${total}`);
  writeFileSync(`${folder}/${progress}`, "");
};
const call = { name: "follow", arguments: { folder } };
const result = await (mode === "v1"
  ? client.callTool(call, undefined, { onprogress })
  : client.callTool(call, { onprogress }));
seen.push(result.content[0].text);
await client.close();
console.log(JSON.stringify(seen));
