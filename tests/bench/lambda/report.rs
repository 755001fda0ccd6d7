//! Reports of the figures: tables, JSON, and the missed targets.

use bench::Artifacts;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::{
    figures::{Samples, Spread},
    measure::{FEW_REQUESTS, Measured, REQUESTS},
    runtimes::{EMPTY, LAZY, PEER, PEER_TOOLS, PLUGINS, QUIET, STREAM, THREE, TOOLS},
};

/// All figures.
#[derive(Serialize)]
pub(crate) struct Report {
    runtimes: Vec<Row>,
    /// The size of the plugin of three tools. Unit: bytes.
    plugin_bytes: u64,
}

/// The figures of one runtime. Times are in microseconds, and ratios those of a round to the empty function's in the
/// same round.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    is_floor: bool,
    init: Spread,
    first_call: Spread,
    cold_start: Spread,
    call: Spread,
    call_p99: Spread,
    call_cpu: Spread,
    calls_per_second: f64,
    list: Spread,
    ratios: Ratios,
    /// Unit: KiB.
    peak_memory_after_init: u64,
    /// Unit: KiB.
    peak_memory_after_few_requests: u64,
    /// Unit: KiB.
    peak_memory_after_requests: u64,
    program_bytes: u64,
}

#[derive(Serialize)]
struct Ratios {
    init: Spread,
    cold_start: Spread,
    call: Spread,
    call_cpu: Spread,
    list: Spread,
}

/// A figure, its maximum, and its purpose.
struct Target {
    what: String,
    figure: f64,
    max: f64,
}

impl Report {
    pub(crate) fn new(measured: &[Measured], artifacts: &Artifacts) -> Self {
        let size = |path: &std::path::Path| fs_err::metadata(path).map_or(0, |it| it.len());
        let named = |name: &str| measured.iter().find(|it| it.runtime.name == name);
        let rows = measured.iter().map(|it| {
            let [of_calls, of_lists] = it.runtime.empty_functions.map_or([it, it], |names| {
                names.map(|name| named(name).unwrap_or(it))
            });
            let times = |of: fn(&Measured) -> &Samples, empty_function: &Measured| {
                of(it).times(of(empty_function))
            };
            let call = it.call.microseconds();
            Row {
                name: it.runtime.name,
                is_floor: it.runtime.empty_functions.is_none(),
                init: it.init.microseconds(),
                first_call: it.first.microseconds(),
                cold_start: it.cold.microseconds(),
                call,
                call_p99: it.call_p99.microseconds(),
                call_cpu: it.call_cpu.microseconds(),
                calls_per_second: 1e6 / it.call_whole.microseconds().median,
                list: it.list.microseconds(),
                ratios: Ratios {
                    init: times(|it| &it.init, of_calls),
                    cold_start: times(|it| &it.cold, of_calls),
                    call: times(|it| &it.call, of_calls),
                    call_cpu: times(|it| &it.call_cpu, of_calls),
                    list: times(|it| &it.list, of_lists),
                },
                peak_memory_after_init: it.after_init,
                peak_memory_after_few_requests: it.after_few,
                peak_memory_after_requests: it.after_requests,
                program_bytes: size(&it.runtime.program),
            }
        });
        Self {
            runtimes: rows.collect(),
            plugin_bytes: size(&artifacts.three.join("libcustom_tools.so")),
        }
    }

    fn row(&self, name: &str) -> &Row {
        let mut rows = self.runtimes.iter();
        rows.find(|row| row.name == name)
            .unwrap_or(&self.runtimes[0])
    }

    /// Returns the figures above their maximum.
    pub(crate) fn missed(&self) -> Vec<String> {
        let missed = self
            .targets()
            .into_iter()
            .filter(|target| target.figure.is_nan() || target.figure > target.max);
        missed
            .map(|it| format!("{} is {:.2}, and may be {:.2}", it.what, it.figure, it.max))
            .collect()
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut add =
            |what: String, figure: f64, max: f64| targets.push(Target { what, figure, max });
        for name in [THREE, PLUGINS] {
            add(
                format!("the cold start of {name}"),
                self.row(name).ratios.cold_start.median,
                1.4,
            );
        }
        // Streaming rows include the cost of chunked reads, which an empty function's answer does not have;
        // `lambda_http`, which could stream it, lets each wait 40 ms.
        for name in [THREE, PLUGINS, TOOLS] {
            add(
                format!("a call of {name}"),
                self.row(name).ratios.call.median,
                1.5,
            );
        }
        for name in [THREE, PLUGINS, TOOLS] {
            add(
                format!("a list of {name}"),
                self.row(name).ratios.list.median,
                1.1,
            );
        }
        for (name, peer) in [(THREE, PEER), (PLUGINS, PEER_TOOLS), (TOOLS, PEER_TOOLS)] {
            let (ours, theirs) = (self.row(name), self.row(peer));
            for (what, ours, theirs) in [
                ("the cold start", ours.cold_start, theirs.cold_start),
                ("a call", ours.call, theirs.call),
                ("a list", ours.list, theirs.list),
            ] {
                add(
                    format!("{what} of {name} to that of {peer}"),
                    ours.median / theirs.median,
                    1.0,
                );
            }
            for (what, ours, theirs) in [
                (
                    "memory after the start",
                    ours.peak_memory_after_init,
                    theirs.peak_memory_after_init,
                ),
                (
                    "memory after requests",
                    ours.peak_memory_after_requests,
                    theirs.peak_memory_after_requests,
                ),
            ] {
                add(
                    format!("{what} of {name} to that of {peer}"),
                    ours as f64 / theirs as f64,
                    1.0,
                );
            }
        }
        let three = self.row(THREE);
        let mebibytes = |kibibytes: u64| kibibytes as f64 / 1024.0;
        let grown = three.peak_memory_after_requests - three.peak_memory_after_few_requests;
        add(
            "memory after the start, in MiB,".to_owned(),
            mebibytes(three.peak_memory_after_init),
            6.0,
        );
        add(
            format!("what {REQUESTS} requests add to {FEW_REQUESTS}, in MiB,"),
            mebibytes(grown),
            0.5,
        );
        add(
            "the host's size, in MB,".to_owned(),
            three.program_bytes as f64 / 1e6,
            12.0,
        );
        add(
            "the size of a plugin of three tools, in kB,".to_owned(),
            self.plugin_bytes as f64 / 1e3,
            500.0,
        );
        // Nagle's algorithm and delayed acknowledgements together take 40 ms.
        add(
            "the slowest in a hundred streamed calls, in ms,".to_owned(),
            self.row(STREAM).call_p99.median / 1e3,
            20.0,
        );
        targets
    }

    /// Prints the tables.
    pub(crate) fn print(&self) {
        let mut table = table([
            "",
            "init",
            "first call",
            "cold start",
            "times",
            "call p50",
            "times",
            "p99",
            "per s",
            "computed",
            "times",
            "list p50",
            "times",
        ]);
        for row in &self.runtimes {
            let times = |spread: Spread| {
                if row.is_floor {
                    String::new()
                } else {
                    format!("{:.2} ({:.2}-{:.2})", spread.median, spread.min, spread.max)
                }
            };
            table.add_row([
                row.name.to_owned(),
                with_range(row.init),
                with_range(row.first_call),
                with_range(row.cold_start),
                times(row.ratios.cold_start),
                with_range(row.call),
                times(row.ratios.call),
                format!("{:.0}", row.call_p99.median),
                format!("{:.0}", row.calls_per_second),
                with_range(row.call_cpu),
                times(row.ratios.call_cpu),
                with_range(row.list),
                times(row.ratios.list),
            ]);
        }
        println!(
            "Times in microseconds: the median of all rounds (least-most). \"times\": to the empty function that sends as much, in the same round.\n{table}\n"
        );
        let mut table = self::table([
            "",
            "after init",
            &format!("after {FEW_REQUESTS} requests"),
            &format!("after {REQUESTS} requests"),
            "program",
        ]);
        for row in &self.runtimes {
            table.add_row([
                row.name.to_owned(),
                format!("{} KiB", row.peak_memory_after_init),
                format!("{} KiB", row.peak_memory_after_few_requests),
                format!("{} KiB", row.peak_memory_after_requests),
                format!("{} bytes", row.program_bytes),
            ]);
        }
        println!(
            "Peak memory, and sizes. The plugin of three tools has {} bytes.\n{table}",
            self.plugin_bytes
        );
    }

    /// Prints the tables of `docs/contributor/benchmarks.md`.
    pub(crate) fn print_markdown(&self) {
        println!(
            "| | cold start | warm `tools/call` | warm `tools/list` | memory after init | after {REQUESTS} requests |"
        );
        println!("|---|---|---|---|---|---|");
        for name in [
            EMPTY, THREE, QUIET, TOOLS, PLUGINS, STREAM, PEER, PEER_TOOLS,
        ] {
            let row = self.row(name);
            let mebibytes = |kibibytes: u64| format!("{:.1} MiB", kibibytes as f64 / 1024.0);
            let (cold, call, list) = if row.is_floor {
                let microseconds = |spread: Spread| format!("1 ({:.0} us)", spread.median);
                (
                    microseconds(row.cold_start),
                    microseconds(row.call),
                    "1".to_owned(),
                )
            } else {
                let times = |spread: Spread| format!("{:.2}", spread.median);
                (
                    times(row.ratios.cold_start),
                    times(row.ratios.call),
                    times(row.ratios.list),
                )
            };
            println!(
                "| {name} | {cold} | {call} | {list} | {} | {} |",
                mebibytes(row.peak_memory_after_init),
                mebibytes(row.peak_memory_after_requests)
            );
        }
        println!(
            "\n| a plugin with | start | first call | start with `MCP_PRELOAD=all` | first call |"
        );
        println!("|---|---|---|---|---|");
        for names in LAZY {
            let [lazy, preloaded] = names.map(|name| self.row(name));
            let milliseconds = |spread: Spread| format!("{:.1} ms", spread.median / 1e3);
            let [name, _] = names;
            println!(
                "| {name} | {} | {} | {} | {} |",
                milliseconds(lazy.init),
                milliseconds(lazy.first_call),
                milliseconds(preloaded.init),
                milliseconds(preloaded.first_call)
            );
        }
    }
}

fn with_range(spread: Spread) -> String {
    format!("{:.0} ({:.0}-{:.0})", spread.median, spread.min, spread.max)
}

pub(crate) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
