//! `dev`: builds plugins and serves their tools on this machine, with the same host and in the same form of layer as on
//! Lambda. It builds and serves again after every change of a source.
//!
//! If a build or a start fails, the previous layer is still served.

mod builder;
mod server;
mod signals;
mod stdio;
mod watch;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use mcp_protocol::Revision;
use tokio::runtime::Runtime;

use self::{
    builder::{BuiltLayer, DevBuilder},
    server::DevServer,
    signals::EndSignals,
    watch::Watch,
};
use crate::{
    args, error,
    exit::Exit,
    mcp::{
        client_kind::ClientKind,
        client_setup::{ServerEndpoint, setup},
    },
    terminal::stdout,
};

/// The interval at which to check whether the host still runs.
const HOST_POLL: Duration = Duration::from_millis(250);

/// Builds, serves, and watches for changes until Ctrl-C.
pub(crate) fn run(args: &args::build::Dev) -> anyhow::Result<Exit> {
    let builder = Arc::new(DevBuilder::new(args)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the async runtime cannot be started")?;
    let done = if args.stdio {
        stdio::serve(&runtime, &builder)
    } else {
        serve_and_watch(&runtime, args, &builder).map(|()| Exit::Done)
    };
    // Do not wait for a build in progress.
    runtime.shutdown_background();
    done
}

fn serve_and_watch(
    runtime: &Runtime,
    args: &args::build::Dev,
    builder: &Arc<DevBuilder>,
) -> anyhow::Result<()> {
    runtime.block_on(async {
        let mut signals = EndSignals::new()?;
        let mut server = DevServer::new(args)?;
        let outcome = tokio::select! {
            outcome = run_loop(&mut server, builder) => outcome,
            () = signals.recv() => Ok(()),
        };
        tokio::select! {
            () = server.shut_down() => {}
            // A second signal means that the user does not want to wait.
            () = signals.recv() => {}
        }
        outcome
    })
}

async fn run_loop(server: &mut DevServer, builder: &Arc<DevBuilder>) -> anyhow::Result<()> {
    // The layer that is served. Dropping this value removes its folder.
    let mut last: Option<BuiltLayer> = None;
    let mut is_broken = false;
    loop {
        // Start to watch before the build, so that a change during the build is not missed.
        let sources = builder.sources();
        let mut watch = Watch::new(&sources);
        match rebuild(server, builder, last.as_ref()).await {
            Ok(Some(built)) => {
                if last.is_none() {
                    print_greeting(builder, server.url())?;
                } else {
                    message!("serving again: {}", built.layer.tools.join(", "));
                }
                last = Some(built);
                is_broken = false;
            }
            Ok(None) => {
                if std::mem::take(&mut is_broken) {
                    message!("fixed: the layer is the same as the one that is served");
                }
            }
            Err(error) => {
                is_broken = true;
                error::print(&error);
                let state = match last {
                    Some(_) => "the previous build is still served",
                    None => "nothing is served yet",
                };
                message!("{state}; waiting for a change");
            }
        }
        loop {
            tokio::select! {
                () = watch.changed() => break,
                () = tokio::time::sleep(HOST_POLL) => {}
            }
            if let (Some(how), Some(built)) = (server.exit_status(), &last) {
                message!("the host ended ({how}); starting it again");
                if let Err(error) = server.switch(built).await {
                    error::print(&error);
                    message!("nothing is served now; waiting for a change");
                }
            }
        }
    }
}

/// Builds the layer, and serves it. `None` if the same layer is already served.
async fn rebuild(
    server: &mut DevServer,
    builder: &Arc<DevBuilder>,
    last: Option<&BuiltLayer>,
) -> anyhow::Result<Option<BuiltLayer>> {
    let builder = Arc::clone(builder);
    let built = tokio::task::spawn_blocking(move || builder.build()).await??;
    if last.is_some_and(|last| last.serves_same(&built)) {
        return Ok(None);
    }
    server.switch(&built).await?;
    Ok(Some(built))
}

fn print_greeting(builder: &DevBuilder, url: &str) -> anyhow::Result<()> {
    stdout::line(format_args!("serving at {url}\n"))?;
    stdout::line("Try it:")?;
    stdout::line(format_args!(
        "  curl -s {url} -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: {}' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'\n",
        Revision::LATEST_LEGACY
    ))?;
    let server = ServerEndpoint::Http {
        url: url.to_owned(),
        headers: Vec::new(),
        token_env: None,
    };
    let stdio_server = builder.stdio_server()?;
    for client in ClientKind::ALL {
        let server = if client.starts_its_servers() {
            &stdio_server
        } else {
            &server
        };
        stdout::line(setup(client, builder.name(), server)?)?;
    }
    stdout::line(
        "Changes of sources are built and served automatically. Ctrl-C stops the server.",
    )?;
    Ok(())
}
