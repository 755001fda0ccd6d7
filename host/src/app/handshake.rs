//! Handshake-era sessions over HTTP: begun by `initialize`, named by a header, ended by DELETE.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use mcp_protocol::{
    Answer, Id, LogLevel, Revision, initialize,
    jsonrpc::{INTERNAL_ERROR, INVALID_REQUEST},
};
use serde_json::{Map, value::RawValue};

use super::{
    App, Caller, Incoming,
    headers::header,
    response::{empty, respond},
};
use crate::session::{Found, Session, SessionId};

/// The most that is kept of what a client says of itself, and of what it can do. Unit: bytes, for each; of more, nothing
/// is kept.
/// Source: ours. Names, versions and capabilities fit, and all the sessions in memory then stay below 30 MB.
const MAX_KEPT: usize = 1024;

/// The longest life of a session: nothing outlives it, and adding it to a time cannot overflow.
/// Source: ours.
const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

const SESSION_HEADER: &str = "mcp-session-id";

impl App {
    pub(super) async fn initialize(
        &self,
        incoming: &Incoming<'_>,
        id: &Id,
        negotiated: Revision,
        client: Option<&RawValue>,
        capabilities: Option<&RawValue>,
    ) -> Response<Bytes> {
        let session = self.new_session(negotiated, client, capabilities, &incoming.caller);
        let session_id = SessionId::random();
        if let Err(error) = self.sessions.create(session_id, session).await {
            return respond(store_failed(incoming, Some(id), &error));
        }
        let mut response = respond(Answer::success(id, &self.introduction(negotiated)));
        if let Ok(value) = HeaderValue::from_str(&session_id.to_string()) {
            response.headers_mut().insert(SESSION_HEADER, value);
        }
        response
    }

    /// The result of `initialize`.
    pub(crate) fn introduction(&self, negotiated: Revision) -> Box<RawValue> {
        initialize(negotiated, &self.server, self.instructions.as_deref())
    }

    /// A session of this revision, with what its client said of itself and who is in it.
    pub(crate) fn new_session(
        &self,
        revision: Revision,
        client: Option<&RawValue>,
        capabilities: Option<&RawValue>,
        caller: &Caller,
    ) -> Session {
        Session {
            revision,
            client: client.and_then(kept),
            capabilities: capabilities.and_then(kept),
            log_level: None,
            principal: caller.principal.clone(),
            expires: self.session_end(),
        }
    }

    /// The session that a legacy message names.
    ///
    /// An unknown one is served all the same, see [`crate::session`]; one that was ended, that is another principal's, or
    /// that no host can have given out, is refused by 404, at which the client starts over.
    pub(super) async fn session(
        &self,
        incoming: &Incoming<'_>,
        id: Option<&Id>,
    ) -> Result<InSession, Answer> {
        let Some(named) = header(incoming.headers, SESSION_HEADER) else {
            return Ok(InSession::None);
        };
        let gone = || {
            Answer::error(
                404,
                id,
                INVALID_REQUEST,
                "the session has ended; start over with initialize",
            )
        };
        let session_id = SessionId::parse(&named).ok_or_else(gone)?;
        match self.sessions.find(session_id).await {
            Ok(Found::Alive(session)) if !session.is_of(incoming.caller.principal.as_deref()) => {
                Err(gone())
            }
            Ok(Found::Alive(session)) => Ok(InSession::Known(session_id, session)),
            Ok(Found::Unknown) => Ok(InSession::Unknown(session_id)),
            Ok(Found::Ended) => Err(gone()),
            Err(error) => Err(store_failed(incoming, id, &error)),
        }
    }

    /// `logging/setLevel`. A session that is not known becomes so by it; without one there is nowhere to keep the level.
    pub(super) async fn set_log_level(
        &self,
        incoming: &Incoming<'_>,
        id: &Id,
        session: &InSession,
        revision: Revision,
        level: LogLevel,
    ) -> Answer {
        let (session_id, session) = match session {
            InSession::None => return Answer::success(id, &Map::new()),
            InSession::Unknown(session_id) => {
                let session = self.new_session(revision, None, None, &incoming.caller);
                (*session_id, session)
            }
            InSession::Known(session_id, session) => (*session_id, session.clone()),
        };
        let session = Session {
            log_level: Some(level),
            ..session
        };
        match self.sessions.update(session_id, session).await {
            Ok(()) => Answer::success(id, &Map::new()),
            Err(error) => store_failed(incoming, Some(id), &error),
        }
    }

    pub(super) async fn delete(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        let Some(named) = header(incoming.headers, SESSION_HEADER) else {
            return respond(Answer::error(
                400,
                None,
                INVALID_REQUEST,
                "which session? send the header Mcp-Session-Id",
            ));
        };
        let gone = || Answer::error(404, None, INVALID_REQUEST, "there is no such session");
        let Some(session_id) = SessionId::parse(&named) else {
            return respond(gone());
        };
        match self.sessions.find(session_id).await {
            Ok(Found::Ended) => respond(gone()),
            Ok(Found::Alive(session)) if !session.is_of(incoming.caller.principal.as_deref()) => {
                respond(gone())
            }
            Ok(Found::Alive(_) | Found::Unknown) => {
                match self.sessions.end(session_id, self.session_end()).await {
                    Ok(()) => {
                        let request_id = incoming.request_id;
                        tracing::debug!(request_id, "a session was ended by its client");
                        empty(StatusCode::NO_CONTENT)
                    }
                    Err(error) => respond(store_failed(incoming, None, &error)),
                }
            }
            Err(error) => respond(store_failed(incoming, None, &error)),
        }
    }

    /// When a session that begins now ends by itself.
    fn session_end(&self) -> SystemTime {
        SystemTime::now() + self.session_ttl.min(A_CENTURY)
    }
}

/// The legacy session that a message is in.
#[derive(Debug)]
pub(super) enum InSession {
    /// It names none.
    None,
    /// One that is not known here.
    Unknown(SessionId),
    /// This one.
    Known(SessionId, Session),
}

impl InSession {
    pub(super) fn known(&self) -> Option<&Session> {
        match self {
            Self::None | Self::Unknown(_) => None,
            Self::Known(_, session) => Some(session),
        }
    }

    /// The revision to answer in.
    pub(super) fn revision(&self, named: Option<Revision>) -> Revision {
        Session::revision_in(self.known(), named)
    }
}

/// What is kept of what a client says.
fn kept(said: &RawValue) -> Option<String> {
    (said.get().len() <= MAX_KEPT).then(|| said.get().to_owned())
}

fn store_failed(incoming: &Incoming<'_>, id: Option<&Id>, error: &dyn std::error::Error) -> Answer {
    tracing::error!(request_id = incoming.request_id, %error, "sessions cannot be read or written");
    Answer::error(
        503,
        id,
        INTERNAL_ERROR,
        "sessions are not available at the moment; try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_fill_the_memory_with_what_it_says_of_itself() {
        for (length, remembered) in [(2, true), (MAX_KEPT, true), (MAX_KEPT + 1, false)] {
            let text = format!("\"{}\"", "x".repeat(length - 2));
            let client = RawValue::from_string(text).expect("JSON");
            assert_eq!(kept(&client).is_some(), remembered, "{length} bytes");
        }
    }
}
