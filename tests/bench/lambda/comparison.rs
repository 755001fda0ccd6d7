//! Two builds of the host in one run: a baseline, the same baseline once more, and the present build take turns.
//!
//! The second baseline, a file of its own, shows how far two equal programs are apart on this machine. A row of the present build
//! is slower only where its ratio is above [`MAX_RATIO`] and above every ratio of the two baselines in that column.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench::Artifacts;

use crate::{
    figures::{Samples, Spread},
    instructions::{self, Instructions},
    measure::Measured,
    report, runtimes, service,
};

/// The largest ratio to the baseline that is not yet slower. Source: ours; medians of equal builds differ by 1 to 2 %.
const MAX_RATIO: f64 = 1.03;

/// The largest ratio of instructions to those of the baseline. Source: ours; callgrind counts the same twice but for addresses
/// that the kernel chooses.
const MAX_INSTRUCTIONS: f64 = 1.01;

/// Takes one kind of samples from all that was measured.
type SamplesOf = fn(&Measured) -> &Samples;

/// Takes one of the counts.
type CountOf = fn(&Instructions) -> u64;

/// The columns: their titles, and the samples that they compare.
const COLUMNS: [(&str, SamplesOf); 4] = [
    ("start", |it| &it.init),
    ("cold start", |it| &it.cold),
    ("call", |it| &it.call),
    ("list", |it| &it.list),
];

/// Copies a program into a new file, and returns its path.
///
/// Equal programs in two files start up to a tenth apart: the page cache keeps each file in larger or smaller pieces. So all files
/// are written in the same way, and the two baselines are two files.
fn copy(name: &str, program: &Path) -> anyhow::Result<PathBuf> {
    let folder = bench::folder()?.join("comparison").join(name);
    fs_err::create_dir_all(&folder)?;
    let copy = folder.join("bootstrap");
    if copy.exists() {
        fs_err::remove_file(&copy)?;
    }
    fs_err::copy(program, &copy)?;
    Ok(copy)
}

/// Measures every host by both programs, prints the ratios, and returns the rows that are slower.
pub(crate) async fn times(
    artifacts: &Artifacts,
    baseline: &Path,
    rounds: usize,
    only: &str,
) -> anyhow::Result<Vec<String>> {
    let copies = [
        ("baseline", baseline),
        ("baseline-again", baseline),
        ("present", &artifacts.host),
    ];
    let [first, second, present] = copies.map(|(name, program)| copy(name, program));
    let (first, second, present) = (first?, second?, present?);
    let programs = [first.as_path(), &second, &present];
    let hosts = runtimes::by_programs(artifacts, service::start().await?, programs);
    let mut hosts: Vec<_> = hosts
        .into_iter()
        .filter(|[host, ..]| host.name.contains(only))
        .map(|programs| programs.map(Measured::new))
        .collect();
    anyhow::ensure!(!hosts.is_empty(), "no row has {only:?} in its name");
    for round in 0..rounds {
        eprint!("\rround {} of {rounds} ", round + 1);
        for programs in &mut hosts {
            for place in 0..programs.len() {
                // Each program is first, second and last equally often.
                let program = &mut programs[(place + round) % 3];
                program.turn().await.with_context(|| program.runtime.name)?;
            }
        }
    }
    eprintln!();

    let ratios = |of: SamplesOf, programs: &[Measured; 3]| {
        let [first, second, present] = programs;
        [second, present].map(|program| of(program).times(of(first)))
    };
    let noise = COLUMNS.map(|(_, of)| {
        let medians = hosts.iter().map(|programs| ratios(of, programs)[0].median);
        medians.fold(f64::NAN, f64::max)
    });
    let mut table = report::table([
        "ratios to the baseline",
        "start",
        "cold start",
        "call",
        "list",
    ]);
    let mut slower = Vec::new();
    for programs in &hosts {
        let name = programs[0].runtime.name;
        let mut rows = [format!("{name}: baseline again"), name.to_owned()].map(|it| vec![it]);
        for ((title, of), noise) in COLUMNS.into_iter().zip(noise) {
            let [again, present] = ratios(of, programs);
            rows[0].push(shown(again));
            rows[1].push(shown(present));
            if present.median > MAX_RATIO && present.median > noise {
                slower.push(format!("{title} of {name}: {:.3}", present.median));
            }
        }
        for row in rows {
            table.add_row(row);
        }
    }
    println!("Median of {rounds} rounds (least-most).\n{table}");
    Ok(slower)
}

fn shown(spread: Spread) -> String {
    format!("{:.3} ({:.2}-{:.2})", spread.median, spread.min, spread.max)
}

/// Counts the instructions of every host by both programs, prints them, and returns the rows that need more.
pub(crate) async fn instructions(
    artifacts: &Artifacts,
    baseline: &Path,
) -> anyhow::Result<Vec<String>> {
    let programs = [baseline, &artifacts.host];
    let mut more = Vec::new();
    println!(
        "| instructions, in thousands | start | baseline | ratio | first call | baseline | ratio | warm call | baseline | ratio |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for [before, now] in runtimes::by_programs(artifacts, service::start().await?, programs) {
        let name = now.name;
        let (before, now) = (
            instructions::of(&before).await?,
            instructions::of(&now).await?,
        );
        let columns: [(&str, CountOf); 3] = [
            ("the start", |it| it.start),
            ("the first call", |it| it.first_call),
            ("a warm call", |it| it.warm_call),
        ];
        print!("| {name} ");
        for (title, of) in columns {
            let ratio = of(&now) as f64 / of(&before) as f64;
            print!(
                "| {} | {} | {ratio:.3} ",
                of(&now) / 1000,
                of(&before) / 1000
            );
            if ratio > MAX_INSTRUCTIONS {
                more.push(format!("instructions of {title} of {name}: {ratio:.3}"));
            }
        }
        println!("|");
    }
    Ok(more)
}
