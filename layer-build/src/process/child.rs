//! Runs child processes that execute code of plugins, with an environment as on Lambda and with a time limit.

use std::{
    ffi::OsStr,
    io::{Read, Seek},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

/// The time that a plugin may take to return its declaration. Unit: seconds; default 60. Source: ours. Lambda allows 10
/// seconds for the whole start (AWS Lambda Developer Guide, "Understanding the Lambda execution environment
/// lifecycle"); six times as long is enough even on a busy machine.
pub(crate) const CHILD_TIMEOUT: Duration = Duration::from_secs(60);

/// The interval at which to check whether a process has ended.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// The environment variables of a function that affect a library, without those that the user configures. Source: AWS
/// Lambda Developer Guide, "Using Lambda environment variables".
const LAMBDA_ENVIRONMENT: [(&str, &str); 3] = [
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

/// Returns a command that runs a program with an environment as on Lambda. This folder takes the place of `/opt/lib`.
pub(crate) fn lambda_command(program: impl AsRef<OsStr>, lib: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(LAMBDA_ENVIRONMENT);
    command.env("LD_LIBRARY_PATH", lib);
    command
}

/// The outcome of a process.
pub(crate) struct ChildOutcome {
    /// The exit status; `None` if the process was killed after `timeout`.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stderr: String,
}

/// Runs a process until it ends, and kills it after `timeout`.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> anyhow::Result<ChildOutcome> {
    // Use a file: a pipe that nobody reads would block the process when it is full.
    let mut stderr_file = tempfile::tempfile().context("a temporary file cannot be created")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr_file.try_clone()?)
        .spawn()
        .context("this program cannot start itself")?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > timeout {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(EXIT_POLL);
    };
    let mut stderr = Vec::new();
    stderr_file.rewind()?;
    stderr_file.read_to_end(&mut stderr)?;
    Ok(ChildOutcome {
        status,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}
