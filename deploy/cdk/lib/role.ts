// The permissions of the function. It has no others.

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { Settled } from './props';

/** The actions with which Lambda manages network interfaces; they cannot be limited to resources. */
const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** Creates the function's role. */
export function role(scope: Construct, props: Settled, logGroup: logs.LogGroup, table?: dynamodb.CfnTable): iam.IRole {
  const functionArn = Stack.of(scope).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: props.name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const statements: iam.PolicyStatementProps[] = [
    { sid: 'Log', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] },
    // These actions cannot be limited to resources.
    { sid: 'Trace', actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], resources: ['*'] },
  ];
  if (table) {
    statements.push({
      sid: 'Sessions',
      actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      resources: [table.attrArn],
    });
  }
  if (props.vpc) {
    statements.push(
      { sid: 'Network', actions: INTERFACE_ACTIONS, resources: ['*'] },
      // The function's own code, including plugins, must not use these actions.
      {
        sid: 'NetworkNotByCode',
        effect: iam.Effect.DENY,
        actions: INTERFACE_ACTIONS,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
      },
    );
  }
  const made = new iam.Role(scope, 'Role', {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      host: new iam.PolicyDocument({ statements: statements.map((statement) => new iam.PolicyStatement(statement)) }),
    },
  });
  // No other construct may add to it.
  return made.withoutPolicyUpdates();
}
