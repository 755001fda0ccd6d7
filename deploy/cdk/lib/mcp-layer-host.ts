// The function with its layers, table, role, alarms and front door.

import { CfnDeletionPolicy, Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { alarms } from './alarms';
import { bootstrapCpu, plugins } from './archive';
import { callerPolicy, clients, curl } from './callers';
import { FrontDoorResources, frontDoor } from './front-door';
import { check, McpLayerHostProps, Settled, settle } from './props';
import { role } from './role';
import { select, Selection } from './selection';

export { Auth, FrontDoor, McpLayerHostProps } from './props';

/** CPUs as Rust names them. */
const CPU = { x86_64: 'x86_64', arm64: 'aarch64' };

/**
 * An MCP server: the host as a function, tools from its layers.
 *
 * Its constructor throws all problems of the configuration, the tools and the archives at once.
 */
export class McpLayerHost extends Construct {
  /** The MCP endpoint. */
  readonly url: string;
  /** A command that lists the tools. */
  readonly curl: string;
  /** The configuration of some MCP clients. */
  readonly clients: Record<string, string>;
  /** With auth iam: the policy that lets a role or user of this account call. */
  readonly callerPolicy?: object;
  /** The function. Call it by its alias. */
  readonly function: lambda.Function;
  /** The alias `live`, by which all callers reach the function. */
  readonly alias: lambda.Alias;
  /** The table of sessions, if there is one. */
  readonly table?: dynamodb.CfnTable;
  /** The selection of plugins and tools, as derived from tools.json. */
  readonly selection: Selection;

  constructor(scope: Construct, id: string, given: McpLayerHostProps) {
    super(scope, id);
    const props = settle(given);
    this.selection = checked(given, props);
    this.table = props.sessionTable ? table(this, props) : undefined;
    this.function = this.makeFunction(props);
    this.alias = new lambda.Alias(this, 'Live', {
      aliasName: 'live',
      version: this.function.currentVersion,
      provisionedConcurrentExecutions: props.provisionedConcurrency,
    });
    alarms(this, props, this.function, this.table);
    const door: FrontDoorResources = frontDoor(this, props, this.function, this.alias);
    this.url = door.url;
    this.curl = curl(this, props, door.url);
    this.clients = clients(this, props, door.url);
    this.callerPolicy = callerPolicy(props, this.alias, door.apiArn);
  }

  private makeFunction(props: Settled): lambda.Function {
    const architecture = props.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64;
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${props.name}`,
      retention: props.logRetentionDays ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const layers = props.layers.map(
      (zip, position) =>
        new lambda.LayerVersion(this, `Layer${position + 1}`, {
          layerVersionName: `${props.name}-tools-${position + 1}`,
          code: lambda.Code.fromAsset(zip),
          compatibleRuntimes: [lambda.Runtime.PROVIDED_AL2023],
          compatibleArchitectures: [architecture],
          // Older versions of the function need their layers, for a rollback.
          removalPolicy: RemovalPolicy.RETAIN,
        }),
    );
    const made = new lambda.Function(this, 'Function', {
      functionName: props.name,
      description: 'MCP server: tools of Lambda layers',
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      architecture,
      code: lambda.Code.fromAsset(props.functionZip),
      layers,
      role: role(this, props, logGroup, this.table),
      memorySize: props.memorySize ?? 256,
      timeout: Duration.seconds(props.timeout ?? 30),
      reservedConcurrentExecutions: props.reservedConcurrency,
      environment: this.variables(props),
      logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: (props.logLevel ?? 'INFO') as lambda.ApplicationLogLevel,
      tracing: lambda.Tracing.ACTIVE,
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    });
    const plain = made.node.defaultChild as lambda.CfnFunction;
    // By ids only: a lookup of the VPC needs an account at synthesis.
    plain.vpcConfig = props.vpc;
    plain.codeSigningConfigArn = props.codeSigningConfigArn;
    // The dependency on its role is redundant, since it refers to the role: cfn-lint's W3005.
    plain.addDeletionOverride('DependsOn');
    return made;
  }

  private variables(props: Settled): Record<string, string> {
    const own: Record<string, string> = {
      ENTRY_FILE: this.selection.entryFile.join(','),
      TOOLS_LIST: this.selection.tools.join(','),
      MCP_RESPONSE_MODE: props.streaming ? 'stream' : 'buffered',
      MCP_BEARER_TOKENS: props.bearerTokens.join(','),
      MCP_ALLOWED_ORIGINS: props.allowedOrigins.join(','),
      MCP_METRICS: props.metrics ? 'emf' : '',
    };
    const variables = {
      ...props.environment,
      ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== '')),
    };
    return this.table ? { ...variables, MCP_SESSION_TABLE: this.table.ref } : variables;
  }
}

/** Returns the selection; throws all problems. */
function checked(given: McpLayerHostProps, props: Settled): Selection {
  const problems = check(given, props);
  const wanted = CPU[props.architecture];
  const found = props.layers.flatMap((zip) => plugins(zip, problems));
  for (const { zip, file, cpu } of found) {
    if (cpu !== wanted) {
      problems.push(
        `${zip}: ${file} is for ${cpu}, but the function is for ${wanted}; build it with \`cargo layer build --arch ${props.architecture}\`, or set architecture`,
      );
    }
  }
  const cpu = bootstrapCpu(props.functionZip, problems);
  if (cpu !== undefined && cpu !== wanted) {
    problems.push(
      `${props.functionZip}: bootstrap is for ${cpu}, but the function is for ${wanted}; build it with \`cargo layer host --arch ${props.architecture}\`, or set architecture`,
    );
  }
  const selection = select(props.tools, found, problems);
  const size = Object.entries({
    ENTRY_FILE: selection.entryFile.join(),
    TOOLS_LIST: selection.tools.join(),
    MCP_BEARER_TOKENS: props.bearerTokens.join(),
    ...props.environment,
  });
  if (size.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > 4096) {
    problems.push('environment: Lambda accepts at most 4 KB of variables; serve fewer tools, or use several functions');
  }
  if (problems.length > 0) throw new Error(`the configuration has problems:\n${problems.join('\n')}`);
  return selection;
}

/** Creates the table of sessions and of tool state. */
function table(scope: Construct, props: Settled): dynamodb.CfnTable {
  const made = new dynamodb.CfnTable(scope, 'Sessions', {
    billingMode: 'PAY_PER_REQUEST',
    keySchema: [{ attributeName: 'session_id', keyType: 'HASH' }],
    attributeDefinitions: [{ attributeName: 'session_id', attributeType: 'S' }],
    timeToLiveSpecification: { enabled: true, attributeName: 'expires_at' },
    // Encrypted with an AWS managed key of the account (aws/dynamodb); CloudTrail records its use.
    sseSpecification: { sseEnabled: true },
    deletionProtectionEnabled: props.tableDeletionProtection ?? true,
  });
  made.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN;
  made.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  return made;
}
