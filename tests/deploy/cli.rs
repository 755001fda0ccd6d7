//! Runs the commands of `docs/operator/deployment.md` as written, section by section.

use serde_json::{Value, json};
use tests::{Account, LambdaApi, documents};

/// The document.
const DOCUMENT: &str = "docs/operator/deployment.md";

/// The function's name there.
const NAME: &str = "mcp-host";

/// Its sections with commands for one account, in their order.
const ONE_AFTER_ANOTHER: [&str; 8] = [
    "Role",
    "Table",
    "Log group",
    "Layer",
    "Function",
    "Version and alias",
    "Function URL, for signed requests",
    "Alarms",
];

/// Returns the commands of a section, below those that name everything.
fn section(heading: &str) -> String {
    blocks(heading).concat()
}

/// Returns the same commands, block by block.
fn blocks(heading: &str) -> Vec<String> {
    let [names] = &documents::code(DOCUMENT, "Names", "sh")[..] else {
        panic!("one block of names");
    };
    let names = names.replace("ARCH=x86_64 ", &format!("ARCH={} ", cpu()));
    let blocks = documents::code(DOCUMENT, heading, "sh");
    assert!(!blocks.is_empty(), "{heading} has no commands");
    let whole = |block: &String| format!("{names}{block}");
    blocks.iter().map(whole).collect()
}

fn cpu() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        cpu => cpu,
    }
}

/// Returns an account in which all commands were run.
fn deployed() -> (LambdaApi, Account) {
    let lambda = LambdaApi::start();
    let account = Account::new(lambda.endpoint());
    for heading in ONE_AFTER_ANOTHER {
        account.shell(&section(heading));
    }
    (lambda, account)
}

/// Returns the statements of the policy of the alias, by their names.
fn statements(account: &Account) -> Value {
    let policy = account.json(&format!("lambda get-policy --function-name {NAME}"));
    let policy: Value =
        serde_json::from_str(policy["Policy"].as_str().expect("a policy")).expect("JSON");
    let all = policy["Statement"].as_array().expect("statements");
    let named = all.iter().map(|statement| {
        let name = statement["Sid"].as_str().expect("a name").to_owned();
        (name, statement.clone())
    });
    Value::Object(named.collect())
}

#[test]
fn the_documented_commands_create_a_complete_function() {
    let (_lambda, account) = deployed();
    let function = account.json(&format!(
        "lambda get-function-configuration --function-name {NAME} --qualifier live"
    ));
    for (member, expected) in [
        ("Version", json!("1")),
        ("Runtime", json!("provided.al2023")),
        ("Handler", json!("bootstrap")),
        ("Architectures", json!([cpu()])),
        ("MemorySize", json!(256)),
        ("Timeout", json!(30)),
        ("TracingConfig", json!({ "Mode": "Active" })),
        (
            "Role",
            json!(format!("arn:aws:iam::123456789012:role/{NAME}")),
        ),
    ] {
        assert_eq!(function[member], expected, "{member} of {function}");
    }
    assert_eq!(
        function["Layers"][0]["Arn"],
        format!("arn:aws:lambda:eu-west-1:123456789012:layer:{NAME}-tools:1")
    );
    let concurrency = account.json(&format!(
        "lambda get-function-concurrency --function-name {NAME}"
    ));
    assert_eq!(concurrency["ReservedConcurrentExecutions"], 50);
    // The variables were in a temporary file, which is gone.
    assert!(!account.folder().join("environment.json").exists());

    // Least privilege: three actions on the table, two on the log group, and X-Ray, which has no resources.
    let policy = account.json(&format!(
        "iam get-role-policy --role-name {NAME} --policy-name {NAME}"
    ));
    let rights = policy["PolicyDocument"]["Statement"]
        .as_array()
        .expect("statements");
    let rights: Vec<_> = rights
        .iter()
        .map(|right| (&right["Action"], &right["Resource"]))
        .collect();
    assert_eq!(
        rights,
        [
            (
                &json!(["logs:CreateLogStream", "logs:PutLogEvents"]),
                &json!(format!(
                    "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/{NAME}:*"
                ))
            ),
            (
                &json!([
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem"
                ]),
                &json!(format!(
                    "arn:aws:dynamodb:eu-west-1:123456789012:table/{NAME}-sessions"
                ))
            ),
            (
                &json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
                &json!("*")
            ),
        ]
    );
    let attached = account.json(&format!(
        "iam list-attached-role-policies --role-name {NAME}"
    ));
    assert_eq!(attached["AttachedPolicies"], json!([]));

    let table = account.json(&format!(
        "dynamodb describe-table --table-name {NAME}-sessions"
    ));
    let table = &table["Table"];
    assert_eq!(
        table["BillingModeSummary"]["BillingMode"],
        "PAY_PER_REQUEST"
    );
    assert_eq!(
        table["KeySchema"],
        json!([{ "AttributeName": "session_id", "KeyType": "HASH" }])
    );
    assert_eq!(table["DeletionProtectionEnabled"], true, "{table}");
    let expiry = account.json(&format!(
        "dynamodb describe-time-to-live --table-name {NAME}-sessions"
    ));
    assert_eq!(
        expiry["TimeToLiveDescription"],
        json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at" })
    );
    let backups = account.json(&format!(
        "dynamodb describe-continuous-backups --table-name {NAME}-sessions"
    ));
    assert_eq!(
        backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ENABLED"
    );
    let logs = account.json("logs describe-log-groups");
    assert_eq!(
        logs["logGroups"][0]["logGroupName"],
        format!("/aws/lambda/{NAME}")
    );
    assert_eq!(logs["logGroups"][0]["retentionInDays"], 30);
    let alarms = account.json("cloudwatch describe-alarms");
    let alarms = alarms["MetricAlarms"].as_array().expect("alarms").iter();
    let mut alarms: Vec<_> = alarms
        .map(|alarm| {
            let kind = alarm["Statistic"]
                .as_str()
                .or(alarm["ExtendedStatistic"].as_str());
            (
                alarm["AlarmName"].as_str().expect("a name"),
                alarm["MetricName"].as_str().expect("a metric"),
                kind.expect("a statistic"),
            )
        })
        .collect();
    alarms.sort_unstable();
    assert_eq!(
        alarms,
        [
            ("mcp-host-errors", "Errors", "Sum"),
            ("mcp-host-slow", "Duration", "p99"),
            ("mcp-host-table-reads", "ReadThrottleEvents", "Sum"),
            ("mcp-host-table-writes", "WriteThrottleEvents", "Sum"),
            ("mcp-host-throttles", "Throttles", "Sum"),
        ]
    );
}

#[test]
fn a_function_url_lets_signed_callers_in_by_both_rights() {
    let (_lambda, account) = deployed();
    let url = account.json(&format!(
        "lambda get-function-url-config --function-name {NAME} --qualifier live"
    ));
    assert_eq!(url["AuthType"], "AWS_IAM");
    assert!(url["Cors"].is_null(), "the host answers it: {url}");
    let statements = statements(&account);
    let live = format!("arn:aws:lambda:eu-west-1:123456789012:function:{NAME}:live");
    for (name, action) in [
        ("url", "lambda:InvokeFunctionUrl"),
        ("url-invoke", "lambda:InvokeFunction"),
    ] {
        let statement = &statements[name];
        assert_eq!(statement["Action"], action, "{statements}");
        assert_eq!(
            statement["Principal"],
            json!({ "AWS": "arn:aws:iam::123456789012:root" })
        );
        assert!(
            statement["Resource"]
                .as_str()
                .is_some_and(|resource| resource.starts_with(&live)),
            "{statement}"
        );
    }
    assert_eq!(statements["url"]["FunctionUrlAuthType"], "AWS_IAM");
    assert_eq!(
        statements["url-invoke"]["InvokedViaFunctionUrl"], true,
        "{statements}"
    );
}

#[test]
fn the_host_checks_tokens_before_the_url_is_open() {
    let (lambda, account) = deployed();
    account.shell(&format!(
        "aws lambda delete-function-url-config --function-name {NAME}"
    ));
    lambda.take_changes();
    let [give, open] = &blocks("Function URL, for bearer tokens")[..] else {
        panic!("a block that gives a token, and one that opens the URL");
    };
    let run = |block: &str| tests::run_captured(account.command("sh").args(["-euc", block]));
    let (_, stderr, code) = run(open);
    assert_ne!(code, Some(0), "{stderr}");
    assert_eq!(lambda.take_changes(), [""; 0]);

    let (printed, stderr, code) = run(give);
    assert_eq!(code, Some(0), "{stderr}");
    let token = fs_err::read_to_string(account.folder().join("ada.txt")).expect("a token");
    for secret in token.lines() {
        assert!(
            !stderr.contains(secret) && !printed.contains(secret),
            "{printed}\n{stderr}"
        );
    }
    let entry = token.lines().nth(1).expect("an entry");
    let variables = account.json(&format!(
        "lambda get-function-configuration --function-name {NAME} --qualifier live --query Environment.Variables"
    ));
    assert_eq!(variables["MCP_BEARER_TOKENS"], entry);

    account.shell(open);
    let url = account.json(&format!(
        "lambda get-function-url-config --function-name {NAME} --qualifier live"
    ));
    assert_eq!(url["AuthType"], "NONE");
}

#[test]
fn an_http_api_asks_for_signatures_or_for_tokens_of_an_issuer() {
    let (_lambda, account) = deployed();
    account.shell(&section("HTTP API, for signed requests"));
    let apis = account.json("apigatewayv2 get-apis");
    let api = &apis["Items"][0];
    assert!(
        api["CorsConfiguration"].is_null(),
        "the host answers it: {api}"
    );
    let id = api["ApiId"].as_str().expect("an API");
    let routes = || {
        let routes = account.json(&format!("apigatewayv2 get-routes --api-id {id}"));
        let routes = routes["Items"].as_array().expect("routes").iter();
        let mut routes: Vec<_> = routes
            .map(|route| {
                let text = |member: &str| route[member].as_str().expect("text").to_owned();
                (text("RouteKey"), text("AuthorizationType"))
            })
            .collect();
        routes.sort();
        routes
    };
    let expected = |authorization: &str| {
        [
            ("DELETE /mcp", authorization),
            ("GET /health", authorization),
            ("GET /mcp", authorization),
            ("OPTIONS /mcp", "NONE"),
            ("POST /mcp", authorization),
        ]
        .map(|(route, authorization)| (route.to_owned(), authorization.to_owned()))
    };
    assert_eq!(routes(), expected("AWS_IAM"));
    let stages = account.json(&format!("apigatewayv2 get-stages --api-id {id}"));
    let settings = &stages["Items"][0]["DefaultRouteSettings"];
    assert_eq!(settings["ThrottlingRateLimit"], 20.0, "{stages}");
    assert_eq!(settings["ThrottlingBurstLimit"], 40, "{stages}");
    let integrations = account.json(&format!("apigatewayv2 get-integrations --api-id {id}"));
    assert_eq!(
        integrations["Items"][0]["IntegrationUri"],
        format!("arn:aws:lambda:eu-west-1:123456789012:function:{NAME}:live")
    );
    let statement = &statements(&account)["api"];
    assert_eq!(
        statement["Principal"],
        json!({ "Service": "apigateway.amazonaws.com" })
    );
    assert_eq!(
        statement["Condition"]["ArnLike"]["AWS:SourceArn"],
        format!("arn:aws:execute-api:eu-west-1:123456789012:{id}/*/*")
    );

    account.shell(&section("HTTP API, for JWTs"));
    assert_eq!(routes(), expected("JWT"));
    // (moto has no list of authorizers.)
    let routes = account.json(&format!("apigatewayv2 get-routes --api-id {id}"));
    let routes = routes["Items"].as_array().expect("routes").iter();
    let mut authorizer = routes.filter_map(|route| route["AuthorizerId"].as_str());
    let authorizer = authorizer.next_back().expect("an authorizer");
    let authorizer = account.json(&format!(
        "apigatewayv2 get-authorizer --api-id {id} --authorizer-id {authorizer}"
    ));
    assert_eq!(authorizer["JwtConfiguration"]["Audience"], json!(["mcp"]));
    assert_eq!(
        authorizer["IdentitySource"],
        json!(["$request.header.Authorization"])
    );
}

#[test]
fn the_documented_commands_swap_roll_back_and_tear_down() {
    let (_lambda, account) = deployed();
    let layers = || {
        let function = account.json(&format!(
            "lambda get-function-configuration --function-name {NAME} --qualifier live"
        ));
        function["Layers"].clone()
    };
    let before = layers();
    account.set_layer("time-tools");
    account.shell(&section("Swap"));
    assert_eq!(
        layers()[0]["Arn"],
        format!("arn:aws:lambda:eu-west-1:123456789012:layer:{NAME}-tools:2")
    );
    assert!(!account.folder().join("update.json").exists());
    let variables = account.json(&format!(
        "lambda get-function-configuration --function-name {NAME} --qualifier live --query Environment.Variables"
    ));
    assert_eq!(
        variables,
        json!({ "ENTRY_FILE": "", "TOOLS_LIST": "", "MCP_SESSION_TABLE": format!("{NAME}-sessions"), "MCP_METRICS": "emf" })
    );
    account.shell(&section("Back"));
    assert_eq!(layers(), before);
    account.shell(&section("HTTP API, for signed requests"));
    account.shell(&section("Tear down"));
    for (command, member) in [
        ("lambda list-functions", "Functions"),
        ("lambda list-layers", "Layers"),
        ("iam list-roles", "Roles"),
        ("dynamodb list-tables", "TableNames"),
        ("logs describe-log-groups", "logGroups"),
        ("cloudwatch describe-alarms", "MetricAlarms"),
        ("apigatewayv2 get-apis", "Items"),
    ] {
        assert_eq!(account.json(command)[member], json!([]), "{command}");
    }
}

/// Returns the commands of a section of the runbook.
fn of_runbook(heading: &str) -> String {
    let blocks = documents::code("docs/operator/runbook.md", heading, "sh");
    assert!(!blocks.is_empty(), "{heading} has no commands");
    format!("NAME={NAME}\n{}", blocks.concat())
}

#[test]
fn the_runbooks_commands_swap_roll_back_and_rotate() {
    let (_lambda, account) = deployed();
    let live = || {
        account.json(&format!(
            "lambda get-function-configuration --function-name {NAME} --qualifier live"
        ))
    };
    let output = account.shell(&of_runbook("Check what is live"));
    assert!(output.starts_with("1\n"), "{output}");
    account.shell(&of_runbook("Other tools"));
    assert_eq!(live()["Version"], "2");
    account.shell(&of_runbook("Roll back"));
    assert_eq!(live()["Version"], "1");

    let [give, _] = &blocks("Function URL, for bearer tokens")[..] else {
        panic!("a block that gives a token, and one that opens the URL");
    };
    account.shell(give);
    let old = "an old key of at least thirty-two characters";
    let set = format!("cargo layer swap {NAME} --alias live --env 'MCP_STATE_KEY={old}'");
    account.shell(&set);
    let before = live()["Environment"]["Variables"].clone();
    account.shell(&of_runbook("Add or replace a token"));
    account.shell(&of_runbook("Rotate the state key"));
    let after = live()["Environment"]["Variables"].clone();
    for (variable, is_behind) in [("MCP_BEARER_TOKENS", false), ("MCP_STATE_KEY", true)] {
        let (before, after) = (&before[variable], &after[variable]);
        let old = before.as_str().expect("a value");
        let both = after.as_str().expect("a value");
        assert_eq!(both.split(',').count(), 2, "{variable}");
        assert_eq!(both.ends_with(old), is_behind, "{variable}");
        assert_eq!(both.starts_with(old), !is_behind, "{variable}");
    }
    account.shell(&of_runbook("When an environment ends"));
    let now = live();
    assert!(
        now["Environment"]["Variables"]["RESTARTED"].is_string(),
        "{now}"
    );
    assert_eq!(now["Version"], "7", "each is a version: {now}");
}
