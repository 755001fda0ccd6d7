//! Runs the host, which serves plugins, in a separate process.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::{fd::OwnedFd, unix::process::parent_id},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::{error::CliError, process::child};

/// The interval at which a host checks whether its parent still exists.
const PARENT_POLL: Duration = Duration::from_millis(500);

/// Makes this process shut down when its parent has ended, for the case that the parent could not stop it.
pub(crate) fn exit_with_parent() {
    let parent = parent_id();
    std::thread::spawn(move || {
        while parent_id() == parent {
            std::thread::sleep(PARENT_POLL);
        }
        terminate(std::process::id());
    });
}

/// Sends SIGTERM to a process, and reports whether the process exists.
pub(crate) fn terminate(process: u32) -> bool {
    let pid = process.try_into().ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok())
}

/// A host that serves. It is killed when this value is dropped.
pub(crate) struct HostProcess {
    child: Child,
    pub(crate) url: String,
}

/// The reason why a host does not serve.
#[derive(Debug)]
pub(crate) enum HostStartError {
    /// It reported errors. Each has a code and a message.
    Refused(Vec<(String, String)>),
    /// It crashed. This is the end of its output.
    Crashed(String),
    Hangs,
}

impl HostProcess {
    /// Starts a host that listens on this socket, or on a free port if there is none. Each line that it prints is
    /// passed to `log`.
    pub(crate) fn start(
        command: &mut Command,
        listener: Option<&TcpListener>,
        timeout: Duration,
        mut log: impl FnMut(&str) + Send + 'static,
    ) -> anyhow::Result<Result<Self, HostStartError>> {
        let (listen, stdin) = match listener {
            Some(listener) => ("stdin", OwnedFd::from(listener.try_clone()?).into()),
            None => ("127.0.0.1:0", Stdio::null()),
        };
        let mut child = command
            .args(["serve", "--listen", listen])
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log(&line);
                // When the host listens, nobody receives lines any more: stop sending them.
                if sender
                    .as_ref()
                    .is_some_and(|sender| sender.send(line).is_err())
                {
                    sender = None;
                }
            }
        });
        let started = Instant::now();
        let mut output = Vec::new();
        loop {
            match receiver.recv_timeout(timeout.saturating_sub(started.elapsed())) {
                Ok(line) => match line.strip_prefix("listening on ") {
                    Some(url) => {
                        let url = url.to_owned();
                        return Ok(Ok(Self { child, url }));
                    }
                    None => output.push(line),
                },
                Err(RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Err(HostStartError::Hangs));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = child.wait()?;
                    return Ok(Err(parse_start_errors(&output).map_or_else(
                        || {
                            HostStartError::Crashed(
                                [vec![status.to_string()], output.clone()]
                                    .concat()
                                    .join("\n"),
                            )
                        },
                        HostStartError::Refused,
                    )));
                }
            }
        }
    }
}

impl HostProcess {
    /// Returns its exit status, if it has ended.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for its exit status. A process that ends closes its files some time before its exit status is available.
    pub(crate) fn wait_timeout(&mut self, timeout: Duration) -> Option<ExitStatus> {
        child::wait_timeout(&mut self.child, timeout).ok().flatten()
    }

    /// Makes it finish the requests in progress and end, and waits for that.
    pub(crate) fn shut_down(mut self) {
        if terminate(self.child.id()) {
            // The host has its own time limit for this. If waiting fails, dropping this value kills it.
            let _ = self.child.wait();
        }
    }

    /// Shuts it down without waiting.
    pub(crate) fn shut_down_in_background(self) {
        std::thread::spawn(move || self.shut_down());
    }
}

impl From<HostStartError> for CliError {
    fn from(problem: HostStartError) -> Self {
        match problem {
            HostStartError::Refused(mut problems) => {
                let (code, message) = problems.swap_remove(0);
                Self::Reported { code, message }
            }
            HostStartError::Crashed(output) => Self::HostEnded(format!("ended with {output}")),
            HostStartError::Hangs => Self::HostEnded("does not start listening".to_owned()),
        }
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        // Ignore errors: the process may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parses the errors that `bootstrap serve` prints: a single one, or several after a first line with their number.
fn parse_start_errors(output: &[String]) -> Option<Vec<(String, String)>> {
    let coded = |line: &str| {
        let (code, message) = line.split_once("] ")?;
        Some((code.to_owned(), message.to_owned()))
    };
    let begin = output.iter().position(|line| line.starts_with("error["))?;
    let (first, rest) = output[begin..].split_first()?;
    let (code, message) = first.strip_prefix("error[")?.split_once("]: ")?;
    let several = rest
        .iter()
        .filter_map(|line| coded(line.strip_prefix('[')?));
    let several: Vec<_> = several.collect();
    if !several.is_empty() {
        return Some(several);
    }
    let lines: Vec<_> = [message]
        .into_iter()
        .chain(rest.iter().map(String::as_str))
        .collect();
    Some(vec![(code.to_owned(), lines.join("\n"))])
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_process_that_has_closed_its_files_is_waited_for() {
        let mut child = Command::new("sh")
            .args(["-c", "exec 2>&-; sleep 0.3; kill -SEGV $$"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh can be run");
        let stderr = child.stderr.take().expect("it is piped");
        assert_eq!(BufReader::new(stderr).lines().count(), 0);
        let url = String::new();
        let mut running = HostProcess { child, url };
        let status = running.wait_timeout(Duration::from_secs(60));
        assert_eq!(status.and_then(|status| status.signal()), Some(11));
    }

    #[test]
    fn start_errors_are_parsed_from_host_output() {
        for (output, expected) in [
            ("INFO serving", None),
            (
                "WARN x\nerror[A]: one thing",
                Some(vec![("A", "one thing")]),
            ),
            (
                "error[A]: one thing\nof two lines",
                Some(vec![("A", "one thing\nof two lines")]),
            ),
            (
                "error[A]: 2 errors:\n[A] one thing\n[B] another",
                Some(vec![("A", "one thing"), ("B", "another")]),
            ),
        ] {
            let lines: Vec<_> = output.lines().map(str::to_owned).collect();
            let expected = expected.map(|expected| {
                let owned = expected
                    .into_iter()
                    .map(|(a, b)| (a.to_owned(), b.to_owned()));
                owned.collect::<Vec<_>>()
            });
            assert_eq!(parse_start_errors(&lines), expected, "{output}");
        }
    }
}
