//! Parses and checks the values of flags.

use std::str::FromStr;

use anyhow::Context;
use clap::{ValueEnum, builder::PossibleValue};
use serde_json::{Map, Value};
use ureq::http::{HeaderName, HeaderValue, Uri};

use crate::{library::platform::Arch, mcp::era::Era};

/// The URL of a server.
pub(crate) fn url(text: &str) -> Result<String, String> {
    let url: Option<Uri> = text.parse().ok();
    let is_web = url.is_some_and(|url| {
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        has_host && matches!(url.scheme_str(), Some("http" | "https"))
    });
    if is_web {
        Ok(text.to_owned())
    } else {
        Err("write it like https://example.com/mcp".to_owned())
    }
}

/// The name of a server, which all clients must accept: Claude Code and Codex accept only letters, digits, `-` and `_`.
pub(crate) fn server_name(text: &str) -> Result<String, String> {
    let help = "use letters, digits, `-` and `_`, which all clients accept";
    check_plain(text, &['-', '_'], usize::MAX, help)
}

/// An environment variable, written `NAME=value`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let pair = pair.filter(|(name, _)| variable_name(name).is_ok());
    let (name, value) =
        pair.ok_or("write it as NAME=value, the name in letters, digits and `_`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The name of an environment variable.
pub(crate) fn variable_name(text: &str) -> Result<String, String> {
    let help = "write the name of a variable, in letters, digits and `_`";
    check_plain(text, &['_'], usize::MAX, help)
}

/// A header, written `Name: value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .context("write it as `Name: value`")
        .map_err(|error| error.to_string())?;
    let (name, value) = (name.trim(), value.trim());
    HeaderName::from_str(name).map_err(|_| format!("{name:?} is not a valid header name"))?;
    HeaderValue::from_str(value).map_err(|_| "the value is not a valid header value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The name of a caller.
pub(crate) fn principal(text: &str) -> Result<String, String> {
    host::server::http::bearer_tokens::check_name(text).map(|()| text.to_owned())
}

/// The name of a layer on AWS. Source: AWS Lambda API Reference, "PublishLayerVersion", `LayerName`.
pub(crate) fn layer_name(text: &str) -> Result<String, String> {
    let help = "write up to 64 letters, digits, `-` and `_`";
    check_plain(text, &['-', '_'], 64, help)
}

/// Checks that a name has only letters, digits and these other characters, and at most this length. The error is the
/// help.
fn check_plain(
    text: &str,
    others: &[char],
    max_length: usize,
    help: &str,
) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || others.contains(&c);
    if (1..=max_length).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err(help.to_owned())
    }
}

/// The text of a JSON object.
pub(crate) fn json_object(text: &str) -> Result<String, String> {
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("not a JSON object: {error}")),
    }
}

impl ValueEnum for Arch {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::X86_64, Self::Arm64]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::X86_64 => PossibleValue::new("x86_64").help("Intel and AMD"),
            Self::Arm64 => PossibleValue::new("arm64")
                .alias("aarch64")
                .help("AWS Graviton"),
        })
    }
}

impl ValueEnum for Era {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Modern, Self::Legacy]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Auto => PossibleValue::new("auto")
                .help("Revision 2026-07-28, and the handshake if the server does not know it"),
            Self::Modern => {
                PossibleValue::new("modern").help("Revision 2026-07-28, without a session")
            }
            Self::Legacy => {
                PossibleValue::new("legacy").help("Revision 2025-11-25, with its handshake")
            }
        })
    }
}
