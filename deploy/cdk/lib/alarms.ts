// Alarms.

import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { Settled } from './props';

/** Adds the alarms of the function and its table. */
export function alarms(scope: Construct, props: Settled, host: lambda.Function, table?: dynamodb.CfnTable): void {
  const alarm = (id: string, metric: Partial<cloudwatch.CfnAlarmProps>, threshold = 0) =>
    new cloudwatch.CfnAlarm(scope, id, {
      ...metric,
      ...(metric.extendedStatistic ? {} : { statistic: 'Sum' }),
      period: 300,
      evaluationPeriods: 1,
      comparisonOperator: 'GreaterThanThreshold',
      threshold,
      treatMissingData: 'notBreaching',
      alarmActions: props.alarmTopics,
      okActions: props.alarmTopics,
    });
  const ofFunction = (metricName: string) => ({
    namespace: 'AWS/Lambda',
    metricName,
    dimensions: [{ name: 'FunctionName', value: host.functionName }],
  });
  const slow = props.alarmP99Ms ?? 5000;
  alarm('ErrorsAlarm', {
    ...ofFunction('Errors'),
    alarmDescription: 'Requests that failed without a response: a crash, the time limit, or no memory left.',
  });
  alarm('ThrottlesAlarm', {
    ...ofFunction('Throttles'),
    alarmDescription: 'Requests that Lambda rejected: the concurrency limit is reached.',
  });
  alarm(
    'SlowAlarm',
    {
      ...ofFunction('Duration'),
      extendedStatistic: 'p99',
      alarmDescription: `One request in a hundred takes longer than ${slow} ms.`,
    },
    slow,
  );
  if (!table) return;
  for (const metricName of ['ReadThrottleEvents', 'WriteThrottleEvents']) {
    alarm(`Table${metricName}Alarm`, {
      namespace: 'AWS/DynamoDB',
      metricName,
      dimensions: [{ name: 'TableName', value: table.ref }],
      alarmDescription: 'DynamoDB rejected requests for sessions: callers got status 503.',
    });
  }
}
