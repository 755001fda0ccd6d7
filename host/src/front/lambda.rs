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
            tracing::error!(code = error.code(), "the host does not start: {error}");
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
    let body =
        json!({ "errorMessage": error.to_string(), "errorType": error.code(), "stackTrace": [] });
    let request = http::Request::post("/2018-06-01/runtime/init/error")
        .header("Lambda-Runtime-Function-Error-Type", error.code())
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
    use super::*;

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
