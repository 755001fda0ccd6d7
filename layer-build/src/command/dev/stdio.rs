//! Serves, over stdin and stdout, a client that has started this program.

use std::process::Stdio;

use anyhow::Context;
use tokio::{process::Command, runtime::Runtime};

use super::{builder::DevBuilder, signals::EndSignals};
use crate::{exit::Exit, process::host::terminate};

/// Builds the layer, and serves it until the client closes the connection. It builds only once, because the client
/// would not notice later changes.
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
                    // Ignore the result: the host may already have ended.
                    host.id().map(terminate);
                }
            }
        }
    })
}
