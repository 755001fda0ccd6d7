//! The required and the forbidden content of every CloudFormation template, from CDK and SAM.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    archives::architectures,
    variants::{Variant, token},
};

/// A template without conditions.
pub(crate) struct Stack<'a> {
    template: Value,
    variant: &'a Variant,
}

/// Values as texts, so that `30` and `"30"` are the same: parameters of CloudFormation are texts.
fn same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => text(a) == text(b),
    }
}

fn texts(value: &Value) -> BTreeSet<&str> {
    let list = value.as_array().into_iter().flatten();
    list.chain([value]).filter_map(Value::as_str).collect()
}

impl<'a> Stack<'a> {
    pub(crate) fn new(template: &str, variant: &'a Variant) -> Self {
        let template = serde_json::from_str(template).expect("JSON");
        Self { template, variant }
    }

    fn all(&self, kind: &str) -> Vec<(&String, &Value)> {
        let resources = self.template["Resources"].as_object().expect("resources");
        resources
            .iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .collect()
    }

    /// Returns the only resource of its kind, with its id.
    fn one(&self, kind: &str) -> (&String, &Value) {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "{}: {kind}: {all:?}", self.variant.name);
        all[0]
    }

    fn is(&self, what: &str, actual: &Value, expected: &Value) {
        let name = self.variant.name;
        assert!(
            same(actual, expected),
            "{name}: {what} is {actual}, not {expected}"
        );
    }

    /// Checks everything.
    pub(crate) fn check(&self) {
        self.role_may_do_what_it_needs_and_no_more();
        self.function_is_what_is_configured();
        self.table_is_kept();
        self.alarms_are_there();
        self.nobody_else_gets_in();
        match self.variant.door() {
            "http_api" => self.http_api(),
            "rest_api" | "rest_api_stream" => self.rest_api(),
            _ => self.function_url(),
        }
        let outputs = self.template["Outputs"].to_string();
        assert!(outputs.contains("curl -s "), "{outputs}");
        assert!(outputs.contains("mcpServers"), "{outputs}");
        // Only the host handles CORS.
        let text = self.template.to_string().to_lowercase();
        assert!(
            !text.contains("cors") && !text.contains("access-control"),
            "{text}"
        );
    }

    fn role_may_do_what_it_needs_and_no_more(&self) {
        let (_, role) = self.one("AWS::IAM::Role");
        assert_eq!(role["Properties"]["ManagedPolicyArns"], Value::Null);
        assert_eq!(self.all("AWS::IAM::Policy").len(), 0);
        let policies = role["Properties"]["Policies"].as_array().expect("policies");
        assert_eq!(policies.len(), 1);
        let statements = policies[0]["PolicyDocument"]["Statement"].as_array();
        let statements: BTreeMap<_, _> = statements
            .expect("statements")
            .iter()
            .map(|statement| (statement["Sid"].as_str().expect("a name"), statement))
            .collect();
        let arn_of = |kind| json!({ "Fn::GetAtt": [self.one(kind).0, "Arn"] });
        let interfaces = BTreeSet::from([
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ]);
        let mut expected = vec![
            (
                "Log",
                BTreeSet::from(["logs:CreateLogStream", "logs:PutLogEvents"]),
                arn_of("AWS::Logs::LogGroup"),
            ),
            (
                "Trace",
                BTreeSet::from(["xray:PutTelemetryRecords", "xray:PutTraceSegments"]),
                json!("*"),
            ),
        ];
        if self.variant.has_table() {
            let actions = [
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ];
            expected.push((
                "Sessions",
                BTreeSet::from(actions),
                arn_of("AWS::DynamoDB::Table"),
            ));
        }
        if self.variant.has("vpc") {
            expected.push(("Network", interfaces.clone(), json!("*")));
            expected.push(("NetworkNotByCode", interfaces, json!("*")));
        }
        assert_eq!(
            statements.keys().copied().collect::<BTreeSet<_>>(),
            expected.iter().map(|(sid, ..)| *sid).collect()
        );
        for (sid, actions, resource) in expected {
            let statement = statements[sid];
            assert_eq!(texts(&statement["Action"]), actions, "{sid}");
            self.is(sid, &statement["Resource"], &resource);
            let effect = if sid == "NetworkNotByCode" {
                "Deny"
            } else {
                "Allow"
            };
            assert_eq!(statement["Effect"], effect, "{sid}");
        }
    }

    fn function_is_what_is_configured(&self) {
        let (id, function) = self.one("AWS::Lambda::Function");
        let function = &function["Properties"];
        let settings = &self.variant.settings;
        let (log, group) = self.one("AWS::Logs::LogGroup");
        self.is(
            "retention",
            &group["Properties"]["RetentionInDays"],
            &json!(30),
        );
        assert_eq!(group["DeletionPolicy"], "Retain");
        for (property, expected) in [
            ("Runtime", json!("provided.al2023")),
            ("Handler", json!("bootstrap")),
            ("Architectures", json!([architectures()[0]])),
            ("FunctionName", json!(format!("mcp-{}", self.variant.name))),
            ("MemorySize", json!(256)),
            ("Timeout", json!(30)),
            ("TracingConfig", json!({ "Mode": "Active" })),
            (
                "ReservedConcurrentExecutions",
                settings["reserved_concurrency"].clone(),
            ),
            (
                "CodeSigningConfigArn",
                settings["code_signing_config_arn"].clone(),
            ),
            (
                "LoggingConfig",
                json!({
                    "LogGroup": { "Ref": log }, "LogFormat": "JSON", "ApplicationLogLevel": "INFO",
                }),
            ),
        ] {
            self.is(property, &function[property], &expected);
        }
        let vpc = &settings["vpc"];
        if vpc.is_null() {
            assert_eq!(function["VpcConfig"], Value::Null);
        } else {
            self.is(
                "subnets",
                &function["VpcConfig"]["SubnetIds"],
                &vpc["subnet_ids"],
            );
            let groups = &function["VpcConfig"]["SecurityGroupIds"];
            self.is("groups", groups, &vpc["security_group_ids"]);
        }
        let mut variables = json!({
            "ENTRY_FILE": "libcustom_tools.so",
            "TOOLS_LIST": "greet,multiply,add",
            "MCP_RESPONSE_MODE": if self.variant.streams() { "stream" } else { "buffered" },
        });
        if self.variant.has("metrics") {
            variables["MCP_METRICS"] = json!("emf");
        }
        if self.variant.has_table() {
            variables["MCP_SESSION_TABLE"] = json!({ "Ref": self.one("AWS::DynamoDB::Table").0 });
        }
        if self.variant.auth() == "bearer" {
            variables["MCP_BEARER_TOKENS"] = json!(token());
        }
        if self.variant.has("allowed_origins") {
            variables["MCP_ALLOWED_ORIGINS"] = json!("https://app.example.com");
        }
        self.is(
            "variables",
            &function["Environment"]["Variables"],
            &variables,
        );

        let (layer, properties) = self.one("AWS::Lambda::LayerVersion");
        self.is("layers", &function["Layers"], &json!([{ "Ref": layer }]));
        let properties = &properties["Properties"];
        self.is(
            "runtimes",
            &properties["CompatibleRuntimes"],
            &json!(["provided.al2023"]),
        );
        self.is(
            "cpus",
            &properties["CompatibleArchitectures"],
            &json!([architectures()[0]]),
        );
        let (version, _) = self.one("AWS::Lambda::Version");
        let (_, alias) = self.one("AWS::Lambda::Alias");
        let alias = &alias["Properties"];
        assert_eq!(alias["Name"], "live");
        assert_eq!(alias["FunctionName"], json!({ "Ref": id }));
        assert_eq!(
            alias["FunctionVersion"],
            json!({ "Fn::GetAtt": [version, "Version"] })
        );
        let ready = &alias["ProvisionedConcurrencyConfig"]["ProvisionedConcurrentExecutions"];
        self.is("kept ready", ready, &settings["provisioned_concurrency"]);
    }

    fn table_is_kept(&self) {
        if !self.variant.has_table() {
            assert_eq!(self.all("AWS::DynamoDB::Table").len(), 0);
            return;
        }
        let (_, table) = self.one("AWS::DynamoDB::Table");
        assert_eq!(table["DeletionPolicy"], "Retain");
        assert_eq!(table["UpdateReplacePolicy"], "Retain");
        for (property, expected) in [
            ("BillingMode", json!("PAY_PER_REQUEST")),
            (
                "KeySchema",
                json!([{ "AttributeName": "session_id", "KeyType": "HASH" }]),
            ),
            (
                "AttributeDefinitions",
                json!([{ "AttributeName": "session_id", "AttributeType": "S" }]),
            ),
            (
                "TimeToLiveSpecification",
                json!({ "Enabled": true, "AttributeName": "expires_at" }),
            ),
            ("SSESpecification", json!({ "SSEEnabled": true })),
            ("DeletionProtectionEnabled", json!(true)),
        ] {
            self.is(property, &table["Properties"][property], &expected);
        }
    }

    fn alarms_are_there(&self) {
        let function = json!({ "Ref": self.one("AWS::Lambda::Function").0 });
        let mut metrics = BTreeSet::new();
        for (_, alarm) in self.all("AWS::CloudWatch::Alarm") {
            let alarm = &alarm["Properties"];
            let metric = alarm["MetricName"].as_str().expect("a metric");
            metrics.insert(metric);
            let watched = match &alarm["Namespace"] {
                namespace if namespace == "AWS/Lambda" => ("FunctionName", function.clone()),
                _ => (
                    "TableName",
                    json!({ "Ref": self.one("AWS::DynamoDB::Table").0 }),
                ),
            };
            let dimensions = json!([{ "Name": watched.0, "Value": watched.1 }]);
            self.is(metric, &alarm["Dimensions"], &dimensions);
            let is_slow = metric == "Duration";
            self.is(
                metric,
                &alarm["Threshold"],
                &json!(if is_slow { 5000 } else { 0 }),
            );
            let statistic = if is_slow {
                "ExtendedStatistic"
            } else {
                "Statistic"
            };
            self.is(
                metric,
                &alarm[statistic],
                &json!(if is_slow { "p99" } else { "Sum" }),
            );
            let topics = texts(&self.variant.settings["alarm_topics"]);
            assert_eq!(texts(&alarm["AlarmActions"]), topics, "{metric}");
        }
        let mut expected = BTreeSet::from(["Errors", "Throttles", "Duration"]);
        if self.variant.has_table() {
            expected.extend(["ReadThrottleEvents", "WriteThrottleEvents"]);
        }
        assert_eq!(metrics, expected, "{}", self.variant.name);
    }

    /// Checks the principals that the function's own policy allows.
    fn nobody_else_gets_in(&self) {
        let alias = json!({ "Ref": self.one("AWS::Lambda::Alias").0 });
        let permissions = self.all("AWS::Lambda::Permission");
        let permissions = permissions
            .iter()
            .map(|(_, permission)| &permission["Properties"]);
        let permissions: Vec<_> = permissions.collect();
        for permission in &permissions {
            self.is("what is permitted", &permission["FunctionName"], &alias);
        }
        let output: BTreeSet<_> = permissions
            .iter()
            .map(|permission| {
                let text = |member: &str| permission[member].as_str().unwrap_or("").to_owned();
                let mut condition = permission["SourceArn"].to_string();
                if condition == "null" {
                    condition = format!(
                        "{} {}",
                        text("FunctionUrlAuthType"),
                        permission["InvokedViaFunctionUrl"]
                    );
                } else {
                    let (_, path) = condition.split_once("/*/*/").expect("a path");
                    path.chars()
                        .take_while(char::is_ascii_alphabetic)
                        .collect::<String>()
                        .clone_into(&mut condition);
                }
                [text("Action"), text("Principal"), condition]
            })
            .collect();
        let url = |principal: &str, auth: &str| {
            let url = [
                "lambda:InvokeFunctionUrl",
                principal,
                &format!("{auth} null"),
            ];
            let invoke = ["lambda:InvokeFunction", principal, " true"];
            [url.map(str::to_owned), invoke.map(str::to_owned)]
        };
        let expected = if !self.variant.is_url() {
            ["mcp", "health"]
                .map(|path| {
                    ["lambda:InvokeFunction", "apigateway.amazonaws.com", path].map(str::to_owned)
                })
                .to_vec()
        } else if self.variant.auth() == "iam" {
            url("arn:aws:iam::111122223333:role/caller", "AWS_IAM").to_vec()
        } else {
            url("*", "NONE").to_vec()
        };
        assert_eq!(
            output,
            expected.into_iter().collect(),
            "{}",
            self.variant.name
        );
    }

    fn throttling(&self) -> (Value, Value) {
        let throttling = &self.variant.settings["throttling"];
        let or = |member: &str, default: u32| match &throttling[member] {
            Value::Null => json!(default),
            value => value.clone(),
        };
        (or("rate", 50), or("burst", 100))
    }

    fn http_api(&self) {
        let (api, properties) = self.one("AWS::ApiGatewayV2::Api");
        assert_eq!(properties["Properties"]["CorsConfiguration"], Value::Null);
        let routes = self.all("AWS::ApiGatewayV2::Route");
        let routes: BTreeMap<_, _> = routes
            .iter()
            .map(|(_, route)| {
                let route = &route["Properties"];
                let text = |member: &str| route[member].as_str().expect("a text");
                (text("RouteKey"), text("AuthorizationType"))
            })
            .collect();
        let by = match self.variant.auth() {
            "iam" => "AWS_IAM",
            "jwt" => "JWT",
            _ => "NONE",
        };
        let mut expected = BTreeMap::from([("ANY /mcp", by), ("GET /health", by)]);
        if self.variant.has("allowed_origins") {
            expected.insert("OPTIONS /mcp", "NONE");
        }
        assert_eq!(routes, expected, "{}", self.variant.name);
        if by == "JWT" {
            let (id, authorizer) = self.one("AWS::ApiGatewayV2::Authorizer");
            let jwt = &self.variant.settings["jwt"];
            let expected = json!({ "Issuer": jwt["issuer"], "Audience": jwt["audience"] });
            self.is(
                "jwt",
                &authorizer["Properties"]["JwtConfiguration"],
                &expected,
            );
            for (_, route) in self.all("AWS::ApiGatewayV2::Route") {
                let route = &route["Properties"];
                let expected = match route["AuthorizationType"].as_str() {
                    Some("JWT") => json!({ "Ref": id }),
                    _ => Value::Null,
                };
                assert_eq!(route["AuthorizerId"], expected);
            }
        }
        let (_, integration) = self.one("AWS::ApiGatewayV2::Integration");
        assert_eq!(integration["Properties"]["PayloadFormatVersion"], "2.0");
        let (_, stage) = self.one("AWS::ApiGatewayV2::Stage");
        assert_eq!(stage["Properties"]["ApiId"], json!({ "Ref": api }));
        let (rate, burst) = self.throttling();
        let limits = json!({ "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst });
        self.is(
            "limits",
            &stage["Properties"]["DefaultRouteSettings"],
            &limits,
        );
    }

    fn rest_api(&self) {
        let (_, api) = self.one("AWS::ApiGateway::RestApi");
        let paths = &api["Properties"]["Body"]["paths"];
        let paths = paths.as_object().expect("paths");
        let mut methods = BTreeMap::new();
        for (path, item) in paths {
            for (method, output) in item.as_object().expect("methods") {
                let signed = output["security"] == json!([{ "sigv4": [] }]);
                methods.insert(format!("{method} {path}"), signed);
                let integration = &output["x-amazon-apigateway-integration"];
                let mode = if self.variant.streams() {
                    "STREAM"
                } else {
                    "BUFFERED"
                };
                self.is("mode", &integration["responseTransferMode"], &json!(mode));
                self.is("kind", &integration["type"], &json!("aws_proxy"));
                let uri = integration["uri"].to_string();
                let [version, action] = if self.variant.streams() {
                    ["2021-11-15", "response-streaming-invocations"]
                } else {
                    ["2015-03-31", "invocations"]
                };
                assert!(uri.contains(version) && uri.contains(action), "{uri}");
            }
        }
        let signed = self.variant.auth() == "iam";
        let mut expected = BTreeMap::from([
            ("x-amazon-apigateway-any-method /mcp".to_owned(), signed),
            ("get /health".to_owned(), signed),
        ]);
        if self.variant.has("allowed_origins") {
            expected.insert("options /mcp".to_owned(), false);
        }
        assert_eq!(methods, expected, "{}", self.variant.name);
        let (_, stage) = self.one("AWS::ApiGateway::Stage");
        let (rate, burst) = self.throttling();
        let stage = &stage["Properties"];
        let limits = json!([{
            "ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst,
        }]);
        self.is("limits", &stage["MethodSettings"], &limits);
        self.is("traces", &stage["TracingEnabled"], &json!(true));
    }

    fn function_url(&self) {
        let (_, url) = self.one("AWS::Lambda::Url");
        let url = &url["Properties"];
        let auth = if self.variant.auth() == "iam" {
            "AWS_IAM"
        } else {
            "NONE"
        };
        let mode = if self.variant.streams() {
            "RESPONSE_STREAM"
        } else {
            "BUFFERED"
        };
        for (property, expected) in [
            ("AuthType", auth),
            ("InvokeMode", mode),
            ("Qualifier", "live"),
        ] {
            self.is(property, &url[property], &json!(expected));
        }
    }
}
