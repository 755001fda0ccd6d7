//! Parses the command line: defines the flags of every verb (subcommand) and their help.
//!
//! This module imports the modules that define the types of flag values, but no verb. Only `main.rs` and `command`
//! import it.

pub(crate) mod build;
mod client_kind;
pub(crate) mod deploy;
pub(crate) mod layer;
pub(crate) mod server;
pub(crate) mod values;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{
    args::{
        build::{Build, Dev, Host, New},
        deploy::{Publish, Rollback, Swap, Verify},
        layer::{Bench, Check, Diff, Inspect, Symbolize},
        server::{Call, Connect, Token, Tools},
    },
    exit,
};

/// Build AWS Lambda layers of MCP tools
#[derive(Debug, Parser)]
#[command(
    name = "cargo layer",
    bin_name = "cargo layer",
    version,
    // Never wrap the help, even if another crate enables clap's feature for wrapping.
    term_width = 0,
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
    /// Print the configuration of MCP clients for a server
    Connect(Connect),
    /// Check layers for known problems on Lambda
    Check(Check),
    /// Measure the cold start with layers, phase by phase
    Bench(Bench),
    /// Show what is in a layer, a library or a function
    Inspect(Inspect),
    /// Compare two layers, and show which changes break clients
    Diff(Diff),
    /// Publish a layer to AWS as a new version
    Publish(Publish),
    /// Replace the tools of a function at AWS, after testing the new ones
    Swap(Swap),
    /// Return a function at AWS to its previous tools
    Rollback(Rollback),
    /// Check that a server serves the expected tools
    Verify(Verify),
    /// Make a bearer token for a caller
    Token(Token),
    /// List the tools of a layer, a crate or a server
    Tools(Tools),
    /// Call a tool of a layer, a crate or a server
    Call(Call),
    /// Turn addresses in a log into functions and lines
    Symbolize(Symbolize),
    /// List what is missing on this machine, and how to install it
    Doctor,
    /// Print a script that lets a shell complete `cargo-layer`
    Completions(Completions),
    #[command(name = "__describe", hide = true)]
    Describe(Describe),
    #[command(name = "__host", hide = true)]
    HostSubcommand(HostSubcommand),
}

/// Print a script that lets a shell complete `cargo-layer`
///
/// For bash: `cargo-layer completions bash >~/.local/share/bash-completion/completions/cargo-layer`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// The hidden verb that runs this program as a host.
#[derive(Debug, Args)]
pub(crate) struct HostSubcommand {
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) args: Vec<OsString>,
}

/// The hidden verb that opens a library in a separate process.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    pub(crate) library: PathBuf,
    pub(crate) out: PathBuf,
}
