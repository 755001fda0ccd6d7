//! The host that serves, either directly or as a function behind a gateway. It is replaced only after a new host has
//! started successfully.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    time::Duration,
};

use host::transport::serve::ServeError;
use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway};

use super::builder::BuiltLayer;
use crate::{
    args::{self, build::FrontDoorKind},
    error::CliError,
    process::{child, host::HostProcess},
};

/// The time limit of a function. Unit: seconds. Source: AWS Lambda, "Configure Lambda function timeout", its maximum.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

/// The server for clients.
pub(crate) struct DevServer {
    url: String,
    backend: Backend,
}

enum Backend {
    /// `bootstrap serve`, on a socket that all hosts of this process share, so that no connection is lost when one host
    /// replaces another.
    Serve {
        listener: TcpListener,
        host: Option<HostProcess>,
    },
    /// The host as a Lambda function behind a gateway.
    Function {
        listen: SocketAddr,
        front_door: FrontDoor,
        gateway: Option<Gateway>,
    },
}

impl DevServer {
    /// Creates the server. It listens already, if that is possible without a layer.
    pub(crate) fn new(args: &args::build::Dev) -> Result<Self, CliError> {
        let listen = args.listen;
        if !listen.ip().is_loopback() {
            return Err(CliError::Serve(ServeError::Public(listen)));
        }
        if let Some(event) = args.event {
            return Ok(Self {
                url: String::new(),
                backend: Backend::Function {
                    listen,
                    front_door: front_door(event),
                    gateway: None,
                },
            });
        }
        let failed = |source| {
            CliError::Serve(ServeError::Listen {
                address: listen,
                source,
            })
        };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            url: format!("http://{address}/mcp"),
            backend: Backend::Serve {
                listener,
                host: None,
            },
        })
    }

    /// Returns the URL for clients. It is valid when a layer is served.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Serves this layer from now on, if it can be served. The previous host finishes its requests in progress.
    pub(crate) async fn switch(&mut self, built: &BuiltLayer) -> anyhow::Result<()> {
        match &mut self.backend {
            Backend::Serve { listener, host } => {
                let listener = listener.try_clone()?;
                let variables = built.variables();
                let variables: Vec<_> = variables
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                let next = tokio::task::spawn_blocking(move || start_host(&listener, variables));
                if let Some(previous) = host.replace(next.await??) {
                    previous.shut_down_in_background();
                }
            }
            Backend::Function {
                listen,
                front_door,
                gateway,
            } => {
                let function = Function::new(function_config(built, front_door)?);
                function.warm_up().await?;
                match gateway {
                    Some(gateway) => gateway.switch(function),
                    None => {
                        let started = Gateway::start(function, front_door.clone(), *listen).await?;
                        self.url = format!("{}/mcp", started.url());
                        *gateway = Some(started);
                    }
                }
            }
        }
        Ok(())
    }

    /// If the host that should be serving has ended, returns how, but only once. (A host that runs as a function is
    /// restarted automatically.)
    pub(crate) fn exit_status(&mut self) -> Option<String> {
        match &mut self.backend {
            Backend::Serve { host, .. } => {
                let status = host.as_mut()?.exit_status()?;
                *host = None;
                Some(status.to_string())
            }
            Backend::Function { .. } => None,
        }
    }

    /// Shuts down after the requests in progress.
    pub(crate) async fn shut_down(self) {
        match self.backend {
            Backend::Serve { host, .. } => {
                if let Some(host) = host {
                    let ending = tokio::task::spawn_blocking(move || host.shut_down());
                    // Ignore the error, which only a panic could cause.
                    let _ = ending.await;
                }
            }
            Backend::Function { gateway, .. } => drop(gateway),
        }
    }
}

fn start_host(
    listener: &TcpListener,
    variables: Vec<(String, String)>,
) -> anyhow::Result<HostProcess> {
    let mut host = Command::new(std::env::current_exe()?);
    host.arg("__host").envs(variables);
    let log = |line: &str| {
        // Errors are returned to the caller, which prints them.
        if !line.starts_with("listening on ") && !line.starts_with("error[") {
            message!("{line}");
        }
    };
    let host = HostProcess::start(&mut host, Some(listener), child::CHILD_TIMEOUT, log)?;
    Ok(host.map_err(CliError::from)?)
}

/// Returns the configuration of a function. As on Lambda, tools get the environment variables of the file, but none of
/// the shell. Behind a front door that streams, the host must stream too, even if the file sets another mode.
fn function_config(built: &BuiltLayer, front_door: &FrontDoor) -> anyhow::Result<FunctionConfig> {
    let mut config = FunctionConfig::new(std::env::current_exe()?).timeout(FUNCTION_TIMEOUT);
    config.arguments = vec!["__host".to_owned()];
    config.name = "dev".to_owned();
    config.task_root = built.opt().to_owned();
    config.forward_logs = true;
    let variables = built.variables();
    let config = variables.fold(config, |config, (name, value)| config.env(name, value));
    Ok(if *front_door == FrontDoor::streaming_function_url() {
        config.env("MCP_RESPONSE_MODE", "stream")
    } else {
        config
    })
}

fn front_door(event: FrontDoorKind) -> FrontDoor {
    match event {
        FrontDoorKind::Rest => FrontDoor::rest_api("prod"),
        FrontDoorKind::Http => FrontDoor::http_api("$default"),
        FrontDoorKind::Url => FrontDoor::function_url(),
        FrontDoorKind::UrlStream => FrontDoor::streaming_function_url(),
        FrontDoorKind::Alb => FrontDoor::LoadBalancer { multi_value: false },
    }
}
