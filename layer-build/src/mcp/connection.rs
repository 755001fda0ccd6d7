//! Connects a client to a server: one with a URL, or a local host that serves layers or the plugins of packages.

use std::{
    path::PathBuf,
    process::Command,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    archive::read::{self, Archive},
    build::{
        layer,
        packages::{self, PackageSelection},
    },
    error::CliError,
    mcp::{client::Client, era::Era, headers},
    process::{child, env_file, host::HostProcess, temp_dir},
};

/// The time that a host may take to end after it has closed its connections. Unit: seconds. Source: ours; writing a
/// core dump takes long.
const EXIT_TIMEOUT: Duration = Duration::from_secs(30);

/// The environment variables that a host gets if it gets no others: those that affect which tools it serves. None of
/// them is a secret.
const HOST_VARIABLES: [&str; 7] = [
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_LEVEL",
    "ENTRY_FILE",
    "MCP_ON_BAD_PLUGIN",
    "MCP_SERVER_NAME",
    "MCP_SERVER_VERSION",
    "TOOLS_LIST",
];

/// The server to connect to: the one with the URL; if there is none, a local host with the layers; if there are none, a
/// local host with the plugins of packages.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionOptions {
    /// The layers, in the function's order.
    pub(crate) layers: Vec<PathBuf>,
    pub(crate) url: Option<String>,
    pub(crate) packages: PackageSelection,
    pub(crate) era: Era,
    /// The headers of every request.
    pub(crate) headers: Vec<(String, String)>,
    /// The environment variable that has the token for the server at the URL.
    pub(crate) token_env: Option<String>,
    /// Whether to show requests and responses on stderr.
    pub(crate) dump: bool,
    /// Whether the code in the layers gets the environment variables of this program. Calls may need them, for example
    /// for AWS credentials.
    pub(crate) passes_environment: bool,
}

/// A client, and everything that must exist as long as the client.
pub(crate) struct Connection {
    client: Client,
    local_host: Option<LocalHost>,
}

/// A host that this program started.
struct LocalHost {
    process: HostProcess,
    /// A channel without messages. It is closed when all output of the host has been printed.
    stderr_closed: Receiver<()>,
    _opt: TempDir,
}

impl Connection {
    /// Connects. If there is no URL, it first builds a layer if necessary, and starts a local host.
    pub(crate) fn open(options: &ConnectionOptions) -> anyhow::Result<Self> {
        if let Some(url) = &options.url {
            let mut headers = options.headers.clone();
            if let Some(variable) = &options.token_env {
                headers.push(("Authorization".to_owned(), headers::bearer(variable)?));
            }
            return Ok(Self {
                client: Client::new(url, options.era, &headers, options.dump),
                local_host: None,
            });
        }
        let opt = temp_dir::create()?;
        // Create the folder even if no layer has a plugin: the host then reports that.
        fs_err::create_dir_all(opt.path().join("lib"))?;
        let mut layers = Vec::new();
        let mut variables = Vec::new();
        if options.layers.is_empty() {
            let packages = packages::find(&options.packages)?;
            let manifest = packages::manifest(&options.packages)?;
            variables = env_file::read(&manifest.with_file_name(".env"), false)?;
            // Environment variables of the shell have precedence.
            variables.retain(|(name, _)| std::env::var_os(name).is_none());
            layer::build_for_development(&packages, opt.path())?;
        }
        for layer in &options.layers {
            layers.push(Archive::read(layer)?);
            read::unpack(layer, opt.path())?;
        }
        let program = std::env::current_exe()?;
        let mut host = if options.passes_environment {
            Command::new(program)
        } else {
            let mut host = child::lambda_command(program, &opt.path().join("lib"));
            host.envs(HOST_VARIABLES.iter().filter_map(|name| {
                let value = std::env::var_os(name)?;
                Some((name, value))
            }));
            host
        };
        host.envs(variables);
        host.arg("__host")
            .env("MCP_PLUGIN_DIR", opt.path().join("lib"));
        // Remove the tokens, which are not necessary: nobody else can reach this host.
        host.env_remove("MCP_BEARER_TOKENS");
        // Environment variables that the user has set have precedence.
        for (variable, value) in [
            ("MCP_ON_BAD_PLUGIN", "stop"),
            ("AWS_LAMBDA_LOG_LEVEL", "WARN"),
        ] {
            if std::env::var_os(variable).is_none() {
                host.env(variable, value);
            }
        }
        let (stderr_open, stderr_closed) = mpsc::channel::<()>();
        let process = HostProcess::start(&mut host, None, child::CHILD_TIMEOUT, move |line| {
            let _stderr_open = &stderr_open;
            if !["listening on ", "error[", "["]
                .iter()
                .any(|begin| line.starts_with(begin))
            {
                message!("{line}");
            }
        })?;
        let process = process.map_err(|problem| {
            let with_paths =
                |message: String| read::with_archive_paths(&message, layers.iter(), opt.path());
            CliError::from(problem).map_message(with_paths)
        })?;
        Ok(Self {
            client: Client::new(&process.url, options.era, &options.headers, options.dump),
            local_host: Some(LocalHost {
                process,
                stderr_closed,
                _opt: opt,
            }),
        })
    }

    /// Reports whether the server is a local host that this program started.
    pub(crate) fn is_local(&self) -> bool {
        self.local_host.is_some()
    }

    /// Ends a local host, and waits until its whole log is printed: the log has the reason for a failure.
    pub(crate) fn print_log(&mut self) {
        if let Some(local_host) = self.local_host.take() {
            local_host.process.shut_down();
            // The channel has no messages: this ends when it is closed.
            let _ = local_host.stderr_closed.recv_timeout(EXIT_TIMEOUT);
        }
    }

    /// Sends a request. If it fails because the local host has ended, the error says so.
    pub(crate) fn request<T>(
        &mut self,
        doing: &str,
        request: impl FnOnce(&mut Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let answer = request(&mut self.client);
        let Some(local_host) = &mut self.local_host else {
            return answer;
        };
        answer.map_err(|error| {
            // The host ends a little later than its connections. A response that broke off looks like an error without
            // a code.
            let is_answer =
                |error: &CliError| matches!(error, CliError::Answered { code: Some(_), .. });
            if error.downcast_ref().is_some_and(is_answer) {
                return error;
            }
            let is_over = local_host.stderr_closed.recv_timeout(EXIT_TIMEOUT)
                == Err(RecvTimeoutError::Disconnected);
            let ended = is_over.then(|| local_host.process.wait_timeout(EXIT_TIMEOUT));
            match ended.flatten() {
                Some(status) => CliError::HostEndedDuringCall {
                    how: status.to_string(),
                    doing: doing.to_owned(),
                }
                .into(),
                None => error,
            }
        })
    }
}
