//! Flags of the verbs about servers and their callers: `connect`, `token`, `tools` and `call`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::{build::Packages, values},
    mcp::{client_kind::ClientKind, connection::ConnectionOptions, era::Era},
};

/// Print the configuration of MCP clients for a server
///
/// With a URL, the configuration is for a running server. With --stdio, it is for a server that the client starts with
/// the command after `--`, or, without such a command, with `cargo layer dev --stdio`, which builds and serves the
/// plugins of the current package or workspace. Prints on stderr where the configuration belongs.
#[derive(Debug, Args)]
#[command(override_usage = "cargo layer connect <URL|--stdio> [OPTIONS] [-- <COMMAND>...]")]
pub(crate) struct Connect {
    /// The server's URL
    #[arg(required_unless_present = "stdio", value_parser = values::url, conflicts_with_all = ["stdio", "env", "command", "packages", "manifest_path"])]
    pub(crate) url: Option<String>,
    /// Let the client start the server
    #[arg(long)]
    pub(crate) stdio: bool,
    /// The client [default: all]
    #[arg(long, value_enum)]
    pub(crate) client: Option<ClientKind>,
    /// The name of the server in the client
    #[arg(long, default_value = "tools", value_parser = values::server_name)]
    pub(crate) name: String,
    /// A header to send with every request, written `Name: value`; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header, conflicts_with = "stdio")]
    pub(crate) headers: Vec<(String, String)>,
    /// The environment variable with the token that the client sends with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name, conflicts_with = "stdio")]
    pub(crate) token_env: Option<String>,
    /// An environment variable for the server, written NAME=value; may be repeated
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable, requires = "stdio")]
    pub(crate) env: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The program that serves, and its arguments
    #[arg(last = true, requires = "stdio", conflicts_with_all = ["packages", "manifest_path"])]
    pub(crate) command: Vec<String>,
}

/// Make a bearer token for a caller
///
/// Prints the token, which cannot be shown again, and below it the entry for the host's MCP_BEARER_TOKENS: the name and the
/// token's SHA-256. Several tokens may have one name, so that one can replace another without an interruption.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The caller's name; tools see it as the principal
    #[arg(value_parser = values::principal)]
    pub(crate) name: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The server to use.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Use this layer, served by the host in this program; may be repeated, in the function's order
    #[arg(long = "layer", value_name = "FILE", conflicts_with_all = ["url", "packages"])]
    pub(crate) layers: Vec<PathBuf>,
    /// Use this server
    #[arg(long, value_parser = values::url, conflicts_with = "packages")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) packages: Packages,
    /// The era of MCP to use
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) era: Era,
    /// Send this header, written `Name: value`, with every request; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Send the token in this environment variable with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name, requires = "url")]
    pub(crate) token_env: Option<String>,
    /// Show requests and responses on stderr
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
            passes_environment: true,
        }
    }
}

/// List the tools of a layer, a crate or a server
///
/// Without --layer and --url, builds the plugins of the current package or workspace, and lists their tools through the host.
#[derive(Debug, Args)]
pub(crate) struct Tools {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the tools as the server describes them, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Call a tool of a layer, a crate or a server
///
/// Without --layer and --url, builds the plugins of the current package or workspace, and calls the tool through the host. The
/// result goes to stdout, logs go to stderr. If the tool itself fails, the exit code is 1.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The tool's name
    pub(crate) tool: String,
    /// The arguments of the call, a JSON object; `-` reads them from stdin
    #[arg(value_name = "JSON", default_value = "{}")]
    pub(crate) arguments: String,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the whole result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
