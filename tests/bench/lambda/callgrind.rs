//! A runtime's program under callgrind, which counts instructions, function by function.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use lambda_local::{Function, FunctionConfig};
use rustix::process::{Pid, Signal, kill_process};

use crate::runtimes::{Exchange, Runtime, check_answer};

/// The time that a process may take to write its counts.
const PROFILE_TIMEOUT: Duration = Duration::from_secs(60);

/// Counts a start and these exchanges, and returns the text of the profile (callgrind's manual, "Callgrind Format Specification").
pub(crate) async fn profile(
    runtime: &Runtime,
    program: &Path,
    exchanges: &[Exchange],
) -> anyhow::Result<String> {
    profile_with(&[], runtime, program, exchanges).await
}

/// Counts as [`profile`] does, by instruction: costs have addresses, and no lines.
pub(crate) async fn profile_addresses(
    runtime: &Runtime,
    program: &Path,
    exchanges: &[Exchange],
) -> anyhow::Result<String> {
    let options = ["--dump-instr=yes", "--dump-line=no", "--compress-pos=no"];
    profile_with(&options, runtime, program, exchanges).await
}

async fn profile_with(
    options: &[&str],
    runtime: &Runtime,
    program: &Path,
    exchanges: &[Exchange],
) -> anyhow::Result<String> {
    let profile = std::env::temp_dir().join(format!("bench-{}.callgrind", std::process::id()));
    let mut config = FunctionConfig::new(valgrind()?);
    config
        .environment
        .clone_from(&runtime.function.config().environment);
    config.arguments = ["--tool=callgrind", "--demangle=no", "--compress-strings=no"]
        .iter()
        .chain(options)
        .map(|&option| option.to_owned())
        .chain([
            format!("--callgrind-out-file={}", profile.display()),
            program.display().to_string(),
        ])
        .collect();
    config.init_timeout = PROFILE_TIMEOUT;
    config.timeout = PROFILE_TIMEOUT;
    let function = Function::new(config);
    function.warm_up().await?;
    for exchange in exchanges {
        let invocation = function.invoke_bytes(exchange.event.clone()).await?;
        check_answer(runtime.name, &invocation, &exchange.expected)?;
    }
    function.wait_until_settled().await;
    // It writes its counts when it is asked to end.
    let process = function.process_ids().first().copied();
    let process = process.and_then(|id| Pid::from_raw(id.try_into().ok()?));
    kill_process(process.context("there is no process")?, Signal::TERM)?;
    let started = Instant::now();
    let text = loop {
        let text = std::fs::read_to_string(&profile).unwrap_or_default();
        if totals(&text).is_some() {
            break text;
        }
        anyhow::ensure!(
            started.elapsed() < PROFILE_TIMEOUT,
            "callgrind has counted nothing"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    function.stop().await;
    fs_err::remove_file(profile)?;
    Ok(text)
}

/// Returns the number of instructions of a profile; `None`: it is incomplete.
pub(crate) fn totals(profile: &str) -> Option<u64> {
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok()
}

fn valgrind() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join("valgrind"));
    programs
        .find(|program| program.is_file())
        .context("there is no valgrind; install it (apt-get install valgrind)")
}
