//! AWS Lambda behind API Gateway: REST APIs (payload 1.0) and HTTP APIs (payload 2.0).

mod caller;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use lambda_http::{
    Body, Error, Request, RequestExt, Response, request::RequestContext, service_fn,
};
use lambda_runtime_api_client::{PooledClient, body::Body as ApiBody};
use serde_json::json;

use self::caller::caller;
use crate::{
    StartError,
    app::{App, Incoming, Reached},
    config::Config,
};

/// How long before the function's own deadline a tool should have answered.
/// Source: ours. It leaves time to send an answer before Lambda ends the environment.
const RESERVE: Duration = Duration::from_millis(500);

/// Serve invocations until Lambda ends the environment.
///
/// What stops the start is reported to Lambda as an init error; the exit code is 1 then.
pub async fn run(config: Config) -> ExitCode {
    let app = match App::start(&config) {
        Ok(app) => Arc::new(app),
        Err(error) => {
            tracing::error!(code = %error.code(), "the host does not start: {error}");
            report_init_error(&error).await;
            return ExitCode::FAILURE;
        }
    };
    let handler = service_fn(move |request: Request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Error>(answer(&app, request).await) }
    });
    match lambda_http::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the Lambda Runtime API does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Tell Lambda why the function does not start: it shows the message to whoever invokes or looks into the log.
/// Source: AWS Lambda, "Using the Lambda runtime API", "Initialization error".
async fn report_init_error(error: &StartError) {
    let body = json!({ "errorMessage": error.to_string(), "errorType": error.code().as_str(), "stackTrace": [] });
    let request = http::Request::post("/2018-06-01/runtime/init/error")
        .header("Lambda-Runtime-Function-Error-Type", error.code().as_str())
        .body(ApiBody::from(body.to_string()));
    let sent = match request {
        Ok(request) => PooledClient::builder()
            .build()
            .call(request)
            .await
            .map(drop),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = sent {
        tracing::error!("the init error could not be reported: {error}");
    }
}

async fn answer(app: &App, request: Request) -> Response<Body> {
    let context = request.request_context();
    let (domain, stage) = match &context {
        RequestContext::ApiGatewayV1(context) => {
            (context.domain_name.as_deref(), context.stage.as_deref())
        }
        RequestContext::ApiGatewayV2(context) => {
            (context.domain_name.as_deref(), context.stage.as_deref())
        }
        _ => (None, None),
    };
    let lambda = request.lambda_context();
    let deadline = UNIX_EPOCH + Duration::from_millis(lambda.deadline).saturating_sub(RESERVE);
    let incoming = Incoming {
        method: request.method().clone(),
        path: without_stage(request.raw_http_path(), stage),
        headers: request.headers(),
        body: request.body(),
        reached: Reached::Gateway(domain.unwrap_or_default()),
        caller: caller(&context),
        request_id: &lambda.request_id,
        deadline: Some(deadline),
    };
    app.answer(&incoming).await.map(into_body)
}

/// `/prod/mcp` -> `/mcp`: HTTP APIs send the stage along, unless it is `$default`.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path)
}

/// What the host writes is UTF-8: text needs no base64 on its way through the gateway.
fn into_body(body: Bytes) -> Body {
    if body.is_empty() {
        return Body::Empty;
    }
    match String::from_utf8(body.into()) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context, request};
    use plugin_abi::host_op;
    use serde_json::Value;

    use super::*;
    use crate::{app::tests::plugin, plugin::Catalog};

    /// A call of the tool `ask`, for its context and with some progress.
    fn body() -> String {
        let ops = json!([[host_op::CONTEXT, null], [host_op::PROGRESS, { "progress": 1 }]]);
        let params =
            json!({ "name": "ask", "arguments": { "ops": ops }, "_meta": { "progressToken": 1 } });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
    }

    fn rest_api() -> Value {
        json!({
            "resource": "/{proxy+}",
            "path": "/mcp",
            "httpMethod": "POST",
            "headers": { "Accept-Language": "de" },
            "multiValueHeaders": { "Accept-Language": ["de"], "Content-Type": ["application/json"] },
            "requestContext": {
                "httpMethod": "POST",
                "stage": "prod",
                "identity": {},
                "authorizer": { "principalId": "alice", "tenant": "a" },
            },
            "body": body(),
            "isBase64Encoded": false,
        })
    }

    fn http_api() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/mcp",
            "rawQueryString": "",
            "headers": { "accept-language": "de", "content-type": "application/json" },
            "requestContext": {
                "stage": "$default",
                "http": { "method": "POST", "path": "/mcp", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "x" },
                "authorizer": { "lambda": { "principalId": "alice", "tenant": "a" } },
            },
            "body": body(),
            "isBase64Encoded": false,
        })
    }

    #[tokio::test]
    async fn a_tool_learns_who_called_and_by_when_to_answer_and_may_answer_with_a_stream() {
        let catalog = Catalog::linked(plugin::module()).expect("a catalogue");
        let app = App::of(&Config::from_env(|_| None), catalog);
        for event in [rest_api(), http_api()] {
            let mut lambda = Context::default();
            lambda.request_id = "invocation-1".to_owned();
            lambda.deadline = 32_503_680_000_000;
            let request = request::from_str(&event.to_string()).expect("an event");
            let response = answer(&app, request.with_lambda_context(lambda)).await;
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            let Body::Text(text) = response.body() else {
                panic!("not text: {response:?}");
            };
            let last = text.trim_end().rsplit("data: ").next().expect("an event");
            let last: Value = serde_json::from_str(last).expect("a message");
            let seen = last["result"]["content"][0]["text"].as_str();
            let seen: Value = serde_json::from_str(seen.expect("a text")).expect("JSON");
            assert_eq!(seen["deadline"], 32_503_679_999_500_u64);
            let context = &seen["outcomes"][0];
            for (member, expected) in [
                ("requestId", json!("invocation-1")),
                ("principal", json!("alice")),
                ("claims", json!({ "tenant": "a" })),
                ("headers", json!({ "accept-language": "de" })),
            ] {
                assert_eq!(context[member], expected, "{member} of {event}");
            }
        }
    }

    #[test]
    fn the_stage_is_taken_off_the_path() {
        for (path, stage, expected) in [
            ("/prod/mcp", Some("prod"), "/mcp"),
            ("/prod", Some("prod"), ""),
            ("/mcp", Some("prod"), "/mcp"),
            ("/production/mcp", Some("prod"), "/production/mcp"),
            ("/mcp", Some("$default"), "/mcp"),
            ("/mcp", None, "/mcp"),
        ] {
            assert_eq!(
                without_stage(path, stage),
                expected,
                "path: {path}, stage: {stage:?}"
            );
        }
    }
}
