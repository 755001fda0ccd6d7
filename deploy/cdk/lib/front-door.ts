// The front door of the function. No gateway handles CORS: the host does.

import { createHash } from 'node:crypto';
import { Fn, Stack } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as apigatewayv2 from 'aws-cdk-lib/aws-apigatewayv2';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Settled } from './props';

/** The parts of a front door that other resources refer to. */
export interface FrontDoorResources {
  readonly url: string;
  /** ARN of the API, if it is one. */
  readonly apiArn?: string;
}

/** Creates the configured front door. */
export function frontDoor(
  scope: Construct,
  props: Settled,
  host: lambda.Function,
  alias: lambda.Alias,
): FrontDoorResources {
  if (props.isUrl) return functionUrl(scope, props, host, alias);
  const made = props.isHttp ? httpApi(scope, props, alias) : restApi(scope, props, alias);
  // The API may invoke the function only for its two paths.
  for (const path of ['mcp', 'health']) {
    new lambda.CfnPermission(scope, `Allow-${path}`, {
      action: 'lambda:InvokeFunction',
      functionName: alias.functionArn,
      principal: 'apigateway.amazonaws.com',
      sourceArn: `${made.apiArn}/*/*/${path}`,
    });
  }
  return made;
}

function apiArn(scope: Construct, id: string): string {
  return Stack.of(scope).formatArn({ service: 'execute-api', resource: id });
}

function httpApi(scope: Construct, props: Settled, alias: lambda.Alias): FrontDoorResources {
  const api = new apigatewayv2.CfnApi(scope, 'Api', { name: props.name, protocolType: 'HTTP' });
  const integration = new apigatewayv2.CfnIntegration(scope, 'Integration', {
    apiId: api.ref,
    integrationType: 'AWS_PROXY',
    integrationUri: alias.functionArn,
    payloadFormatVersion: '2.0',
  });
  // Credentials are checked by the gateway, by the host (bearer), or not at all (none).
  let authorization: { authorizationType: string; authorizerId?: string } = {
    authorizationType: props.auth === 'iam' ? 'AWS_IAM' : 'NONE',
  };
  if (props.jwt) {
    const authorizer = new apigatewayv2.CfnAuthorizer(scope, 'Jwt', {
      apiId: api.ref,
      name: 'jwt',
      authorizerType: 'JWT',
      identitySource: ['$request.header.Authorization'],
      jwtConfiguration: props.jwt,
    });
    authorization = { authorizationType: 'JWT', authorizerId: authorizer.ref };
  }
  const route = (id: string, routeKey: string, by: typeof authorization) =>
    new apigatewayv2.CfnRoute(scope, id, {
      apiId: api.ref,
      routeKey,
      target: `integrations/${integration.ref}`,
      ...by,
    });
  route('McpRoute', 'ANY /mcp', authorization);
  route('HealthRoute', 'GET /health', authorization);
  // A browser sends a preflight without credentials before it calls; the host answers it.
  if (props.allowedOrigins.length > 0) route('PreflightRoute', 'OPTIONS /mcp', { authorizationType: 'NONE' });
  new apigatewayv2.CfnStage(scope, 'Stage', {
    apiId: api.ref,
    stageName: '$default',
    autoDeploy: true,
    defaultRouteSettings: { throttlingRateLimit: props.throttling.rate, throttlingBurstLimit: props.throttling.burst },
  });
  return { url: `${api.attrApiEndpoint}/mcp`, apiArn: apiArn(scope, api.ref) };
}

function restApi(scope: Construct, props: Settled, alias: lambda.Alias): FrontDoorResources {
  const stack = Stack.of(scope);
  const [version, action] = props.streaming
    ? ['2021-11-15', 'response-streaming-invocations']
    : ['2015-03-31', 'invocations'];
  const integration = {
    type: 'aws_proxy',
    httpMethod: 'POST',
    responseTransferMode: props.streaming ? 'STREAM' : 'BUFFERED',
    uri: `arn:${stack.partition}:apigateway:${stack.region}:lambda:path/${version}/functions/${alias.functionArn}/${action}`,
  };
  const signed = props.auth === 'iam';
  const open = { responses: {}, 'x-amazon-apigateway-integration': integration };
  const method = { ...open, ...(signed ? { security: [{ sigv4: [] }] } : {}) };
  const sigv4 = { type: 'apiKey', name: 'Authorization', in: 'header', 'x-amazon-apigateway-authtype': 'awsSigv4' };
  const body = {
    openapi: '3.0.1',
    info: { title: props.name, version: '1' },
    paths: {
      '/mcp': {
        'x-amazon-apigateway-any-method': method,
        ...(props.allowedOrigins.length > 0 ? { options: open } : {}),
      },
      '/health': { get: method },
    },
    ...(signed ? { components: { securitySchemes: { sigv4 } } } : {}),
  };
  const api = new apigateway.CfnRestApi(scope, 'Api', {
    name: props.name,
    body,
    endpointConfiguration: { types: ['REGIONAL'] },
  });
  // A deployment is immutable: a changed API needs one with another name.
  const hash = createHash('sha256')
    .update(JSON.stringify(stack.resolve(body)))
    .digest('hex')
    .slice(0, 8);
  const deployment = new apigateway.CfnDeployment(scope, `Deployment${hash}`, { restApiId: api.ref });
  const stage = new apigateway.CfnStage(scope, 'Stage', {
    restApiId: api.ref,
    deploymentId: deployment.ref,
    stageName: 'live',
    tracingEnabled: true,
    methodSettings: [
      {
        resourcePath: '/*',
        httpMethod: '*',
        throttlingRateLimit: props.throttling.rate,
        throttlingBurstLimit: props.throttling.burst,
      },
    ],
  });
  const url = Fn.sub('https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}/mcp', {
    Api: api.ref,
    Stage: stage.ref,
  });
  return { url, apiArn: apiArn(scope, api.ref) };
}

function functionUrl(scope: Construct, props: Settled, host: lambda.Function, alias: lambda.Alias): FrontDoorResources {
  const authType = props.auth === 'iam' ? 'AWS_IAM' : 'NONE';
  const url = new lambda.CfnUrl(scope, 'Url', {
    targetFunctionArn: host.functionArn,
    qualifier: alias.aliasName,
    authType,
    invokeMode: props.streaming ? 'RESPONSE_STREAM' : 'BUFFERED',
  });
  url.node.addDependency(alias);
  // The principals that the function's own policy must allow: callers of this account have their own policy. A URL needs two
  // permissions. The second is for the URL alone; otherwise everybody could invoke the function past the host's token check.
  const principals = props.auth === 'iam' ? props.callers : ['*'];
  principals.forEach((principal, position) => {
    const permission = { functionName: alias.functionArn, principal };
    new lambda.CfnPermission(scope, `AllowUrl${position}`, {
      ...permission,
      action: 'lambda:InvokeFunctionUrl',
      functionUrlAuthType: authType,
    });
    new lambda.CfnPermission(scope, `AllowInvoke${position}`, {
      ...permission,
      action: 'lambda:InvokeFunction',
      invokedViaFunctionUrl: true,
    });
  });
  return { url: `${url.attrFunctionUrl}mcp` };
}
