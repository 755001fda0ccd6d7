//! AWS Lambda behind a front door: REST APIs (payload 1.0), HTTP APIs and Function URLs (payload 2.0), and load balancers.

mod caller;
mod environment;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use lambda_http::{
    Body, Error, Request, RequestExt, Response, lambda_runtime::layers::TracingLayer,
    request::RequestContext, service_fn,
};
use lambda_runtime_api_client::{PooledClient, body::Body as ApiBody};
use serde_json::json;

use self::{caller::caller, environment::Environment};
use crate::{
    StartError,
    app::{App, Ceiling, Incoming, Reached},
    config::Config,
};

/// How long a REST API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running a REST API" (50 ms to 29 s; regional and private APIs
/// can have it raised).
const REST_API: Ceiling = Ceiling {
    door: "a REST API",
    limit: Duration::from_secs(29),
};

/// How long an HTTP API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running an HTTP API": 30 s, which cannot be raised. Taken as
/// 29 s, as what is on the way to and from the function counts too.
const HTTP_API: Ceiling = Ceiling {
    door: "an HTTP API",
    limit: Duration::from_secs(29),
};

/// How long an Application Load Balancer waits for its target.
/// Source: Elastic Load Balancing, "Edit attributes for your Application Load Balancer": the connection idle timeout, 60 s unless
/// it is configured.
const LOAD_BALANCER: Ceiling = Ceiling {
    door: "a load balancer",
    limit: Duration::from_secs(60),
};

/// How long ago a deadline may have been and still count. Unit: seconds; 60. Source: ours. Lambda hands out no event whose
/// deadline has passed, but its clock and ours may differ; `cargo lambda watch` always says ten minutes after 1970 began.
const LONG_PASSED: Duration = Duration::from_secs(60);

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
    let environment = Environment::of(&app);
    let handler = service_fn(move |request: Request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Error>(answer(&app, request).await) }
    });
    // As many at once as AWS_LAMBDA_MAX_CONCURRENCY says, else one after the other.
    let runtime = lambda_http::runtime_concurrent(handler)
        .layer(TracingLayer::new())
        .layer(environment.layer());
    tokio::select! {
        ended = runtime.run_concurrent() => match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("the Lambda Runtime API does not answer: {error}");
                ExitCode::FAILURE
            }
        },
        () = environment.worn_out() => {
            tracing::warn!("this environment ends, so that a fresh one serves what comes next: a tool still runs whose call was given up");
            ExitCode::SUCCESS
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
    let (domain, stage, ceiling) = match &context {
        RequestContext::ApiGatewayV1(context) => (
            context.domain_name.as_deref(),
            context.stage.as_deref(),
            Some(REST_API),
        ),
        RequestContext::ApiGatewayV2(context) => {
            let domain = context.domain_name.as_deref();
            let ceiling = (!is_function_url(domain)).then_some(HTTP_API);
            (domain, context.stage.as_deref(), ceiling)
        }
        RequestContext::Alb(_) => (None, None, Some(LOAD_BALANCER)),
        _ => (None, None, None),
    };
    let lambda = request.lambda_context();
    let incoming = Incoming {
        method: request.method().clone(),
        path: without_stage(request.raw_http_path(), stage),
        headers: request.headers(),
        body: request.body(),
        reached: Reached::Gateway(domain.unwrap_or_default()),
        caller: caller(&context),
        request_id: &lambda.request_id,
        deadline: deadline(lambda.deadline),
        ceiling,
    };
    app.answer(&incoming).await.map(into_body)
}

/// By when Lambda wants the answer. A moment that had long passed when the request came is no deadline: emulators send such.
fn deadline(milliseconds: u64) -> Option<SystemTime> {
    let deadline = UNIX_EPOCH + Duration::from_millis(milliseconds);
    let passed = SystemTime::now().duration_since(deadline);
    (passed.unwrap_or_default() <= LONG_PASSED).then_some(deadline)
}

/// Function URLs send the events of HTTP APIs, but wait as long as the function runs.
/// Source: AWS Lambda, "Invoking Lambda function URLs": `https://<url-id>.lambda-url.<region>.on.aws`.
fn is_function_url(domain: Option<&str>) -> bool {
    domain.is_some_and(|domain| domain.contains(".lambda-url."))
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

    /// The year 3000. Unit: milliseconds since 1970.
    const FAR: u64 = 32_503_680_000_000;

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
        let mut function_url = http_api();
        function_url["requestContext"]["domainName"] = json!("abc.lambda-url.eu-west-1.on.aws");
        for (event, has_ceiling) in [
            (rest_api(), true),
            (http_api(), true),
            (function_url, false),
        ] {
            let mut lambda = Context::default();
            lambda.request_id = "invocation-1".to_owned();
            lambda.deadline = FAR;
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
            let deadline = seen["deadline"].as_u64().expect("a number");
            if has_ceiling {
                let left = UNIX_EPOCH + Duration::from_millis(deadline);
                let left = left.duration_since(SystemTime::now());
                assert!(left.expect("in the future") < REST_API.limit, "{event}");
            } else {
                assert_eq!(deadline, FAR - 500, "{event}");
            }
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
    fn a_deadline_that_had_long_passed_is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.expect("after 1970").as_millis()).expect("not so late");
        for (milliseconds, counts) in [
            (0, false),
            (600_000, false),
            (now - 120_000, false),
            (now - 30_000, true),
            (now, true),
            (FAR, true),
        ] {
            let expected = counts.then(|| UNIX_EPOCH + Duration::from_millis(milliseconds));
            assert_eq!(
                deadline(milliseconds),
                expected,
                "milliseconds: {milliseconds}"
            );
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
