//! Regression tests for the faults of `awslabs.mcp-lambda-handler` 0.1.15, which were found by running it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tests::{FrontDoor, Host, Layer};

fn listed(host: &Host, name: &str) -> Value {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let answer = host.connect().post(&[], &list).json();
    let tools = answer["result"]["tools"].as_array().cloned();
    let tool = tools
        .into_iter()
        .flatten()
        .find(|tool| tool["name"] == name);
    tool.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[test]
fn a_parameter_with_a_default_is_not_required() {
    let schema = &listed(&Host::serve(&Layer::of(["all-types"])), "walk")["inputSchema"];
    assert_eq!(schema["required"], json!(["way"]), "{schema}");
    assert_eq!(schema["properties"]["times"]["default"], 2, "{schema}");
}

#[test]
fn a_model_in_an_argument_keeps_its_structure() {
    let schema = &listed(&Host::serve(&Layer::of(["all-types"])), "walk")["inputSchema"];
    let way = &schema["properties"]["way"];
    assert_eq!(way["type"], "object", "{schema}");
    assert_eq!(way["required"], json!(["distance", "heading"]), "{schema}");
    assert_eq!(way["properties"]["distance"]["type"], "number", "{schema}");
    assert_eq!(
        way["properties"]["stops"]["items"]["type"], "string",
        "{schema}"
    );
}

#[test]
fn a_tool_that_fails_is_a_result_and_not_http_500() {
    for host in [
        Host::serve(&Layer::of(["all-types"])),
        Host::lambda(&Layer::of(["all-types"]), FrontDoor::rest_api("prod")),
    ] {
        // `call` asserts the status 200.
        let outcome = host.connect().call("failsWithText", json!({}));
        assert_eq!(outcome.error_text(), "a text");
    }
}

#[test]
fn an_async_tool_returns_its_value() {
    let host = Host::lambda(&Layer::of(["async-tools"]), FrontDoor::rest_api("prod"));
    let outcome = host
        .connect()
        .call("later", json!({ "text": "awaited", "milliseconds": 1 }));
    assert_eq!(outcome.text(), "awaited");
}

/// Returns the event of a REST API for a call of `truth`.
fn event(headers: &Value, body: &str, base64: bool) -> Value {
    json!({
        "resource": "/mcp", "path": "/mcp", "httpMethod": "POST",
        "headers": headers, "multiValueHeaders": null,
        "queryStringParameters": null, "multiValueQueryStringParameters": null,
        "pathParameters": null, "stageVariables": null,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "a.example", "httpMethod": "POST", "path": "/prod/mcp",
            "protocol": "HTTP/1.1", "requestId": "r", "resourceId": "i", "resourcePath": "/mcp", "stage": "prod",
            "identity": { "sourceIp": "1.2.3.4", "userAgent": "t" },
        },
        "body": body, "isBase64Encoded": base64,
    })
}

#[test]
fn every_shape_of_a_gateway_event_is_accepted() {
    let host = Host::lambda(&Layer::of(["all-types"]), FrontDoor::rest_api("prod"));
    let params = json!({ "name": "truth", "arguments": {} });
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let encoded = BASE64_STANDARD.encode(&body);
    for (headers, body, base64) in [
        (
            json!({ "Content-Type": "application/json; charset=utf-8" }),
            &body,
            false,
        ),
        (
            json!({ "content-type": "application/json" }),
            &encoded,
            true,
        ),
        // The form that the console's test button sends.
        (Value::Null, &body, false),
    ] {
        let answer = host.invoke(&event(&headers, body, base64));
        assert_eq!(answer["statusCode"], 200, "{headers}: {answer}");
        let output = answer["body"].as_str().expect("a body");
        let output: Value = serde_json::from_str(output).expect("JSON");
        assert_eq!(
            output["result"]["content"][0]["text"], "true",
            "{headers}: {output}"
        );
    }
}
