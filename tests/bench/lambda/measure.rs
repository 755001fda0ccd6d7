//! Measures all functions.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::{
    figures::Samples,
    runtimes::{Exchange, Runtime, check_answer},
};

/// The number of measured cold starts of a turn. One comes before them: it reads everything that the turns of others
/// have pushed out of the machine's caches.
const STARTS: usize = 3;

/// The number of calls of a turn before the measured ones.
const WARM_UP_CALLS: usize = 20;

/// The number of measured calls of a turn.
const CALLS: usize = 200;

/// The number of measured lists of a turn.
const LISTS: usize = 100;

/// The number of requests before memory is measured again: all code that they need has been read then.
pub(crate) const FEW_REQUESTS: usize = 100;

/// The number of requests before memory is measured for the last time.
pub(crate) const REQUESTS: usize = 10_000;

/// The measurements of a runtime. Samples are one for each round: medians, where it has several.
pub(crate) struct Measured {
    pub(crate) runtime: Runtime,
    /// From the start of the process until it asks for its first event.
    pub(crate) init: Samples,
    /// The first call.
    pub(crate) first: Samples,
    /// Start and first call together.
    pub(crate) cold: Samples,
    /// Calls one after the other.
    pub(crate) call: Samples,
    /// The 99th percentile of calls in the round.
    pub(crate) call_p99: Samples,
    /// The CPU time of the process for a call.
    pub(crate) call_cpu: Samples,
    /// The time from one call to the next, with the work after an answer.
    pub(crate) call_whole: Samples,
    /// Lists one after the other.
    pub(crate) list: Samples,
    /// Peak memory after the start. Unit: KiB.
    pub(crate) after_init: u64,
    /// Peak memory after [`FEW_REQUESTS`]. Unit: KiB.
    pub(crate) after_few: u64,
    /// Peak memory after [`REQUESTS`]. Unit: KiB.
    pub(crate) after_requests: u64,
}

/// Measures all of them, turn by turn.
pub(crate) async fn all(runtimes: Vec<Runtime>, rounds: usize) -> anyhow::Result<Vec<Measured>> {
    let mut measured: Vec<_> = runtimes.into_iter().map(Measured::new).collect();
    for one in &mut measured {
        one.memory().await.with_context(|| one.runtime.name)?;
    }
    for round in 1..=rounds {
        eprint!("\rround {round} of {rounds} ");
        for one in &mut measured {
            one.measure_round()
                .await
                .with_context(|| one.runtime.name)?;
        }
    }
    eprintln!();
    Ok(measured)
}

impl Measured {
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self {
            runtime,
            init: Samples::default(),
            first: Samples::default(),
            cold: Samples::default(),
            call: Samples::default(),
            call_p99: Samples::default(),
            call_cpu: Samples::default(),
            call_whole: Samples::default(),
            list: Samples::default(),
            after_init: 0,
            after_few: 0,
            after_requests: 0,
        }
    }

    /// Measures it again.
    pub(crate) async fn measure_round(&mut self) -> anyhow::Result<()> {
        let runtime = &self.runtime;
        let (mut inits, mut firsts, mut colds) =
            (Samples::default(), Samples::default(), Samples::default());
        for start in 0..=STARTS {
            runtime.function.recycle().await;
            let started = Instant::now();
            runtime.function.warm_up().await?;
            let init = started.elapsed();
            let first = time_exchange(runtime, &runtime.call).await?;
            if start > 0 {
                inits.add(init);
                firsts.add(first);
                colds.add(init + first);
            }
        }
        for _ in 0..WARM_UP_CALLS {
            time_exchange(runtime, &runtime.call).await?;
        }
        let computed = cpu_time(runtime.process_id()?)?;
        let started = Instant::now();
        let calls = time_exchanges(CALLS, runtime, &runtime.call).await?;
        let taken = started.elapsed();
        let computed = cpu_time(runtime.process_id()?)?.saturating_sub(computed);
        time_exchange(runtime, &runtime.list).await?;
        let lists = time_exchanges(LISTS, runtime, &runtime.list).await?;
        runtime.function.recycle().await;
        self.init.add(inits.quantile(0.5));
        self.first.add(firsts.quantile(0.5));
        self.cold.add(colds.quantile(0.5));
        self.call.add(calls.quantile(0.5));
        self.call_p99.add(calls.quantile(0.99));
        self.call_cpu.add(computed / u32::try_from(CALLS)?);
        self.call_whole.add(taken / u32::try_from(CALLS)?);
        self.list.add(lists.quantile(0.5));
        Ok(())
    }

    async fn memory(&mut self) -> anyhow::Result<()> {
        let runtime = &self.runtime;
        runtime.function.recycle().await;
        runtime.function.warm_up().await?;
        self.after_init = peak_memory(runtime.process_id()?)?;
        for request in (0..REQUESTS).step_by(2) {
            if request == FEW_REQUESTS {
                self.after_few = peak_memory(runtime.process_id()?)?;
            }
            time_exchange(runtime, &runtime.call).await?;
            time_exchange(runtime, &runtime.list).await?;
        }
        self.after_requests = peak_memory(runtime.process_id()?)?;
        runtime.function.recycle().await;
        Ok(())
    }
}

impl Runtime {
    fn process_id(&self) -> anyhow::Result<u32> {
        let ids = self.function.process_ids();
        ids.first().copied().context("there is no process")
    }
}

/// Returns the time from the event to its answer, in an environment that waits for it: Lambda sends events to no other.
async fn time_exchange(runtime: &Runtime, exchange: &Exchange) -> anyhow::Result<Duration> {
    let event = exchange.event.clone();
    runtime.function.wait_until_settled().await;
    let started = Instant::now();
    let invocation = runtime.function.invoke_bytes(event).await?;
    let taken = started.elapsed();
    check_answer(runtime.name, &invocation, &exchange.expected)?;
    Ok(taken)
}

async fn time_exchanges(
    times: usize,
    runtime: &Runtime,
    exchange: &Exchange,
) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..times {
        samples.add(time_exchange(runtime, exchange).await?);
    }
    Ok(samples)
}

/// Returns the time that the threads of a process were on a core.
/// Source: Linux, Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat", in nanoseconds.
fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let mut computed = Duration::ZERO;
    for thread in fs_err::read_dir(format!("/proc/{process}/task"))? {
        // A thread that has ended meanwhile is not counted.
        let Ok(times) = fs_err::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let on_core = times.split(' ').next().unwrap_or_default();
        computed += Duration::from_nanos(on_core.parse()?);
    }
    Ok(computed)
}

/// Returns the peak memory of a process. Unit: KiB.
/// Source: proc_pid_status(5), `VmHWM`.
fn peak_memory(process: u32) -> anyhow::Result<u64> {
    let status = fs_err::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes.context("no VmHWM")?.trim().parse()?)
}
