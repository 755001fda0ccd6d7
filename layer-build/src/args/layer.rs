//! Flags of what looks at layers: `check`, `bench`, `inspect`, `diff` and `symbolize`.

use std::path::PathBuf;

use clap::Args;

use crate::{exit, process::child};

/// Check that nothing in layers is known to fail on Lambda
///
/// Archives, sizes, ELF files and manifests are read; then every plugin is opened in a process of its own, and a host serves
/// them all as on Lambda. Each finding has a code; CHECKS.md lists them. What cannot be seen from here is said as well.
#[derive(Debug, Args)]
#[command(after_help = exit::CHECK_HELP)]
pub(crate) struct Check {
    /// The layers, in the function's order: later ones are unpacked over earlier ones
    #[arg(required = true, value_name = "LAYER")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's own code, whose host serves the layers [default: the host in this program]
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
    /// How long a plugin, or the host, may take to start, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = child::CHILD_TIMEOUT.as_secs())]
    pub(crate) patience: u64,
    /// Fail for warnings, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measure how long a cold start takes with layers, phase by phase
///
/// Each phase has environments of its own, turn by turn, and is compared to the start of the host alone: such ratios hold on other
/// machines as well. What real Lambda adds is not in it.
#[derive(Debug, Args)]
#[command(after_help = exit::BENCH_HELP)]
pub(crate) struct Bench {
    /// The layers, in the function's order: later ones are unpacked over earlier ones
    #[arg(required = true, value_name = "LAYER")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's own code, whose host is measured [default: the host in this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) host: Option<PathBuf>,
    /// The function's ENTRY_FILE
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) entry_file: Vec<String>,
    /// The function's TOOLS_LIST
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools_list: Vec<String>,
    /// How often each phase is measured
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: u32,
    /// Print JSON, which can be a baseline
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail where a phase takes longer than in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// How much longer it may take than in the baseline, in percent
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
/// Tools, versions, hashes, what the libraries need, and what each declaration weighs: of its JSON in the list of tools, which
/// a model reads in every conversation. A library is opened in a process of its own, a layer only where no manifest tells of it.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A layer, a library, or what `cargo layer host` made
    pub(crate) file: PathBuf,
    /// Print all of it, with the schemas, in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tell what has changed from one layer to the next, and whom it breaks
///
/// Arguments break where fewer are accepted, results where more are given; a property that is added to an object which is open
/// for any breaks nobody.
#[derive(Debug, Args)]
#[command(after_help = exit::DIFF_HELP)]
pub(crate) struct Diff {
    /// The layer, or library, that is in use
    pub(crate) old: PathBuf,
    /// The one that is to follow
    pub(crate) new: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Turn addresses in a log into functions and lines
///
/// Reads stdin, and repeats it on stdout; below each line that has addresses such as `libmine.so+0x1a2b4` stands what they mean.
/// `cargo layer build` keeps the symbols beside the layer, by build id: layer.symbols for layer.zip.
#[derive(Debug, Args)]
pub(crate) struct Symbolize {
    /// The layer that the log is of
    pub(crate) layer: PathBuf,
    /// The folder of the symbols, whose builds need not be the layer's [default: that beside the layer]
    #[arg(long, value_name = "DIR")]
    pub(crate) symbols: Option<PathBuf>,
}
