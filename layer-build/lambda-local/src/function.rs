//! An event in, an answer or the story of its failure out.
//!
//! A [`Function`] owns execution environments as Lambda does: an invocation takes an idle one or starts one (a cold
//! start), has it for itself unless the function takes several invocations at once, and leaves it warm. An invocation runs to its end even when its caller has gone, as
//! on Lambda, where a gateway that gave up does not stop the function; only [`Function::stop`] and the drop of the last
//! handle cut it short.

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
    pool::{Claim, Held, Pool, Slot},
    runtime_api::{Answer, Delivery, Flaw, LARGEST_REQUEST, LARGEST_RESPONSE},
    stream::{Ending, Stream},
};

/// A handle to a function; clones share it. When the last one is dropped, its processes are killed.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Shared>,
    _last: Arc<LastHandle>,
}

impl Function {
    /// A function with no environment yet. The first invocation needs a tokio runtime with I/O and time.
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

    /// What the function was made of.
    pub fn config(&self) -> &FunctionConfig {
        &self.shared.config
    }

    /// Calls the function with an event, and waits for the whole answer, also when it is streamed.
    ///
    /// # Errors
    ///
    /// See [`InvokeError`]. Every one also leaves a line in the [`logs`](Self::logs).
    pub async fn invoke(&self, event: &Value) -> Result<Invocation, InvokeError> {
        self.invoke_bytes(event.to_string()).await
    }

    /// Calls the function with an event as it is to be delivered.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn invoke_bytes(&self, event: impl Into<Bytes>) -> Result<Invocation, InvokeError> {
        let started = self.start(event, None).await?;
        self.collect(started).await
    }

    /// Calls the function with an event as it is to be delivered, and with what the caller says of itself: JSON that reaches
    /// the function as its client context. Waits until the answer begins.
    ///
    /// # Errors
    ///
    /// As [`invoke`](Self::invoke).
    pub async fn start(
        &self,
        event: impl Into<Bytes>,
        client_context: Option<String>,
    ) -> Result<StartedInvocation, InvokeError> {
        let trace_id = format!("{};Sampled=0", trace_root());
        self.start_traced(event.into(), client_context, trace_id)
            .await
    }

    /// The same for a gateway, which has a trace id already.
    pub(crate) async fn start_traced(
        &self,
        event: Bytes,
        client_context: Option<String>,
        trace_id: String,
    ) -> Result<StartedInvocation, InvokeError> {
        let (answer, answered) = oneshot::channel();
        // Subscribed here, so that a stop between now and the start of the task is not missed.
        let stop = self.shared.stop.subscribe();
        let event = Event {
            payload: event,
            client_context,
            trace_id,
        };
        tokio::spawn(Arc::clone(&self.shared).carry_out(event, stop, answer));
        answered.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// Waits until all of an answer is there. A stream then has the limit of other answers.
    /// Source: "Invoking a response streaming enabled function using Lambda function URLs", `BUFFERED`: 6 MB.
    ///
    /// # Errors
    ///
    /// When it is larger, or breaks off.
    pub async fn collect(&self, started: StartedInvocation) -> Result<Invocation, InvokeError> {
        let (response_mode, payload) = match started.payload {
            Payload::Whole(payload) => (ResponseMode::Buffered, payload),
            Payload::Stream(stream) => {
                let whole = stream.whole(LARGEST_RESPONSE).await;
                if let Err(error @ InvokeError::ResponseTooLarge { .. }) = &whole {
                    // For the process it is none, so nobody else has told.
                    self.shared.note(&started.request_id, Some(error));
                }
                (ResponseMode::Streaming, whole?)
            }
        };
        Ok(Invocation {
            request_id: started.request_id,
            payload,
            response_mode,
            content_type: started.content_type,
        })
    }

    /// Starts one more environment and waits until it has initialized, as provisioned concurrency would. Does nothing
    /// when there are [`max_environments`](FunctionConfig::max_environments) already.
    ///
    /// # Errors
    ///
    /// When the environment fails to initialize.
    pub async fn warm_up(&self) -> Result<(), InvokeError> {
        let mut stop = self.shared.stop.subscribe();
        let Some(slot) = self.shared.pool.free_slot() else {
            return Ok(());
        };
        let mut held = None;
        let outcome = tokio::select! {
            outcome = self.shared.cold_start(slot, &mut held) => outcome.map(drop),
            _ = stop.changed() => Err(InvokeError::Stopped),
        };
        if let Err(error) = &outcome {
            self.log(format!("Error: {}: {error}", error.error_type()));
        }
        match held {
            Some(held) if outcome.is_ok() => self.shared.give_back(held).await,
            Some(held) => self.shared.end(held).await,
            None => {}
        }
        outcome
    }

    /// Waits until every environment that has answered has asked for its next event.
    pub async fn settled(&self) {
        self.shared.pool.settled().await;
    }

    /// Ends all idle environments now and the busy ones after their invocation: the next invocation is a cold start.
    pub async fn recycle(&self) {
        for held in self.shared.pool.retire() {
            held.leave().await;
        }
    }

    /// Ends all environments now, failing the invocations they were busy with, and waits until their processes are gone
    /// and all they printed is in the logs. The function can be invoked again, with a cold start.
    pub async fn stop(&self) {
        self.shared.stop.send_replace(());
        self.recycle().await;
        self.shared.pool.empty().await;
    }

    /// What the processes have printed on stdout and stderr, and a line for every failure; the oldest lines are
    /// dropped. A line can take a moment to arrive here; after [`stop`](Self::stop) all are here.
    pub fn logs(&self) -> Vec<String> {
        self.shared.logs.lines()
    }

    /// The process of every environment there is, oldest first.
    pub fn process_ids(&self) -> Vec<u32> {
        self.shared.pool.process_ids()
    }

    /// Waits until a process ends, and gives how. None when there is no such process: environments that have ended are
    /// forgotten, so ask before it may end.
    pub fn exit_of(
        &self,
        process_id: u32,
    ) -> impl Future<Output = Option<ExitStatus>> + Send + use<> {
        let exited = self.shared.pool.exit_of(process_id);
        async move {
            let mut exited = exited?;
            *exited.wait_for(Option::is_some).await.ok()?
        }
    }

    /// Adds a line of the platform's to the logs.
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

/// Does what the drop of the last [`Function`] has to do; the tasks of invocations hold [`Shared`] only.
struct LastHandle(Arc<Shared>);

impl Drop for LastHandle {
    fn drop(&mut self) {
        self.0.stop.send_replace(());
        drop(self.0.pool.retire());
    }
}

/// What one invocation hands in.
struct Event {
    payload: Bytes,
    client_context: Option<String>,
    trace_id: String,
}

struct Shared {
    config: Arc<FunctionConfig>,
    logs: Arc<Logs>,
    pool: Pool,
    /// Every message is a stop of all that began before it.
    stop: watch::Sender<()>,
}

impl Shared {
    /// One invocation from beginning to end. The answer is sent as soon as it begins; the environment needs longer.
    async fn carry_out(
        self: Arc<Self>,
        event: Event,
        mut stop: watch::Receiver<()>,
        answer: oneshot::Sender<Result<StartedInvocation, InvokeError>>,
    ) {
        let request_id = Uuid::new_v4().to_string();
        let mut held = None;
        let mut deadline = Instant::now();
        let mut ending = None;
        let outcome = tokio::select! {
            outcome = self.serve(&request_id, event, &mut held, &mut deadline, &mut ending) => outcome,
            _ = stop.changed() => Err(InvokeError::Stopped),
        };
        self.note(&request_id, outcome.as_ref().err());
        let mut reusable = spares_the_environment(&outcome);
        // Before the end of the answer is out, so that whoever invokes again at once knows what to wait for.
        let mut settling = (reusable && ending.is_none()).then(|| self.pool.settling());
        // The caller may have gone; the environment is looked after all the same.
        let _ = answer.send(outcome);

        let Some(held) = held else { return };
        if let Some((ending, end)) = ending {
            let outcome = tokio::select! {
                end = held.environment().stream_end(end, deadline) => {
                    end.and_then(|end| end.map_err(|flaw| self.failure(flaw)))
                }
                _ = stop.changed() => Err(InvokeError::Stopped),
            };
            self.note(&request_id, outcome.as_ref().err());
            reusable = spares_the_environment(&outcome);
            settling = reusable.then(|| self.pool.settling());
            ending.tell(outcome);
        }
        if !reusable {
            return self.end(held).await;
        }
        let ready = tokio::select! {
            ready = held.environment().settle(deadline) => Some(ready),
            _ = stop.changed() => None,
        };
        match ready {
            Some(Ok(())) => self.give_back(held).await,
            Some(Err(error)) => {
                self.note(&request_id, Some(&error));
                self.end(held).await;
            }
            None => self.end(held).await,
        }
        drop(settling);
    }

    /// Leaves a line in the logs about a failure.
    fn note(&self, request_id: &str, error: Option<&InvokeError>) {
        if let Some(error) = error {
            let kind = error.error_type();
            self.logs.push(
                PLATFORM,
                format!("RequestId: {request_id} Error: {kind}: {error}"),
            );
        }
    }

    fn failure(&self, flaw: Flaw) -> InvokeError {
        let name = self.config.name.clone();
        match flaw {
            Flaw::Error(report) => InvokeError::Function { name, report },
            Flaw::TooLarge { size, limit } => InvokeError::ResponseTooLarge { size, limit },
            Flaw::Broken { reason } => InvokeError::ResponseBroken { name, reason },
        }
    }

    async fn serve(
        &self,
        request_id: &str,
        event: Event,
        held: &mut Option<Held>,
        deadline: &mut Instant,
        ending: &mut Option<(Ending, oneshot::Receiver<Result<(), Flaw>>)>,
    ) -> Result<StartedInvocation, InvokeError> {
        if event.payload.len() > LARGEST_REQUEST {
            return Err(InvokeError::RequestTooLarge {
                size: event.payload.len(),
                limit: LARGEST_REQUEST,
            });
        }
        let held = match self.pool.claim().await {
            Claim::Warm(warm) => held.insert(warm),
            Claim::Cold(slot) => self.cold_start(slot, held).await?,
        };
        let timeout = self.config.timeout;
        *deadline = Instant::now() + timeout;
        let (answer, answered) = oneshot::channel();
        let delivery = Delivery {
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
        let answer = held
            .environment()
            .invoke(delivery, answered, *deadline)
            .await?;
        let (content_type, payload) = match answer {
            Answer::Buffered {
                content_type,
                payload,
            } => (content_type, Payload::Whole(payload)),
            Answer::Stream {
                content_type,
                chunks,
                end,
            } => {
                let (stream, its_end) = Stream::new(chunks);
                *ending = Some((its_end, end));
                (content_type, Payload::Stream(stream))
            }
            Answer::Flawed(flaw) => return Err(self.failure(flaw)),
        };
        Ok(StartedInvocation {
            request_id: request_id.to_owned(),
            content_type,
            payload,
        })
    }

    /// Starts an environment in `slot` and waits until it has initialized. It is in `held` as soon as it has a
    /// process, so that the caller can end it properly when this is cut short.
    async fn cold_start<'held>(
        &self,
        slot: Slot,
        held: &'held mut Option<Held>,
    ) -> Result<&'held mut Held, InvokeError> {
        let environment = Environment::start(
            slot.number,
            Arc::clone(&self.config),
            Arc::clone(&self.logs),
        )
        .await?;
        let held = held.insert(Held::new(environment, slot));
        held.environment().init().await?;
        for _ in 1..self.config.max_concurrency {
            // Where it was retired meanwhile there is no other seat.
            let _ = self.pool.put_back(held.another());
        }
        Ok(held)
    }

    async fn give_back(&self, held: Held) {
        if let Some(retired) = self.pool.put_back(held) {
            retired.leave().await;
        }
    }

    /// Ends the environment for all who are in it, before its slot is free again.
    async fn end(&self, held: Held) {
        self.pool.forget(&held);
        held.environment().kill().await;
    }
}

/// Whether the environment can serve again after this.
fn spares_the_environment<T>(outcome: &Result<T, InvokeError>) -> bool {
    outcome
        .as_ref()
        .err()
        .is_none_or(InvokeError::spares_the_environment)
}

/// The root of a new trace. Source: "AWS X-Ray tracing header" in the X-Ray developer guide.
pub(crate) fn trace_root() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let id = Uuid::new_v4().simple().to_string();
    format!("Root=1-{seconds:08x}-{}", &id[..24])
}
