// The configuration, its defaults and its checks.

/** The front door of the function. */
export type FrontDoor = 'http_api' | 'rest_api' | 'rest_api_stream' | 'function_url' | 'function_url_stream';

/** The authentication of callers: `none` admits everyone who knows the URL. */
export type Auth = 'iam' | 'jwt' | 'bearer' | 'none';

/** Properties of an {@link McpLayerHost}. */
export interface McpLayerHostProps {
  /** Name of the function, and prefix of all other names. */
  readonly name: string;
  /** Path of tools.json, which selects the plugins and the tools to serve. */
  readonly tools: string;
  /** Paths of one to five layers made by `cargo layer build`; later ones are unpacked over earlier ones. */
  readonly layers: string[];
  /** Path of the archive made by `cargo layer host`. */
  readonly functionZip: string;
  /** CPU of the function. @default x86_64 */
  readonly architecture?: 'x86_64' | 'arm64';

  /** The front door of the function. @default http_api */
  readonly frontDoor?: FrontDoor;
  /**
   * The authentication of callers: signed requests (`iam`), tokens of an issuer (`jwt`; http_api only), the host's tokens (`bearer`).
   * @default iam
   */
  readonly auth?: Auth;
  /** With auth bearer: entries NAME:HASH, as `cargo layer token NAME` prints them. Never a token itself. */
  readonly bearerTokens?: string[];
  /** With auth jwt: the issuer and the audiences of accepted tokens. */
  readonly jwt?: { readonly issuer: string; readonly audience: string[] };
  /** With auth iam and a Function URL: ARNs of callers outside of this account. @default none */
  readonly callers?: string[];
  /** Origins of web pages that may call, such as https://app.example.com. @default none */
  readonly allowedOrigins?: string[];
  /** The throttling of an API: requests per second, and a burst. @default 50 and 100 */
  readonly throttling?: { readonly rate: number; readonly burst: number };

  /** Memory. Unit: MB. @default 256 */
  readonly memorySize?: number;
  /** The time limit of a request. Unit: seconds. @default 30 */
  readonly timeout?: number;
  /** The maximum number of environments at once. @default the account's limit */
  readonly reservedConcurrency?: number;
  /** The number of environments that are kept ready. @default none */
  readonly provisionedConcurrency?: number;
  /** The subnets and security groups to run in. @default outside of any VPC */
  readonly vpc?: { readonly subnetIds: string[]; readonly securityGroupIds: string[] };
  /** Other variables, of the host or of the tools. No secrets: everyone who can read the function can read them. */
  readonly environment?: Record<string, string>;
  /** ARN of the code signing configuration that function and layers must satisfy. @default none */
  readonly codeSigningConfigArn?: string;

  /** Whether to create a DynamoDB table for sessions and tool state. @default true */
  readonly sessionTable?: boolean;
  /** Whether DynamoDB refuses to delete the table. It stays when the stack is deleted, in any case. @default true */
  readonly tableDeletionProtection?: boolean;

  /** The lowest level that is logged: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. @default INFO */
  readonly logLevel?: string;
  /** The retention of logs. Unit: days. @default 30 */
  readonly logRetentionDays?: number;
  /** Whether to write metrics of the function and of each tool (MCP_METRICS=emf). CloudWatch bills each. @default false */
  readonly metrics?: boolean;
  /** ARNs of SNS topics to notify of alarms. @default none */
  readonly alarmTopics?: string[];
  /** The threshold of the alarm of slow requests, for the 99th percentile. Unit: milliseconds. @default 5000 */
  readonly alarmP99Ms?: number;
}

// Every key, so that a misspelled key in a JSON file is an error, and not a default.
const KEYS: Record<keyof McpLayerHostProps, true> = {
  name: true,
  tools: true,
  layers: true,
  functionZip: true,
  architecture: true,
  frontDoor: true,
  auth: true,
  bearerTokens: true,
  jwt: true,
  callers: true,
  allowedOrigins: true,
  throttling: true,
  memorySize: true,
  timeout: true,
  reservedConcurrency: true,
  provisionedConcurrency: true,
  vpc: true,
  environment: true,
  codeSigningConfigArn: true,
  sessionTable: true,
  tableDeletionProtection: true,
  logLevel: true,
  logRetentionDays: true,
  metrics: true,
  alarmTopics: true,
  alarmP99Ms: true,
};
const DOORS = ['http_api', 'rest_api', 'rest_api_stream', 'function_url', 'function_url_stream'];
const AUTHS = ['iam', 'jwt', 'bearer', 'none'];
const RESERVED = [
  'ENTRY_FILE',
  'TOOLS_LIST',
  'MCP_RESPONSE_MODE',
  'MCP_BEARER_TOKENS',
  'MCP_ALLOWED_ORIGINS',
  'MCP_SESSION_TABLE',
  'MCP_METRICS',
  'MCP_PLUGIN_DIR',
  'AWS_LAMBDA_LOG_LEVEL',
  'AWS_LAMBDA_LOG_FORMAT',
];

/** The properties, with every default. */
export type Settled = ReturnType<typeof settle>;

/** Returns the properties with every default. */
export function settle(props: McpLayerHostProps) {
  const frontDoor = props.frontDoor ?? 'http_api';
  return {
    ...props,
    architecture: props.architecture ?? 'x86_64',
    frontDoor,
    auth: props.auth ?? 'iam',
    bearerTokens: props.bearerTokens ?? [],
    callers: props.callers ?? [],
    allowedOrigins: props.allowedOrigins ?? [],
    throttling: props.throttling ?? { rate: 50, burst: 100 },
    environment: props.environment ?? {},
    sessionTable: props.sessionTable ?? true,
    alarmTopics: props.alarmTopics ?? [],
    isUrl: frontDoor.startsWith('function_url'),
    isHttp: frontDoor === 'http_api',
    streaming: frontDoor.endsWith('_stream'),
  };
}

/** Returns the problems of the properties, apart from archives and tools. */
export function check(given: McpLayerHostProps, props: Settled): string[] {
  const { auth, bearerTokens, callers, allowedOrigins, isUrl } = props;
  const problems: string[] = [];
  const refuse = (wrong: boolean, what: string) => wrong && problems.push(what);
  for (const key of Object.keys(given))
    refuse(!(key in KEYS), `${key}: no such key; the keys are ${Object.keys(KEYS).join(', ')}`);
  refuse(!/^[A-Za-z0-9_-]{1,48}$/.test(props.name), 'name: use 1 to 48 letters, digits, - and _');
  refuse(props.layers.length < 1 || props.layers.length > 5, 'layers: name one to five');
  refuse(!['x86_64', 'arm64'].includes(props.architecture), 'architecture: use x86_64 or arm64');
  refuse(!DOORS.includes(props.frontDoor), `frontDoor: use one of ${DOORS.join(', ')}`);
  refuse(!AUTHS.includes(auth), `auth: use one of ${AUTHS.join(', ')}`);
  refuse(
    (auth === 'bearer') !== bearerTokens.length > 0,
    'bearerTokens: belong to auth bearer, which needs at least one',
  );
  bearerTokens.forEach((entry, position) =>
    refuse(
      !/^[A-Za-z0-9._@-]{1,64}:[0-9A-Fa-f]{64}$/.test(entry),
      `bearerTokens: entry ${position + 1} is not NAME:HASH; \`cargo layer token NAME\` makes a token and prints its entry`,
    ),
  );
  refuse(
    (auth === 'jwt') !== (props.jwt !== undefined),
    'jwt: belongs to auth jwt, which needs its issuer and audience',
  );
  refuse(auth === 'jwt' && !props.isHttp, `auth: ${props.frontDoor} cannot check a JWT; use frontDoor http_api`);
  refuse(callers.length > 0 && !(isUrl && auth === 'iam'), 'callers: belong to a Function URL with auth iam');
  refuse(
    allowedOrigins.length > 0 && isUrl && auth === 'iam',
    'allowedOrigins: a Function URL with auth iam refuses the preflights of browsers; use an API, or auth bearer',
  );
  for (const origin of allowedOrigins) {
    refuse(
      !/^[a-z][a-z0-9+.-]*:\/\/[^*/, ]+$/.test(origin),
      `allowedOrigins: ${origin} is not an origin; write it as a browser sends it, such as https://app.example.com`,
    );
  }
  for (const name of Object.keys(props.environment)) {
    refuse(RESERVED.includes(name), `environment: ${name} is set by this construct`);
  }
  return problems;
}
