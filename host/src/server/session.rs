//! Legacy sessions over HTTP. `initialize` starts a session, a header names it, and DELETE ends it.

use std::{sync::Arc, time::SystemTime};

use mcp_protocol::{
    Answer, Id, LogLevel, Revision,
    jsonrpc::{INTERNAL_ERROR, INVALID_REQUEST},
};
use serde_json::{Map, value::RawValue};

use crate::{
    config::SessionMode,
    plugin::Caller,
    server::{call::deadline::CallLimits, http::headers::single_header, request::IncomingRequest},
    store::session::{Session, SessionId, SessionLookup, StoreError, lookup::Sessions},
};

/// The maximum size of a client's description of itself, and also of its capabilities, in a session. Unit: bytes. A
/// longer text is not stored at all.
/// Source: ours. It is enough for names, versions and capabilities, and it keeps all the sessions in memory below 30
/// MB.
const MAX_CLIENT_INFO: usize = 1024;

/// The header that names the session of a message.
pub(crate) const SESSION_HEADER: &str = "mcp-session-id";

/// The sessions, with the responses that clients receive about them.
pub(crate) struct LegacySessions {
    sessions: Arc<Sessions>,
    limits: CallLimits,
}

impl LegacySessions {
    pub(crate) fn new(sessions: Arc<Sessions>, limits: CallLimits) -> Self {
        Self { sessions, limits }
    }

    /// Reports whether each session is looked up in the store that all execution environments share.
    pub(crate) fn are_strict(&self) -> bool {
        self.sessions.mode() == SessionMode::Strict
    }

    /// Starts a session. Returns `None` if sessions are switched off.
    ///
    /// # Errors
    /// The error response if the new session cannot be stored.
    pub(crate) async fn begin(
        &self,
        incoming: &IncomingRequest<'_>,
        id: &Id,
        negotiated: Revision,
        client: Option<&RawValue>,
        capabilities: Option<&RawValue>,
    ) -> Result<Option<SessionId>, Answer> {
        if self.sessions.mode() == SessionMode::Off {
            return Ok(None);
        }
        let session = self.new_session(negotiated, client, capabilities, &incoming.caller);
        let session_id = SessionId::random();
        let created = self.sessions.create(session_id, session);
        match incoming.with_deadline(&self.limits, created).await {
            Ok(()) => Ok(Some(session_id)),
            Err(error) => Err(store_failed(incoming, Some(id), &error)),
        }
    }

    /// Returns a new session with this revision, client and caller.
    pub(crate) fn new_session(
        &self,
        revision: Revision,
        client: Option<&RawValue>,
        capabilities: Option<&RawValue>,
        caller: &Caller,
    ) -> Session {
        Session {
            revision,
            client: client.and_then(bounded),
            capabilities: capabilities.and_then(bounded),
            log_level: None,
            principal: caller.principal.clone(),
            created: SystemTime::now(),
            expires: self.sessions.new_expiry(),
        }
    }

    /// Returns the session that a legacy message names.
    ///
    /// A request with an unknown session is served (unless `MCP_SESSION_MODE` is strict), for the reason given in
    /// [`crate::store::session`]. A request is rejected with 404 if its session was ended, if the session belongs to
    /// another principal, or if no host can have issued the id. After a 404, the client starts a new session.
    pub(crate) async fn find(
        &self,
        incoming: &IncomingRequest<'_>,
        id: Option<&Id>,
    ) -> Result<SessionContext, Answer> {
        let mode = self.sessions.mode();
        let named =
            single_header(incoming.headers, SESSION_HEADER).filter(|_| mode != SessionMode::Off);
        let Some(named) = named else {
            return match mode {
                SessionMode::Strict => Err(Answer::error(
                    400,
                    id,
                    INVALID_REQUEST,
                    "no session is given; send the header Mcp-Session-Id from the response to initialize",
                )),
                SessionMode::Lenient | SessionMode::Off => Ok(SessionContext::None),
            };
        };
        let gone = || session_not_found(id);
        let session_id = SessionId::parse(&named).ok_or_else(gone)?;
        let found = self.sessions.find(session_id);
        match incoming.with_deadline(&self.limits, found).await {
            Ok(SessionLookup::Alive(session))
                if !session.belongs_to(incoming.caller.principal.as_deref()) =>
            {
                Err(gone())
            }
            Ok(SessionLookup::Alive(session)) => {
                self.sessions.touch(session_id, &session).await;
                Ok(SessionContext::Known(session_id, session))
            }
            Ok(SessionLookup::Unknown) if mode != SessionMode::Strict => {
                Ok(SessionContext::Unknown(session_id))
            }
            Ok(SessionLookup::Unknown | SessionLookup::Ended) => Err(gone()),
            Err(error) => Err(store_failed(incoming, id, &error)),
        }
    }

    /// Executes `logging/setLevel`. If this process does not know the session, it stores the session first. Without a
    /// session the level is not stored.
    pub(crate) async fn set_log_level(
        &self,
        incoming: &IncomingRequest<'_>,
        id: &Id,
        session: &SessionContext,
        revision: Revision,
        level: LogLevel,
    ) -> Answer {
        let set = async {
            let (session_id, unknown) = match session {
                SessionContext::None => return Ok(true),
                SessionContext::Known(session_id, _) => (*session_id, None),
                SessionContext::Unknown(session_id) => {
                    match self.sessions.find_consistent(*session_id).await? {
                        SessionLookup::Ended => return Ok(false),
                        SessionLookup::Alive(session)
                            if !session.belongs_to(incoming.caller.principal.as_deref()) =>
                        {
                            return Ok(false);
                        }
                        SessionLookup::Alive(_) => (*session_id, None),
                        SessionLookup::Unknown => {
                            let session = self.new_session(revision, None, None, &incoming.caller);
                            (*session_id, Some(session))
                        }
                    }
                }
            };
            self.sessions
                .set_log_level(session_id, level, unknown)
                .await
        };
        match incoming.with_deadline(&self.limits, set).await {
            Ok(true) => Answer::success(id, &Map::new()),
            Ok(false) => session_not_found(Some(id)),
            Err(error) => store_failed(incoming, Some(id), &error),
        }
    }

    /// Ends the session that a client names.
    ///
    /// # Errors
    /// The error response to a client that cannot end the session.
    pub(crate) async fn end(&self, incoming: &IncomingRequest<'_>) -> Result<(), Answer> {
        let Some(named) = single_header(incoming.headers, SESSION_HEADER) else {
            return Err(Answer::error(
                400,
                None,
                INVALID_REQUEST,
                "no session is given; send the header Mcp-Session-Id",
            ));
        };
        let gone = || Answer::error(404, None, INVALID_REQUEST, "there is no such session");
        let session_id = SessionId::parse(&named).ok_or_else(gone)?;
        let principal = incoming.caller.principal.as_deref();
        let ended = async {
            let may_end = match self.sessions.find(session_id).await? {
                SessionLookup::Ended => false,
                SessionLookup::Alive(session) => session.belongs_to(principal),
                SessionLookup::Unknown => self.sessions.mode() == SessionMode::Lenient,
            };
            Ok(may_end && self.sessions.end(session_id, principal).await?)
        };
        match incoming.with_deadline(&self.limits, ended).await {
            Ok(true) => {
                let request_id = incoming.request_id;
                tracing::debug!(request_id, "a session was ended by its client");
                Ok(())
            }
            Ok(false) => Err(gone()),
            Err(error) => Err(store_failed(incoming, None, &error)),
        }
    }
}

/// The legacy session of a message.
#[derive(Clone, Debug)]
pub(crate) enum SessionContext {
    /// The message names no session.
    None,
    /// The message names a session that this process does not know.
    Unknown(SessionId),
    /// The message names a session that this process knows.
    Known(SessionId, Session),
}

impl SessionContext {
    /// Returns the session's id, if the message names a session.
    pub(crate) fn id(&self) -> Option<SessionId> {
        match self {
            Self::None => None,
            Self::Unknown(id) | Self::Known(id, _) => Some(*id),
        }
    }

    pub(crate) fn get(&self) -> Option<&Session> {
        match self {
            Self::None | Self::Unknown(_) => None,
            Self::Known(_, session) => Some(session),
        }
    }

    /// Returns the revision of the response. `named` is the revision that the message names, if it names one.
    pub(crate) fn revision(&self, named: Option<Revision>) -> Revision {
        Session::effective_revision(self.get(), named)
    }
}

/// Returns the JSON that a client sent, unless it is too long.
fn bounded(said: &RawValue) -> Option<String> {
    (said.get().len() <= MAX_CLIENT_INFO).then(|| said.get().to_owned())
}

/// Returns the response that tells a client to start a new session.
pub(crate) fn session_not_found(id: Option<&Id>) -> Answer {
    let message = "the session has ended; start over with initialize";
    Answer::error(404, id, INVALID_REQUEST, message)
}

/// Logs the error. Returns the response, which tells the client to try again.
fn store_failed(incoming: &IncomingRequest<'_>, id: Option<&Id>, error: &StoreError) -> Answer {
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
    fn a_clients_description_cannot_fill_the_memory() {
        for (length, remembered) in [
            (2, true),
            (MAX_CLIENT_INFO, true),
            (MAX_CLIENT_INFO + 1, false),
        ] {
            let text = format!("\"{}\"", "x".repeat(length - 2));
            let client = RawValue::from_string(text).expect("JSON");
            assert_eq!(bounded(&client).is_some(), remembered, "{length} bytes");
        }
    }
}
