//! Flags of what reaches a server or its callers: `connect`, `token`, `tools` and `call`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{build::Packages, values},
    mcp::{client_kind::ClientKind, connection::ConnectionOptions, era::Era},
};

/// Print how an MCP client is told of a server
///
/// With a URL, of a server that runs; with --stdio of one that the client starts: of a command after `--`, else of `cargo layer
/// dev --stdio`, which builds the plugins of the current package or workspace and serves them. Where it belongs stands on stderr.
#[derive(Debug, Args)]
#[command(override_usage = "cargo layer connect <URL|--stdio> [OPTIONS] [-- <COMMAND>...]")]
pub(crate) struct Connect {
    /// The server's URL
    #[arg(required_unless_present = "stdio", value_parser = values::url, conflicts_with_all = ["stdio", "env", "command", "packages", "manifest_path"])]
    pub(crate) url: Option<String>,
    /// Have the client start the server
    #[arg(long)]
    pub(crate) stdio: bool,
    /// The client [default: all]
    #[arg(long, value_enum)]
    pub(crate) client: Option<ClientKind>,
    /// The name by which the client is to know the server
    #[arg(long, default_value = "tools", value_parser = values::server_name)]
    pub(crate) name: String,
    /// A header to send with every request, written `Name: value`; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header, conflicts_with = "stdio")]
    pub(crate) headers: Vec<(String, String)>,
    /// The variable in which the client's user keeps a token, which is sent with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name, conflicts_with = "stdio")]
    pub(crate) token_env: Option<String>,
    /// A variable to start the server with, written NAME=value; may be repeated
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable, requires = "stdio")]
    pub(crate) env: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The program that serves, and its arguments
    #[arg(last = true, requires = "stdio", conflicts_with_all = ["packages", "manifest_path"])]
    pub(crate) command: Vec<String>,
}

/// Make a token by which someone may call
///
/// Prints the token, which nobody can show again, and below it its entry for MCP_BEARER_TOKENS, by which the host knows it: the name
/// and the token's SHA-256. Several tokens may have one name, so that one can replace another without a break.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Whose it is: tools are told of it as the principal
    #[arg(value_parser = values::principal)]
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
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Send the token that is in this variable with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name, requires = "url")]
    pub(crate) token_env: Option<String>,
    /// Show on stderr what goes over the wire
    #[arg(long)]
    pub(crate) dump: bool,
}

impl Source {
    pub(crate) fn options(&self) -> ConnectionOptions {
        ConnectionOptions {
            layers: self.layers.clone(),
            url: self.url.clone(),
            packages: self.packages.selection(),
            era: self.era,
            headers: self.headers.clone(),
            token_env: self.token_env.clone(),
            dump: self.dump,
        }
    }
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
