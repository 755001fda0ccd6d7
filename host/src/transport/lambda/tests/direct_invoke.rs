//! Invocations without a gateway: bare messages, calls of an AgentCore Gateway, and invalid events.

use http::HeaderValue;
use insta::assert_snapshot;

use plugin_abi::host_op;
use serde_json::{Value, json};

use crate::transport::lambda::tests::{Function, Invocation, call, invocation};

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

fn modern(mut message: Value) -> Value {
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message
}

/// Returns an invocation with this header beside its event, as the Runtime API sends it.
fn told(member: &str, value: &Value) -> Invocation {
    let mut told = invocation();
    match member {
        "client" => told.client = serde_json::from_value(value.clone()).expect("a client"),
        _ => told.identity = serde_json::from_value(value.clone()).expect("an identity"),
    }
    told
}

fn named(tool: &str) -> Invocation {
    told(
        "client",
        &json!({ "custom": { "bedrockAgentCoreToolName": tool } }),
    )
}

#[tokio::test]
async fn a_bare_message_gets_a_bare_answer_in_both_eras() {
    // Without a session, in every mode of sessions.
    for mode in ["lenient", "strict", "off"] {
        let function = Function::start(&[("MCP_SESSION_MODE", mode)]);
        let result = async |message: &Value| {
            let answer = function
                .invoke(message, invocation())
                .await
                .expect("an answer");
            assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
            assert_eq!(answer["id"], message["id"], "{answer}");
            answer["result"].clone()
        };
        let begun = result(&request(
            "initialize",
            json!({ "protocolVersion": "2025-06-18" }),
        ))
        .await;
        assert_eq!(begun["protocolVersion"], "2025-06-18");
        assert_eq!(result(&request("ping", json!({}))).await, json!({}));
        let tools = result(&request("tools/list", json!({}))).await;
        assert_eq!(tools["tools"][0]["name"], "ask");
        let reply = call("reply", json!({ "content": [] }));
        assert_eq!(result(&reply).await, json!({ "content": [] }));
        assert_eq!(result(&modern(reply)).await["resultType"], "complete");
        let discovered = result(&modern(request("server/discover", json!({})))).await;
        assert!(discovered["supportedVersions"].is_array(), "{discovered}");
    }
}

#[tokio::test]
async fn a_notification_is_answered_by_an_empty_object() {
    let function = Function::start(&[]);
    for message in [
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} }),
        json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]),
    ] {
        let answer = function.invoke(&message, invocation()).await;
        assert_eq!(answer, Ok(json!({})), "{message}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_served_is_a_json_rpc_error_not_a_failed_invocation() {
    let function = Function::start(&[]);
    for (message, code) in [
        (
            json!({ "jsonrpc": "2.0", "id": null, "method": "ping" }),
            -32600,
        ),
        (
            json!({ "jsonrpc": "1.0", "id": 1, "method": "ping" }),
            -32600,
        ),
        (request("tools/frob", json!({})), -32601),
        (call("none", json!({})), -32602),
        (request("tools/call", json!({ "arguments": {} })), -32602),
    ] {
        let answer = function
            .invoke(&message, invocation())
            .await
            .expect("an answer");
        assert_eq!(answer["error"]["code"], code, "{message}: {answer}");
    }
    let batch = json!([request("ping", json!({})), call("none", json!({}))]);
    let answers = function
        .invoke(&batch, invocation())
        .await
        .expect("answers");
    assert_eq!(answers[0]["result"], json!({}), "{answers}");
    assert_eq!(answers[1]["error"]["code"], -32602, "{answers}");
}

#[tokio::test]
async fn a_tool_invoked_directly_gets_lambdas_identity_and_no_progress() {
    let function = Function::start(&[]);
    let identity =
        json!({ "cognitoIdentityId": "eu-west-1:a", "cognitoIdentityPoolId": "eu-west-1:p" });
    let anybody = json!({ "cognitoIdentityId": "", "cognitoIdentityPoolId": "" });
    for (member, value, principal, claims) in [
        (
            "identity",
            &identity,
            json!("eu-west-1:a"),
            identity.clone(),
        ),
        ("identity", &anybody, Value::Null, Value::Null),
        (
            "client",
            &json!({ "custom": { "principal": "root" } }),
            Value::Null,
            Value::Null,
        ),
    ] {
        let ops = json!([[host_op::CONTEXT, null], [host_op::PROGRESS, { "progress": 1 }]]);
        let mut call = call("ask", json!({ "ops": ops }));
        call["params"]["_meta"] = json!({ "progressToken": 1 });
        let mut told = told(member, value);
        told.trace = Some(HeaderValue::from_static("Root=1-a"));
        let answer = function.invoke(&call, told).await.expect("an answer");
        let seen = answer["result"]["content"][0]["text"].as_str();
        let seen: Value = serde_json::from_str(seen.expect("a text")).expect("JSON");
        let seen = &seen["outcomes"][0];
        for (member, expected) in [
            ("requestId", &json!("invocation-1")),
            ("principal", &principal),
            ("claims", &claims),
            ("headers", &json!({ "x-amzn-trace-id": "Root=1-a" })),
            ("progress", &Value::Null),
        ] {
            let seen = seen.get(member).unwrap_or(&Value::Null);
            assert_eq!(seen, expected, "{member} with {value}");
        }
    }
}

#[tokio::test]
async fn an_agent_core_gateway_gets_the_result_of_the_tool_that_the_client_context_names() {
    let function = Function::start(&[]);
    let content = json!([{ "type": "text", "text": "so" }]);
    let structured = json!({ "celsius": 21.5 });
    for (tool, arguments, expected) in [
        ("target___reply", json!({}), json!({ "content": [] })),
        ("reply", json!({}), json!({ "content": [] })),
        ("my-target___reply", Value::Null, json!({ "content": [] })),
        (
            "target___reply",
            json!({ "content": content }),
            json!({ "content": content }),
        ),
        (
            "target___typed",
            json!({ "structuredContent": structured }),
            json!({ "content": [], "structuredContent": structured }),
        ),
        // With any names of members.
        (
            "target___reply",
            json!({ "content": content, "requestContext": {}, "jsonrpc": "2.0", "Records": [] }),
            json!({ "content": content }),
        ),
        (
            "target___reply",
            json!({ "content": content, "isError": true }),
            json!({ "content": content, "isError": true }),
        ),
    ] {
        let answer = function.invoke(&arguments, named(tool)).await;
        assert_eq!(answer, Ok(expected), "{tool} {arguments}");
    }
    let spelled = json!({ "custom": { "bedrockagentcoreToolName": "target___reply" } });
    let answer = function.invoke(&json!({}), told("client", &spelled)).await;
    assert_eq!(answer, Ok(json!({ "content": [] })));
}

#[tokio::test]
async fn every_error_behind_an_agent_core_gateway_is_a_result() {
    let function = Function::start(&[]);
    let unknown =
        "unknown tool: none; the list of tools may have changed, request it again with tools/list";
    for (tool, arguments, expected) in [
        ("target___none", json!({}), unknown),
        ("target___none", Value::Null, unknown),
        (
            "target___reply",
            json!([1]),
            "the arguments of a tool must be an object",
        ),
        (
            "target___reply",
            json!("x"),
            "the arguments of a tool must be an object",
        ),
        (
            "target___fail",
            json!({ "kind": "panic", "detail": "secret" }),
            "tool fail failed unexpectedly (request id invocation-1)",
        ),
        (
            "target___fail",
            json!({ "kind": "protocol", "code": -32602, "public": "not so" }),
            "not so",
        ),
        (
            "target___formal",
            json!({}),
            "tool formal needs the client capability elicitation.form, which this client has not declared; use a client that has it",
        ),
    ] {
        let answer = function.invoke(&arguments, named(tool)).await;
        let content = json!([{ "type": "text", "text": expected }]);
        let failed = json!({ "content": content, "isError": true });
        assert_eq!(answer, Ok(failed), "{tool} {arguments}");
    }
}

#[tokio::test]
async fn an_event_of_another_kind_is_named_by_its_members_and_never_by_their_values() {
    let function = Function::start(&[]);
    let many: serde_json::Map<_, _> = (10..30)
        .map(|n| (format!("{n}{}", "x".repeat(50)), json!("secret")))
        .collect();
    for (event, expected) in [
        (json!({}), "an empty object"),
        (Value::Null, "null"),
        (json!([]), "an empty array"),
        (json!([1]), "an array"),
        (json!([{ "secret": 1 }]), "an array"),
        (json!("secret"), "a string"),
        (json!(4711), "a number"),
        (json!(-1.5), "a number"),
        (json!(true), "a boolean"),
        (json!({ "x": "secret" }), "an object with \"x\""),
        (
            json!({ "requestContext": { "http": "secret" } }),
            "an object with \"requestContext\"",
        ),
        (
            json!({ "\u{7}\n": "secret" }),
            "an object with \"\\u{7}\\n\"",
        ),
        (
            json!({ "method": "tools/list", "id": 1 }),
            "an object with \"id\", \"method\"",
        ),
        (
            json!({ "detail-type": "secret", "source": "aws.s3", "detail": {} }),
            "an event of EventBridge",
        ),
        (
            json!({ "Records": [{ "eventSource": "aws:sqs", "body": "secret" }] }),
            "records of a queue, a topic, a stream or a bucket",
        ),
        (
            json!({ "requestContext": { "connectionId": "secret", "routeKey": "$connect" } }),
            "an event of a WebSocket API",
        ),
        (
            json!({ "triggerSource": "secret" }),
            "an event of a Cognito user pool",
        ),
        (
            Value::Object(many),
            "an object with \"10xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\", \"11xxx",
        ),
    ] {
        let error = function
            .invoke(&event, invocation())
            .await
            .expect_err("nothing to serve");
        let message = error.message;
        assert!(
            message.starts_with(&format!("the event is {expected}")),
            "{event}: {message}"
        );
        assert!(
            !message.contains("secret") && !message.contains("4711"),
            "{message}"
        );
        assert!(message.len() < 1200, "{message}");
        assert_eq!(error.code, "EVENT_UNKNOWN");
    }
    let error = function
        .invoke(&json!({ "x": 1 }), invocation())
        .await
        .expect_err("nothing to serve");
    assert_snapshot!(error.message, @r#"the event is an object with "x", but this function accepts HTTP requests through an API Gateway REST or HTTP API, a Function URL or a load balancer, JSON-RPC messages of MCP (`jsonrpc` and `method`), and calls of an AgentCore Gateway (which name their tool in the client context)"#);
}
