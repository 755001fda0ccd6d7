//! AWS Lambda: behind REST APIs (payload 1.0), HTTP APIs and Function URLs (payload 2.0), and load balancers, or invoked by
//! those who may.

mod agent_core;
mod caller;
mod direct;
mod door;
mod environment;
mod event;
mod streaming;
#[cfg(test)]
mod tests;

use std::{process::ExitCode, sync::Arc};

use bytes::Bytes;
use lambda_http::{
    Adapter, Body, Error, LambdaEvent, Request, RequestExt, Response,
    lambda_runtime::{LambdaInvocation, Runtime, layers::TracingLayer},
    request::RequestContext,
    service_fn,
    tower::Service,
};
use lambda_runtime_api_client::{PooledClient, body::Body as ApiBody};
use serde_json::json;

use self::{
    caller::caller, door::Door, environment::Environment, event::Doors, streaming::Streaming,
};
use crate::{
    StartError,
    app::{App, Incoming, Reached, Record, Tell},
    config::{Config, ResponseMode},
};

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
    match config.response_mode {
        ResponseMode::Buffered => {
            let serving = Arc::clone(&app);
            let handler = service_fn(move |request: Request| {
                let app = Arc::clone(&serving);
                async move { Ok::<_, Error>(answer(&app, request).await) }
            });
            let doors = Doors::new(app, Adapter::from(handler));
            serve(Runtime::new(doors), environment).await
        }
        ResponseMode::Stream => {
            // Nothing reaches it.
            let handler = service_fn(async |_: LambdaEvent<()>| Ok::<_, Error>(()));
            let runtime = Runtime::new(handler).layer(Streaming::of(&app).layer());
            serve(runtime, environment).await
        }
    }
}

/// Serve invocations: as many at once as AWS_LAMBDA_MAX_CONCURRENCY says, else one after the other.
async fn serve<S>(runtime: Runtime<S>, environment: Environment) -> ExitCode
where
    S: Service<LambdaInvocation, Response = (), Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    let runtime = runtime
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
    let path = "/2018-06-01/runtime/init/error";
    let sent = match failure(path, error.code().as_str(), &error.to_string()) {
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

/// A failure as Lambda takes it.
fn failure(path: &str, code: &str, message: &str) -> http::Result<http::Request<ApiBody>> {
    let body = json!({ "errorMessage": message, "errorType": code, "stackTrace": [] });
    http::Request::post(path)
        .header("Lambda-Runtime-Function-Error-Type", code)
        .body(ApiBody::from(body.to_string()))
}

/// Answer a request whole.
async fn answer(app: &App, request: Request) -> Response<Body> {
    let context = request.request_context();
    let response = answer_telling(app, &request, &context, None).await;
    response.map(into_body)
}

/// Answer a request; what comes before the answer goes to `tell`, if it is there. (What is streamed has room enough.)
async fn answer_telling(
    app: &App,
    request: &Request,
    context: &RequestContext,
    tell: Option<Tell>,
) -> Response<Bytes> {
    let door = Door::of(context, request.raw_http_path());
    let lambda = request.lambda_context();
    let incoming = Incoming {
        method: request.method().clone(),
        path: door.path,
        headers: request.headers(),
        body: request.body(),
        reached: Reached::Gateway(door.domain),
        caller: caller(context),
        request_id: &lambda.request_id,
        deadline: door::deadline(lambda.deadline),
        ceiling: door.ceiling,
        room: tell.is_none().then_some(door.room),
        tell,
        record: Record::default(),
    };
    app.answer(&incoming).await
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
