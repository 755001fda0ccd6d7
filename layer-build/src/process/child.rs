//! Processes that run the code of plugins: with what Lambda gives them for an environment, and not for ever.

use std::{
    ffi::OsStr,
    io::{Read, Seek},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

/// How long a plugin may take to say what it is. Unit: seconds; default 60.
/// Source: ours. Lambda gives the whole start 10 seconds (AWS Lambda Developer Guide, "Understanding the Lambda execution
/// environment lifecycle"); six times as long is enough for a machine that does other things as well.
pub(crate) const CHILD_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a process is asked whether it has ended.
const EXIT_POLL: Duration = Duration::from_millis(5);

/// The environment of a function that matters to a library, without the user's own.
/// Source: AWS Lambda Developer Guide, "Using Lambda environment variables".
const LAMBDA_ENVIRONMENT: [(&str, &str); 3] = [
    ("LANG", "en_US.UTF-8"),
    ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

/// A program that runs as on Lambda, where `/opt/lib` is this folder.
pub(crate) fn lambda_command(program: impl AsRef<OsStr>, lib: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(LAMBDA_ENVIRONMENT);
    command.env("LD_LIBRARY_PATH", lib);
    command
}

/// What came of a process.
pub(crate) struct ChildOutcome {
    /// `None`: it was ended when `patience` was.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stderr: String,
}

/// Wait until a process ends, or end it.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> anyhow::Result<ChildOutcome> {
    // A file, since a pipe that nobody empties would stop the process.
    let mut stderr_file = tempfile::tempfile().context("no temporary file can be made")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr_file.try_clone()?)
        .spawn()
        .context("this program cannot run itself")?;
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
