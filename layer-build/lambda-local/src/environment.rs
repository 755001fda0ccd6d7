//! One execution environment: a process, and the Runtime API from which it gets its events.
//!
//! An environment is started, initializes, serves one invocation after the other, and is killed. (Lambda sends no
//! SIGTERM to a function without extensions.) Several invocations may use it concurrently, up to the maximum that the
//! function allows. If one of them is aborted, the process is killed, so the others end too. Dropping the value also
//! kills the process.

use std::{
    future::{self, poll_fn},
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::{self, Instant},
};

use crate::{
    config::FunctionConfig,
    error::{InvokeError, Phase},
    logs::Logs,
    runtime_api::{PendingInvocation, ResponseFault, RuntimeAnswer, RuntimeApi},
    server::Server,
    variables,
};

/// The time to wait for the remaining data in the pipes and sockets of a process that has ended, and for the end of a
/// process whose response broke off. Unit: seconds. Source: ours; the wait is that long only if a child of the process
/// has inherited the pipes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The time that a process may take to exit by itself after it reported an init error. Source: ours.
const INIT_ERROR_EXIT_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum number of lines of a process's output that an error message quotes.
const MAX_LAST_LINES: usize = 20;

/// A process with its Runtime API.
pub(crate) struct Environment {
    number: u64,
    process_id: Option<u32>,
    process: Arc<Mutex<Process>>,
    runtime_api: RuntimeApi,
    /// The exit status of the process, available when all its output has been read.
    exited: watch::Receiver<Option<ExitStatus>>,
    config: Arc<FunctionConfig>,
    logs: Arc<Logs>,
}

struct Process {
    child: Child,
    /// Whether this program killed the process. If so, its remaining messages are ignored.
    was_killed: bool,
}

impl Environment {
    /// Starts the process, without waiting until it is initialized.
    ///
    /// # Errors
    ///
    /// If no port is free, or the program cannot be started.
    pub(crate) async fn start(
        number: u64,
        config: Arc<FunctionConfig>,
        logs: Arc<Logs>,
    ) -> Result<Self, InvokeError> {
        let (runtime_api, server) = RuntimeApi::start(config.max_concurrency.max(1))
            .await
            .map_err(InvokeError::RuntimeApi)?;
        let log_stream = format!("[$LATEST]{number:032x}");
        let mut child = Command::new(&config.bootstrap)
            .args(&config.arguments)
            .current_dir(&config.task_root)
            .env_clear()
            .envs(variables::for_process(
                &config,
                runtime_api.address(),
                &log_stream,
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| InvokeError::Start {
                bootstrap: config.bootstrap.clone(),
                source,
            })?;
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let logs = Arc::clone(&logs);
            output.push(tokio::spawn(
                async move { logs.follow(number, stdout).await },
            ));
        }
        if let Some(stderr) = child.stderr.take() {
            let logs = Arc::clone(&logs);
            output.push(tokio::spawn(
                async move { logs.follow(number, stderr).await },
            ));
        }
        let process_id = child.id();
        let process = Arc::new(Mutex::new(Process {
            child,
            was_killed: false,
        }));
        let (exit, exited) = watch::channel(None);
        tokio::spawn(follow_process(Arc::clone(&process), server, output, exit));
        Ok(Self {
            number,
            process_id,
            process,
            runtime_api,
            exited,
            config,
            logs,
        })
    }

    /// Returns the id of the process, even if it has ended.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process_id
    }

    /// Returns a receiver of the exit status.
    pub(crate) fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.exited.clone()
    }

    /// Waits until the process requests its first event.
    ///
    /// # Errors
    ///
    /// If it reports an error, ends, or takes too long.
    pub(crate) async fn init(&self) -> Result<(), InvokeError> {
        let limit = self.config.init_timeout;
        let deadline = Instant::now() + limit;
        let mut readiness = self.runtime_api.readiness();
        let initialized = async {
            let known = readiness.wait_for(|it| it.free > 0 || it.init_error.is_some());
            let known = known.await.map(|it| it.init_error.clone());
            match known {
                Ok(init_error) => init_error,
                Err(_) => future::pending().await,
            }
        };
        match self.wait_until(initialized, deadline).await {
            WaitOutcome::Event(Some(report)) => {
                // The process usually exits soon. Wait for it, so that its last output gets into the logs.
                let _ = time::timeout(INIT_ERROR_EXIT_TIMEOUT, self.wait_for_exit()).await;
                Err(InvokeError::Init {
                    name: self.config.name.clone(),
                    report,
                })
            }
            WaitOutcome::Event(None) => Ok(()),
            WaitOutcome::Exit(status) => Err(self.exit_error(Phase::Init, status)),
            WaitOutcome::Deadline => {
                self.kill().await;
                Err(InvokeError::InitTimeout {
                    name: self.config.name.clone(),
                    limit,
                    last_lines: self.logs.tail(self.number, MAX_LAST_LINES),
                })
            }
        }
    }

    /// Delivers one event and waits for the response, or for the beginning of a streamed one.
    ///
    /// # Errors
    ///
    /// If there is no response, because the process ended or was killed at the deadline.
    pub(crate) async fn invoke(
        &self,
        pending: PendingInvocation,
        answer: oneshot::Receiver<RuntimeAnswer>,
        deadline: Instant,
    ) -> Result<RuntimeAnswer, InvokeError> {
        self.runtime_api.deliver(pending);
        match self.wait_until(recv_or_pending(answer), deadline).await {
            WaitOutcome::Event(RuntimeAnswer::Fault(fault)) => {
                Ok(RuntimeAnswer::Fault(self.classify_fault(fault).await?))
            }
            WaitOutcome::Event(answer) => Ok(answer),
            WaitOutcome::Exit(status) => Err(self.exit_error(Phase::Invoke, status)),
            WaitOutcome::Deadline => Err(self.time_out().await),
        }
    }

    /// Waits for the end of a stream that the process has begun.
    ///
    /// # Errors
    ///
    /// If the stream has no end, because the process ended or was killed at the deadline.
    pub(crate) async fn wait_for_stream_end(
        &self,
        end: oneshot::Receiver<Result<(), ResponseFault>>,
        deadline: Instant,
    ) -> Result<Result<(), ResponseFault>, InvokeError> {
        match self.wait_until(recv_or_pending(end), deadline).await {
            WaitOutcome::Event(Ok(())) => Ok(Ok(())),
            WaitOutcome::Event(Err(fault)) => Ok(Err(self.classify_fault(fault).await?)),
            WaitOutcome::Exit(status) => Err(self.exit_error(Phase::Invoke, status)),
            WaitOutcome::Deadline => Err(self.time_out().await),
        }
    }

    /// Waits until the process, which has responded, requests another event.
    ///
    /// # Errors
    ///
    /// If it ends instead, or is killed at the deadline.
    pub(crate) async fn settle(&self, deadline: Instant) -> Result<(), InvokeError> {
        let mut readiness = self.runtime_api.readiness();
        let asks = async {
            if readiness.wait_for(|it| it.free > 0).await.is_err() {
                future::pending().await
            }
        };
        match self.wait_until(asks, deadline).await {
            WaitOutcome::Event(()) => Ok(()),
            WaitOutcome::Exit(status) => Err(self.exit_error(Phase::AfterAnswer, status)),
            WaitOutcome::Deadline => Err(self.time_out().await),
        }
    }

    /// Reports whether the process is still running.
    pub(crate) fn is_alive(&self) -> bool {
        matches!(self.process().child.try_wait(), Ok(None))
    }

    /// Kills the process, and waits until it has ended and all its output is in the logs.
    pub(crate) async fn kill(&self) {
        {
            let mut process = self.process();
            process.was_killed = true;
            // Ignore the error: it means that the process has already ended.
            let _ = process.child.start_kill();
        }
        self.wait_for_exit().await;
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the process has ended and all its output has been read.
    async fn wait_for_exit(&self) -> ExitStatus {
        let mut exited = self.exited.clone();
        let status = exited.wait_for(Option::is_some).await;
        // When the async runtime shuts down, the task that waits for the process ends without an exit status.
        status.map_or_else(
            |_| ExitStatus::default(),
            |status| status.unwrap_or_default(),
        )
    }

    async fn wait_until<T>(
        &self,
        event: impl Future<Output = T>,
        deadline: Instant,
    ) -> WaitOutcome<T> {
        let mut event = pin!(event);
        let status = tokio::select! {
            // In this order: if both have happened, the response of the process is used and its end is ignored.
            biased;
            event = &mut event => return WaitOutcome::Event(event),
            status = self.wait_for_exit() => status,
            () = time::sleep_until(deadline) => return WaitOutcome::Deadline,
        };
        // The event may have arrived while the last connections were read to their ends.
        let last = poll_fn(|context| match event.as_mut().poll(context) {
            Poll::Ready(event) => Poll::Ready(Some(event)),
            Poll::Pending => Poll::Ready(None),
        });
        match last.await {
            Some(event) => WaitOutcome::Event(event),
            None => WaitOutcome::Exit(status),
        }
    }

    fn exit_error(&self, phase: Phase, status: ExitStatus) -> InvokeError {
        InvokeError::Exit {
            name: self.config.name.clone(),
            phase,
            status,
            last_lines: self.logs.tail(self.number, MAX_LAST_LINES),
        }
    }

    /// Returns the fault of a response. If the response broke off because the process ended, returns that as the error
    /// instead.
    async fn classify_fault(&self, fault: ResponseFault) -> Result<ResponseFault, InvokeError> {
        if let ResponseFault::Broken { .. } = fault
            && let Ok(status) = time::timeout(DRAIN_TIMEOUT, self.wait_for_exit()).await
        {
            return Err(self.exit_error(Phase::Invoke, status));
        }
        Ok(fault)
    }

    async fn time_out(&self) -> InvokeError {
        self.kill().await;
        InvokeError::Timeout {
            limit: self.config.timeout,
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let mut process = self.process();
        process.was_killed = true;
        let _ = process.child.start_kill();
    }
}

/// The event that ended a wait for the process.
enum WaitOutcome<T> {
    Event(T),
    Exit(ExitStatus),
    Deadline,
}

/// Receives from a channel. If the channel is closed, waits forever, so that another event ends the wait.
async fn recv_or_pending<T>(receiver: oneshot::Receiver<T>) -> T {
    match receiver.await {
        Ok(value) => value,
        Err(_) => future::pending().await,
    }
}

/// Waits for the end of a process, reads the remaining data in its sockets and pipes, and publishes its exit status.
async fn follow_process(
    process: Arc<Mutex<Process>>,
    mut server: Server,
    mut output: Vec<JoinHandle<()>>,
    exit: watch::Sender<Option<ExitStatus>>,
) {
    let lock = || process.lock().unwrap_or_else(PoisonError::into_inner);
    let status = poll_fn(|context| pin!(lock().child.wait()).poll(context)).await;
    if !lock().was_killed {
        server.drain(DRAIN_TIMEOUT).await;
    }
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    for reader in &mut output {
        if time::timeout_at(deadline, &mut *reader).await.is_err() {
            reader.abort();
        }
    }
    // Waiting for a child process fails only if other code has already waited for it.
    exit.send_replace(Some(status.unwrap_or_default()));
}
