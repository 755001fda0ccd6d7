//! `connect`: prints the configuration of MCP clients for a server.

use crate::{
    args::server::Connect,
    build::packages,
    exit::Exit,
    mcp::{
        client_kind::ClientKind,
        client_setup::{ServerEndpoint, dev_command, setup},
    },
    terminal::stdout,
};

/// Prints the configuration for one client or for all.
pub(crate) fn run(args: &Connect) -> anyhow::Result<Exit> {
    let server = match &args.url {
        Some(url) => ServerEndpoint::Http {
            url: url.clone(),
            headers: args.headers.clone(),
            token_env: args.token_env.clone(),
        },
        None if !args.command.is_empty() => ServerEndpoint::Stdio {
            command: args.command.clone(),
            env: args.env.clone(),
        },
        None => {
            // Fail now if there is no plugin to build: otherwise the error would appear only in the client.
            let selection = args.packages.selection();
            packages::find(&selection)?;
            ServerEndpoint::Stdio {
                command: dev_command(&selection)?,
                env: args.env.clone(),
            }
        }
    };
    match args.client {
        Some(client) => {
            let setup = setup(client, &args.name, &server)?;
            message!("{}", setup.place);
            stdout::line(setup.text)?;
        }
        None => {
            for client in ClientKind::ALL {
                stdout::line(setup(client, &args.name, &server)?)?;
            }
        }
    }
    Ok(Exit::Done)
}
