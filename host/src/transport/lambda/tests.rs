//! Whole invocations: from the event to the payload for Lambda, without the Runtime API.

mod direct_invoke;
mod fixtures;
mod identity;
mod malformed;
mod paths;
mod sizes;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    config::{Config, ResponseMode},
    plugin::Catalog,
    server::{McpServer, tests::plugin},
    transport::lambda::{LambdaResponse, invocation::Invocation, runtime_api::InvocationFailure},
};

/// The year 3000. Unit: milliseconds since 1970.
const FAR: u64 = 32_503_680_000_000;

/// A function with the handwritten plugin.
struct Function(super::InvocationHandler);

impl Function {
    fn start(variables: &[(&str, &str)]) -> Self {
        let config = Config::from_env(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        });
        assert_eq!(config.problems, Vec::<String>::new());
        let catalog = Catalog::linked(plugin::module()).expect("a catalogue");
        Self(super::InvocationHandler {
            server: Arc::new(McpServer::with_catalog(&config, catalog)),
            mode: ResponseMode::Buffered,
        })
    }

    /// Invokes it with an event, and with the other facts of an invocation.
    async fn invoke(
        &self,
        event: &Value,
        invocation: Invocation,
    ) -> Result<Value, InvocationFailure> {
        self.invoke_text(&event.to_string(), invocation).await
    }

    async fn invoke_text(
        &self,
        event: &str,
        invocation: Invocation,
    ) -> Result<Value, InvocationFailure> {
        let event = event.to_owned().into();
        let invocation = Invocation {
            event,
            ..invocation
        };
        match self.0.respond(&invocation).await?.0 {
            LambdaResponse::Whole(answer) => {
                Ok(serde_json::from_slice(&answer).expect("an answer is JSON"))
            }
            LambdaResponse::Stream(_) => panic!("a buffered response is not a stream"),
        }
    }
}

fn invocation() -> Invocation {
    Invocation {
        request_id: "invocation-1".to_owned(),
        deadline_ms: FAR,
        ..Invocation::default()
    }
}

/// Returns a call of a legacy client.
fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn rest_api(path: &str, body: &Value) -> Value {
    json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": { "Accept-Language": "de" },
        "multiValueHeaders": { "Accept-Language": ["de"], "Content-Type": ["application/json"] },
        "requestContext": { "httpMethod": "POST", "stage": "prod", "identity": {} },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

fn http_api(path: &str, body: &Value) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "accept-language": "de", "content-type": "application/json" },
        "requestContext": {
            "routeKey": "$default",
            "stage": "$default",
            "http": { "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x" },
        },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

fn function_url(path: &str, body: &Value) -> Value {
    let mut event = http_api(path, body);
    event["requestContext"]["domainName"] = json!("abc.lambda-url.eu-west-1.on.aws");
    event
}

fn load_balancer(path: &str, body: &Value) -> Value {
    json!({
        "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/mcp/1" } },
        "httpMethod": "POST",
        "path": path,
        "queryStringParameters": {},
        "headers": { "accept-language": "de", "content-type": "application/json" },
        "body": body.to_string(),
        "isBase64Encoded": false,
    })
}

/// Returns the message in the body of an answer.
fn message(answer: &Value) -> Value {
    let body = answer["body"].as_str();
    let body = body.unwrap_or_else(|| panic!("no body in {answer}"));
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON in {answer}"))
}
