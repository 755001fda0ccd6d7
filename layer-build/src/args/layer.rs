//! Flags of the verbs that inspect layers: `check`, `bench`, `inspect`, `diff` and `symbolize`.

use std::path::PathBuf;

use clap::Args;

use crate::{exit, process::child};

/// Check layers for known problems on Lambda
///
/// Reads archives, sizes, ELF files and manifests. Then opens every plugin in a separate process, and serves all of them with a
/// host as on Lambda. Each finding has a code; CHECKS.md lists them. The report also names what could not be checked.
#[derive(Debug, Args)]
#[command(after_help = exit::CHECK_HELP)]
pub(crate) struct Check {
    /// The layers, in the function's order: later ones are unpacked over earlier ones
    #[arg(required = true, value_name = "LAYER")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's own code, with the host that serves the layers [default: the host in this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) host: Option<PathBuf>,
    /// The function's ENTRY_FILE
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) entry_file: Vec<String>,
    /// The function's TOOLS_LIST
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools_list: Vec<String>,
    /// A library that the function's system has, such as libssl.so.3; may be repeated
    #[arg(long = "system-library", value_name = "NAME")]
    pub(crate) system_libraries: Vec<String>,
    /// The time limit for the start of a plugin or the host, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = child::CHILD_TIMEOUT.as_secs())]
    pub(crate) patience: u64,
    /// Fail for warnings too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measure the cold start with layers, phase by phase
///
/// Each phase is measured in separate environments, and its time is divided by the time of starting only the host: such
/// ratios can be compared between machines. The times that real Lambda adds are not included.
#[derive(Debug, Args)]
#[command(after_help = exit::BENCH_HELP)]
pub(crate) struct Bench {
    /// The layers, in the function's order: later ones are unpacked over earlier ones
    #[arg(required = true, value_name = "LAYER")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's own code, with the host to measure [default: the host in this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) host: Option<PathBuf>,
    /// The function's ENTRY_FILE
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) entry_file: Vec<String>,
    /// The function's TOOLS_LIST
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools_list: Vec<String>,
    /// The number of measurements of each phase
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: u32,
    /// Print JSON, which can be a baseline
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail if a phase takes longer than in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// The allowed increase over the baseline, in percent
    #[arg(
        long,
        value_name = "PERCENT",
        default_value_t = 50,
        requires = "baseline"
    )]
    pub(crate) threshold: u32,
}

/// Show what is in a layer, a library or a function
///
/// Shows tools, versions, hashes, what libraries need, and the size of each declaration in the list of tools, which a
/// model reads in every conversation. To read a library, or a layer without a manifest, it opens the libraries in a
/// separate process.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A layer, a library, or an archive made by `cargo layer host`
    pub(crate) file: PathBuf,
    /// Print everything, with the schemas, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Compare two layers, and show which changes break clients
///
/// Arguments break if fewer values are accepted, results if more values are returned. A property added to an object that accepts
/// any property breaks nothing.
#[derive(Debug, Args)]
#[command(after_help = exit::DIFF_HELP)]
pub(crate) struct Diff {
    /// The layer or library in use
    pub(crate) old: PathBuf,
    /// The layer or library to replace it
    pub(crate) new: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Turn addresses in a log into functions and lines
///
/// Copies stdin to stdout. Below each line with addresses such as `libmine.so+0x1a2b4` it prints their functions and
/// lines. `cargo layer build` stores the symbols next to the layer, by build id: in layer.symbols for layer.zip.
#[derive(Debug, Args)]
pub(crate) struct Symbolize {
    /// The layer that wrote the log
    pub(crate) layer: PathBuf,
    /// The folder of the symbols, also of other builds [default: the one next to the layer]
    #[arg(long, value_name = "DIR")]
    pub(crate) symbols: Option<PathBuf>,
}
