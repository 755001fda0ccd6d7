//! One execution environment: a process and the Runtime API it fetches its events from.
//!
//! An environment is started, initializes, serves one invocation after the other, and is killed; Lambda sends no
//! SIGTERM to a function without extensions. Whoever holds the value may use it, and dropping it kills the process.

use std::{
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    task::JoinHandle,
    time::{self, Instant},
};

use crate::{
    config::FunctionConfig,
    error::{InvokeError, Phase},
    logs::Logs,
    runtime_api::{Answer, Delivery, Flaw, RuntimeApi, RuntimeEvent},
    variables,
};

/// How long to wait for what a process that ended left in its pipes and sockets, and for the end of one whose answer broke off.
/// Unit: seconds. Source: ours; only a child of the process that inherited the pipes makes us wait that long.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// How long a process that reported an init error may take to exit by itself. Source: ours.
const EXIT_AFTER_INIT_ERROR: Duration = Duration::from_millis(500);

/// How many lines of a process's output an error quotes.
const LAST_LINES: usize = 20;

/// A process with its Runtime API.
pub(crate) struct Environment {
    number: u64,
    process: Child,
    runtime_api: RuntimeApi,
    output: Vec<JoinHandle<()>>,
    config: Arc<FunctionConfig>,
    logs: Arc<Logs>,
}

impl Environment {
    /// Starts the process. It is not initialized yet.
    ///
    /// # Errors
    ///
    /// When there is no port or no such program.
    pub(crate) async fn start(
        number: u64,
        config: Arc<FunctionConfig>,
        logs: Arc<Logs>,
    ) -> Result<Self, InvokeError> {
        let runtime_api = RuntimeApi::start().await.map_err(InvokeError::RuntimeApi)?;
        let log_stream = format!("[$LATEST]{number:032x}");
        let mut process = Command::new(&config.bootstrap)
            .args(&config.arguments)
            .current_dir(&config.task_root)
            .env_clear()
            .envs(variables::of(&config, runtime_api.address(), &log_stream))
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
        if let Some(stdout) = process.stdout.take() {
            let logs = Arc::clone(&logs);
            output.push(tokio::spawn(
                async move { logs.follow(number, stdout).await },
            ));
        }
        if let Some(stderr) = process.stderr.take() {
            let logs = Arc::clone(&logs);
            output.push(tokio::spawn(
                async move { logs.follow(number, stderr).await },
            ));
        }
        Ok(Self {
            number,
            process,
            runtime_api,
            output,
            config,
            logs,
        })
    }

    /// The process's id, as long as it was not seen to end.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until the process asks for its first event.
    ///
    /// # Errors
    ///
    /// When it reports an error instead, ends, or takes too long.
    pub(crate) async fn init(&mut self) -> Result<(), InvokeError> {
        let limit = self.config.init_timeout;
        let deadline = Instant::now() + limit;
        match self.until(deadline).await {
            Happened::Event(RuntimeEvent::InitError(report)) => {
                // The process usually exits at once; its last words belong in the logs.
                let _ = time::timeout(EXIT_AFTER_INIT_ERROR, self.process.wait()).await;
                Err(InvokeError::Init {
                    name: self.config.name.clone(),
                    report,
                })
            }
            Happened::Event(_) => Ok(()),
            Happened::Exit(status) => Err(self.exited(Phase::Init, status)),
            Happened::Deadline => {
                self.kill().await;
                Err(InvokeError::InitTimeout {
                    name: self.config.name.clone(),
                    limit,
                    last_lines: self.logs.tail(self.number, LAST_LINES),
                })
            }
        }
    }

    /// Delivers one event and waits for what the process makes of it, be it only the beginning of a stream.
    ///
    /// # Errors
    ///
    /// When there is no answer: the process ended, or was killed at the deadline.
    pub(crate) async fn invoke(
        &mut self,
        delivery: Delivery,
        deadline: Instant,
    ) -> Result<Answer, InvokeError> {
        self.runtime_api.deliver(delivery);
        loop {
            match self.until(deadline).await {
                Happened::Event(RuntimeEvent::Answer(Answer::Flawed(flaw))) => {
                    return Ok(Answer::Flawed(self.examined(flaw).await?));
                }
                Happened::Event(RuntimeEvent::Answer(answer)) => return Ok(answer),
                // The question this event is the answer to.
                Happened::Event(_) => {}
                Happened::Exit(status) => return Err(self.exited(Phase::Invoke, status)),
                Happened::Deadline => return Err(self.overdue().await),
            }
        }
    }

    /// Waits for the end of the stream that the process has begun.
    ///
    /// # Errors
    ///
    /// When it does not come: the process ended, or was killed at the deadline.
    pub(crate) async fn stream_end(
        &mut self,
        deadline: Instant,
    ) -> Result<Result<(), Flaw>, InvokeError> {
        loop {
            match self.until(deadline).await {
                Happened::Event(RuntimeEvent::StreamEnd(Ok(()))) => return Ok(Ok(())),
                Happened::Event(RuntimeEvent::StreamEnd(Err(flaw))) => {
                    return Ok(Err(self.examined(flaw).await?));
                }
                // Nothing else is taken from a process that owes the rest of an answer.
                Happened::Event(_) => {}
                Happened::Exit(status) => return Err(self.exited(Phase::Invoke, status)),
                Happened::Deadline => return Err(self.overdue().await),
            }
        }
    }

    /// Waits until the process, having answered, asks for its next event.
    ///
    /// # Errors
    ///
    /// When it ends instead, or is killed at the deadline.
    pub(crate) async fn settle(&mut self, deadline: Instant) -> Result<(), InvokeError> {
        match self.until(deadline).await {
            Happened::Event(_) => Ok(()),
            Happened::Exit(status) => Err(self.exited(Phase::AfterAnswer, status)),
            Happened::Deadline => Err(self.overdue().await),
        }
    }

    /// Whether the process is still running.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Kills the process and waits until it is gone and all it printed is in the logs.
    pub(crate) async fn end(mut self) {
        self.kill().await;
    }

    async fn until(&mut self, deadline: Instant) -> Happened {
        let status = tokio::select! {
            // In this order: what the process managed to say counts more than its end.
            biased;
            event = self.runtime_api.event() => return Happened::Event(event),
            status = self.process.wait() => status,
            () = time::sleep_until(deadline) => return Happened::Deadline,
        };
        if let Some(event) = self.runtime_api.last_event(LEFTOVERS).await {
            return Happened::Event(event);
        }
        self.drain_output().await;
        // Waiting for a child of ours fails only when somebody else has waited for it.
        Happened::Exit(status.unwrap_or_default())
    }

    fn exited(&self, phase: Phase, status: ExitStatus) -> InvokeError {
        InvokeError::Exit {
            name: self.config.name.clone(),
            phase,
            status,
            last_lines: self.logs.tail(self.number, LAST_LINES),
        }
    }

    /// What is wrong with an answer, unless it broke off because the process has ended: that is what counts then.
    async fn examined(&mut self, flaw: Flaw) -> Result<Flaw, InvokeError> {
        if let Flaw::Broken { .. } = flaw
            && let Ok(status) = time::timeout(LEFTOVERS, self.process.wait()).await
        {
            self.drain_output().await;
            return Err(self.exited(Phase::Invoke, status.unwrap_or_default()));
        }
        Ok(flaw)
    }

    async fn overdue(&mut self) -> InvokeError {
        self.kill().await;
        InvokeError::Timeout {
            limit: self.config.timeout,
        }
    }

    async fn kill(&mut self) {
        // It fails when the process has ended already, which is what is wanted.
        let _ = self.process.kill().await;
        self.drain_output().await;
    }

    async fn drain_output(&mut self) {
        let deadline = Instant::now() + LEFTOVERS;
        for reader in &mut self.output {
            if time::timeout_at(deadline, &mut *reader).await.is_err() {
                reader.abort();
            }
        }
        self.output.clear();
    }
}

/// What ended a wait for the process.
enum Happened {
    Event(RuntimeEvent),
    Exit(ExitStatus),
    Deadline,
}
