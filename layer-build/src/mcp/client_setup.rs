//! Makes the configurations of MCP clients for a server, each in the format of the client.
//!
//! Source: the documentation of each client, which also uses these names for the places of configurations.

mod token;

use std::fmt;

use serde_json::{Map, Value, json};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table};
use ureq::http::Uri;

use crate::{
    build::packages::{self, PackageSelection},
    error::CliError,
    mcp::client_kind::ClientKind,
};

/// How to reach a server: at a URL, or by starting a command.
#[derive(Clone, Debug)]
pub(crate) enum ServerEndpoint {
    Http {
        url: String,
        headers: Vec<(String, String)>,
        /// The environment variable that has the token, if the server requires one.
        token_env: Option<String>,
    },
    /// The client starts the server, and communicates over stdin and stdout.
    Stdio {
        command: Vec<String>,
        env: Vec<(String, String)>,
    },
}

/// Returns the command with which a client can start a server with the current tools of these packages.
pub(crate) fn dev_command(selection: &PackageSelection) -> anyhow::Result<Vec<String>> {
    let manifest = packages::manifest(selection)?;
    let mut command = vec![
        std::env::current_exe()?.display().to_string(),
        "dev".to_owned(),
        "--stdio".to_owned(),
        "--manifest-path".to_owned(),
        manifest.display().to_string(),
    ];
    for package in &selection.names {
        command.extend(["--package".to_owned(), package.clone()]);
    }
    Ok(command)
}

/// The configuration of a client.
pub(crate) struct Setup {
    /// The place where the configuration belongs, such as the name of a file.
    pub(crate) place: &'static str,
    pub(crate) text: String,
}

impl fmt::Display for Setup {
    /// Writes the text below a line that names its place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.place)?;
        let mut lines = self.text.lines();
        lines.try_for_each(|line| writeln!(f, "  {line}"))
    }
}

/// Returns the configuration of a client for a server with this name.
pub(crate) fn setup(
    client: ClientKind,
    name: &str,
    server: &ServerEndpoint,
) -> Result<Setup, CliError> {
    let server = &server.for_client(client, name);
    let (place, text) = match (client, server) {
        (ClientKind::ClaudeCode, _) => (
            "Claude Code, .mcp.json of a project:",
            servers(
                "mcpServers",
                name,
                server_entry(server, "url", Some("type")),
            ),
        ),
        (ClientKind::ClaudeDesktop, ServerEndpoint::Stdio { .. }) => (
            "Claude Desktop, claude_desktop_config.json (Settings, Developer):",
            servers("mcpServers", name, server_entry(server, "url", None)),
        ),
        (ClientKind::ClaudeDesktop, ServerEndpoint::Http { url, headers, .. }) => (
            "Claude Desktop, claude_desktop_config.json (Settings, Developer); a public URL can be added under Connectors as well:",
            servers("mcpServers", name, bridge(url, headers)),
        ),
        (ClientKind::VsCode, _) => (
            "VS Code, .vscode/mcp.json of a workspace:",
            vscode(name, server),
        ),
        (ClientKind::Cursor, _) => (
            "Cursor, .cursor/mcp.json of a project, or ~/.cursor/mcp.json:",
            servers("mcpServers", name, server_entry(server, "url", None)),
        ),
        (ClientKind::Codex, _) => ("Codex, ~/.codex/config.toml:", codex(name, server)),
        (ClientKind::GeminiCli, _) => (
            "Gemini CLI, .gemini/settings.json of a project, or ~/.gemini/settings.json:",
            servers("mcpServers", name, server_entry(server, "httpUrl", None)),
        ),
        (ClientKind::Inspector, _) => ("MCP Inspector, in a shell:", inspector(server)?),
    };
    Ok(Setup { place, text })
}

impl ServerEndpoint {
    /// Returns the same endpoint, with the token added to the headers in the syntax of this client.
    fn for_client(&self, client: ClientKind, name: &str) -> Self {
        let mut endpoint = self.clone();
        if let Self::Http {
            headers,
            token_env: Some(variable),
            ..
        } = &mut endpoint
            && let Some(value) = token::authorization(client, name, variable)
        {
            headers.push(("Authorization".to_owned(), value));
        }
        endpoint
    }

    /// Returns the environment variable that has the server's token, if it requires one.
    fn token_env(&self) -> Option<&str> {
        match self {
            Self::Http { token_env, .. } => token_env.as_deref(),
            Self::Stdio { .. } => None,
        }
    }
}

fn vscode(name: &str, server: &ServerEndpoint) -> String {
    let mut config = json!({ "servers": { name: server_entry(server, "url", Some("type")) } });
    if server.token_env().is_some() {
        config["inputs"] = json!([token::input(name)]);
    }
    format!("{config:#}")
}

fn servers(key: &str, name: &str, entry: Value) -> String {
    format!("{:#}", json!({ key: { name: entry } }))
}

/// Returns the JSON for a server. `url_key` is the name of the member with the URL, `kind` the name of the member with
/// the transport.
fn server_entry(server: &ServerEndpoint, url_key: &str, kind: Option<&str>) -> Value {
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| entry.insert(key.to_owned(), value);
    match server {
        ServerEndpoint::Http { url, headers, .. } => {
            if let Some(kind) = kind {
                set(kind, "http".into());
            }
            set(url_key, url.as_str().into());
            if !headers.is_empty() {
                set("headers", object(headers));
            }
        }
        ServerEndpoint::Stdio { command, env } => {
            if let Some(kind) = kind {
                set(kind, "stdio".into());
            }
            let (program, args) = parts(command);
            set("command", program.into());
            set("args", args.into());
            if !env.is_empty() {
                set("env", object(env));
            }
        }
    }
    entry.into()
}

/// Returns the JSON for a server that is reached through `mcp-remote`, a program that clients without HTTP can start.
///
/// Source: the README of `mcp-remote`: unencrypted HTTP to other machines must be allowed explicitly, and arguments
/// must not contain blanks, because some clients split them there.
fn bridge(url: &str, headers: &[(String, String)]) -> Value {
    let mut args = vec!["-y".to_owned(), "mcp-remote".to_owned(), url.to_owned()];
    if is_unencrypted_remote(url) {
        args.push("--allow-http".to_owned());
    }
    let mut env = Map::new();
    for (name, value) in headers {
        args.push("--header".to_owned());
        if value.contains(char::is_whitespace) {
            let variable = name
                .to_ascii_uppercase()
                .replace(|c: char| !c.is_alphanumeric(), "_");
            let variable = format!("{variable}_HEADER");
            args.push(format!("{name}:${{{variable}}}"));
            env.insert(variable, value.as_str().into());
        } else {
            args.push(format!("{name}:{value}"));
        }
    }
    let mut bridge = json!({ "command": "npx", "args": args });
    if !env.is_empty() {
        bridge["env"] = env.into();
    }
    bridge
}

/// Reports whether the URL is unencrypted HTTP to another machine.
fn is_unencrypted_remote(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|url| {
        url.scheme_str() == Some("http") && !matches!(url.host(), Some("localhost" | "127.0.0.1"))
    })
}

fn codex(name: &str, server: &ServerEndpoint) -> String {
    let inline = |pairs: &[(String, String)]| {
        let mut table = InlineTable::new();
        for (name, value) in pairs {
            table.insert(name, value.as_str().into());
        }
        table
    };
    let mut table = Table::new();
    match server {
        ServerEndpoint::Http {
            url,
            headers,
            token_env,
        } => {
            table["url"] = toml_edit::value(url);
            if let Some(variable) = token_env {
                table["bearer_token_env_var"] = toml_edit::value(variable);
            }
            if !headers.is_empty() {
                table["http_headers"] = toml_edit::value(inline(headers));
            }
        }
        ServerEndpoint::Stdio { command, env } => {
            let (program, args) = parts(command);
            table["command"] = toml_edit::value(program);
            table["args"] = toml_edit::value(args.iter().collect::<Array>());
            if !env.is_empty() {
                table["env"] = toml_edit::value(inline(env));
            }
        }
    }
    let mut servers = Table::new();
    servers.set_implicit(true);
    servers.insert(name, Item::Table(table));
    let mut document = DocumentMut::new();
    document.insert("mcp_servers", Item::Table(servers));
    document.to_string().trim_end().to_owned()
}

fn inspector(server: &ServerEndpoint) -> Result<String, CliError> {
    let mut args = ["npx", "-y", "@modelcontextprotocol/inspector", "--cli"]
        .map(str::to_owned)
        .to_vec();
    match server {
        ServerEndpoint::Http { url, headers, .. } => {
            args.extend(["--method", "tools/list", "--transport", "http", url].map(str::to_owned));
            for (name, value) in headers {
                args.extend(["--header".to_owned(), format!("{name}: {value}")]);
            }
        }
        ServerEndpoint::Stdio { command, env } => {
            args.extend(["--method", "tools/list"].map(str::to_owned));
            for (name, value) in env {
                args.extend(["-e".to_owned(), format!("{name}={value}")]);
            }
            args.push("--".to_owned());
            args.extend(command.iter().cloned());
        }
    }
    let args = shlex::try_join(args.iter().map(String::as_str));
    let mut line = args.map_err(|_| CliError::NulInCommand)?;
    if let Some(variable) = server.token_env() {
        // Use double quotes, in which the shell replaces the variable by its value.
        line += &format!(r#" --header "Authorization: Bearer ${variable}""#);
    }
    Ok(line)
}

fn parts(command: &[String]) -> (&str, &[String]) {
    match command.split_first() {
        Some((program, args)) => (program, args),
        None => ("", &[]),
    }
}

fn object(pairs: &[(String, String)]) -> Value {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}
