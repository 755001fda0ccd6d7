//! The flags and their help.

mod deploy;

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};

pub(crate) use deploy::{Aws, Publish, Rollback, Swap, Verify};

use crate::{
    arch::{self, Arch},
    ask, child,
    client::Era,
    connect,
    elf::Glibc,
    exit,
    sdk::Sdk,
    token,
};

/// Build AWS Lambda layers of MCP tools
#[derive(Debug, Parser)]
#[command(
    name = "cargo layer",
    bin_name = "cargo layer",
    version,
    max_term_width = 100,
    after_help = exit::HELP
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a plugin crate with one tool and its test
    New(New),
    /// Build plugins and pack them into a layer
    Build(Build),
    /// Build the host and pack it into a function
    Host(Host),
    /// Build plugins and serve their tools on this machine
    Dev(Dev),
    /// Print how an MCP client is told of a server
    Connect(Connect),
    /// Check that nothing in layers is known to fail on Lambda
    Check(Check),
    /// Measure how long a cold start takes with layers, phase by phase
    Bench(Bench),
    /// Show what is in a layer, a library or a function
    Inspect(Inspect),
    /// Tell what has changed from one layer to the next, and whom it breaks
    Diff(Diff),
    /// Make a layer a version of a layer at AWS
    Publish(Publish),
    /// Give a function at AWS other tools, if they prove themselves
    Swap(Swap),
    /// Give a function at AWS the tools back that it had before
    Rollback(Rollback),
    /// Ask a server whether it serves what it should
    Verify(Verify),
    /// Make a token by which someone may call
    Token(Token),
    /// List the tools of a layer, a crate or a server
    Tools(Tools),
    /// Call a tool of a layer, a crate or a server
    Call(Call),
    /// Turn addresses in a log into functions and lines
    Symbolize(Symbolize),
    /// Say what is missing on this machine, and how to get it
    Doctor,
    /// Print a script that lets a shell complete `cargo-layer`
    Completions(Completions),
    #[command(name = "__describe", hide = true)]
    Describe(Describe),
    #[command(name = "__host", hide = true)]
    AsHost(AsHost),
}

/// Make a plugin crate with one tool and its test
///
/// By `cargo new`: inside a workspace it becomes a member.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make, whose name the crate has
    #[arg(value_name = "NAME")]
    pub(crate) path: PathBuf,
    /// The source of plugin-sdk: a folder, URL[#REVISION] of a repository, or a version [default: where this program came from]
    #[arg(long, value_name = "SOURCE")]
    pub(crate) sdk: Option<Sdk>,
    /// Add a workflow that tests, builds, checks and compares with the last release
    #[arg(long, value_enum)]
    pub(crate) ci: Option<Ci>,
}

/// Whose workflows.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Ci {
    /// GitHub Actions, in .github/workflows
    Github,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Packages {
    /// Build this plugin; may be repeated [default: every plugin of the package or workspace]
    #[arg(short = 'p', long = "package", value_name = "PKG")]
    pub(crate) packages: Vec<String>,
    /// The Cargo.toml to start from [default: that of the current folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}

/// Of the function.
#[derive(Debug, Args)]
pub(crate) struct Platform {
    /// The CPU of the function [default: that of this machine]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Arch>,
    /// The glibc of the function's system, or an older one [default: 2.34, that of Amazon Linux 2023]
    #[arg(long, value_name = "VERSION")]
    pub(crate) glibc: Option<Glibc>,
}

impl Platform {
    pub(crate) fn chosen(&self) -> arch::Platform {
        let default = arch::Platform::like_this_machine();
        arch::Platform {
            arch: self.arch.unwrap_or(default.arch),
            glibc: self.glibc.unwrap_or(default.glibc),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// Where to write the layer; its symbols go beside it, into layer.symbols
    #[arg(long, value_name = "FILE", default_value = "layer.zip")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) platform: Platform,
    /// Add this shared library, which plugins find beside them; may be repeated
    #[arg(long = "include", value_name = "FILE")]
    pub(crate) includes: Vec<PathBuf>,
    /// The layer's name, which clients see as the server's [default: the plugin's, of several `tools`]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The layer's version [default: the plugins', if they have one in common]
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// The tools to serve where TOOLS_LIST is not set, written like it [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Host {
    /// Where to write it [default: function.zip, as a layer host-layer.zip]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) platform: Platform,
    /// Make a layer: Lambda finds `bootstrap` there as well, and several functions can have the same
    #[arg(long)]
    pub(crate) as_layer: bool,
}

/// Build plugins and serve their tools on this machine
///
/// A change of a source is built and served anew; what cannot be built or served leaves in place what could before. Prints the
/// URL, and how MCP clients are told of it.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = host::transport::serve::DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,
    /// Run the host as a Lambda function, which is sent the events of this front door
    #[arg(long, value_enum, value_name = "DOOR")]
    pub(crate) event: Option<EventDoor>,
    /// Serve the client that starts this, over stdin and stdout, without an eye on changes
    #[arg(long, conflicts_with_all = ["listen", "event"])]
    pub(crate) stdio: bool,
    /// Variables for the tools, NAME=value in lines; those of the shell count first [default: .env beside the Cargo.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

/// Whose events a function is sent.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum EventDoor {
    /// An API Gateway REST API, with the stage `prod`
    Rest,
    /// An API Gateway HTTP API
    Http,
    /// A Function URL that waits for the whole answer
    Url,
    /// A Function URL that streams: what a tool says while it runs arrives as it says it
    UrlStream,
    /// An Application Load Balancer
    Alb,
}

/// Print how an MCP client is told of a server
///
/// With a URL, of a server that runs; with --stdio of one that the client starts: of a command after `--`, else of `cargo layer
/// dev --stdio`, which builds the plugins of the current package or workspace and serves them. Where it belongs stands on stderr.
#[derive(Debug, Args)]
#[command(override_usage = "cargo layer connect <URL|--stdio> [OPTIONS] [-- <COMMAND>...]")]
pub(crate) struct Connect {
    /// The server's URL
    #[arg(required_unless_present = "stdio", value_parser = connect::url, conflicts_with_all = ["stdio", "env", "command", "packages", "manifest_path"])]
    pub(crate) url: Option<String>,
    /// Have the client start the server
    #[arg(long)]
    pub(crate) stdio: bool,
    /// The client [default: all]
    #[arg(long, value_enum)]
    pub(crate) client: Option<connect::Client>,
    /// The name by which the client is to know the server
    #[arg(long, default_value = "tools", value_parser = connect::name)]
    pub(crate) name: String,
    /// A header to send with every request, written `Name: value`; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = ask::header, conflicts_with = "stdio")]
    pub(crate) headers: Vec<(String, String)>,
    /// The variable in which the client's user keeps a token, which is sent with every request
    #[arg(long, value_name = "VARIABLE", value_parser = connect::variable_name, conflicts_with = "stdio")]
    pub(crate) token_env: Option<String>,
    /// A variable to start the server with, written NAME=value; may be repeated
    #[arg(long, value_name = "VARIABLE", value_parser = connect::variable, requires = "stdio")]
    pub(crate) env: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The program that serves, and its arguments
    #[arg(last = true, requires = "stdio", conflicts_with_all = ["packages", "manifest_path"])]
    pub(crate) command: Vec<String>,
}

/// Check that nothing in layers is known to fail on Lambda
///
/// Archives, sizes, ELF files and manifests are read; then every plugin is opened in a process of its own, and a host serves
/// them all as on Lambda. Each finding has a code; CHECKS.md lists them. What cannot be seen from here is said as well.
#[derive(Debug, Args)]
#[command(after_help = exit::OF_CHECK)]
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
    #[arg(long, value_name = "SECONDS", default_value_t = child::PATIENCE.as_secs())]
    pub(crate) patience: u64,
    /// Fail for warnings, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Check {
    /// A check of one layer, everything else at its default.
    pub(crate) fn of(layer: &Path) -> Self {
        Self {
            layers: vec![layer.to_owned()],
            host: None,
            entry_file: Vec::new(),
            tools_list: Vec::new(),
            system_libraries: Vec::new(),
            patience: child::PATIENCE.as_secs(),
            strict: false,
            json: false,
        }
    }
}

/// Measure how long a cold start takes with layers, phase by phase
///
/// Each phase has environments of its own, turn by turn, and is compared to the start of the host alone: such ratios hold on other
/// machines as well. What real Lambda adds is not in it.
#[derive(Debug, Args)]
#[command(after_help = exit::OF_BENCH)]
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
#[command(after_help = exit::OF_DIFF)]
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

/// Print a script that lets a shell complete `cargo-layer`
///
/// For bash: `cargo-layer completions bash >~/.local/share/bash-completion/completions/cargo-layer`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Make a token by which someone may call
///
/// Prints the token, which nobody can show again, and below it its entry for BEARER_TOKENS, by which the host knows it: the name
/// and the token's SHA-256. Several tokens may have one name, so that one can replace another without a break.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Whose it is: tools are told of it as the principal
    #[arg(value_parser = token::name)]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Ask this layer, served by the host in this program; may be repeated, in the function's order
    #[arg(long = "layer", value_name = "FILE", conflicts_with_all = ["url", "packages"])]
    pub(crate) layers: Vec<PathBuf>,
    /// Ask this server
    #[arg(long, conflicts_with = "packages")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The era of MCP to speak
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) era: Era,
    /// Send this header, written `Name: value`, with every request; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = ask::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Send the token that is in this variable with every request
    #[arg(long, value_name = "VARIABLE", value_parser = connect::variable_name, requires = "url")]
    pub(crate) token_env: Option<String>,
    /// Show on stderr what goes over the wire
    #[arg(long)]
    pub(crate) dump: bool,
}

/// List the tools of a layer, a crate or a server
///
/// Without --layer and --url the plugins of the current package or workspace are built, and asked through the host.
#[derive(Debug, Args)]
pub(crate) struct Tools {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the tools as the server describes them, in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Call a tool of a layer, a crate or a server
///
/// Without --layer and --url the plugins of the current package or workspace are built, and called through the host. What the
/// tool gives goes to stdout, what it logs to stderr; where it fails itself, the exit code is 1.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The tool's name
    pub(crate) tool: String,
    /// Its arguments, a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", default_value = "{}")]
    pub(crate) arguments: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the whole result, in JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// This program as a host.
#[derive(Debug, Args)]
pub(crate) struct AsHost {
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) args: Vec<OsString>,
}

/// What this program asks of itself, in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    pub(crate) library: PathBuf,
    pub(crate) out: PathBuf,
}
