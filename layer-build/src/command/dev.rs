//! Build plugins and serve their tools on this machine, through the same host and the same layer as on Lambda; and again
//! after every change.
//!
//! What cannot be built or served leaves in place what could before.

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
    builder::{Built, Workshop},
    server::Served,
    signals::EndSignals,
    watch::Watch,
};
use crate::{
    args, error,
    exit::Exit,
    mcp::{
        client_kind::ClientKind,
        client_setup::{Server, setup},
    },
    terminal::stdout,
};

/// How often to see whether the host still runs.
const LOOK: Duration = Duration::from_millis(250);

/// Build, serve, watch until Ctrl-C.
pub(crate) fn run(args: &args::build::Dev) -> anyhow::Result<Exit> {
    let workshop = Arc::new(Workshop::new(args)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the async runtime cannot be started")?;
    let done = if args.stdio {
        stdio::serve(&runtime, &workshop)
    } else {
        develop(&runtime, args, &workshop).map(|()| Exit::Done)
    };
    // A build that is under way is not waited for.
    runtime.shutdown_background();
    done
}

fn develop(
    runtime: &Runtime,
    args: &args::build::Dev,
    workshop: &Arc<Workshop>,
) -> anyhow::Result<()> {
    runtime.block_on(async {
        let mut end = EndSignals::new()?;
        let mut served = Served::new(args)?;
        let outcome = tokio::select! {
            outcome = again_and_again(&mut served, workshop) => outcome,
            () = end.asked_for() => Ok(()),
        };
        tokio::select! {
            () = served.end() => {}
            // Whoever asks again does not want to wait.
            () = end.asked_for() => {}
        }
        outcome
    })
}

async fn again_and_again(served: &mut Served, workshop: &Arc<Workshop>) -> anyhow::Result<()> {
    // What serves, and lives in a folder that ends with this value.
    let mut last: Option<Built> = None;
    let mut is_broken = false;
    loop {
        // From before the build, so that no change is missed which it has not seen.
        let sources = workshop.sources();
        let mut watch = Watch::over(&sources);
        match renew(served, workshop, last.as_ref()).await {
            Ok(Some(built)) => {
                if last.is_none() {
                    greet(workshop, served.url())?;
                } else {
                    eprintln!("serving anew: {}", built.layer.tools.join(", "));
                }
                last = Some(built);
                is_broken = false;
            }
            Ok(None) => {
                if std::mem::take(&mut is_broken) {
                    eprintln!("mended: it is what serves already");
                }
            }
            Err(error) => {
                is_broken = true;
                error::tell(&error);
                let state = match last {
                    Some(_) => "what was built before goes on serving",
                    None => "nothing is served yet",
                };
                eprintln!("{state}; waiting for a change");
            }
        }
        loop {
            tokio::select! {
                () = watch.changed() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let (Some(how), Some(built)) = (served.ended(), &last) {
                eprintln!("the host ended ({how}); starting it anew");
                if let Err(error) = served.switch(built).await {
                    error::tell(&error);
                    eprintln!("nothing is served now; waiting for a change");
                }
            }
        }
    }
}

/// Build, and serve what came of it; `None` where that is what serves already.
async fn renew(
    served: &mut Served,
    workshop: &Arc<Workshop>,
    last: Option<&Built>,
) -> anyhow::Result<Option<Built>> {
    let builder = Arc::clone(workshop);
    let built = tokio::task::spawn_blocking(move || builder.build()).await??;
    if last.is_some_and(|last| last.is_same(&built)) {
        return Ok(None);
    }
    served.switch(&built).await?;
    Ok(Some(built))
}

fn greet(workshop: &Workshop, url: &str) -> anyhow::Result<()> {
    stdout::line(format_args!("serving at {url}\n"))?;
    stdout::line("Try it:")?;
    stdout::line(format_args!(
        "  curl -s {url} -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: {}' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'\n",
        Revision::LATEST_LEGACY
    ))?;
    let server = Server::Http {
        url: url.to_owned(),
        headers: Vec::new(),
        token_env: None,
    };
    let by_stdio = workshop.by_stdio()?;
    for client in ClientKind::ALL {
        let server = if client.starts_its_servers() {
            &by_stdio
        } else {
            &server
        };
        stdout::line(setup(client, workshop.name(), server)?)?;
    }
    stdout::line("A change of a source is served as soon as it is built. Ctrl-C ends it.")?;
    Ok(())
}
