//! Processes that run the code of plugins, with an environment as on Lambda and a time limit.

use std::{
    ffi::OsStr,
    io::{Read, Seek},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

/// The time that a plugin may take to return its declaration. Unit: seconds; default 60.
/// Source: ours. Lambda gives the whole start 10 seconds (AWS Lambda Developer Guide, "Understanding the Lambda
/// execution environment lifecycle"); six times as long is enough for a machine that does other things as well.
pub(crate) const CHILD_TIMEOUT: Duration = Duration::from_secs(60);

/// The interval at which a process is checked for its end.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// The environment of a function that matters to a library, without the user's own.
/// Source: AWS Lambda Developer Guide, "Using Lambda environment variables".
const LAMBDA_ENVIRONMENT: [(&str, &str); 3] = [
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

/// Returns a command that runs a program as on Lambda, with this folder as `/opt/lib`.
pub(crate) fn lambda_command(program: impl AsRef<OsStr>, lib: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(LAMBDA_ENVIRONMENT);
    command.env("LD_LIBRARY_PATH", lib);
    command
}

/// The outcome of a process.
pub(crate) struct ChildOutcome {
    /// The exit status. `None`: it was killed after `timeout`.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stderr: String,
}

/// Waits until a process ends, or kills it.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> anyhow::Result<ChildOutcome> {
    // A file, since an unread pipe would block the process.
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
