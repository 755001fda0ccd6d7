//! A new token for a caller, which is shown this once.

use host::server::http::bearer_tokens::{self, Token};
use serde_json::json;

use crate::{cli, exit::Exit, out};

/// Print a token, and what the host has to know of it.
pub(crate) fn run(args: &cli::Token) -> anyhow::Result<Exit> {
    let name = &args.name;
    let Token { secret, hash } = Token::random();
    let entry = format!("{name}:{hash}");
    if args.json {
        let token = json!({ "name": name, "token": secret, "entry": entry });
        out::line(format_args!("{token:#}"))?;
        return Ok(Exit::Done);
    }
    out::line(secret)?;
    out::line(entry)?;
    eprintln!("The first line is the token: it is for {name} alone, and is shown only now.");
    eprintln!(
        "The second belongs into the host's BEARER_TOKENS, after a comma if others are there."
    );
    Ok(Exit::Done)
}

/// The name of a caller.
pub(crate) fn name(text: &str) -> Result<String, String> {
    bearer_tokens::check_name(text).map(|()| text.to_owned())
}
