//! The callers of the function on Lambda: events of every front door, bare messages, an AgentCore Gateway, and the limits of each.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{
    Environment, FrontDoor, Host, Layer, aws_cli, crate_file, documents, invoking_client, output_of,
};

/// A size over Lambda's limit for a response. Unit: bytes.
const HUGE: usize = 7 * 1000 * 1000;

fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

/// Returns an AgentCore Gateway's client context for a call of this tool.
fn named(tool: &str) -> Value {
    json!({ "custom": {
        "bedrockAgentCoreAwsRequestId": "request",
        "bedrockAgentCoreGatewayId": "gateway",
        "bedrockAgentCoreMcpMessageId": "message",
        "bedrockAgentCoreMessageVersion": "1.0",
        "bedrockAgentCoreTargetId": "target",
        "bedrockAgentCoreToolName": tool,
    } })
}

#[test]
fn events_that_ship_with_the_crates_of_aws_pass_the_real_host() {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::lambda_with_one_environment(&layer, FrontDoor::rest_api("prod"), &[]);
    let message = call("multiply", json!({ "x": 6, "y": 7 })).to_string();
    for (package, file, path) in [
        (
            "aws_lambda_events",
            "src/fixtures/example-apigw-console-test-request.json",
            "path",
        ),
        (
            "aws_lambda_events",
            "src/fixtures/example-apigw-request.json",
            "path",
        ),
        (
            "aws_lambda_events",
            "src/fixtures/example-apigw-sam-rest-request.json",
            "path",
        ),
        (
            "aws_lambda_events",
            "src/fixtures/example-apigw-v2-request-iam.json",
            "rawPath",
        ),
        (
            "aws_lambda_events",
            "src/fixtures/example-alb-lambda-target-request-headers-only.json",
            "path",
        ),
        (
            "aws_lambda_events",
            "src/fixtures/example-alb-lambda-target-request-multivalue-headers.json",
            "path",
        ),
        ("lambda_http", "tests/data/alb_no_host.json", "path"),
        (
            "lambda_http",
            "tests/data/apigw_v2_proxy_request_with_stage_in_path.json",
            "rawPath",
        ),
        (
            "lambda_http",
            "tests/data/apigw_v2_proxy_request_minimal.json",
            "rawPath",
        ),
        (
            "lambda_http",
            "tests/data/lambda_function_url_request.json",
            "rawPath",
        ),
    ] {
        let text = fs_err::read_to_string(crate_file(package, file)).expect("the file ships");
        let mut event: Value = serde_json::from_str(&text).expect("an event");
        let below = event[path]
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('/');
        event[path] = json!(format!("{below}/mcp"));
        match event["requestContext"].get_mut("http") {
            Some(http) => http["method"] = json!("POST"),
            None => event["httpMethod"] = json!("POST"),
        }
        for member in ["headers", "multiValueHeaders"] {
            if let Some(headers) = event[member].as_object_mut() {
                headers.retain(|name, _| !name.eq_ignore_ascii_case("content-type"));
            }
        }
        event["body"] = json!(message);
        event["isBase64Encoded"] = json!(false);
        let answer = host.invoke(&event);
        assert_eq!(answer["statusCode"], 200, "{file}: {answer}");
        let body: Value =
            serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(
            body["result"]["content"][0]["text"], "42",
            "{file}: {answer}"
        );
    }
}

#[test]
fn a_bare_message_is_answered_by_a_bare_answer() {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::lambda_with_one_environment(&layer, FrontDoor::rest_api("prod"), &[]);
    let arguments = json!({ "x": 6, "y": "7" });
    let content = json!([{ "type": "text", "text": "42" }]);
    let mut modern = call("multiply", arguments.clone());
    modern["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    for message in [call("multiply", arguments), modern] {
        let answer = host.invoke(&message);
        assert_eq!(answer["result"]["content"], content, "{answer}");
    }
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(host.invoke(&notification), json!({}));
    let batch = json!([notification, { "jsonrpc": "2.0", "id": "a", "method": "ping" }]);
    assert_eq!(
        host.invoke(&batch),
        json!([{ "jsonrpc": "2.0", "id": "a", "result": {} }])
    );
}

#[test]
fn the_client_of_awss_own_adapter_finds_a_server_behind_lambdas_invoke_api() {
    let layer = Layer::of(["custom-tools"]);
    let environment = Environment::start(&layer, 1, &[]);
    let api = environment.invoke_api();
    let mut client = invoking_client("invoke.py");
    client
        .env("AWS_ENDPOINT_URL", api.url())
        .env("AWS_ACCESS_KEY_ID", "tests")
        .env("AWS_SECRET_ACCESS_KEY", "tests");
    let seen: Value = serde_json::from_str(&output_of(&mut client)).expect("JSON");
    assert_eq!(
        seen,
        json!({
            "revision": "2025-11-25",
            "tools": ["greet", "multiply", "add"],
            "text": "42",
            "failed": [true, MISSING],
            "unknown": -32602,
        })
    );
}

#[test]
fn the_documented_invocations_can_be_typed() {
    let layer = Layer::of(["custom-tools"]);
    let environment = Environment::start(&layer, 1, &[]);
    let api = environment.invoke_api();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let typed = |script: &str| {
        let mut shell = aws_cli("sh");
        shell
            .args(["-euc", script])
            .current_dir(folder.path())
            .env("AWS_ENDPOINT_URL", api.url())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests");
        output_of(&mut shell);
        let answer = fs_err::read_to_string(folder.path().join("answer.json"));
        serde_json::from_str::<Value>(&answer.expect("an answer")).expect("JSON")
    };
    let blocks = documents::code("docs/operator/front-doors.md", "Without a gateway", "sh");
    let [message, arguments] = blocks.as_slice() else {
        panic!("not two: {blocks:?}")
    };
    let content = json!([{ "type": "text", "text": "42" }]);
    assert_eq!(typed(message)["result"]["content"], content);
    assert_eq!(typed(arguments), json!({ "content": content }));
}

const MISSING: &str = "Invalid arguments for tool multiply: /y is missing (it must be an integer)";

#[test]
fn an_unknown_event_fails_its_invocation_only() {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::lambda_with_one_environment(&layer, FrontDoor::rest_api("prod"), &[]);
    let error = host.try_invoke(&json!({ "Records": [{ "body": "hunter2" }] }));
    assert_snapshot!(error.expect_err("records are no MCP"), @"function bootstrap failed: EVENT_UNKNOWN: the event is records of a queue, a topic, a stream or a bucket, but this function accepts HTTP requests through an API Gateway REST or HTTP API, a Function URL or a load balancer, JSON-RPC messages of MCP (`jsonrpc` and `method`), and calls of an AgentCore Gateway (which name their tool in the client context)");
    for event in [json!({}), Value::Null, json!([]), json!("x"), json!(1)] {
        assert!(host.try_invoke(&event).is_err(), "{event}");
    }
    let answer = host.invoke(&call("multiply", json!({ "x": 6, "y": 7 })));
    assert_eq!(answer["result"]["content"][0]["text"], "42");
    let log = host.log();
    assert!(
        log.contains("EVENT_UNKNOWN") && !log.contains("hunter2"),
        "{log}"
    );
    assert_eq!(log.matches(" serving ").count(), 1, "{log}");
}

#[test]
fn an_agent_core_gateway_calls_tools_by_their_bare_arguments() {
    let layer = Layer::of(["custom-tools", "all-types"]);
    let environment = Environment::start(&layer, 1, &[]);
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    for (tool, arguments, expected) in [
        (
            "my-target___multiply",
            json!({ "x": 6, "y": 7 }),
            json!({ "content": text("42") }),
        ),
        (
            "my-target___multiply",
            json!({ "x": 6 }),
            json!({ "content": text(MISSING), "isError": true }),
        ),
        (
            "my-target___failsWithText",
            json!({}),
            json!({ "content": text("a text"), "isError": true }),
        ),
        (
            "my-target___byHand",
            json!({}),
            json!({ "content": text("three"), "structuredContent": { "total": 3 }, "_meta": { "example.com/took-ms": 12 } }),
        ),
        (
            "my-target___divide",
            json!({}),
            json!({ "content": text("unknown tool: divide; the list of tools may have changed, request it again with tools/list"), "isError": true }),
        ),
    ] {
        let invocation = environment.begin_with(&arguments, Some(&named(tool)));
        assert_eq!(invocation.answer(), expected, "{tool} {arguments}");
    }
    // The same arguments without a gateway are not a call.
    let error = environment.invoke(&json!({ "x": 6, "y": 7 }));
    assert_eq!(error["errorType"], "EVENT_UNKNOWN", "{error}");
}

/// A gateway that passes on headers of its clients has an object in the client context; mobile applications leave members out.
#[test]
fn a_client_context_with_other_members_calls_the_tool() {
    let layer = Layer::of(["custom-tools"]);
    let environment = Environment::start(&layer, 1, &[]);
    for (member, value) in [
        (
            "/custom/bedrockAgentCorePropagatedHeaders",
            json!({ "x-tenant": "a" }),
        ),
        ("/client", json!({})),
        ("/env", Value::Null),
    ] {
        let mut context = named("my-target___multiply");
        let (parent, name) = member.rsplit_once('/').expect("a path");
        context.pointer_mut(parent).expect("a parent")[name] = value;
        let arguments = json!({ "x": 6, "y": 7 });
        let answer = environment.begin_with(&arguments, Some(&context)).answer();
        assert_eq!(answer["content"][0]["text"], "42", "{context}: {answer}");
    }
}

#[test]
fn a_huge_result_is_an_error_and_keeps_the_environment() {
    let layer = Layer::of(["large-results"]);
    for (door, limit) in [
        (FrontDoor::rest_api("prod"), "Lambda accepts 6291556"),
        (FrontDoor::http_api("$default"), "Lambda accepts 6291556"),
        (FrontDoor::function_url(), "Lambda accepts 6291556"),
        (
            FrontDoor::LoadBalancer { multi_value: true },
            "a load balancer accepts 1048576",
        ),
    ] {
        let host = Host::lambda_with_one_environment(&layer, door, &[]);
        let client = host.connect();
        let outcome = client.call("fill", json!({ "bytes": HUGE }));
        let output = outcome.error_text();
        let expected = format!(
            "tool fill did its work, but its result has {} bytes as sent, and {limit}; request less data in one call (request id ",
            HUGE + SENT_BESIDE
        );
        assert!(output.starts_with(&expected), "{output}");
        assert_eq!(
            client
                .call("fill", json!({ "bytes": 1_000_000 }))
                .text()
                .len(),
            1_000_000
        );
        // Without the gateway.
        let answer = host.invoke(&call("fill", json!({ "bytes": HUGE })));
        assert_eq!(answer["result"]["isError"], true);
        let log = host.log();
        assert_eq!(log.matches(" serving ").count(), 1, "{log}");
    }
}

/// The size of a text response without its text, with the backslashes that escape its quotes in an event. Unit: bytes.
const SENT_BESIDE: usize = 91;

/// The tool takes longer than the REST API waits, but not longer than the function may run.
#[test]
fn a_call_times_out_before_the_rest_api_and_names_the_limit() {
    let layer = Layer::of(["sleeps"]);
    let host = Host::lambda_with_timeout(
        &layer,
        FrontDoor::rest_api("prod"),
        Duration::from_secs(300),
    );
    // The gateway's own response to a late answer has status 504.
    let outcome = host.connect().call("nap", json!({ "seconds": 40 }));
    let output = outcome.error_text();
    let expected = "tool nap timed out: a REST API waits 29 s for a response, which left 28.5 s for the call; the operator can raise the gateway's limit, if it has a higher one, and set MCP_CALL_TIMEOUT_MS to it (request id ";
    assert!(output.starts_with(expected), "{output}");
    // The tool still runs: a fresh environment serves the next request.
    assert_eq!(host.connect().list(), ["nap"]);
    host.wait_for_log("this environment ends, and a fresh one serves the next request");
}

#[test]
fn arguments_nested_too_deep_are_reported_to_the_model() {
    let host = Host::serve(&Layer::of(["all-types"]));
    let client = host.connect();
    for (levels, is_error) in [(50, false), (200, true), (100_000, true)] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"raw","arguments":{{"query":"abc","deep":{deep}}}}}}}"#
        );
        let answer = client.send("POST", &[("Content-Type", "application/json")], &body);
        assert_eq!(answer.status, 200, "{levels} levels");
        let result = &answer.json()["result"];
        assert_eq!(result["isError"] == true, is_error, "{levels} levels");
        if is_error {
            let output = result["content"][0]["text"].as_str().expect("words");
            let begin = "Invalid arguments for tool raw: they ";
            assert!(output.starts_with(begin), "{levels} levels: {output}");
        }
    }
    let deep = "[".repeat(100_000);
    let answer = client.send("POST", &[("Content-Type", "application/json")], &deep);
    assert_eq!(answer.status, 400);
}

#[test]
fn serve_limits_the_number_of_headers() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    let address = host
        .url()
        .trim_start_matches("http://")
        .trim_end_matches("/mcp");
    let status = |headers: String| {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let head = format!(
            "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );
        // The host may respond before everything is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.split(' ').nth(1).unwrap_or("none").to_owned()
    };
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("X-{n}: a\r\n"))
            .collect::<String>()
    };
    let long = |bytes: usize| format!("X-Long: {}\r\n", "a".repeat(bytes));
    for (headers, expected) in [
        (many(90), "200"),
        (many(110), "431"),
        (long(300 * 1024), "200"),
        (long(500 * 1024), "431"),
    ] {
        let length = headers.len();
        assert_eq!(status(headers), expected, "{length} bytes");
    }
}
