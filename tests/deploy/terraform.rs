//! `deploy/terraform`: every variant is applied to moto, matches, has an empty second plan, and is destroyed; problems stop
//! the plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::Command,
};

use serde_json::{Map, Value, json};
use tests::{Moto, deploy::Terraform, output_of, repository, run_captured};

use crate::{
    archives::{Folder, architectures},
    variants::{self, Variant},
};

/// Returns the Terraform of this machine; without one, prints a loud note that nothing is tested.
pub(crate) fn terraform() -> Option<Terraform> {
    Terraform::find()
        .map_err(|reason| {
            // Written past the test runner, which hides the output of passing tests.
            let _ = writeln!(
                std::io::stderr(),
                "deploy/terraform is NOT TESTED: {reason}"
            );
        })
        .ok()
}

/// A configuration of these modules, ready to be planned.
pub(crate) struct Root {
    terraform: Terraform,
    moto: Moto,
    folder: Folder,
}

impl Root {
    pub(crate) fn new(terraform: Terraform, folder: Folder, modules: &Map<String, Value>) -> Self {
        copy(
            &repository().join("deploy/terraform"),
            &folder.file("module"),
        );
        // moto 5.2.1 does not store the logging configuration of a function.
        folder.write(
            "module/moto_override.tf",
            "resource \"aws_lambda_function\" \"host\" {\n  lifecycle {\n    ignore_changes = [logging_config]\n  }\n}\n",
        );
        let outputs: Map<_, _> = modules
            .keys()
            .map(|name| {
                (
                    name.clone(),
                    json!({ "value": format!("${{module.{name}}}"), "sensitive": true }),
                )
            })
            .collect();
        let root = json!({ "provider": { "aws": { "region": "eu-west-1" } }, "module": modules, "output": outputs });
        folder.write("main.tf.json", &root.to_string());
        terraform.init(folder.path());
        Self {
            terraform,
            moto: Moto::start(),
            folder,
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.terraform.command(self.folder.path(), arguments);
        command.env("AWS_ENDPOINT_URL", self.moto.endpoint());
        command
    }

    /// Returns the messages of the conditions that stop a plan.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let (stdout, _, code) = run_captured(&mut self.command(&["plan", "-input=false", "-json"]));
        assert_eq!(code, Some(1), "{stdout}");
        let lines = stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let errors = lines.filter(|line: &Value| line["@level"] == "error");
        let details = errors.map(|line| {
            let diagnostic = &line["diagnostic"];
            let text = |member: &str| diagnostic[member].as_str().unwrap_or_default().to_owned();
            assert_eq!(text("summary"), "Resource precondition failed", "{line}");
            text("detail")
        });
        details.collect()
    }

    /// Returns the outputs of a plan.
    pub(crate) fn planned_outputs(&self) -> Value {
        output_of(&mut self.command(&["plan", "-input=false", "-no-color", "-out", "plan"]));
        let plan = output_of(&mut self.command(&["show", "-json", "plan"]));
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        plan["output_changes"].clone()
    }
}

const STATE_KEY: &str = "0123456789abcdef0123456789abcdef";

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for file in fs_err::read_dir(from).expect("a folder") {
        let file = file.expect("a readable folder").path();
        if file.extension().is_some_and(|extension| extension == "tf") {
            let name = file.file_name().expect("a name");
            fs_err::copy(&file, to.join(name)).expect("a copy");
        }
    }
}

/// The resources of one module, by their kinds.
struct Made<'a> {
    variant: &'a Variant,
    resources: Vec<Value>,
}

impl Made<'_> {
    fn all(&self, kind: &str) -> Vec<&Value> {
        let found = self
            .resources
            .iter()
            .filter(|resource| resource["type"] == kind);
        found.map(|resource| &resource["values"]).collect()
    }

    fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "{}: {kind}: {all:?}", self.variant.name);
        all[0]
    }

    fn check(&self) {
        let name = self.variant.name;
        let function = self.one("aws_lambda_function");
        let table = self.all("aws_dynamodb_table");
        assert_eq!(table.len(), usize::from(self.variant.has_table()), "{name}");
        let policy = self.one("aws_iam_role_policy")["policy"]
            .as_str()
            .expect("a policy");
        let policy: Value = serde_json::from_str(policy).expect("JSON");
        let log = self.one("aws_cloudwatch_log_group");
        let mut expected = vec![
            (
                vec!["logs:CreateLogStream", "logs:PutLogEvents"],
                json!(format!("{}:*", log["arn"].as_str().expect("an ARN"))),
            ),
            (
                vec!["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                json!("*"),
            ),
        ];
        for table in &table {
            let actions = vec![
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
            ];
            expected.push((actions, table["arn"].clone()));
            assert_eq!(table["billing_mode"], "PAY_PER_REQUEST");
            assert_eq!(table["hash_key"], "session_id");
            assert_eq!(table["ttl"][0]["attribute_name"], "expires_at");
            assert_eq!(table["ttl"][0]["enabled"], true);
            assert_eq!(table["server_side_encryption"][0]["enabled"], true);
            assert_eq!(table["deletion_protection_enabled"], true);
        }
        let statements = policy["Statement"].as_array().expect("statements");
        let network = statements.iter().filter(|statement| {
            statement["Sid"]
                .as_str()
                .is_some_and(|sid| sid.starts_with("Network"))
        });
        let network: Vec<_> = network
            .map(|statement| statement["Effect"].clone())
            .collect();
        let wanted = if self.variant.has("vpc") {
            json!(["Allow", "Deny"])
        } else {
            json!([])
        };
        assert_eq!(json!(network), wanted, "{name}");
        let output: Vec<_> = statements[..statements.len() - network.len()]
            .iter()
            .map(|statement| (statement["Action"].clone(), statement["Resource"].clone()))
            .collect();
        let expected = expected
            .into_iter()
            .map(|(actions, resource)| (json!(actions), resource));
        assert_eq!(output, expected.collect::<Vec<_>>(), "{name}");

        let mut variables = json!({
            "ENTRY_FILE": "libcustom_tools.so", "TOOLS_LIST": "greet,multiply,add",
            "MCP_RESPONSE_MODE": if self.variant.streams() { "stream" } else { "buffered" },
        });
        for table in &table {
            variables["MCP_SESSION_TABLE"] = table["name"].clone();
        }
        if table.is_empty() {
            variables["MCP_STATE_KEY"] = json!(STATE_KEY);
        }
        if self.variant.has("metrics") {
            variables["MCP_METRICS"] = json!("emf");
        }
        if self.variant.auth() == "bearer" {
            variables["MCP_BEARER_TOKENS"] = json!(variants::token());
        }
        if self.variant.has("allowed_origins") {
            variables["MCP_ALLOWED_ORIGINS"] = json!("https://app.example.com");
        }
        let [here, _] = architectures();
        let reserved = &self.variant.settings["reserved_concurrency"];
        for (attribute, expected) in [
            ("environment", json!([{ "variables": variables }])),
            ("runtime", json!("provided.al2023")),
            ("handler", json!("bootstrap")),
            ("architectures", json!([here])),
            ("tracing_config", json!([{ "mode": "Active" }])),
            (
                "reserved_concurrent_executions",
                if reserved.is_null() {
                    json!(-1)
                } else {
                    reserved.clone()
                },
            ),
        ] {
            assert_eq!(function[attribute], expected, "{name}: {attribute}");
        }
        assert_eq!(log["retention_in_days"], 30);
        let layer = self.one("aws_lambda_layer_version");
        assert_eq!(function["layers"], json!([layer["arn"]]));
        let alias = self.one("aws_lambda_alias");
        assert_eq!(
            [&alias["name"], &alias["function_version"]],
            [&json!("live"), &function["version"]]
        );

        let alarms = self.all("aws_cloudwatch_metric_alarm");
        let alarms: BTreeSet<_> = alarms
            .iter()
            .map(|alarm| alarm["metric_name"].as_str().expect("a metric"))
            .collect();
        let mut expected = BTreeSet::from(["Errors", "Throttles", "Duration"]);
        if self.variant.has_table() {
            expected.extend(["ReadThrottleEvents", "WriteThrottleEvents"]);
        }
        assert_eq!(alarms, expected, "{name}");
        self.door();
    }

    fn door(&self) {
        let name = self.variant.name;
        let open = !matches!(self.variant.auth(), "iam" | "jwt");
        let preflights = self.variant.has("allowed_origins");
        let permissions = self.all("aws_lambda_permission");
        let paths: BTreeSet<_> = permissions
            .iter()
            .map(|permission| {
                assert_eq!(permission["principal"], "apigateway.amazonaws.com");
                assert_eq!(permission["qualifier"], "live");
                let source = permission["source_arn"].as_str().expect("an ARN");
                source.split_once("/*/*/").expect("a path").1
            })
            .collect();
        let expected = if self.variant.is_url() {
            BTreeSet::new()
        } else {
            BTreeSet::from(["mcp", "health"])
        };
        assert_eq!(paths, expected, "{name}");
        match self.variant.door() {
            "http_api" => {
                let routes = self.all("aws_apigatewayv2_route");
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let routes: BTreeMap<_, _> = routes
                    .iter()
                    .map(|route| {
                        (
                            text(&route["route_key"]),
                            text(&route["authorization_type"]),
                        )
                    })
                    .collect();
                let by = match self.variant.auth() {
                    "iam" => "AWS_IAM",
                    "jwt" => "JWT",
                    _ => "NONE",
                };
                let mut expected = BTreeMap::from([("ANY /mcp", by), ("GET /health", by)]);
                if preflights {
                    expected.insert("OPTIONS /mcp", "NONE");
                }
                let expected = expected
                    .into_iter()
                    .map(|(key, by)| (key.to_owned(), by.to_owned()));
                assert_eq!(routes, expected.collect(), "{name}");
                assert_eq!(
                    self.one("aws_apigatewayv2_api")["cors_configuration"],
                    json!([])
                );
            }
            "rest_api" | "rest_api_stream" => {
                let body = self.one("aws_api_gateway_rest_api")["body"]
                    .as_str()
                    .expect("a body");
                let body: Value = serde_json::from_str(body).expect("JSON");
                let mcp = &body["paths"]["/mcp"];
                let any = &mcp["x-amazon-apigateway-any-method"];
                let security = if open {
                    Value::Null
                } else {
                    json!([{ "sigv4": [] }])
                };
                assert_eq!(any["security"], security, "{name}");
                assert_eq!(
                    body["paths"]["/health"]["get"]["security"], security,
                    "{name}"
                );
                assert_eq!(mcp["options"].is_object(), preflights, "{name}");
                assert_eq!(mcp["options"]["security"], Value::Null, "{name}");
                let (mode, end) = if self.variant.streams() {
                    ("STREAM", "/response-streaming-invocations")
                } else {
                    ("BUFFERED", "/invocations")
                };
                let integration = &any["x-amazon-apigateway-integration"];
                assert_eq!(integration["responseTransferMode"], mode);
                assert!(
                    integration["uri"]
                        .as_str()
                        .is_some_and(|uri| uri.ends_with(end)),
                    "{integration}"
                );
            }
            _ => {
                let url = self.one("aws_lambda_function_url");
                let auth = if open { "NONE" } else { "AWS_IAM" };
                assert_eq!(url["authorization_type"], auth, "{name}");
                let mode = if self.variant.streams() {
                    "RESPONSE_STREAM"
                } else {
                    "BUFFERED"
                };
                assert_eq!(url["invoke_mode"], mode, "{name}");
                assert_eq!(url["cors"], json!([]));
                let stack = self.one("aws_cloudformation_stack")["template_body"]
                    .as_str()
                    .expect("a template");
                let stack: Value = serde_json::from_str(stack).expect("JSON");
                let principal = if open {
                    "*"
                } else {
                    "arn:aws:iam::111122223333:role/caller"
                };
                let alias = &self.one("aws_lambda_alias")["arn"];
                let permission = |members: Value| json!({ "Type": "AWS::Lambda::Permission", "Properties": members });
                let expected = json!({ "Resources": {
                    "Url0": permission(json!({
                        "FunctionName": alias, "Action": "lambda:InvokeFunctionUrl", "Principal": principal,
                        "FunctionUrlAuthType": auth,
                    })),
                    "Invoke0": permission(json!({
                        "FunctionName": alias, "Action": "lambda:InvokeFunction", "Principal": principal,
                        "InvokedViaFunctionUrl": true,
                    })),
                } });
                assert_eq!(stack, expected, "{name}");
            }
        }
    }
}

#[test]
fn every_variant_is_applied_without_drift_and_destroyed() {
    let Some(terraform) = terraform() else { return };
    // moto 5.2.1 does not support these: they are planned below.
    let variants = variants::all()
        .into_iter()
        .filter(|variant| variant.name != "kept-ready");
    let variants: Vec<_> = variants.collect();
    let modules = variants
        .iter()
        .map(|variant| (variant.name.to_owned(), variant.of_terraform()));
    let mut modules: Map<_, _> = modules.collect();
    // The variant without a table, which a key needs.
    modules["rest-stream"]["state_key"] = json!(STATE_KEY);
    let root = Root::new(terraform, Folder::new(), &modules);
    let run = |arguments: &[&str]| output_of(&mut root.command(arguments));
    run(&["validate", "-no-color"]);
    run(&["apply", "-auto-approve", "-input=false", "-no-color"]);
    let state: Value = serde_json::from_str(&run(&["show", "-json"])).expect("JSON");
    for variant in &variants {
        let modules = state["values"]["root_module"]["child_modules"]
            .as_array()
            .expect("modules");
        let address = format!("module.{}", variant.name);
        let module = modules
            .iter()
            .find(|module| module["address"] == address.as_str());
        let resources = module.expect("its module")["resources"]
            .as_array()
            .expect("resources");
        Made {
            variant,
            resources: resources.clone(),
        }
        .check();
        let outputs = &state["values"]["outputs"][variant.name]["value"];
        let url = outputs["url"].as_str().expect("a URL");
        assert!(
            url.starts_with("https://") && url.ends_with("/mcp"),
            "{url}"
        );
        assert!(
            outputs["curl"]
                .as_str()
                .is_some_and(|curl| curl.contains(url)),
            "{outputs}"
        );
        for client in ["claude_code", "cursor"] {
            let output = outputs["clients"][client].as_str().expect("a text");
            let output: Value = serde_json::from_str(output).expect("JSON");
            let server = &output["mcpServers"][format!("mcp-{}", variant.name)];
            assert!(server.to_string().contains(url), "{output}");
        }
    }
    // Exit code 2 means that there are changes.
    let (stdout, stderr, code) = run_captured(&mut root.command(&[
        "plan",
        "-detailed-exitcode",
        "-input=false",
        "-no-color",
    ]));
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");

    let unprotected = root.folder.read("main.tf.json").replace(
        r#""source":"./module""#,
        r#""source":"./module","table_deletion_protection":false"#,
    );
    root.folder.write("main.tf.json", &unprotected);
    run(&["apply", "-auto-approve", "-input=false", "-no-color"]);
    run(&["destroy", "-auto-approve", "-input=false", "-no-color"]);
    assert_eq!(run(&["state", "list"]), "");
}

#[test]
fn configuration_problems_stop_the_plan_and_are_named() {
    let Some(terraform) = terraform() else { return };
    let folder = Folder::new();
    let [here, other] = architectures();
    folder.has_what_is_wrong();
    let cases = [
        (
            "tools",
            json!({ "tools": "wrong.json" }),
            vec![
                "wrong.json: libcustom_tools.so has no tool divide; it has greet, multiply, add"
                    .to_owned(),
                "wrong.json: no layer has libweather.so; the plugins are libcustom_tools.so"
                    .to_owned(),
            ],
        ),
        (
            "cpu",
            json!({
                "layers": [{ "zip": "other-layer.zip", "description": "other-layer.json" }],
                "function_zip": "other-function.zip", "function_description": "other-function.json",
            }),
            vec![
                format!("`cargo layer build --arch {here}`, or set architecture"),
                format!("`cargo layer host --arch {here}`, or set architecture"),
            ],
        ),
        (
            "files",
            json!({
                "architecture": other, "layers": [{ "zip": "none.zip", "description": "none.json" }],
                "function_zip": "layer.zip", "function_description": "layer.json", "auth": "bearer",
            }),
            vec![
                "none.zip: there is no such file".to_owned(),
                "none.json: not a description of an archive".to_owned(),
                "layer.zip: has no bootstrap".to_owned(),
                "bearer_tokens: belong to auth = bearer, which needs at least one".to_owned(),
            ],
        ),
        (
            "description",
            json!({
                "layers": [{ "zip": "layer.zip", "description": "other-layer.json" }], "architecture": other,
                "function_zip": "other-function.zip", "function_description": "other-function.json",
            }),
            vec!["other-layer.json: describes another archive than layer.zip".to_owned()],
        ),
        (
            "auth",
            json!({
                "auth": "jwt", "front_door": "function_url", "bearer_tokens": ["mcp_secret"],
                "environment": { "TOOLS_LIST": "*" },
            }),
            vec![
                "auth: function_url cannot check a JWT".to_owned(),
                "bearer_tokens: entry 1 is not NAME:HASH".to_owned(),
                "environment: TOOLS_LIST is set by this module".to_owned(),
            ],
        ),
    ];
    let plain = Variant {
        name: "wrong",
        settings: json!({}),
    };
    let modules = cases.iter().map(|(name, wrong, _)| {
        let mut arguments = plain.of_terraform();
        for (argument, value) in wrong.as_object().expect("arguments") {
            arguments[argument] = value.clone();
        }
        ((*name).to_owned(), arguments)
    });
    let root = Root::new(terraform, folder, &modules.collect());
    let refusals = root.refusals();
    assert_eq!(refusals.len(), cases.len(), "{refusals:#?}");
    for (name, _, problems) in cases {
        let names_all = |output: &&String| problems.iter().all(|problem| output.contains(problem));
        assert_eq!(
            refusals.iter().filter(names_all).count(),
            1,
            "{name}: {refusals:#?}"
        );
    }
    assert!(!refusals.concat().contains("mcp_secret"), "{refusals:#?}");
}

#[test]
fn the_sources_are_formatted_and_the_example_can_be_planned() {
    let Some(terraform) = terraform() else { return };
    let sources = repository().join("deploy/terraform");
    output_of(&mut terraform.command(&sources, &["fmt", "-check", "-recursive", "-diff"]));
    // The example in its place, beside the module.
    let folder = Folder::new();
    let example = folder.file("examples/http_api");
    copy(&sources, folder.path());
    copy(&sources.join("examples/http_api"), &example);
    for file in [
        "layer.zip",
        "layer.json",
        "function.zip",
        "function.json",
        "tools.json",
    ] {
        fs_err::copy(folder.file(file), example.join(file)).expect("a copy");
    }
    let tools =
        fs_err::read_to_string(sources.join("examples/http_api/tools.json")).expect("a file");
    assert_eq!(
        serde_json::from_str::<Value>(&tools).expect("JSON"),
        serde_json::from_str::<Value>(&folder.read("tools.json")).expect("JSON")
    );
    let main = fs_err::read_to_string(example.join("main.tf")).expect("a file");
    let name = "  name                 = \"mcp-host\"\n";
    assert!(main.contains(name), "{main}");
    // The CPU of the machine that built the archives.
    let architecture = format!("{name}  architecture = \"{}\"\n", architectures()[0]);
    let main = main.replace(name, &architecture);
    fs_err::write(example.join("main.tf"), main).expect("a file");
    terraform.init(&example);
    let moto = Moto::start();
    let mut plan = terraform.command(&example, &["plan", "-input=false", "-no-color"]);
    let output = output_of(plan.env("AWS_ENDPOINT_URL", moto.endpoint()));
    assert!(
        output.contains(" to add, 0 to change, 0 to destroy"),
        "{output}"
    );
}

#[test]
fn provisioned_concurrency_is_planned() {
    let Some(terraform) = terraform() else { return };
    let variants = variants::all();
    let variant = variants
        .iter()
        .find(|variant| variant.name == "kept-ready")
        .expect("one");
    let modules = Map::from_iter([(variant.name.to_owned(), variant.of_terraform())]);
    let root = Root::new(terraform, Folder::new(), &modules);
    root.planned_outputs();
    let plan = output_of(&mut root.command(&["show", "-json", "plan"]));
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let planned = plan["resource_changes"].as_array().expect("resources");
    let after = |kind: &str| {
        let found = planned.iter().find(|change| change["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))["change"]["after"].clone()
    };
    let ready = after("aws_lambda_provisioned_concurrency_config");
    assert_eq!(
        [
            &ready["qualifier"],
            &ready["provisioned_concurrent_executions"]
        ],
        [&json!("live"), &json!(2)]
    );
    let function = after("aws_lambda_function");
    assert_eq!(
        function["code_signing_config_arn"],
        variant.settings["code_signing_config_arn"]
    );
    // Attributes that moto does not store.
    assert_eq!(function["logging_config"][0]["log_format"], "JSON");
    assert_eq!(
        function["logging_config"][0]["log_group"],
        "/aws/lambda/mcp-kept-ready"
    );
}
