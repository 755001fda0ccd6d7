// What can be configured, and what cannot be right.

/** What stands before the function. */
export type FrontDoor = 'http_api' | 'rest_api' | 'rest_api_stream' | 'function_url' | 'function_url_stream';

/** Who may call: `none` is everyone who knows the URL. */
export type Auth = 'iam' | 'jwt' | 'bearer' | 'none';

/** Properties of an {@link McpLayerHost}. */
export interface McpLayerHostProps {
  /** Name of the function, and how the names of all else begin. */
  readonly name: string;
  /** Path of tools.json, which says which plugins and which of their tools are served. */
  readonly tools: string;
  /** Paths of one to five layers, as `cargo layer build` made them; later ones over earlier ones. */
  readonly layers: string[];
  /** Path of the archive that `cargo layer host` made. */
  readonly functionZip: string;
  /** CPU of the function. @default x86_64 */
  readonly architecture?: 'x86_64' | 'arm64';

  /** What stands before the function. @default http_api */
  readonly frontDoor?: FrontDoor;
  /**
   * Who may call: signed requests (`iam`), tokens of an issuer (`jwt`; http_api only), tokens of the host's own (`bearer`).
   * @default iam
   */
  readonly auth?: Auth;
  /** With auth bearer: entries NAME:HASH, as `cargo layer token NAME` prints them. Never a token itself. */
  readonly bearerTokens?: string[];
  /** With auth jwt: whose tokens are taken. */
  readonly jwt?: { readonly issuer: string; readonly audience: string[] };
  /** With auth iam and a Function URL: ARNs of callers outside of this account. @default none */
  readonly callers?: string[];
  /** Origins of web pages that may call, such as https://app.example.com. @default none */
  readonly allowedOrigins?: string[];
  /** What an API lets through: requests per second, and how many more at once. @default 50 and 100 */
  readonly throttling?: { readonly rate: number; readonly burst: number };

  /** Memory. Unit: MB. @default 256 */
  readonly memorySize?: number;
  /** How long a request may take. Unit: seconds. @default 30 */
  readonly timeout?: number;
  /** The most environments at once. @default what the account has */
  readonly reservedConcurrency?: number;
  /** Environments that are kept ready. @default none */
  readonly provisionedConcurrency?: number;
  /** Where to run. @default outside of any VPC */
  readonly vpc?: { readonly subnetIds: string[]; readonly securityGroupIds: string[] };
  /** Other variables, of the host or of the tools. No secrets: whoever may read the function reads them. */
  readonly environment?: Record<string, string>;
  /** ARN of the code signing configuration that function and layers have to satisfy. @default none */
  readonly codeSigningConfigArn?: string;

  /** Make a DynamoDB table for sessions and for what tools keep? @default true */
  readonly sessionTable?: boolean;
  /** Refuse to delete the table? It stays when the stack goes, in any case. @default true */
  readonly tableDeletionProtection?: boolean;

  /** The least important lines that are logged: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. @default INFO */
  readonly logLevel?: string;
  /** How long logs are kept. Unit: days. @default 30 */
  readonly logRetentionDays?: number;
  /** Write metrics of the function and of each tool (MCP_METRICS=emf)? CloudWatch bills each. @default false */
  readonly metrics?: boolean;
  /** ARNs of SNS topics that hear of alarms. @default nobody does */
  readonly alarmTopics?: string[];
  /** The alarm of slow requests goes off when one of a hundred takes longer. Unit: milliseconds. @default 5000 */
  readonly alarmP99Ms?: number;
}

// Every key, so that one that is misspelled in a file of JSON is no default.
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

/** The same, with every default. */
export type Settled = ReturnType<typeof settle>;

/** With every default. */
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

/** What cannot be right, apart from archives and tools. */
export function check(given: McpLayerHostProps, props: Settled): string[] {
  const { auth, bearerTokens, callers, allowedOrigins, isUrl } = props;
  const problems: string[] = [];
  const refuse = (wrong: boolean, what: string) => wrong && problems.push(what);
  for (const key of Object.keys(given))
    refuse(!(key in KEYS), `${key}: no such key; there are ${Object.keys(KEYS).join(', ')}`);
  refuse(!/^[A-Za-z0-9_-]{1,48}$/.test(props.name), 'name: 1 to 48 letters, digits, - and _');
  refuse(props.layers.length < 1 || props.layers.length > 5, 'layers: a function has one to five');
  refuse(!['x86_64', 'arm64'].includes(props.architecture), 'architecture: x86_64 or arm64');
  refuse(!DOORS.includes(props.frontDoor), `frontDoor: one of ${DOORS.join(', ')}`);
  refuse(!AUTHS.includes(auth), `auth: one of ${AUTHS.join(', ')}`);
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
  refuse(auth === 'jwt' && !props.isHttp, `auth: ${props.frontDoor} cannot check a JWT; take frontDoor http_api`);
  refuse(callers.length > 0 && !(isUrl && auth === 'iam'), 'callers: belong to a Function URL with auth iam');
  refuse(
    allowedOrigins.length > 0 && isUrl && auth === 'iam',
    'allowedOrigins: a Function URL with auth iam refuses the preflights of browsers; take an API, or auth bearer',
  );
  for (const origin of allowedOrigins) {
    refuse(
      !/^[a-z][a-z0-9+.-]*:\/\/[^*/, ]+$/.test(origin),
      `allowedOrigins: ${origin} is no origin; write it as a browser sends it, such as https://app.example.com`,
    );
  }
  for (const name of Object.keys(props.environment)) {
    refuse(RESERVED.includes(name), `environment: ${name} is set by this construct`);
  }
  return problems;
}
