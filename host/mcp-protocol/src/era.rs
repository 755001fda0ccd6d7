//! Decides the era of a message from that message alone: the connection and earlier requests have no influence (M:ver).

use serde_json::value::RawValue;

use crate::{
    Answer, Batch, Headers, Id, Revision, Route,
    header::{self, trim_blanks},
    jsonrpc::{INVALID_REQUEST, MAX_BATCH, Message},
    legacy::{self, INITIALIZE},
    meta_keys::PROTOCOL_VERSION,
    modern,
    params::{Members, Params, text},
};

/// Parses the body of one POST and decides its era. "The header" is `MCP-Protocol-Version`; a "modern header" names a
/// modern revision or an unknown one. The first rule that matches applies:
///
/// | rule | message | era |
/// |---|---|---|
/// | D2 | a batch | legacy, if the revision has batches; rejected with -32600 if one of its messages has the key of D4 in its `_meta`, or if the header is modern |
/// | D3 | `initialize`, unless its `_meta` names a modern revision | legacy; rejected with -32020 if the header is modern |
/// | D4 | a request whose `_meta` has the key `io.modelcontextprotocol/protocolVersion` | modern, whatever the header says |
/// | D5 | another request, with a modern header | modern; then rejected, because its `_meta` has no version |
/// | D6 | another request, without the header or with a legacy revision in it | legacy |
/// | D7 | a notification | modern if D4 or D5 would apply to it as a request: accepted and ignored; otherwise legacy |
/// | D8 | a response | rejected if the header is modern, otherwise legacy |
///
/// (The front door applies D1, which rejects methods other than POST.)
#[must_use]
pub fn route<'a>(headers: Headers<'_>, body: &'a [u8]) -> Route<'a> {
    Received {
        header: Header::parse(headers.protocol_version),
        headers: Some(headers),
    }
    .route(body)
}

/// Parses one message that was received over stdio. The rules are those of [`route`] for a request without
/// `MCP-Protocol-Version`. Headers that [`route`] requires are not required here.
///
/// - The HTTP status of an [`Answer`] has no meaning. An [`Answer`] without a body is not written.
/// - The connection itself is the legacy session, and it is always alive. The transport knows the revision that
///   `initialize` negotiated; a [`Request::revision`] of `None` means that revision.
/// - [`Route::Cancel`] names a request of this connection, of either era. Responses may be sent in another order than
///   their requests.
#[must_use]
pub fn route_stdio(message: &[u8]) -> Route<'_> {
    Received {
        header: Header::Absent,
        headers: None,
    }
    .route(message)
}

/// The parsed value of the header `MCP-Protocol-Version`.
#[derive(Clone, Copy)]
enum Header {
    Absent,
    Legacy(Revision),
    /// A modern revision, or a value that is no known revision.
    Modern,
}

impl Header {
    fn parse(value: Option<&str>) -> Self {
        match value.map(|version| Revision::parse(trim_blanks(version))) {
            None => Self::Absent,
            Some(Some(revision)) if !revision.is_modern() => Self::Legacy(revision),
            Some(_) => Self::Modern,
        }
    }

    fn revision(self) -> Option<Revision> {
        match self {
            Self::Legacy(revision) => Some(revision),
            Self::Absent | Self::Modern => None,
        }
    }
}

/// The revision that a message declares in its `_meta`, under the key `io.modelcontextprotocol/protocolVersion`.
#[derive(Clone, Copy)]
enum DeclaredVersion {
    Absent,
    /// A modern revision.
    Modern,
    /// A legacy revision, an unknown one, or a value that is not a string.
    Other,
}

impl DeclaredVersion {
    fn from_meta(meta: Option<&Members<'_>>) -> Self {
        match meta.and_then(|meta| meta.get(PROTOCOL_VERSION)) {
            None => Self::Absent,
            Some(version) => match text(version).and_then(|version| Revision::parse(&version)) {
                Some(revision) if revision.is_modern() => Self::Modern,
                _ => Self::Other,
            },
        }
    }
}

/// The origin of a message: over HTTP with these headers, or over stdio.
#[derive(Clone, Copy)]
struct Received<'h> {
    header: Header,
    /// `None` over stdio, which has no headers.
    headers: Option<Headers<'h>>,
}

impl Received<'_> {
    fn route(self, body: &[u8]) -> Route<'_> {
        let routed = Message::parse(body).and_then(|message| match message {
            Message::Batch(messages) => self.route_batch(&messages),
            message => Ok(self.route_message(message)?.0),
        });
        routed.unwrap_or_else(Route::Reply)
    }

    /// Applies D2 to a batch.
    fn route_batch<'a>(self, messages: &[&'a RawValue]) -> Result<Route<'a>, Answer> {
        let refuse = |problem: &str| Err(Answer::error(400, None, INVALID_REQUEST, problem));
        if messages.is_empty() {
            return refuse("the batch is empty; send at least one message");
        }
        if messages.len() > MAX_BATCH {
            return refuse(&format!(
                "a batch has at most {MAX_BATCH} messages; split it"
            ));
        }
        if matches!(self.header, Header::Modern) {
            return Err(Batch::refusal());
        }
        let mut routes = Vec::with_capacity(messages.len());
        for message in messages {
            let decided =
                Message::parse_one(message).and_then(|message| self.route_message(message));
            routes.push(match decided {
                Ok((_, DeclaredVersion::Modern | DeclaredVersion::Other)) => {
                    return Err(Batch::refusal());
                }
                Ok((Route::Request(request), _)) if request.is_initialize() => {
                    let message = "initialize must not be in a batch; send it alone";
                    Route::Reply(Answer::error(
                        400,
                        Some(&request.id),
                        INVALID_REQUEST,
                        message,
                    ))
                }
                Ok((route, _)) => route,
                Err(answer) => Route::Reply(answer),
            });
        }
        Ok(match self.header.revision() {
            Some(revision) if !revision.has_batches() => Route::ReplyIfSessionAlive {
                id: None,
                answer: Batch::refusal(),
            },
            revision => Route::Batch(Batch { revision, routes }),
        })
    }

    /// Applies D3 to D8. Returns the route and the revision that the message declares.
    fn route_message(self, message: Message<'_>) -> Result<(Route<'_>, DeclaredVersion), Answer> {
        use {DeclaredVersion as V, Header as H, Message as M};

        let params = Params::parse(message.id(), message.params())?;
        let declared = DeclaredVersion::from_meta(params.meta.as_ref());
        let modern = |id, method: &str| modern::request(self.headers, id, method, &params);
        let legacy =
            |id, method: &str| legacy::request(self.header.revision(), id, method, &params);
        #[rustfmt::skip]
        let route = match (message, declared, self.header) {
            (M::Request { id, method, .. }, V::Absent | V::Other, H::Modern) if method == INITIALIZE => return Err(initialize_mismatch(&id)),             // D3
            (M::Request { id, method, .. }, V::Absent | V::Other, _)         if method == INITIALIZE => legacy(id, &method),                              // D3
            (M::Request { id, method, .. }, V::Modern | V::Other, _)                                 => modern(id, &method),                              // D4
            (M::Request { id, method, .. }, V::Absent,            H::Modern)                         => modern(id, &method),                              // D5
            (M::Request { id, method, .. }, V::Absent,            H::Absent | H::Legacy(_))          => legacy(id, &method),                              // D6
            (M::Notification { method, .. }, V::Modern | V::Other, _)                                => self.route_notification(true, &method, &params),  // D7
            (M::Notification { method, .. }, V::Absent,           H::Modern)                         => self.route_notification(true, &method, &params),  // D7
            (M::Notification { method, .. }, V::Absent,           H::Absent | H::Legacy(_))          => self.route_notification(false, &method, &params), // D7
            (M::Response,                     _,                  H::Modern)                         => return Err(unexpected_response()),                // D8
            (M::Response,                     _,                  H::Absent | H::Legacy(_))          => ACCEPTED_IN_SESSION,                              // D8
            (M::Batch(_), ..)                                                                        => return Err(Batch::refusal()),
        };
        Ok((route, declared))
    }

    /// Routes a notification. A modern client cancels a request over HTTP by closing the connection, so notifications
    /// of a modern client over HTTP have no effect.
    fn route_notification<'a>(self, modern: bool, method: &str, params: &Params<'_>) -> Route<'a> {
        let over_http = self.headers.is_some();
        match (method, params.id("requestId")) {
            _ if modern && over_http => Route::Reply(Answer::ACCEPTED),
            ("notifications/cancelled", Some(id)) => Route::Cancel { id },
            _ => ACCEPTED_IN_SESSION,
        }
    }
}

const ACCEPTED_IN_SESSION: Route<'static> = Route::ReplyIfSessionAlive {
    id: None,
    answer: Answer::ACCEPTED,
};

fn initialize_mismatch(id: &Id) -> Answer {
    let message =
        "initialize belongs to revisions up to 2025-11-25, but MCP-Protocol-Version names another";
    header::mismatch(id, message)
}

fn unexpected_response() -> Answer {
    let message = "the server sends no requests, so there is nothing to respond to";
    Answer::error(400, None, INVALID_REQUEST, message)
}
