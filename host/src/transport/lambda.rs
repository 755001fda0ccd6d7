//! AWS Lambda: behind REST APIs (payload 1.0), HTTP APIs and Function URLs (payload 2.0), and load balancers, or invoked by
//! those who may.

mod agent_core;
mod direct_invoke;
mod event;
mod gateway_event;
mod gateway_limits;
mod identity;
mod invocation;
mod recycle;
mod runtime_api;
mod streaming;
#[cfg(test)]
mod tests;
mod xray;

use std::{panic::AssertUnwindSafe, process::ExitCode, sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use http::Response;
use tracing::Instrument;

use crate::{
    config::{Config, ResponseMode},
    server::{
        McpServer,
        access_log::AccessLogEntry,
        record::RequestRecord,
        request::{Exposure, IncomingRequest, NotificationSink},
    },
    transport::lambda::{
        event::Brought,
        gateway_event::GatewayRequest,
        invocation::Invocation,
        recycle::Environment,
        runtime_api::{Broken, Failure, RuntimeApi},
        streaming::Begun,
    },
};

/// Serve invocations until Lambda ends the environment.
///
/// What stops the start is reported to Lambda as an init error; the exit code is 1 then.
pub async fn run(config: Config) -> ExitCode {
    let Some(lambda) = &config.lambda else {
        eprintln!(
            "error: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda\n  help: on your own machine run `bootstrap serve` or `bootstrap stdio`"
        );
        return ExitCode::from(2);
    };
    let mut api = RuntimeApi::at(&lambda.runtime_api);
    let app = match McpServer::start(&config) {
        Ok(app) => Arc::new(app),
        Err(error) => {
            let (code, message) = (error.code(), error.to_string());
            tracing::error!(%code, "the host does not start: {message}");
            let failure = Failure {
                code: code.to_string(),
                message,
            };
            if let Err(error) = api.fail_init(&failure).await {
                tracing::error!("the init error could not be reported: {error}");
            }
            return ExitCode::FAILURE;
        }
    };
    if lambda.is_snapshot
        && let Err(error) = api.restored().await
    {
        tracing::error!("the Lambda Runtime API does not restore the environment: {error}");
        return ExitCode::FAILURE;
    }
    let environment = Environment::of(&app);
    let function = Function {
        app,
        mode: config.response_mode,
    };
    let at_once = lambda.invocations_at_once;
    let others = (1..at_once).map(|_| RuntimeApi::at(&lambda.runtime_api));
    let workers = [api].into_iter().chain(others);
    let workers = workers.map(|api| function.serve(api, &environment, at_once == 1));
    tokio::select! {
        // One that cannot go on leaves the others to it.
        _ = join_all(workers) => ExitCode::FAILURE,
        () = environment.worn_out() => {
            tracing::warn!("this environment ends, so that a fresh one serves what comes next: a tool still runs whose call was given up");
            ExitCode::SUCCESS
        }
    }
}

/// What answers invocations.
struct Function {
    app: Arc<McpServer>,
    mode: ResponseMode,
}

/// An answer as Lambda takes it.
enum Answered {
    Whole(Bytes),
    Stream(Begun),
}

/// What the operator is told of a request, once it is dropped.
type Told = Option<AccessLogEntry>;

impl Function {
    /// Serve one invocation after the other, until Lambda does not answer.
    async fn serve(&self, mut api: RuntimeApi<Begun>, environment: &Environment, is_alone: bool) {
        let error = loop {
            let invocation = match api.next().await {
                Ok(invocation) => invocation,
                Err(error) => break error,
            };
            environment.began();
            // Of several at once each has its own.
            if is_alone {
                xray::tell(invocation.trace.as_ref());
            }
            let span = tracing::info_span!(
                "Lambda runtime invoke",
                requestId = invocation.request_id,
                xrayTraceId = invocation
                    .trace
                    .as_ref()
                    .and_then(|trace| trace.to_str().ok()),
            );
            self.answer(&mut api, &invocation).instrument(span).await;
            environment.answered().await;
        };
        tracing::error!("the Lambda Runtime API does not answer: {error}");
    }

    async fn answer(&self, api: &mut RuntimeApi<Begun>, invocation: &Invocation) {
        // A panic would end the process, and with it all that goes on beside it.
        let answered = AssertUnwindSafe(self.answered(invocation)).catch_unwind();
        let answered = answered.await.unwrap_or_else(|_| {
            Err(Failure {
                code: "HOST_PANICKED".to_owned(),
                message: "the host failed unexpectedly; its log says where".to_owned(),
            })
        });
        // Nobody waits for the operator's line: it is written when the answer has reached Lambda. (Of a process that ends while it
        // answers, Lambda itself has the line.)
        let (sent, _told) = match answered {
            Ok((Answered::Whole(answer), told)) => (api.answer(invocation, answer).await, told),
            Ok((Answered::Stream(answer), told)) => {
                let sent = api.stream(invocation, streaming::headers(), answer);
                (sent.await, told)
            }
            Err(failure) => {
                tracing::error!(code = failure.code, "{}", failure.message);
                (api.fail(invocation, &failure).await, None)
            }
        };
        // Whoever fetches the next invocation learns whether Lambda is still there.
        match sent {
            Ok(()) => {}
            Err(Broken::Refused(status)) => {
                tracing::error!(%status, "Lambda did not take an answer");
            }
            Err(error) => tracing::error!("an answer did not reach Lambda: {error}"),
        }
    }

    /// The answer to an event, as Lambda takes it.
    async fn answered(&self, invocation: &Invocation) -> Result<(Answered, Told), Failure> {
        let mut request = match Brought::by(invocation)? {
            Brought::Request(event) => GatewayRequest::of(*event)?,
            Brought::Direct(direct) => {
                let (answer, entry) = direct.answer(&self.app, invocation).await;
                return Ok((Answered::Whole(answer), Some(entry)));
            }
        };
        if let Some((name, trace)) = direct_invoke::trace(invocation) {
            request.headers.insert(name, trace);
        }
        let Invocation { request_id, .. } = invocation;
        let deadline = invocation.deadline();
        match self.mode {
            ResponseMode::Buffered => {
                let answer = answer(&self.app, &request, request_id, deadline, None);
                let (response, entry) = answer.await;
                let answer = gateway_event::answer(&request.context, response);
                Ok((Answered::Whole(answer), Some(entry)))
            }
            ResponseMode::Stream => {
                let streaming = self
                    .app
                    .streaming_response(&request.headers, Exposure::Gateway(request.door().domain));
                let (app, request_id) = (Arc::clone(&self.app), request_id.clone());
                let response = streaming.respond(|sink| async move {
                    let answer = answer(&app, &request, &request_id, deadline, Some(sink));
                    let (response, entry) = answer.await;
                    (response, Some(entry))
                });
                let (response, told) = response.await;
                Ok((Answered::Stream(streaming::streamed(response)), told))
            }
        }
    }
}

/// Answer a request; what comes before the answer goes to `tell`, if it is there. (What is streamed has room enough.)
async fn answer(
    app: &McpServer,
    request: &GatewayRequest,
    request_id: &str,
    deadline: Option<SystemTime>,
    notifications: Option<NotificationSink>,
) -> (Response<Bytes>, AccessLogEntry) {
    let door = request.door();
    let incoming = IncomingRequest {
        method: request.method.clone(),
        path: door.path,
        headers: &request.headers,
        body: &request.body,
        exposure: Exposure::Gateway(door.domain),
        caller: identity::caller(&request.context),
        request_id,
        deadline,
        gateway_timeout: door.gateway_timeout,
        response_limit: notifications.is_none().then_some(door.response_limit),
        notifications,
        record: RequestRecord::default(),
    };
    app.handle_logged(&incoming).await
}
