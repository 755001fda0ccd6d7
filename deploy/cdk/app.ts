// Creates one stack from config.json (or the file that MCP_CONFIG names). Paths in that file are relative to it.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { McpLayerHost, McpLayerHostProps } from './lib/mcp-layer-host';

const file = resolve(process.env.MCP_CONFIG ?? 'config.json');
const props = JSON.parse(readFileSync(file, 'utf8')) as McpLayerHostProps;
const beside = (path: string) => resolve(dirname(file), path);

const app = new App();
const stack = new Stack(app, props.name, { description: 'MCP server: tools of Lambda layers' });
const server = new McpLayerHost(stack, 'Mcp', {
  ...props,
  tools: beside(props.tools),
  layers: props.layers.map(beside),
  functionZip: beside(props.functionZip),
});

new CfnOutput(stack, 'Url', { value: server.url, description: 'The MCP endpoint' });
new CfnOutput(stack, 'Curl', { value: server.curl, description: 'A command that lists the tools' });
for (const [client, configuration] of Object.entries(server.clients)) {
  new CfnOutput(stack, client, { value: configuration, description: `The configuration for ${client}` });
}
if (server.callerPolicy) {
  new CfnOutput(stack, 'CallerPolicy', {
    value: stack.toJsonString(server.callerPolicy),
    description: 'The policy that lets a role or user of this account call',
  });
}
