//! `bench`: measures the time of a cold start with these layers, phase by phase, and compares it with a baseline.
//!
//! The time of each phase is divided by the time of starting only the host, in the same round on the same machine. Such
//! ratios differ less between machines than times do, so a baseline from one machine can be used on another.

mod phases;

use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::{Deserialize, Serialize};

use self::phases::Phase;
use crate::{
    archive::read, args, error::CliError, exit::Exit, process::temp_dir, terminal::stdout,
};

/// The report, printed as JSON and read as a baseline.
#[derive(Debug, Deserialize, Serialize)]
struct Report {
    rounds: u32,
    phases: Vec<Row>,
}

/// A phase. Unit of times: microseconds.
#[derive(Debug, Deserialize, Serialize)]
struct Row {
    name: String,
    median: f64,
    min: f64,
    max: f64,
    /// The median over all rounds of its time divided by the time of starting only the host in the same round.
    ratio: f64,
}

/// Measures the cold start, and prints the report.
pub(crate) fn run(args: &args::layer::Bench) -> anyhow::Result<Exit> {
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let opt = temp_dir::create()?;
    for layer in &args.layers {
        read::unpack(layer, opt.path())?;
    }
    let host = match &args.host {
        Some(function) => {
            let task = opt.path().join("task");
            fs_err::create_dir(&task)?;
            read::unpack(function, &task)?;
            (task.join("bootstrap"), None)
        }
        None => {
            message!(
                "note: this measures the host in this program; pass --host function.zip to measure the deployed one"
            );
            (std::env::current_exe()?, Some("__host"))
        }
    };
    let measured = phases::measure(&host, opt.path(), args)?;
    let Some(alone) = measured.first() else {
        return Ok(Exit::Failed);
    };
    let report = Report {
        rounds: args.rounds,
        phases: measured.iter().map(|it| Row::new(it, alone)).collect(),
    };
    if args.json {
        stdout::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        stdout::line(report.table())?;
    }
    let slower = baseline.map_or_else(Vec::new, |baseline| {
        report.slower(&baseline, args.threshold)
    });
    for message in &slower {
        message!("slower: {message}");
    }
    Ok(if slower.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn read_baseline(path: &Path) -> anyhow::Result<Report> {
    let text = fs_err::read(path)?;
    serde_json::from_slice(&text).map_err(|error| {
        let path = PathBuf::from(path);
        CliError::Baseline { path, error }.into()
    })
}

impl Row {
    fn new(phase: &Phase, alone: &Phase) -> Self {
        let ratios = phase.times.iter().zip(&alone.times);
        let [_, ratio, _] = min_median_max(ratios.map(|(it, alone)| it / alone).collect());
        let [min, median, max] = min_median_max(phase.times.clone());
        Self {
            name: phase.name.clone(),
            median,
            min,
            max,
            ratio,
        }
    }
}

/// Returns the minimum, the median and the maximum.
fn min_median_max(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_unstable_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    [0, numbers.len() / 2, last].map(|index| numbers.get(index).copied().unwrap_or_default())
}

impl Report {
    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["", "milliseconds", "least", "most", "times the host alone"]);
        for row in &self.phases {
            let milliseconds = |microseconds: f64| format!("{:.2}", microseconds / 1e3);
            table.add_row([
                row.name.clone(),
                milliseconds(row.median),
                milliseconds(row.min),
                milliseconds(row.max),
                format!("{:.2}", row.ratio),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines = table.lines().map(|line| line.trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns the phases that are slower than in the baseline by more than `threshold` percent.
    fn slower(&self, baseline: &Self, threshold: u32) -> Vec<String> {
        let allowed = 1.0 + f64::from(threshold) / 100.0;
        let slower = self.phases.iter().filter_map(|now| {
            let baseline = baseline.phases.iter().find(|row| row.name == now.name)?;
            (now.ratio > baseline.ratio * allowed).then(|| {
                format!(
                    "{}: {:.2} times the host alone; the baseline has {:.2} and allows {:.2}; check what its plugins do when they are opened, or make a new baseline",
                    now.name,
                    now.ratio,
                    baseline.ratio,
                    baseline.ratio * allowed
                )
            })
        });
        slower.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ratios: &[(&str, f64)]) -> Report {
        let rows = ratios.iter().map(|&(name, ratio)| Row {
            name: name.to_owned(),
            median: 1.0,
            min: 1.0,
            max: 1.0,
            ratio,
        });
        Report {
            rounds: 1,
            phases: rows.collect(),
        }
    }

    #[test]
    fn a_phase_is_slower_by_its_ratio_and_a_new_phase_is_not() {
        let baseline = report(&[("the host alone", 1.0), ("start", 1.2)]);
        for (now, threshold, slower) in [
            (report(&[("start", 1.7)]), 50, 0),
            (report(&[("start", 1.9)]), 50, 1),
            (report(&[("start", 1.3)]), 0, 1),
            (report(&[("opening libnew.so", 9.0)]), 50, 0),
        ] {
            let messages = now.slower(&baseline, threshold);
            assert_eq!(messages.len(), slower, "{now:?} {messages:?}");
        }
    }

    #[test]
    fn the_median_is_the_middle_number() {
        assert_eq!(min_median_max(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(min_median_max(vec![]), [0.0; 3]);
    }
}
