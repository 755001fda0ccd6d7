//! Runs child processes that execute code of plugins, with an environment as on Lambda and with a time limit.

use std::{
    ffi::OsStr,
    io::{self, Read, Seek},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
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

/// Waits for the exit status of a process. `None`: the process still runs after `timeout`.
pub(crate) fn wait_timeout(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        let status = child.try_wait()?;
        if status.is_some() || started.elapsed() >= timeout {
            return Ok(status);
        }
        std::thread::sleep(EXIT_POLL);
    }
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
    let status = wait_timeout(&mut child, timeout)?;
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    let mut stderr = Vec::new();
    stderr_file.rewind()?;
    stderr_file.read_to_end(&mut stderr)?;
    Ok(ChildOutcome {
        status,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// The output of a program.
pub(crate) struct ProgramOutput {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// The reason why a program did not run to its end within the limits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    #[error("cannot be run: {0}")]
    Run(#[from] io::Error),
    #[error("did not end within {} minutes; run it yourself to see why", .0.as_secs() / 60)]
    Timeout(Duration),
    #[error("printed more than {0} bytes")]
    TooMuch(u64),
}

/// Runs a program within these limits, and returns its output.
pub(crate) fn output(
    command: &mut Command,
    timeout: Duration,
    max: u64,
) -> Result<ProgramOutput, ProgramError> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (sender, receiver) = mpsc::channel();
    let read = |stream: Option<Box<dyn Read + Send>>, is_stdout: bool| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = match stream {
                Some(stream) => stream.take(max + 1).read_to_end(&mut bytes).map(|_| bytes),
                None => Ok(bytes),
            };
            // Ignore the error: after a timeout, the receiver no longer exists.
            let _ = sender.send((is_stdout, read));
        });
    };
    read(child.stdout.take().map(|it| Box::new(it) as _), true);
    read(child.stderr.take().map(|it| Box::new(it) as _), false);
    let started = Instant::now();
    let collected = collect(&receiver, timeout, max);
    // A program may close its output and still run.
    let status = match &collected {
        Ok(_) => wait_timeout(&mut child, timeout.saturating_sub(started.elapsed()))?,
        Err(_) => None,
    };
    if status.is_none() {
        // Ignore the error: the program may have ended meanwhile.
        let _ = child.kill();
        child.wait()?;
    }
    let (stdout, stderr) = collected?;
    let status = status.ok_or(ProgramError::Timeout(timeout))?;
    Ok(ProgramOutput {
        status,
        stdout,
        stderr,
    })
}

/// Waits for the ends of stdout and stderr.
fn collect(
    receiver: &Receiver<(bool, io::Result<Vec<u8>>)>,
    timeout: Duration,
    max: u64,
) -> Result<(Vec<u8>, Vec<u8>), ProgramError> {
    let deadline = Instant::now() + timeout;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        let left = deadline.saturating_duration_since(Instant::now());
        let (is_stdout, read) = receiver
            .recv_timeout(left)
            .map_err(|_| ProgramError::Timeout(timeout))?;
        let read = read?;
        if read.len() as u64 > max {
            return Err(ProgramError::TooMuch(max));
        }
        *(if is_stdout { &mut stdout } else { &mut stderr }) = read;
    }
    Ok((stdout, stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, timeout: Duration, max: u64) -> Result<ProgramOutput, ProgramError> {
        output(Command::new("sh").args(["-c", script]), timeout, max)
    }

    #[test]
    fn a_program_has_its_output_or_an_error() {
        let minute = Duration::from_secs(60);
        let ended = sh("echo out; echo err >&2; exit 3", minute, 100).expect("output");
        assert_eq!(
            (&*ended.stdout, &*ended.stderr),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(ended.status.code(), Some(3));
        let endless = sh("yes", minute, 1 << 20);
        assert!(matches!(endless, Err(ProgramError::TooMuch(_))));
        let hangs = sh("exec sleep 1000", Duration::from_millis(100), 100);
        assert!(matches!(hangs, Err(ProgramError::Timeout(_))));
        let silent = "exec >/dev/null 2>&1; exec sleep 1000";
        let silent = sh(silent, Duration::from_millis(100), 100);
        assert!(matches!(silent, Err(ProgramError::Timeout(_))));
        let none = output(&mut Command::new("/nonexistent"), minute, 100);
        assert!(matches!(none, Err(ProgramError::Run(_))));
    }
}
