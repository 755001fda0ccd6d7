//! One execution environment of the function, its invocations without a gateway, and their results.

use std::{process::ExitStatus, time::Duration};

use lambda_local::{Function, InvokeApi, InvokeError, ResponseMode, StartedInvocation};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinHandle, time};

use crate::{
    Layer,
    host::{function_config, runtime},
};

/// The time to wait for an answer. Source: ours; far more than a loaded machine needs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit of the function. Source: ours; no test ends by this limit.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(300);

/// The real `bootstrap` with a layer, in one process that has to live on.
pub struct Environment {
    process: u32,
    exit: JoinHandle<Option<ExitStatus>>,
    // In the order in which they must be dropped.
    function: Function,
    runtime: Runtime,
}

/// An invocation in progress.
pub struct RunningInvocation<'a> {
    runtime: &'a Runtime,
    starting: Option<JoinHandle<Result<StartedInvocation, InvokeError>>>,
    started: Option<StartedInvocation>,
    streamed: StreamedAnswer,
}

/// The result of an event.
#[derive(Debug)]
pub enum InvocationResult {
    /// An answer, whole.
    Whole(Value),
    /// An answer in chunks, all of them.
    Streamed(StreamedAnswer),
    /// An error: `errorType` and `errorMessage`.
    Failed(Value),
}

/// The received part of a streamed answer.
#[derive(Clone, Debug, Default)]
pub struct StreamedAnswer {
    /// The chunks, as the process has sent them.
    pub chunks: Vec<Vec<u8>>,
    /// Whether the last chunk was sent.
    pub is_over: bool,
}

impl Environment {
    /// Starts the process, which gets so many invocations at once, and waits until it asks for the first.
    pub fn start(layer: &Layer, max_concurrency: usize, variables: &[(&str, &str)]) -> Self {
        let config = function_config(layer, variables)
            .max_environments(1)
            .max_concurrency(max_concurrency)
            .timeout(FUNCTION_TIMEOUT);
        let runtime = runtime();
        let function = Function::new(config);
        let warm = runtime.block_on(function.warm_up());
        warm.expect("the function should have started");
        let process = function.process_ids()[0];
        let exit = runtime.spawn(function.exit_status(process));
        Self {
            process,
            exit,
            function,
            runtime,
        }
    }

    /// Begins an invocation with this event.
    pub fn begin(&self, event: &Value) -> RunningInvocation<'_> {
        self.begin_with(event, None)
    }

    /// Begins an invocation with this event and the caller's client context.
    ///
    /// # Panics
    /// When the process has ended.
    pub fn begin_with(&self, event: &Value, context: Option<&Value>) -> RunningInvocation<'_> {
        assert_eq!(
            self.function.process_ids(),
            [self.process],
            "the process has ended:\n{}",
            self.log()
        );
        let function = self.function.clone();
        let (event, context) = (event.to_string(), context.map(Value::to_string));
        RunningInvocation {
            runtime: &self.runtime,
            starting: Some(
                self.runtime
                    .spawn(async move { function.start(event, context).await }),
            ),
            started: None,
            streamed: StreamedAnswer::default(),
        }
    }

    /// Begins an invocation, and waits for its answer.
    pub fn invoke(&self, event: &Value) -> Value {
        self.begin(event).answer()
    }

    /// Starts Lambda's own API, which has this function alone.
    pub fn invoke_api(&self) -> InvokeApi {
        let api = self
            .runtime
            .block_on(InvokeApi::start(self.function.clone()));
        api.expect("a free port")
    }

    /// Returns the current memory of the process. Unit: kilobytes.
    pub fn memory_kb(&self) -> u64 {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.process));
        let status = status.expect("the process runs");
        let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let held = held.and_then(|held| held.trim().strip_suffix(" kB")?.parse().ok());
        held.expect("Linux tells what a process holds")
    }

    /// Returns the current number of open files, sockets and the like of the process.
    pub fn descriptors(&self) -> usize {
        let open = fs_err::read_dir(format!("/proc/{}/fd", self.process));
        open.expect("the process runs").count()
    }

    /// Returns the output of the process so far.
    pub fn log(&self) -> String {
        self.function.logs().join("\n")
    }

    /// Waits for the process to end by itself.
    pub fn exit_code(&mut self) -> Option<i32> {
        let exit = self.runtime.block_on(&mut self.exit);
        exit.expect("a task").expect("a process").code()
    }
}

impl RunningInvocation<'_> {
    /// Returns the answer; of an error, its report.
    ///
    /// # Panics
    /// When it does not come whole.
    pub fn answer(mut self) -> Value {
        match self.result() {
            InvocationResult::Whole(answer) | InvocationResult::Failed(answer) => answer,
            InvocationResult::Streamed(stream) => panic!("not whole: {stream:?}"),
        }
    }

    /// Waits for the whole result.
    ///
    /// # Panics
    /// When nothing comes.
    pub fn result(&mut self) -> InvocationResult {
        if let Err(error) = self.start() {
            let InvokeError::Function { report, .. } = error else {
                panic!("no answer: {error}");
            };
            return InvocationResult::Failed(json!({
                "errorType": report.error_type,
                "errorMessage": report.error_message,
            }));
        }
        let mode = self.started.as_ref().map(StartedInvocation::response_mode);
        let streamed = self.stream_until(|stream| stream.is_over);
        match mode {
            Some(ResponseMode::Streaming) => InvocationResult::Streamed(streamed),
            _ => {
                let payload = streamed.chunks.concat();
                InvocationResult::Whole(serde_json::from_slice(&payload).unwrap_or_default())
            }
        }
    }

    /// Returns the id of the request, once the answer has begun.
    pub fn request_id(&self) -> Option<&str> {
        let started = self.started.as_ref()?;
        Some(&started.request_id)
    }

    /// Returns a streamed answer, as soon as enough of it has come.
    ///
    /// # Panics
    /// When it does not come.
    pub fn stream_until(&mut self, is_enough: impl Fn(&StreamedAnswer) -> bool) -> StreamedAnswer {
        if let Err(error) = self.start() {
            panic!("no answer: {error}");
        }
        let started = self.started.as_mut().expect("it has begun");
        let stream = &mut self.streamed;
        self.runtime.block_on(async {
            while !stream.is_over {
                // Everything that has arrived is read, also when it is enough already.
                let timeout = if is_enough(stream) {
                    Duration::ZERO
                } else {
                    ANSWER_TIMEOUT
                };
                match time::timeout(timeout, started.chunk()).await {
                    Ok(Ok(Some(chunk))) => stream.chunks.push(chunk.to_vec()),
                    Ok(Ok(None)) => stream.is_over = true,
                    Ok(Err(error)) => panic!("the answer breaks off at {stream:?}: {error}"),
                    Err(_) if timeout.is_zero() => break,
                    Err(_) => panic!("the answer stops at {stream:?}"),
                }
            }
        });
        assert!(is_enough(stream), "the answer ends at {stream:?}");
        stream.clone()
    }

    /// Waits until the answer begins.
    fn start(&mut self) -> Result<(), InvokeError> {
        if let Some(starting) = self.starting.take() {
            let started = self
                .runtime
                .block_on(async { time::timeout(ANSWER_TIMEOUT, starting).await });
            self.started = Some(started.expect("an answer").expect("a task")?);
        }
        Ok(())
    }
}

impl StreamedAnswer {
    /// Returns the status, headers and cookies, as JSON.
    pub fn prelude(&self) -> Value {
        let bytes = self.chunks.concat();
        let end = bytes.windows(8).position(|bytes| bytes == [0; 8]);
        let prelude = &bytes[..end.expect("eight bytes of zero")];
        serde_json::from_slice(prelude).expect("a prelude of JSON")
    }

    /// Returns the body behind it, as text.
    pub fn body(&self) -> String {
        let bytes = self.chunks.concat();
        let end = bytes.windows(8).position(|bytes| bytes == [0; 8]);
        let body = bytes[end.expect("eight bytes of zero") + 8..].to_vec();
        String::from_utf8(body).expect("UTF-8")
    }
}
