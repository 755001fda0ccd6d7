//! Which era a POST belongs to. Decided per request: connections and earlier requests mean nothing (M:ver).

use crate::{
    Answer, Id, Request, Revision,
    jsonrpc::{HEADER_MISMATCH, INVALID_REQUEST, Message},
    legacy, modern,
    params::{Members, PROTOCOL_VERSION, Params, text},
};

/// The headers that matter to the protocol, as received; `None` where absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`
    pub protocol_version: Option<&'a str>,
    /// `Mcp-Method`
    pub method: Option<&'a str>,
    /// `Mcp-Name`
    pub name: Option<&'a str>,
}

/// Where a POST leads.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// To this answer, whatever the tools are.
    Answered(Answer),
    /// To this answer, if the legacy session it may name is alive: that a session is gone comes before anything else
    /// that there is to say.
    InSession {
        /// The request's id; `None` for a notification or response.
        id: Option<Id>,
        /// The answer.
        answer: Answer,
    },
    /// To work.
    Request(Request<'a>),
}

/// Parse one POST and decide its era. The first rule that fits wins:
///
/// | rule | message | era |
/// |---|---|---|
/// | D2 | a batch | refused: -32600 |
/// | D3 | `initialize`, unless its `_meta` names a modern revision | legacy; -32020 if the header names a modern one |
/// | D4 | `_meta` has the key `io.modelcontextprotocol/protocolVersion` | modern, whatever the header says |
/// | D5 | the header names something else than a legacy revision | modern, which refuses the missing `_meta` |
/// | D6 | the header is absent or names a legacy revision | legacy |
/// | D7 | a notification by D4 or D5, or else | modern: accepted and dropped; legacy |
/// | D8 | a response | refused if the header is modern, else legacy |
///
/// (D1, other methods than POST, is the front door's business.)
#[must_use]
pub fn route<'a>(headers: Headers<'_>, body: &'a [u8]) -> Route<'a> {
    decide(headers, body).unwrap_or_else(Route::Answered)
}

fn decide<'a>(headers: Headers<'_>, body: &'a [u8]) -> Result<Route<'a>, Answer> {
    let version = headers
        .protocol_version
        .map(|version| version.trim_matches([' ', '\t']));
    let header = match version.map(Revision::parse) {
        None => Header::Absent,
        Some(Some(revision)) if !revision.is_modern() => Header::Legacy(revision),
        Some(_) => Header::Modern,
    };
    match Message::parse(body)? {
        Message::Batch => Err(Answer::error(
            400,
            None,
            INVALID_REQUEST,
            "send one message per POST, not a batch",
        )),
        Message::Response if matches!(header, Header::Modern) => Err(Answer::error(
            400,
            None,
            INVALID_REQUEST,
            "the server sends no requests, so there is nothing to respond to",
        )),
        Message::Response => Ok(ACCEPTED_IN_SESSION),
        Message::Notification { params } => {
            let meta = Params::parse(params).meta();
            let modern = matches!(header, Header::Modern) || claims_modern(meta.as_ref());
            Ok(if modern {
                Route::Answered(Answer::ACCEPTED)
            } else {
                ACCEPTED_IN_SESSION
            })
        }
        Message::Request { id, method, params } => {
            let params = Params::parse(params);
            let meta = params.meta();
            if method == "initialize" && !names_modern(meta.as_ref()) {
                if matches!(header, Header::Modern) {
                    let message = "initialize belongs to revisions up to 2025-11-25, but MCP-Protocol-Version names another";
                    return Err(Answer::error(400, Some(&id), HEADER_MISMATCH, message));
                }
                return legacy::initialize_request(id, &params).map(Route::Request);
            }
            let claims = claims_modern(meta.as_ref());
            let meta = meta.unwrap_or_default();
            match header {
                Header::Absent if !claims => Ok(legacy::request(None, id, &method, &params, &meta)),
                Header::Legacy(revision) if !claims => {
                    Ok(legacy::request(Some(revision), id, &method, &params, &meta))
                }
                _ => modern::request(headers, id, &method, &params, &meta).map(Route::Request),
            }
        }
    }
}

const ACCEPTED_IN_SESSION: Route<'static> = Route::InSession {
    id: None,
    answer: Answer::ACCEPTED,
};

enum Header {
    Absent,
    Legacy(Revision),
    Modern,
}

/// Does the request claim to be modern, whatever the value of the claim?
fn claims_modern(meta: Option<&Members<'_>>) -> bool {
    meta.is_some_and(|meta| meta.contains_key(PROTOCOL_VERSION))
}

/// Is its claim well-formed, and does it name a modern revision?
fn names_modern(meta: Option<&Members<'_>>) -> bool {
    let named = meta
        .and_then(|meta| meta.get(PROTOCOL_VERSION))
        .and_then(|version| text(version));
    named
        .and_then(|version| Revision::parse(&version))
        .is_some_and(Revision::is_modern)
}
