//! The real `bootstrap stdio` on a layer, and a client with handwritten lines.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use schemas::validate_line;
use serde_json::Value;

use crate::{BadStderr, Layer, bootstrap};

/// The time to wait for a line. Source: ours; far more than a loaded machine needs.
const LINE_TIMEOUT: Duration = Duration::from_secs(60);

/// The revision of messages that name none, where none was negotiated.
const ASSUMED_REVISION: &str = "2025-03-26";

/// A client that has started a host.
pub struct StdioClient {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
    layer: Layer,
    /// The requests that wait for their answers, by id.
    pending: HashMap<String, Value>,
    /// The revision of a legacy client.
    negotiated: String,
}

impl StdioClient {
    /// Starts the host on a layer.
    pub fn open(layer: &Layer) -> Self {
        Self::open_with(layer, &[])
    }

    /// Starts the host with these environment variables.
    pub fn open_with(layer: &Layer, variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(bootstrap()), layer, variables)
    }

    /// Starts the host with this fault of stderr. There is no log then.
    pub fn open_with_bad_stderr(layer: &Layer, stderr: BadStderr) -> Self {
        let (program, arguments) = stderr.wrap(bootstrap(), &layer.plugin_dir());
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command, layer, &[])
    }

    fn spawn(mut command: Command, layer: &Layer, variables: &[(&str, &str)]) -> Self {
        command
            .arg("stdio")
            .env_clear()
            .env("MCP_PLUGIN_DIR", layer.plugin_dir())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("bootstrap can be run");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let log = Arc::new(Mutex::new(String::new()));
        let (kept, mut stderr) = (
            Arc::clone(&log),
            child.stderr.take().expect("stderr is piped"),
        );
        let logging = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut chunk) {
                let text = String::from_utf8_lossy(&chunk[..length]);
                let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&text);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            log,
            logging: Some(logging),
            layer: layer.clone(),
            pending: HashMap::new(),
            negotiated: ASSUMED_REVISION.to_owned(),
        }
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    /// Sends a line.
    pub fn send_line(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Value::Array(messages)) => messages
                .into_iter()
                .for_each(|one| self.record_request(one)),
            Ok(message) => self.record_request(message),
            // A line that is not JSON is sent as well.
            Err(_) => {}
        }
        let stdin = self.stdin.as_mut().expect("stdin is open");
        let sent = stdin.write_all(format!("{line}\n").as_bytes());
        sent.and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("{line}: {error}\n{}", self.failure_report()));
    }

    /// Returns the next message of the host.
    ///
    /// # Panics
    /// When none comes, or when it does not satisfy the schema of its revision.
    pub fn receive(&mut self) -> Value {
        match self.lines.recv_timeout(LINE_TIMEOUT) {
            Ok(line) => self.read(&line),
            Err(RecvTimeoutError::Timeout) => panic!("no message came\n{}", self.failure_report()),
            Err(RecvTimeoutError::Disconnected) => {
                panic!("stdout was closed\n{}", self.failure_report())
            }
        }
    }

    /// Sends a message and returns the next one of the host.
    pub fn request(&mut self, message: &Value) -> Value {
        self.send(message);
        self.receive()
    }

    /// Closes stdin, and waits for the end; returns the remaining messages of the host, its exit status, and its log.
    pub fn close(mut self) -> (Vec<Value>, ExitStatus, String) {
        self.stdin = None;
        let mut rest = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(LINE_TIMEOUT) {
            rest.push(self.read(&line));
        }
        let status = self.child.wait().expect("the child can be waited for");
        if let Some(logging) = self.logging.take() {
            // It ends with stderr.
            let _ = logging.join();
        }
        (rest, status, self.log())
    }

    fn record_request(&mut self, message: Value) {
        if let Some(id) = message.get("id") {
            self.pending.insert(id.to_string(), message);
        }
    }

    fn read(&mut self, line: &str) -> Value {
        let message = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", self.failure_report()));
        match &message {
            Value::Array(messages) => messages.iter().for_each(|one| self.validate(one)),
            message => self.validate(message),
        }
        message
    }

    /// Checks that a message of the host satisfies the schema of its revision.
    fn validate(&mut self, message: &Value) {
        let id = message.get("id").map(Value::to_string);
        let request = id.and_then(|id| self.pending.remove(&id));
        let is_initialize = |request: &Value| request["method"] == "initialize";
        let negotiated = match &request {
            Some(request) if is_initialize(request) => None,
            _ => Some(self.negotiated.as_str()),
        };
        validate_line(negotiated, request.as_ref(), message);
        if request.as_ref().is_some_and(is_initialize)
            && let Some(negotiated) = message["result"]["protocolVersion"].as_str()
        {
            self.negotiated = negotiated.to_owned();
        }
    }

    /// Sends the signal by which clients ask for the end.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        crate::output_of(Command::new("kill").args(["-TERM", &id]));
    }

    /// Waits until the host has logged `text`.
    ///
    /// # Panics
    /// When it is missing after [`LINE_TIMEOUT`].
    pub fn wait_for_log(&self, text: &str) {
        let started = Instant::now();
        while !self.log().contains(text) {
            assert!(
                started.elapsed() < LINE_TIMEOUT,
                "no {text:?} in the log:\n{}",
                self.failure_report()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the host's log for failure messages.
    fn failure_report(&self) -> String {
        format!("layer: {}\nlog:\n{}", self.layer.listing(), self.log())
    }

    /// Returns the host's log so far.
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
