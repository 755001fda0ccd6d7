//! How many instructions a start and a first call take: figures that no other program on the machine changes. They tell where time
//! may be lost, not how much: what the kernel does is not among them.

use anyhow::Context;

use crate::{
    callgrind::{profile, totals},
    runtimes::Runtime,
};

/// What it takes until the first event is asked for, and for the first call.
pub(crate) struct Instructions {
    pub(crate) start: u64,
    pub(crate) first_call: u64,
}

/// Count a runtime's.
pub(crate) async fn of(runtime: &Runtime) -> anyhow::Result<Instructions> {
    let count = async |exchanges| {
        let profile = profile(runtime, &runtime.program, exchanges).await?;
        totals(&profile).context("callgrind has counted nothing")
    };
    let start = count(&[]).await?;
    let both = count(std::slice::from_ref(&runtime.call)).await?;
    Ok(Instructions {
        start,
        first_call: both.saturating_sub(start),
    })
}
