//! `token`: creates a token for a caller. It is shown only once.

use host::server::http::bearer_tokens::NewToken;
use serde_json::json;

use crate::{args, exit::Exit, terminal::stdout};

/// Prints a new token, and its entry for the host's configuration.
pub(crate) fn run(args: &args::server::Token) -> anyhow::Result<Exit> {
    let name = &args.name;
    let NewToken { secret, hash } = NewToken::random();
    let entry = format!("{name}:{hash}");
    if args.json {
        let token = json!({ "name": name, "token": secret, "entry": entry });
        stdout::line(format_args!("{token:#}"))?;
        return Ok(Exit::Done);
    }
    stdout::line(secret)?;
    stdout::line(entry)?;
    message!("The first line is the token for {name}. It is shown only once.");
    message!(
        "Add the second line to the host's MCP_BEARER_TOKENS, after a comma if it has other entries."
    );
    Ok(Exit::Done)
}
