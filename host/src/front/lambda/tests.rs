//! Whole invocations: from the event to the payload that Lambda is given, but for the Runtime API.

mod callers;
mod direct;
mod fixtures;
mod paths;
mod sizes;

use std::sync::Arc;

use lambda_http::{
    Adapter, Context, Error, LambdaEvent, Request, Service, lambda_runtime::Diagnostic, service_fn,
};
use serde_json::{Value, json, value::RawValue};

use super::{answer, event::Doors};
use crate::{app::App, app::tests::plugin, config::Config, plugin::Catalog};

/// The year 3000. Unit: milliseconds since 1970.
const FAR: u64 = 32_503_680_000_000;

/// A function that serves the plugin by hand.
struct Function(Arc<App>);

impl Function {
    fn start(variables: &[(&str, &str)]) -> Self {
        let config = Config::from_env(|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(variable, _)| *variable == name)?;
            Some((*value).to_owned())
        });
        assert_eq!(config.problems, Vec::<String>::new());
        let catalog = Catalog::linked(plugin::module()).expect("a catalogue");
        Self(Arc::new(App::of(&config, catalog)))
    }

    /// Invoke it, by what `run` hands to the runtime.
    async fn invoke(&self, event: &Value, context: Context) -> Result<Value, Diagnostic> {
        self.invoke_text(&event.to_string(), context).await
    }

    async fn invoke_text(&self, event: &str, context: Context) -> Result<Value, Diagnostic> {
        let payload = RawValue::from_string(event.to_owned()).expect("an event is JSON");
        let app = Arc::clone(&self.0);
        let handler = service_fn(move |request: Request| {
            let app = Arc::clone(&app);
            async move { Ok::<_, Error>(answer(&app, request).await) }
        });
        let mut doors = Doors::new(Arc::clone(&self.0), Adapter::from(handler));
        let answered = doors.call(LambdaEvent::new(payload, context)).await?;
        Ok(serde_json::to_value(answered).expect("an answer is JSON"))
    }
}

fn context() -> Context {
    let mut context = Context::default();
    context.request_id = "invocation-1".to_owned();
    context.deadline = FAR;
    context
}

/// A call of a legacy client.
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

/// The message in the body of an answer.
fn message(answer: &Value) -> Value {
    let body = answer["body"].as_str();
    let body = body.unwrap_or_else(|| panic!("no body in {answer}"));
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON in {answer}"))
}
