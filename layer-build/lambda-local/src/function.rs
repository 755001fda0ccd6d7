//! A Lambda function, which receives an event and returns a response or an error.
//!
//! A [`Function`] manages execution environments as Lambda does. An invocation uses an idle environment or starts a new
//! one (a cold start). Unless the function allows several concurrent invocations, no other invocation uses the
//! environment meanwhile. Then the environment stays warm for the next one. As on Lambda, an invocation runs to its end
//! even if its caller no longer waits, for example after the timeout of a gateway. Only [`Function::stop`] and the drop
//! of the last handle abort it.

use std::{
    fmt,
    process::ExitStatus,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde_json::Value;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    config::FunctionConfig,
    environment::Environment,
    error::InvokeError,
    invocation::{Invocation, Payload, ResponseMode, StartedInvocation},
    logs::{Logs, PLATFORM},
    pool::{Acquired, Pool, PooledEnvironment, Slot},
    runtime_api::{MAX_REQUEST, MAX_RESPONSE, PendingInvocation, ResponseFault, RuntimeAnswer},
    stream::{Stream, StreamEnd},
};

/// A handle to a function. Clones refer to the same function. When the last one is dropped, the processes of the
/// function are killed.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Shared>,
    _last: Arc<LastHandle>,
}

impl Function {
    /// Creates a function without environments. Invocations need a tokio runtime with I/O and time enabled.
    pub fn new(config: FunctionConfig) -> Self {
        let shared = Arc::new(Shared {
            pool: Pool::new(config.max_environments),
            logs: Arc::new(Logs::new(config.forward_logs)),
            config: Arc::new(config),
            stop: watch::Sender::default(),
        });
        Self {
            _last: Arc::new(LastHandle(Arc::clone(&shared))),
            shared,
        }
    }

    /// Returns the configuration.
    pub fn config(&self) -> &FunctionConfig {
        &self.shared.config
    }

    /// Invokes the function with an event, and waits for the complete response, even if it is streamed.
    ///
    /// # Errors
    ///
    /// See [`InvokeError`]. Each error is also written to the [`logs`](Self::logs).
    pub async fn invoke(&self, event: &Value) -> Result<Invocation, InvokeError> {
        self.invoke_bytes(event.to_string()).await
    }

    /// Invokes the function with the bytes of an event.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn invoke_bytes(&self, event: impl Into<Bytes>) -> Result<Invocation, InvokeError> {
        let started = self.start(event, None).await?;
        self.collect(started).await
    }

    /// Invokes the function with the bytes of an event, and with the caller's client context, JSON that is passed to
    /// the function unchanged. Waits until the response begins.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn start(
        &self,
        event: impl Into<Bytes>,
        client_context: Option<String>,
    ) -> Result<StartedInvocation, InvokeError> {
        let trace_id = format!("{};Sampled=0", new_trace_root());
        self.start_traced(event.into(), client_context, trace_id)
            .await
    }

    /// Does the same as [`start`](Self::start) for a gateway, which already has a trace id.
    pub(crate) async fn start_traced(
        &self,
        event: Bytes,
        client_context: Option<String>,
        trace_id: String,
    ) -> Result<StartedInvocation, InvokeError> {
        let (answer, answered) = oneshot::channel();
        // Subscribe before the task starts, so that a stop in between is not missed.
        let stop = self.shared.stop.subscribe();
        let event = Event {
            payload: event,
            client_context,
            trace_id,
        };
        tokio::spawn(Arc::clone(&self.shared).run_invocation(event, stop, answer));
        answered.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// Waits until a response is complete. A stream is then subject to the size limit of buffered responses. Source:
    /// "Invoking a response streaming enabled function using Lambda function URLs", `BUFFERED`: 6 MB.
    ///
    /// # Errors
    ///
    /// If the stream is larger, or breaks off.
    pub async fn collect(&self, started: StartedInvocation) -> Result<Invocation, InvokeError> {
        let (response_mode, payload) = match started.payload {
            Payload::Whole(payload) => (ResponseMode::Buffered, payload),
            Payload::Stream(stream) => {
                let collected = stream.collect(MAX_RESPONSE).await;
                if let Err(error @ InvokeError::ResponseTooLarge { .. }) = &collected {
                    // This is not an error of the process, so it has not been logged yet.
                    self.shared.log_failure(&started.request_id, Some(error));
                }
                (ResponseMode::Streaming, collected?)
            }
        };
        Ok(Invocation {
            request_id: started.request_id,
            payload,
            response_mode,
            content_type: started.content_type,
        })
    }

    /// Starts one more environment, and waits until it has initialized, as provisioned concurrency does. Does nothing
    /// if [`max_environments`](FunctionConfig::max_environments) exist already.
    ///
    /// # Errors
    ///
    /// If the environment fails to initialize.
    pub async fn warm_up(&self) -> Result<(), InvokeError> {
        let mut stop = self.shared.stop.subscribe();
        let Some(slot) = self.shared.pool.free_slot() else {
            return Ok(());
        };
        let mut pooled = None;
        let outcome = tokio::select! {
            outcome = self.shared.cold_start(slot, &mut pooled) => outcome.map(drop),
            _ = stop.changed() => Err(InvokeError::Stopped),
        };
        if let Err(error) = &outcome {
            self.log(format!("Error: {}: {error}", error.error_type()));
        }
        match pooled {
            Some(pooled) if outcome.is_ok() => self.shared.release(pooled).await,
            Some(pooled) => self.shared.kill(pooled).await,
            None => {}
        }
        outcome
    }

    /// Waits until every environment that has responded has requested its next event.
    pub async fn wait_until_settled(&self) {
        self.shared.pool.wait_until_settled().await;
    }

    /// Ends all idle environments immediately, and the busy ones after their invocations. The next invocation is
    /// therefore a cold start.
    pub async fn recycle(&self) {
        for pooled in self.shared.pool.retire() {
            pooled.leave().await;
        }
    }

    /// Ends all environments immediately, so that their invocations fail, and waits until their processes have ended
    /// and all their output is in the logs. The function can be invoked again, with a cold start.
    pub async fn stop(&self) {
        self.shared.stop.send_replace(());
        self.recycle().await;
        self.shared.pool.wait_until_empty().await;
    }

    /// Returns the lines that the processes have printed on stdout and stderr, and a line for every failure. Beyond a
    /// size limit, the oldest lines are removed. A line may appear here with a short delay; after [`stop`](Self::stop)
    /// the logs are complete.
    pub fn logs(&self) -> Vec<String> {
        self.shared.logs.lines()
    }

    /// Returns the process ids of all environments, the oldest first.
    pub fn process_ids(&self) -> Vec<u32> {
        self.shared.pool.process_ids()
    }

    /// Waits until a process ends, and returns its exit status. `None` if no environment has this process. Call it
    /// while the process is running: environments that have ended are removed.
    pub fn exit_status(
        &self,
        process_id: u32,
    ) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let exited = self.shared.pool.exit_status(process_id);
        async move {
            let mut exited = exited?;
            *exited.wait_for(Option::is_some).await.ok()?
        }
    }

    /// Adds a line of the platform to the logs.
    pub(crate) fn log(&self, line: String) {
        self.shared.logs.push(PLATFORM, line);
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("config", self.config())
            .finish_non_exhaustive()
    }
}

/// The value that all handles share. When it is dropped, everything stops. (The tasks of invocations hold only
/// [`Shared`].)
struct LastHandle(Arc<Shared>);

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.0.stop.send_replace(());
        drop(self.0.pool.retire());
    }
}

/// The input of one invocation.
struct Event {
    payload: Bytes,
    client_context: Option<String>,
    trace_id: String,
}

struct Shared {
    config: Arc<FunctionConfig>,
    logs: Arc<Logs>,
    pool: Pool,
    /// A channel on which each message stops all invocations that began before it.
    stop: watch::Sender<()>,
}

impl Shared {
    /// Runs one invocation from beginning to end. The response is sent as soon as it begins; the work with the
    /// environment continues after that.
    async fn run_invocation(
        self: Arc<Self>,
        event: Event,
        mut stop: watch::Receiver<()>,
        answer: oneshot::Sender<Result<StartedInvocation, InvokeError>>,
    ) {
        let request_id = Uuid::new_v4().to_string();
        let mut pooled = None;
        let mut deadline = Instant::now();
        let mut stream_end = None;
        let outcome = tokio::select! {
            outcome = self.invoke(&request_id, event, &mut pooled, &mut deadline, &mut stream_end) => outcome,
            _ = stop.changed() => Err(InvokeError::Stopped),
        };
        self.log_failure(&request_id, outcome.as_ref().err());
        let mut reusable = keeps_environment(&outcome);
        // Announce this before the end of the response is sent, so that a caller that invokes again immediately waits
        // for this environment.
        let mut settling = (reusable && stream_end.is_none()).then(|| self.pool.settling());
        // Ignore the error: the caller may no longer wait. The environment is cleaned up in any case.
        let _ = answer.send(outcome);

        let Some(pooled) = pooled else { return };
        if let Some((stream_end, end)) = stream_end {
            let outcome = tokio::select! {
                end = pooled.environment().wait_for_stream_end(end, deadline) => {
                    end.and_then(|end| end.map_err(|fault| self.invoke_error(fault)))
                }
                _ = stop.changed() => Err(InvokeError::Stopped),
            };
            self.log_failure(&request_id, outcome.as_ref().err());
            reusable = keeps_environment(&outcome);
            settling = reusable.then(|| self.pool.settling());
            stream_end.finish(outcome);
        }
        if !reusable {
            return self.kill(pooled).await;
        }
        let ready = tokio::select! {
            ready = pooled.environment().settle(deadline) => Some(ready),
            _ = stop.changed() => None,
        };
        match ready {
            Some(Ok(())) => self.release(pooled).await,
            Some(Err(error)) => {
                self.log_failure(&request_id, Some(&error));
                self.kill(pooled).await;
            }
            None => self.kill(pooled).await,
        }
        drop(settling);
    }

    /// Logs a failure.
    fn log_failure(&self, request_id: &str, error: Option<&InvokeError>) {
        if let Some(error) = error {
            let kind = error.error_type();
            self.logs.push(
                PLATFORM,
                format!("RequestId: {request_id} Error: {kind}: {error}"),
            );
        }
    }

    fn invoke_error(&self, fault: ResponseFault) -> InvokeError {
        let name = self.config.name.clone();
        match fault {
            ResponseFault::Error(report) => InvokeError::Function { name, report },
            ResponseFault::TooLarge { size, limit } => {
                InvokeError::ResponseTooLarge { size, limit }
            }
            ResponseFault::Broken { reason } => InvokeError::ResponseBroken { name, reason },
        }
    }

    async fn invoke(
        &self,
        request_id: &str,
        event: Event,
        pooled: &mut Option<PooledEnvironment>,
        deadline: &mut Instant,
        stream_end: &mut Option<(StreamEnd, oneshot::Receiver<Result<(), ResponseFault>>)>,
    ) -> Result<StartedInvocation, InvokeError> {
        if event.payload.len() > MAX_REQUEST {
            return Err(InvokeError::RequestTooLarge {
                size: event.payload.len(),
                limit: MAX_REQUEST,
            });
        }
        let pooled = match self.pool.acquire().await {
            Acquired::Warm(warm) => pooled.insert(warm),
            Acquired::Cold(slot) => self.cold_start(slot, pooled).await?,
        };
        let timeout = self.config.timeout;
        *deadline = Instant::now() + timeout;
        let (answer, answered) = oneshot::channel();
        let pending = PendingInvocation {
            request_id: request_id.to_owned(),
            deadline_ms: (SystemTime::now() + timeout)
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis(),
            function_arn: self.config.arn(),
            trace_id: event.trace_id,
            client_context: event.client_context,
            event: event.payload,
            answer,
        };
        let answer = pooled
            .environment()
            .invoke(pending, answered, *deadline)
            .await?;
        let (content_type, payload) = match answer {
            RuntimeAnswer::Buffered {
                content_type,
                payload,
            } => (content_type, Payload::Whole(payload)),
            RuntimeAnswer::Stream {
                content_type,
                chunks,
                end,
            } => {
                let (stream, end_sender) = Stream::new(chunks);
                *stream_end = Some((end_sender, end));
                (content_type, Payload::Stream(stream))
            }
            RuntimeAnswer::Fault(fault) => return Err(self.invoke_error(fault)),
        };
        Ok(StartedInvocation {
            request_id: request_id.to_owned(),
            content_type,
            payload,
        })
    }

    /// Starts an environment in `slot` and waits until it has initialized. As soon as its process exists, the
    /// environment is in `pooled`, so that the caller can end it properly if this future is dropped.
    async fn cold_start<'pooled>(
        &self,
        slot: Slot,
        pooled: &'pooled mut Option<PooledEnvironment>,
    ) -> Result<&'pooled mut PooledEnvironment, InvokeError> {
        let environment = Environment::start(
            slot.number,
            Arc::clone(&self.config),
            Arc::clone(&self.logs),
        )
        .await?;
        let pooled = pooled.insert(PooledEnvironment::new(environment, slot));
        pooled.environment().init().await?;
        for _ in 1..self.config.max_concurrency {
            // If the environment was retired meanwhile, it gets no further seats.
            let _ = self.pool.put_back(pooled.another_seat());
        }
        Ok(pooled)
    }

    async fn release(&self, pooled: PooledEnvironment) {
        if let Some(retired) = self.pool.put_back(pooled) {
            retired.leave().await;
        }
    }

    /// Ends the environment with all its invocations, and then releases its slot.
    async fn kill(&self, pooled: PooledEnvironment) {
        self.pool.remove_seats(&pooled);
        pooled.environment().kill().await;
    }
}

/// Reports whether the environment can serve further invocations after this outcome.
fn keeps_environment<T>(outcome: &Result<T, InvokeError>) -> bool {
    outcome
        .as_ref()
        .err()
        .is_none_or(InvokeError::keeps_environment)
}

/// Returns the root id of a new trace. Source: "AWS X-Ray tracing header" in the X-Ray developer guide.
pub(crate) fn new_trace_root() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let id = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{}", &id[..24])
}
