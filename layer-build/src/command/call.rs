//! `call`: calls a tool of a layer, a crate or a server.

use std::io::Read;

use serde_json::{Map, Value};

use crate::{
    args::server::Call,
    error::CliError,
    exit::Exit,
    mcp::{client::Client, connection::Connection, tool},
    terminal::stdout,
};

/// Calls a tool, and prints its result.
pub(crate) fn run(args: &Call) -> anyhow::Result<Exit> {
    let arguments = parse_arguments(&args.arguments)?;
    let mut connection = Connection::open(&args.source.options())?;
    let tools = connection.request("while it listed its tools", Client::tools)?;
    let tool = tool::find(&tools, &args.tool)?;
    if connection.is_local() {
        check_size(&arguments)?;
    }
    let doing = format!("while the tool {} ran", args.tool);
    let result = connection.request(&doing, |client| client.call(tool, &arguments))?;
    let failed = result["isError"] == true;
    if failed {
        connection.print_log();
    }
    if args.json {
        stdout::line(serde_json::to_string_pretty(&result)?)?;
    } else if failed {
        return Err(CliError::Tool(tool::result_text(&result)).into());
    } else {
        stdout::line(tool::result_text(&result))?;
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn parse_arguments(text: &str) -> anyhow::Result<Map<String, Value>> {
    let mut stdin = String::new();
    let text = if text == "-" {
        std::io::stdin().read_to_string(&mut stdin)?;
        &stdin
    } else {
        text
    };
    Ok(serde_json::from_str(text).map_err(CliError::Arguments)?)
}

/// Checks the size of the arguments: the host does not read larger requests, and the error would look as if the host
/// had ended.
fn check_size(arguments: &Map<String, Value>) -> anyhow::Result<()> {
    let size = serde_json::to_vec(arguments)?.len();
    if size > host::server::request::MAX_BODY {
        return Err(CliError::CallTooLarge { size }.into());
    }
    Ok(())
}
