//! `call`: a tool of a layer, a crate or a server, called.

use std::io::Read;

use serde_json::{Map, Value};

use crate::{
    args::server::Call,
    error::Failure,
    exit::Exit,
    mcp::{client::Client, connection::Connection, tool},
    terminal::stdout,
};

/// Call a tool, and print what it gives.
pub(crate) fn run(args: &Call) -> anyhow::Result<Exit> {
    let arguments = arguments(&args.arguments)?;
    let mut connection = Connection::open(&args.source.options())?;
    let tools = connection.ask("while it was asked for its tools", Client::tools)?;
    let tool = tool::named(&tools, &args.tool)?;
    if connection.is_own() {
        small_enough(&arguments)?;
    }
    let doing = format!("while the tool {} ran", args.tool);
    let result = connection.ask(&doing, |client| client.call(tool, &arguments))?;
    let failed = result["isError"] == true;
    if args.json {
        stdout::line(serde_json::to_string_pretty(&result)?)?;
    } else if failed {
        return Err(Failure::Tool(tool::text(&result)).into());
    } else {
        stdout::line(tool::text(&result))?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn arguments(text: &str) -> anyhow::Result<Map<String, Value>> {
    let mut stdin = String::new();
    let text = if text == "-" {
        std::io::stdin().read_to_string(&mut stdin)?;
        &stdin
    } else {
        text
    };
    Ok(serde_json::from_str(text).map_err(Failure::Arguments)?)
}

/// What is larger is not even read by the host, which looks like the end of it.
fn small_enough(arguments: &Map<String, Value>) -> anyhow::Result<()> {
    let size = serde_json::to_vec(arguments)?.len();
    if size > host::server::request::MAX_BODY {
        return Err(Failure::CallTooLarge { size }.into());
    }
    Ok(())
}
