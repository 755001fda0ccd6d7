//! An event in, an answer or the story of its failure out.
//!
//! A [`Function`] owns execution environments as Lambda does: an invocation takes an idle one or starts one (a cold
//! start), has it for itself, and leaves it warm. An invocation runs to its end even when its caller has gone, as
//! on Lambda, where a gateway that gave up does not stop the function; only [`Function::stop`] and the drop of the last
//! handle cut it short.

use std::{
    fmt,
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
    logs::{Logs, PLATFORM},
    pool::{Claim, Held, Pool, Slot},
    runtime_api::{Answer, Delivery, Flaw, LARGEST_REQUEST, LARGEST_RESPONSE},
    stream::{Ending, Stream},
};

/// What a streaming runtime puts between the head of an HTTP answer and its body.
/// Source: "Using the Lambda runtime API for custom runtimes", response streaming; lambda_runtime writes it so.
pub(crate) const PRELUDE_END: [u8; 8] = [0; 8];

/// The content type that announces such a head.
pub(crate) const HTTP_INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";

/// A handle to a function; clones share it. When the last one is dropped, its processes are killed.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Shared>,
    _last: Arc<LastHandle>,
}

/// An answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The id the function saw.
    pub request_id: String,
    /// What it answered, as it came.
    pub payload: Bytes,
    /// How it answered.
    pub response_mode: ResponseMode,
    /// The content type it gave its answer.
    pub content_type: Option<String>,
}

/// How an answer is handed on: by a runtime, or by a front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// At once, when all of it is there.
    Buffered,
    /// In chunks, as they come.
    Streaming,
}

/// An answer that has begun.
pub(crate) struct Begun {
    /// The id the function saw.
    pub(crate) request_id: String,
    /// The content type it gave its answer.
    pub(crate) content_type: Option<String>,
    pub(crate) payload: Payload,
}

/// What there is to read of an answer.
pub(crate) enum Payload {
    Whole(Bytes),
    Stream(Stream),
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
        let trace_id = format!("{};Sampled=0", trace_root());
        let begun = self.begin(event.into(), trace_id).await?;
        self.whole(begun).await
    }

    /// The same for a gateway, which has a trace id already, and takes the answer as soon as it begins.
    pub(crate) async fn begin(&self, event: Bytes, trace_id: String) -> Result<Begun, InvokeError> {
        let (answer, answered) = oneshot::channel();
        // Subscribed here, so that a stop between now and the start of the task is not missed.
        let stop = self.shared.stop.subscribe();
        tokio::spawn(Arc::clone(&self.shared).carry_out(event, trace_id, stop, answer));
        answered.await.unwrap_or(Err(InvokeError::Stopped))
    }

    /// An answer once all of it is there. A stream then has the limit of other answers.
    /// Source: "Invoking a response streaming enabled function using Lambda function URLs", `BUFFERED`: 6 MB.
    ///
    /// # Errors
    ///
    /// When it is larger, or breaks off.
    pub(crate) async fn whole(&self, begun: Begun) -> Result<Invocation, InvokeError> {
        let (response_mode, payload) = match begun.payload {
            Payload::Whole(payload) => (ResponseMode::Buffered, payload),
            Payload::Stream(stream) => {
                let whole = stream.whole(LARGEST_RESPONSE).await;
                if let Err(error @ InvokeError::ResponseTooLarge { .. }) = &whole {
                    // For the process it is none, so nobody else has told.
                    self.shared.note(&begun.request_id, Some(error));
                }
                (ResponseMode::Streaming, whole?)
            }
        };
        Ok(Invocation {
            request_id: begun.request_id,
            payload,
            response_mode,
            content_type: begun.content_type,
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
            Some(held) => end(held).await,
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
            end(held).await;
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

impl Invocation {
    /// The answer as JSON.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.payload)
    }

    /// The head (`statusCode`, `headers`, `cookies`) and the body of a streamed HTTP answer, when it is one.
    pub fn http_stream(&self) -> Option<(Value, Bytes)> {
        if self.response_mode != ResponseMode::Streaming
            || self.content_type.as_deref() != Some(HTTP_INTEGRATION)
        {
            return None;
        }
        let head = self
            .payload
            .windows(PRELUDE_END.len())
            .position(|window| window == PRELUDE_END)?;
        let prelude = serde_json::from_slice(&self.payload[..head]).ok()?;
        Some((prelude, self.payload.slice(head + PRELUDE_END.len()..)))
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
        event: Bytes,
        trace_id: String,
        mut stop: watch::Receiver<()>,
        answer: oneshot::Sender<Result<Begun, InvokeError>>,
    ) {
        let request_id = Uuid::new_v4().to_string();
        let mut held = None;
        let mut deadline = Instant::now();
        let mut ending = None;
        let outcome = tokio::select! {
            outcome = self.serve(&request_id, event, trace_id, &mut held, &mut deadline, &mut ending) => outcome,
            _ = stop.changed() => Err(InvokeError::Stopped),
        };
        self.note(&request_id, outcome.as_ref().err());
        let mut reusable = spares_the_environment(&outcome);
        // Before the end of the answer is out, so that whoever invokes again at once knows what to wait for.
        let mut settling = (reusable && ending.is_none()).then(|| self.pool.settling());
        // The caller may have gone; the environment is looked after all the same.
        let _ = answer.send(outcome);

        let Some(mut held) = held else { return };
        if let Some(ending) = ending {
            let outcome = tokio::select! {
                end = held.environment.stream_end(deadline) => {
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
            return end(held).await;
        }
        let ready = tokio::select! {
            ready = held.environment.settle(deadline) => Some(ready),
            _ = stop.changed() => None,
        };
        match ready {
            Some(Ok(())) => self.give_back(held).await,
            Some(Err(error)) => {
                self.note(&request_id, Some(&error));
                end(held).await;
            }
            None => end(held).await,
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
        event: Bytes,
        trace_id: String,
        held: &mut Option<Held>,
        deadline: &mut Instant,
        ending: &mut Option<Ending>,
    ) -> Result<Begun, InvokeError> {
        if event.len() > LARGEST_REQUEST {
            return Err(InvokeError::RequestTooLarge {
                size: event.len(),
                limit: LARGEST_REQUEST,
            });
        }
        let held = match self.pool.claim().await {
            Claim::Warm(warm) => held.insert(warm),
            Claim::Cold(slot) => self.cold_start(slot, held).await?,
        };
        let timeout = self.config.timeout;
        *deadline = Instant::now() + timeout;
        let delivery = Delivery {
            request_id: request_id.to_owned(),
            deadline_ms: (SystemTime::now() + timeout)
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis(),
            function_arn: self.config.arn(),
            trace_id,
            event,
        };
        let (content_type, payload) = match held.environment.invoke(delivery, *deadline).await? {
            Answer::Buffered {
                content_type,
                payload,
            } => (content_type, Payload::Whole(payload)),
            Answer::Stream {
                content_type,
                chunks,
            } => {
                let (stream, its_end) = Stream::new(chunks);
                *ending = Some(its_end);
                (content_type, Payload::Stream(stream))
            }
            Answer::Flawed(flaw) => return Err(self.failure(flaw)),
        };
        Ok(Begun {
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
        slot.occupied_by(environment.process_id());
        let held = held.insert(Held { environment, slot });
        held.environment.init().await?;
        Ok(held)
    }

    async fn give_back(&self, held: Held) {
        if let Some(retired) = self.pool.put_back(held) {
            end(retired).await;
        }
    }
}

/// Whether the environment can serve again after this.
fn spares_the_environment<T>(outcome: &Result<T, InvokeError>) -> bool {
    outcome
        .as_ref()
        .err()
        .is_none_or(InvokeError::spares_the_environment)
}

/// Ends the environment before its slot is free again.
async fn end(held: Held) {
    let Held { environment, slot } = held;
    environment.end().await;
    drop(slot);
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
