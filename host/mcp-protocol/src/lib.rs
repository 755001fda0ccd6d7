//! Both eras of the Model Context Protocol for a server that offers tools, without input or output.
//!
//! - *modern*: revision 2026-07-28. No handshake, no session; version, identity and capabilities travel in every
//!   request's `params._meta`.
//! - *legacy*: the revisions up to 2025-11-25, with their `initialize` handshake and optional session.
//!
//! [`route`] takes the bytes of one POST and the headers that matter, decides the era of that request alone, makes every
//! check that needs no knowledge of the tools, and says what is asked for ([`Ask`]) or how it is refused ([`Answer`]);
//! [`route_stdio`] does the same for a line of stdio.
//! The server then answers with what [`discover`], [`initialize`], [`tools`] and [`jsonrpc`] write, and tells of
//! calls under way by [`Notification`]s.
//!
//! This crate knows no HTTP library, no AWS, no async runtime and no plugin: it has serde as its only dependency and
//! compiles on any target. HTTP statuses are plain numbers.
//!
//! Source of the rules: the specification of each revision; `M:...` and `L:...` in comments name pages of 2026-07-28 and
//! of 2025-11-25.

pub mod capabilities;
mod content;
mod era;
mod header;
pub mod input;
pub mod jsonrpc;
mod legacy;
mod meta;
mod method;
mod modern;
mod notification;
mod params;
mod revision;
pub mod tools;

pub use era::{Batch, Headers, Route, route, route_stdio};
pub use header::{ARGUMENT_HEADERS, arguments_agree};
pub use jsonrpc::Id;
pub use legacy::initialize;
pub use meta::{CallMeta, LogLevel, Trace};
pub use modern::discover;
pub use notification::{Message, Notification, Progress, event_stream};
pub use revision::Revision;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use self::input::Retry;

/// How one POST is answered: an HTTP status and a JSON body, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A JSON-RPC message; `None` for an accepted notification.
    pub body: Option<Vec<u8>>,
    /// Is that an error, or has one in a batch?
    pub is_error: bool,
}

/// A request that passed every check which needs no knowledge of the tools.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// To be repeated in the answer.
    pub id: Id,
    /// The revision to answer in. `None`: legacy, as negotiated in the session, else [`Revision::ASSUMED`].
    pub revision: Option<Revision>,
    /// What is asked for.
    pub ask: Ask<'a>,
}

impl Request<'_> {
    pub(crate) fn is_initialize(&self) -> bool {
        matches!(self.ask, Ask::Initialize { .. })
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub enum Ask<'a> {
    /// `server/discover` (modern).
    Discover,
    /// `initialize` (legacy).
    Initialize {
        /// The revision that the server answers with.
        negotiated: Revision,
        /// What the client says of itself, as JSON.
        client: Option<&'a RawValue>,
        /// What the client can do, a JSON object.
        capabilities: Option<&'a RawValue>,
    },
    /// `ping` (legacy).
    Ping,
    /// `logging/setLevel` (legacy): from now on, messages from this level on.
    SetLogLevel(LogLevel),
    /// `tools/list`.
    ListTools {
        /// Where an earlier page ended; whether it is one of the server's cursors is not known yet.
        cursor: Option<String>,
    },
    /// `tools/call`.
    CallTool {
        /// The tool's name.
        name: String,
        /// A JSON object; `None` means an empty one.
        arguments: Option<&'a RawValue>,
        /// What the call's `_meta` says.
        meta: Box<CallMeta<'a>>,
        /// What comes with a call that is made again (modern).
        retry: Box<Retry<'a>>,
    },
}

/// What a server says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct ServerInfo {
    /// Its name, for programs.
    pub name: String,
    /// Its version; not empty.
    pub version: String,
}

/// How long, and for whom, a client may keep a list (M:cache).
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheHints {
    /// How long the list stays fresh. Unit: milliseconds; 0 means that it is stale at once.
    pub ttl_ms: u64,
    /// `public`, or `private` when the list depends on the caller.
    pub cache_scope: CacheScope,
}

/// Who may share a cached list.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheScope {
    /// Everyone.
    Public,
    /// Only the caller.
    Private,
}

/// The longest text of an error. Unit: bytes.
/// Source: ours. It is for people and models to read; what it quotes of a request may have megabytes, and an answer that
/// is too large for the gateway would be lost.
const MAX_ERROR_TEXT: usize = 4096;

/// An error's text, cut where it gets too long.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_ERROR_TEXT {
        return text.into();
    }
    let mut end = MAX_ERROR_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &text[..end];
    format!("{kept}... ({} more bytes)", text.len() - kept.len()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_quotes_does_not_make_it_longer_than_anyone_reads() {
        for text in ["x".repeat(10_000_000), "\u{fffd}".repeat(10_000_000)] {
            let bounded = bounded(&text);
            assert!(
                bounded.len() < MAX_ERROR_TEXT + 50,
                "{} bytes",
                bounded.len()
            );
            assert!(bounded.ends_with(" more bytes)"));
        }
        assert_eq!(bounded("short"), "short");
    }
}
