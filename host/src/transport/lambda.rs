//! AWS Lambda: behind REST APIs (payload 1.0), HTTP APIs and Function URLs (payload 2.0), and load balancers, or
//! invoked directly.

mod agent_core;
mod direct_invoke;
mod event;
mod gateway_event;
mod gateway_limits;
mod identity;
mod invocation;
mod malformed;
mod recycle;
mod runtime_api;
mod streaming;
#[cfg(test)]
mod tests;
mod xray;

use std::{
    panic::AssertUnwindSafe,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use http::Response;
use tokio::sync::watch;
use tracing::Instrument;

use crate::{
    config::{Config, ResponseMode},
    process::log::output,
    server::{
        McpServer,
        access_log::AccessLogEntry,
        http::sse::ResponseBody,
        record::RequestRecord,
        request::{Exposure, IncomingRequest, NotificationSink},
    },
    transport::lambda::{
        event::{EventError, LambdaEvent},
        gateway_event::GatewayRequest,
        invocation::Invocation,
        malformed::MalformedRequest,
        recycle::Recycler,
        runtime_api::{InvocationFailure, RuntimeApi, RuntimeApiError},
        streaming::StreamBody,
    },
};

/// Serves invocations until Lambda ends the environment.
///
/// An error of the start is reported to Lambda as an init error; the exit code is 1 then.
pub async fn run(config: Config) -> ExitCode {
    let Some(lambda) = &config.lambda else {
        output::print(
            "error: AWS_LAMBDA_RUNTIME_API is not set, so this is not Lambda\n  help: on your own machine run `bootstrap serve` or `bootstrap stdio`",
        );
        return ExitCode::from(2);
    };
    let mut api = RuntimeApi::new(&lambda.runtime_api);
    let server = match McpServer::start(&config) {
        Ok(server) => Arc::new(server),
        Err(error) => {
            let (code, message) = (error.code(), error.to_string());
            tracing::error!(%code, "startup failed: {message}");
            let failure = InvocationFailure {
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
        && let Err(error) = api.wait_for_restore().await
    {
        tracing::error!("the Lambda Runtime API does not restore the environment: {error}");
        return ExitCode::FAILURE;
    }
    let recycler = Recycler::new(&server);
    let handler = InvocationHandler {
        server,
        mode: config.response_mode,
    };
    let concurrency = lambda.max_concurrent_invocations;
    let others = (1..concurrency).map(|_| RuntimeApi::new(&lambda.runtime_api));
    let workers = [api].into_iter().chain(others);
    let end = watch::Sender::new(false);
    let workers = workers.map(|api| handler.serve(api, &recycler, concurrency == 1, &end));
    tokio::select! {
        // A worker that cannot go on lets the others finish what they have.
        _ = join_all(workers) => ExitCode::FAILURE,
        () = recycler.needs_recycling() => {
            tracing::warn!("a tool still runs after its call timed out: this environment ends, and a fresh one serves the next request");
            ExitCode::SUCCESS
        }
    }
}

/// The delays before further requests for an invocation that Lambda has refused. Source: ours. AWS's documentation says
/// that the runtime should end promptly after a status of 500; a lost connection is repaired at once.
const RETRY_DELAYS: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_millis(500),
];

/// Waits for an invocation. A request that fails is repeated some times.
async fn next_invocation(api: &mut RuntimeApi<StreamBody>) -> Result<Invocation, RuntimeApiError> {
    for delay in RETRY_DELAYS {
        match api.next().await {
            Ok(invocation) => return Ok(invocation),
            Err(error) => {
                tracing::warn!(
                    "the Lambda Runtime API returned no invocation: {error}; trying again"
                );
                tokio::time::sleep(delay).await;
            }
        }
    }
    api.next().await
}

/// The handler of invocations.
struct InvocationHandler {
    server: Arc<McpServer>,
    mode: ResponseMode,
}

/// A response in the form that Lambda accepts.
enum LambdaResponse {
    Whole(Bytes),
    Stream(StreamBody),
}

/// The log entry of a request, which is written when it is dropped.
type LogEntry = Option<AccessLogEntry>;

impl InvocationHandler {
    /// Serves one invocation after the other, until Lambda does not answer, or another worker has ended.
    async fn serve(
        &self,
        mut api: RuntimeApi<StreamBody>,
        recycler: &Recycler,
        is_alone: bool,
        end: &watch::Sender<bool>,
    ) {
        let mut ended = end.subscribe();
        let error = loop {
            let next = tokio::select! {
                next = next_invocation(&mut api) => next,
                _ = ended.wait_for(|ended| *ended) => return,
            };
            let invocation = match next {
                Ok(invocation) => invocation,
                Err(error) => break error,
            };
            recycler.on_start();
            // Concurrent invocations have a trace each, but the process has one environment.
            if is_alone {
                xray::set_trace_env(invocation.trace.as_ref());
            }
            let span = tracing::info_span!(
                "Lambda runtime invoke",
                requestId = invocation.request_id,
                xrayTraceId = invocation
                    .trace
                    .as_ref()
                    .and_then(|trace| trace.to_str().ok()),
            );
            self.handle(&mut api, &invocation).instrument(span).await;
            recycler.on_end().await;
        };
        tracing::error!("the Lambda Runtime API does not answer: {error}");
        // An environment with fewer workers than Lambda sends invocations to would let them wait: it ends as a whole.
        end.send_replace(true);
    }

    async fn handle(&self, api: &mut RuntimeApi<StreamBody>, invocation: &Invocation) {
        // A panic would end the process with all its other invocations.
        let answered = AssertUnwindSafe(self.respond(invocation)).catch_unwind();
        let answered = answered.await.unwrap_or_else(|_| {
            Err(InvocationFailure {
                code: "HOST_PANICKED".to_owned(),
                message: "the host failed unexpectedly; its log has the location".to_owned(),
            })
        });
        // The log entry delays no response: it is written when the answer has reached Lambda. (If the process ends while it
        // answers, Lambda itself logs that.)
        let (sent, _log_entry) = match answered {
            Ok((LambdaResponse::Whole(answer), log_entry)) => {
                (api.respond(invocation, answer).await, log_entry)
            }
            Ok((LambdaResponse::Stream(answer), log_entry)) => {
                let sent = api.stream(invocation, streaming::headers(), answer);
                (sent.await, log_entry)
            }
            Err(failure) => {
                tracing::error!(code = failure.code, "{}", failure.message);
                (api.fail(invocation, &failure).await, None)
            }
        };
        // The request for the next invocation shows whether Lambda is still there.
        match sent {
            Ok(()) => {}
            Err(RuntimeApiError::Refused(status)) => {
                tracing::error!(%status, "Lambda rejected a response");
            }
            Err(error) => tracing::error!("a response did not reach Lambda: {error}"),
        }
    }

    /// Returns the response to a request that cannot be read.
    fn reject(&self, malformed: &MalformedRequest) -> LambdaResponse {
        let response = malformed.response();
        tracing::warn!(status = 400, "a request was rejected: {malformed}");
        match self.mode {
            ResponseMode::Buffered => {
                LambdaResponse::Whole(gateway_event::answer(&malformed.context, response))
            }
            ResponseMode::Stream => {
                LambdaResponse::Stream(streaming::into_stream(response.map(ResponseBody::whole)))
            }
        }
    }

    /// Returns the response to an event.
    async fn respond(
        &self,
        invocation: &Invocation,
    ) -> Result<(LambdaResponse, LogEntry), InvocationFailure> {
        let request = match LambdaEvent::parse(invocation) {
            Ok(LambdaEvent::Request(event)) => GatewayRequest::from_event(*event),
            Ok(LambdaEvent::Direct(direct)) => {
                let (answer, entry) = direct.respond(&self.server, invocation).await;
                return Ok((LambdaResponse::Whole(answer), Some(entry)));
            }
            Err(error) => Err(error),
        };
        let mut request = match request {
            Ok(request) => request,
            Err(EventError::Unknown(unknown)) => return Err(unknown.into()),
            Err(EventError::Malformed(malformed)) => return Ok((self.reject(&malformed), None)),
        };
        if let Some((name, trace)) = direct_invoke::trace(invocation) {
            request.headers.insert(name, trace);
        }
        let Invocation { request_id, .. } = invocation;
        let deadline = invocation.deadline();
        match self.mode {
            ResponseMode::Buffered => {
                let answer = handle_request(&self.server, &request, request_id, deadline, None);
                let (response, entry) = answer.await;
                let answer = gateway_event::answer(&request.context, response);
                Ok((LambdaResponse::Whole(answer), Some(entry)))
            }
            ResponseMode::Stream => {
                let streaming = self.server.streaming_response(
                    &request.headers,
                    Exposure::Gateway(request.front_door().domain),
                );
                let (server, request_id) = (Arc::clone(&self.server), request_id.clone());
                let response = streaming.respond(|sink| async move {
                    let answer =
                        handle_request(&server, &request, &request_id, deadline, Some(sink));
                    let (response, entry) = answer.await;
                    (response, Some(entry))
                });
                let (response, log_entry) = response.await;
                Ok((
                    LambdaResponse::Stream(streaming::into_stream(response)),
                    log_entry,
                ))
            }
        }
    }
}

/// Handles a request. `notifications` gets what the tool sends before the answer. (A streamed answer has no size
/// limit.)
async fn handle_request(
    server: &McpServer,
    request: &GatewayRequest,
    request_id: &str,
    deadline: Option<SystemTime>,
    notifications: Option<NotificationSink>,
) -> (Response<Bytes>, AccessLogEntry) {
    let door = request.front_door();
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
    server.handle_logged(&incoming).await
}
