//! The flags and their help.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// Build AWS Lambda layers of MCP tools
#[derive(Debug, Parser)]
#[command(
    name = "cargo layer",
    bin_name = "cargo layer",
    version,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build plugins and pack them into a layer
    Build(Build),
    /// Build the host and pack it into a function
    Host(Host),
    /// Build plugins and serve their tools on this machine
    Dev(Dev),
    #[command(name = "__describe", hide = true)]
    Describe(Describe),
}

#[derive(Debug, Args)]
pub(crate) struct Packages {
    /// Build this plugin; may be repeated [default: every plugin of the package or workspace]
    #[arg(short = 'p', long = "package", value_name = "PKG")]
    pub(crate) packages: Vec<String>,
    /// The Cargo.toml to start from [default: that of the current folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// Where to write the layer
    #[arg(long, value_name = "FILE", default_value = "layer.zip")]
    pub(crate) out: PathBuf,
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
    /// Where to write the function
    #[arg(long, value_name = "FILE", default_value = "function.zip")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = host::front::serve::DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,
}

/// What this program asks of itself, in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Describe {
    pub(crate) library: PathBuf,
    pub(crate) out: PathBuf,
}
