//! The host that serves: at once, or as a function behind a gateway. It is replaced only by one that serves as well.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    time::Duration,
};

use host::transport::serve::ServeError;
use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway};

use super::builder::Built;
use crate::{
    args::{self, build::EventDoor},
    error::Failure,
    process::{child, host::Running},
};

/// How long a function may run. Unit: seconds. Source: AWS Lambda, "Configure Lambda function timeout", its maximum.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(900);

/// Where clients are served.
pub(crate) struct Served {
    url: String,
    by: By,
}

enum By {
    /// `bootstrap serve`, on a socket that all hosts of this process have one after the other: no connection is lost between
    /// them.
    Serve {
        listener: TcpListener,
        running: Option<Running>,
    },
    /// The host as on Lambda.
    Function {
        listen: SocketAddr,
        door: FrontDoor,
        gateway: Option<Gateway>,
    },
}

impl Served {
    /// Listen, as far as that is possible without anything to serve.
    pub(crate) fn new(args: &args::build::Dev) -> Result<Self, Failure> {
        let listen = args.listen;
        if !listen.ip().is_loopback() {
            return Err(Failure::Serve(ServeError::Public(listen)));
        }
        if let Some(event) = args.event {
            return Ok(Self {
                url: String::new(),
                by: By::Function {
                    listen,
                    door: door(event),
                    gateway: None,
                },
            });
        }
        let failed = |source| {
            Failure::Serve(ServeError::Listen {
                address: listen,
                source,
            })
        };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            url: format!("http://{address}/mcp"),
            by: By::Serve {
                listener,
                running: None,
            },
        })
    }

    /// Where clients find it, once something is served.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Serve this from now on, if it can be served. What is under way with the host before is finished there.
    pub(crate) async fn switch(&mut self, built: &Built) -> anyhow::Result<()> {
        match &mut self.by {
            By::Serve { listener, running } => {
                let listener = listener.try_clone()?;
                let variables = built.variables();
                let variables: Vec<_> = variables
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                let next = tokio::task::spawn_blocking(move || start(&listener, variables));
                if let Some(before) = running.replace(next.await??) {
                    before.retire();
                }
            }
            By::Function {
                listen,
                door,
                gateway,
            } => {
                let function = Function::new(function(built, door)?);
                function.warm_up().await?;
                match gateway {
                    Some(gateway) => gateway.switch(function),
                    None => {
                        let started = Gateway::start(function, door.clone(), *listen).await?;
                        self.url = format!("{}/mcp", started.url());
                        *gateway = Some(started);
                    }
                }
            }
        }
        Ok(())
    }

    /// How the host has ended that should serve, once. (A function's starts anew by itself.)
    pub(crate) fn ended(&mut self) -> Option<String> {
        match &mut self.by {
            By::Serve { running, .. } => {
                let status = running.as_mut()?.ended()?;
                *running = None;
                Some(status.to_string())
            }
            By::Function { .. } => None,
        }
    }

    /// End, after what is under way.
    pub(crate) async fn end(self) {
        match self.by {
            By::Serve { running, .. } => {
                if let Some(running) = running {
                    let ending = tokio::task::spawn_blocking(move || running.end());
                    // Only a panic could be told.
                    let _ = ending.await;
                }
            }
            By::Function { gateway, .. } => drop(gateway),
        }
    }
}

fn start(listener: &TcpListener, variables: Vec<(String, String)>) -> anyhow::Result<Running> {
    let mut host = Command::new(std::env::current_exe()?);
    host.arg("__host").envs(variables);
    let log = |line: &str| {
        // Errors come back, and are told in their place.
        if !line.starts_with("listening on ") && !line.starts_with("error[") {
            eprintln!("{line}");
        }
    };
    let running = Running::start(&mut host, Some(listener), child::PATIENCE, log)?;
    Ok(running.map_err(Failure::from)?)
}

/// As on Lambda, tools see what the file of variables gives them, and nothing of the shell's. Behind a door that streams the
/// host has to, whatever the file says.
fn function(built: &Built, door: &FrontDoor) -> anyhow::Result<FunctionConfig> {
    let mut config = FunctionConfig::new(std::env::current_exe()?).timeout(FUNCTION_TIMEOUT);
    config.arguments = vec!["__host".to_owned()];
    config.name = "dev".to_owned();
    config.task_root = built.opt().to_owned();
    config.forward_logs = true;
    let variables = built.variables();
    let config = variables.fold(config, |config, (name, value)| config.env(name, value));
    Ok(if *door == FrontDoor::streaming_function_url() {
        config.env("RESPONSE_MODE", "stream")
    } else {
        config
    })
}

fn door(event: EventDoor) -> FrontDoor {
    match event {
        EventDoor::Rest => FrontDoor::rest_api("prod"),
        EventDoor::Http => FrontDoor::http_api("$default"),
        EventDoor::Url => FrontDoor::function_url(),
        EventDoor::UrlStream => FrontDoor::streaming_function_url(),
        EventDoor::Alb => FrontDoor::LoadBalancer { multi_value: false },
    }
}
