//! Counts the instructions of a start and a first call: figures that no other program on the machine changes. They show
//! where time may be lost, not how much: the work of the kernel is not among them.

use anyhow::Context;

use crate::{
    callgrind::{profile, totals},
    runtimes::{Exchange, Runtime},
};

/// The number of warm calls that are counted together.
const WARM_CALLS: usize = 10;

/// The instructions until the first event is asked for, of the first call, and of one of the calls after it.
pub(crate) struct Instructions {
    pub(crate) start: u64,
    pub(crate) first_call: u64,
    pub(crate) warm_call: u64,
}

/// Counts the instructions of a runtime.
pub(crate) async fn count(runtime: &Runtime) -> anyhow::Result<Instructions> {
    let instructions = async |calls: usize| {
        let call = || Exchange {
            event: runtime.call.event.clone(),
            expected: runtime.call.expected.clone(),
        };
        let calls: Vec<_> = (0..calls).map(|_| call()).collect();
        let profile = profile(runtime, &runtime.program, &calls).await?;
        totals(&profile).context("callgrind has counted nothing")
    };
    let (start, first) = (instructions(0).await?, instructions(1).await?);
    // The second call still grows tables that the later ones do not.
    let (few, many) = (instructions(2).await?, instructions(2 + WARM_CALLS).await?);
    Ok(Instructions {
        start,
        first_call: first.saturating_sub(start),
        warm_call: many.saturating_sub(few) / WARM_CALLS as u64,
    })
}
