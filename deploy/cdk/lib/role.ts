// What the function may do: nothing but what stands here.

import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { Settled } from './props';

/** Lambda's own hands for a network interface; none has resources that could be named. */
const INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** The function's role. */
export function role(scope: Construct, props: Settled, logGroup: logs.LogGroup, table?: dynamodb.CfnTable): iam.IRole {
  const functionArn = Stack.of(scope).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: props.name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  const statements: iam.PolicyStatementProps[] = [
    { sid: 'Log', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], resources: [logGroup.logGroupArn] },
    // Traces have no resource that could be named.
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
      // The same by the code of the function itself, plugins among it, is none of its business.
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
  // So that no construct adds to it.
  return made.withoutPolicyUpdates();
}
