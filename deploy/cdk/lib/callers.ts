// The configuration and the policy of callers.

import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Settled } from './props';

const byToken = (props: Settled) => props.auth === 'jwt' || props.auth === 'bearer';
const service = (props: Settled) => (props.isUrl ? 'lambda' : 'execute-api');

/** Returns a command that lists the tools. */
export function curl(scope: Construct, props: Settled, url: string): string {
  const credentials = byToken(props)
    ? ' -H "Authorization: Bearer $MCP_TOKEN"'
    : props.auth === 'iam'
      ? ` --aws-sigv4 aws:amz:${Stack.of(scope).region}:${service(props)}` +
        ' --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "X-Amz-Security-Token: $AWS_SESSION_TOKEN"'
      : '';
  return `curl -s ${url}${credentials} -H 'Content-Type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`;
}

/** Returns the configuration of some MCP clients; `cargo layer connect` knows others. */
export function clients(scope: Construct, props: Settled, url: string): Record<string, string> {
  const stack = Stack.of(scope);
  const configuration = (entry: object, variable: string) => {
    const headers = byToken(props) ? { headers: { Authorization: `Bearer ${variable}` } } : {};
    // These clients cannot sign requests, so they start AWS's proxy, which can.
    const server =
      props.auth === 'iam'
        ? {
            command: 'uvx',
            args: ['mcp-proxy-for-aws@latest', url, '--service', service(props), '--region', stack.region],
          }
        : { ...entry, url, ...headers };
    return stack.toJsonString({ mcpServers: { [props.name]: server } });
  };
  return { ClaudeCode: configuration({ type: 'http' }, '${MCP_TOKEN}'), Cursor: configuration({}, '${env:MCP_TOKEN}') };
}

/** Returns the policy that lets a role or user of this account call, with auth iam. */
export function callerPolicy(props: Settled, alias: lambda.Alias, apiArn?: string): object | undefined {
  if (props.auth !== 'iam') return undefined;
  const allow = (Action: string, Resource: string, more = {}) => ({ Effect: 'Allow', Action, Resource, ...more });
  const Statement = apiArn
    ? [allow('execute-api:Invoke', `${apiArn}/*/*/mcp`)]
    : [
        allow('lambda:InvokeFunctionUrl', alias.functionArn),
        allow('lambda:InvokeFunction', alias.functionArn, {
          Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
        }),
      ];
  return { Version: '2012-10-17', Statement };
}
