//! Serves a client that has started this program, over stdin and stdout.

use std::process::Stdio;

use anyhow::Context;
use tokio::{process::Command, runtime::Runtime};

use super::{builder::DevBuilder, signals::EndSignals};
use crate::{exit::Exit, process::host::terminate};

/// Builds, and serves until the client has gone. The build happens once: the client would not notice changes.
pub(crate) fn serve(runtime: &Runtime, builder: &DevBuilder) -> anyhow::Result<Exit> {
    let built = builder.build()?;
    runtime.block_on(async {
        let mut signals = EndSignals::new()?;
        let mut host = Command::new(std::env::current_exe()?)
            .args(["__host", "stdio"])
            .envs(built.variables())
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("this program cannot start itself")?;
        loop {
            tokio::select! {
                status = host.wait() => return Ok(if status?.success() { Exit::Done } else { Exit::Failed }),
                () = signals.recv() => {
                    // It may have ended meanwhile.
                    host.id().map(terminate);
                }
            }
        }
    })
}
