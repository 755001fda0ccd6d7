//! How many instructions a start and a first call take, by callgrind: figures that no other program on the machine changes.
//! They tell where time may be lost, not how much: what the kernel does is not among them.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use lambda_local::{Function, FunctionConfig};
use rustix::process::{Pid, Signal, kill_process};

use crate::runtimes::{Runtime, checked};

/// How long a process may take to write what it has counted.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it takes until the first event is asked for, and for the first call.
pub(crate) struct Instructions {
    pub(crate) start: u64,
    pub(crate) first_call: u64,
}

/// Count a runtime's.
pub(crate) async fn of(runtime: &Runtime) -> anyhow::Result<Instructions> {
    let start = counted(runtime, false).await?;
    let both = counted(runtime, true).await?;
    Ok(Instructions {
        start,
        first_call: both.saturating_sub(start),
    })
}

async fn counted(runtime: &Runtime, with_call: bool) -> anyhow::Result<u64> {
    let counts = std::env::temp_dir().join(format!("bench-{}.callgrind", std::process::id()));
    let mut config = FunctionConfig::new(valgrind()?);
    config
        .environment
        .clone_from(&runtime.function.config().environment);
    config.arguments = vec![
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", counts.display()),
        runtime.program.display().to_string(),
    ];
    config.init_timeout = PATIENCE;
    config.timeout = PATIENCE;
    let function = Function::new(config);
    function.warm_up().await?;
    if with_call {
        let invocation = function.invoke_bytes(runtime.call.event.clone()).await?;
        checked(runtime.name, &invocation, &runtime.call.expected)?;
    }
    // It writes what it has counted when it is asked to end.
    let process = function.process_ids().first().copied();
    let process = process.and_then(|id| Pid::from_raw(id.try_into().ok()?));
    kill_process(process.context("there is no process")?, Signal::TERM)?;
    let begun = Instant::now();
    let total = loop {
        let text = std::fs::read_to_string(&counts).unwrap_or_default();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        if let Some(total) = total {
            break total.trim().parse()?;
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "callgrind has counted nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    function.stop().await;
    fs_err::remove_file(counts)?;
    Ok(total)
}

fn valgrind() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join("valgrind"));
    programs
        .find(|program| program.is_file())
        .context("there is no valgrind; install it (apt-get install valgrind)")
}
