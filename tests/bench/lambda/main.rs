//! The speed of the host: beside an empty function of `lambda_http`, which does nothing with the same events, and beside a peer,
//! the official Rust SDK with its tools compiled in. All run under one Lambda Runtime API, take turns round by round, and
//! share one core, so that ratios hold although times differ from machine to machine and from minute to minute.
//!
//! ```text
//! cargo bench -p bench --bench lambda                      # the tables
//! cargo bench -p bench --bench lambda -- --check           # and the exit code 1 where a target is missed
//! cargo bench -p bench --bench lambda -- --json speed.json
//! cargo bench -p bench --bench lambda -- --instructions   # those of a start and of calls, by callgrind
//! cargo bench -p bench --bench lambda -- --baseline BOOTSTRAP   # this build beside another, in one run
//! cargo bench -p bench --bench lambda -- --sources BOOTSTRAP    # the source files of a call, by callgrind
//! cargo bench -p bench --bench lambda -- --order           # rewrites host/link-order.ld, by callgrind
//! ```
//!
//! It does not include the overhead of real Lambda: downloading and mounting code and layers, the sandbox's own start, and the way
//! from the front door, which an empty function waits for as well.

#![expect(clippy::print_stdout, reason = "tables are what it is for")]

mod callgrind;
mod comparison;
mod event;
mod figures;
mod instructions;
mod measure;
mod order;
mod report;
mod runtimes;
mod service;
mod sources;

use std::path::PathBuf;

use anyhow::Context;
use bench::Artifacts;
use instructions::Instructions;
use runtimes::Runtime;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The number of turns of each runtime. Source: ours. The medians no longer move much.
const ROUNDS: usize = 40;

const HELP: &str = "\
Usage: cargo bench -p bench --bench lambda -- [OPTIONS]

  --rounds N      The number of turns of each runtime [default: 40]
  --json FILE     Write all figures as JSON
  --markdown      Print the tables of docs/contributor/benchmarks.md alone
  --instructions  Count the instructions of a start and of calls instead, by callgrind
  --baseline BOOTSTRAP
                  Compare the host with this build of it instead: times, or with --instructions their number
  --only TEXT     With --baseline, compare only the rows that have TEXT in their name
  --sources BOOTSTRAP
                  List the source files that a warm call runs through, in a build with line tables:
                  CARGO_PROFILE_HOST_DEBUG=line-tables-only cargo layer host, then target/host/bootstrap
  --order         Rewrite host/link-order.ld instead: the functions that the linker puts side by side
  --check         End with the exit code 1 where a target is missed
";

struct Options {
    rounds: usize,
    json: Option<PathBuf>,
    markdown: bool,
    check: bool,
    instructions: bool,
    order: bool,
    baseline: Option<PathBuf>,
    only: String,
    sources: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Some(options) = options()? else {
        print!("{HELP}");
        return Ok(());
    };
    let artifacts = bench::build()?;
    pin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(program) = &options.sources {
        let sources = runtime.block_on(sources::files_of_call(&artifacts, program))?;
        sources.iter().for_each(|source| println!("{source}"));
        println!("{} source files", sources.len());
        return Ok(());
    }
    if let Some(baseline) = &options.baseline {
        let missed = if options.instructions {
            runtime.block_on(comparison::instructions(&artifacts, baseline))?
        } else {
            runtime.block_on(comparison::times(
                &artifacts,
                baseline,
                options.rounds,
                &options.only,
            ))?
        };
        return report_missed(&missed, options.check);
    }
    if options.order {
        return runtime.block_on(write_order(&artifacts));
    }
    if options.instructions {
        return runtime.block_on(async { count(&all(&artifacts).await?).await });
    }
    let measured =
        runtime.block_on(async { measure::all(all(&artifacts).await?, options.rounds).await })?;
    let report = report::Report::new(&measured, &artifacts);
    if options.markdown {
        report.print_markdown();
    } else {
        report.print();
    }
    if let Some(path) = options.json {
        fs_err::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    report_missed(&report.missed(), options.check)
}

/// Prints the targets that are missed. With `check` they are an error.
fn report_missed(missed: &[String], check: bool) -> anyhow::Result<()> {
    for target in missed {
        eprintln!("missed: {target}");
    }
    anyhow::ensure!(
        !check || missed.is_empty(),
        "{} targets are missed",
        missed.len()
    );
    Ok(())
}

async fn all(artifacts: &Artifacts) -> anyhow::Result<Vec<Runtime>> {
    runtimes::all(artifacts, service::start().await?).await
}

async fn write_order(artifacts: &Artifacts) -> anyhow::Result<()> {
    let all = all(artifacts).await?;
    let of_the_host = |name: &str| all.iter().find(|runtime| runtime.name == name);
    let runtimes = [runtimes::THREE, runtimes::PLUGINS, runtimes::STREAM];
    let runtimes: Vec<_> = runtimes.into_iter().filter_map(of_the_host).collect();
    let script = order::script(&artifacts.host_with_symbols, &runtimes).await?;
    fs_err::write(tests::repository().join("host/link-order.ld"), script)?;
    Ok(())
}

async fn count(runtimes: &[Runtime]) -> anyhow::Result<()> {
    println!("| instructions, in thousands | start | first call | warm call |\n|---|---|---|---|");
    for runtime in runtimes {
        let Instructions {
            start,
            first_call,
            warm_call,
        } = instructions::count(runtime).await?;
        println!(
            "| {} | {} | {} | {} |",
            runtime.name,
            start / 1000,
            first_call / 1000,
            warm_call / 1000
        );
    }
    Ok(())
}

/// Returns the requested options; `None`: help.
fn options() -> anyhow::Result<Option<Options>> {
    use lexopt::prelude::*;
    let mut options = Options {
        rounds: ROUNDS,
        json: None,
        markdown: false,
        check: false,
        instructions: false,
        order: false,
        baseline: None,
        only: String::new(),
        sources: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => options.rounds = parser.value()?.parse()?,
            Long("json") => options.json = Some(parser.value()?.into()),
            Long("markdown") => options.markdown = true,
            Long("instructions") => options.instructions = true,
            Long("order") => options.order = true,
            Long("baseline") => options.baseline = Some(parser.value()?.into()),
            Long("only") => options.only = parser.value()?.string()?,
            Long("sources") => options.sources = Some(parser.value()?.into()),
            Long("check") => options.check = true,
            // Cargo's own.
            Long("bench") => {}
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected()).context(HELP),
        }
    }
    anyhow::ensure!(options.rounds > 0, "--rounds must be at least 1");
    Ok(Some(options))
}

/// Keeps this process, and those it starts, on one core: processes that share a core continue each other without waking
/// another core.
fn pin() {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let Some(last) = (0..CpuSet::MAX_CPU)
        .rev()
        .find(|&core| allowed.is_set(core))
    else {
        return;
    };
    let mut one = CpuSet::new();
    one.set(last);
    if let Err(error) = sched_setaffinity(None, &one) {
        eprintln!("not pinned to one core: {error}");
    }
}
