//! A client and the server that it asks: one by its URL, or the real host that serves layers or the plugins of packages.

use std::{
    path::PathBuf,
    process::Command,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    archive::read::{self, Contents},
    build::{
        layer,
        packages::{self, PackageSelection},
    },
    error::Failure,
    mcp::{client::Client, era::Era, headers},
    process::{child, env_file, host::Running, temp_dir},
};

/// How long a host may take to end that has cut its connections. Unit: seconds. Source: ours; a core dump takes its time.
const A_LITTLE: Duration = Duration::from_secs(30);

/// Whom to ask: a server by its URL, else layers, else the plugins of packages.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionOptions {
    /// In the function's order.
    pub(crate) layers: Vec<PathBuf>,
    pub(crate) url: Option<String>,
    pub(crate) packages: PackageSelection,
    pub(crate) era: Era,
    /// Sent with every request.
    pub(crate) headers: Vec<(String, String)>,
    /// The variable that has the token of the server behind the URL.
    pub(crate) token_env: Option<String>,
    /// Show on stderr what goes over the wire.
    pub(crate) dump: bool,
}

/// A client, and what must live as long as it asks.
pub(crate) struct Connection {
    client: Client,
    own: Option<Own>,
}

/// A host of this program's own.
struct Own {
    running: Running,
    /// Nobody sends: it is closed when all is told that the host has said.
    said: Receiver<()>,
    _opt: TempDir,
}

impl Connection {
    /// Connect. What is no server by a URL is built, as far as it has to be, and served by a host of this program's own.
    pub(crate) fn open(options: &ConnectionOptions) -> anyhow::Result<Self> {
        if let Some(url) = &options.url {
            let mut headers = options.headers.clone();
            if let Some(variable) = &options.token_env {
                headers.push(("Authorization".to_owned(), headers::bearer(variable)?));
            }
            return Ok(Self {
                client: Client::new(url, options.era, &headers, options.dump),
                own: None,
            });
        }
        let opt = temp_dir::folder()?;
        // Where no layer has a plugin, that is what is to be said.
        fs_err::create_dir_all(opt.path().join("lib"))?;
        let mut layers = Vec::new();
        let mut variables = Vec::new();
        if options.layers.is_empty() {
            let packages = packages::find(&options.packages)?;
            let manifest = packages::manifest(&options.packages)?;
            variables = env_file::read(&manifest.with_file_name(".env"), false)?;
            // Those of the shell count first.
            variables.retain(|(name, _)| std::env::var_os(name).is_none());
            layer::build_for_development(&packages, opt.path())?;
        }
        for layer in &options.layers {
            layers.push(Contents::of(layer)?);
            read::unpack(layer, opt.path())?;
        }
        let mut host = Command::new(std::env::current_exe()?);
        host.envs(variables);
        host.arg("__host").env("PLUGIN_DIR", opt.path().join("lib"));
        // Nobody else can find the way to it.
        host.env_remove("BEARER_TOKENS");
        // What the user has set counts.
        for (variable, value) in [("ON_BAD_PLUGIN", "stop"), ("AWS_LAMBDA_LOG_LEVEL", "WARN")] {
            if std::env::var_os(variable).is_none() {
                host.env(variable, value);
            }
        }
        let (open, said) = mpsc::channel::<()>();
        let running = Running::start(&mut host, None, child::PATIENCE, move |line| {
            let _open = &open;
            if !["listening on ", "error[", "["]
                .iter()
                .any(|begin| line.starts_with(begin))
            {
                eprintln!("{line}");
            }
        })?;
        let running = running.map_err(|problem| {
            let named = |message: String| read::in_archives(&message, layers.iter(), opt.path());
            Failure::from(problem).told(named)
        })?;
        Ok(Self {
            client: Client::new(&running.url, options.era, &options.headers, options.dump),
            own: Some(Own {
                running,
                said,
                _opt: opt,
            }),
        })
    }

    /// Does a host of this program's own answer?
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Ask; where the own host has ended meanwhile, that is why it cannot be reached.
    pub(crate) fn ask<T>(
        &mut self,
        doing: &str,
        ask: impl FnOnce(&mut Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let answer = ask(&mut self.client);
        let Some(own) = &mut self.own else {
            return answer;
        };
        answer.map_err(|error| {
            // It ends a little later than its connections do; an answer that was cut off looks like one without a code.
            let is_answer =
                |error: &Failure| matches!(error, Failure::Answered { code: Some(_), .. });
            if error.downcast_ref().is_some_and(is_answer) {
                return error;
            }
            let is_over = own.said.recv_timeout(A_LITTLE) == Err(RecvTimeoutError::Disconnected);
            let ended = is_over.then(|| own.running.ended_within(A_LITTLE));
            match ended.flatten() {
                Some(status) => Failure::EndedMeanwhile {
                    how: status.to_string(),
                    doing: doing.to_owned(),
                }
                .into(),
                None => error,
            }
        })
    }
}
