//! Legacy sessions. A session holds the results of `initialize`, under an id that the client sends with every later
//! request.
//!
//! A session is an id with a few facts, not a connection. Requests of one session may reach different execution
//! environments, so an unknown id is no reason to reject a request. (Known clients never recover from such a
//! rejection.) The request is served. Only a session that was ended by DELETE is rejected.

pub(crate) mod lookup;
pub mod memory;

use std::{fmt, time::SystemTime};

use async_trait::async_trait;
use mcp_protocol::{LogLevel, Revision};
use uuid::{Uuid, Variant, Version};

/// The id of a session: a random UUID (version 4), so that it cannot be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Returns a new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the id in a header. Returns `None` if no host can have issued it. The id must be spelled exactly as
    /// issued, because the values of headers are compared as they are.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        let ours = id.get_version() == Some(Version::Random)
            && id.get_variant() == Variant::RFC4122
            && id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        ours.then_some(Self(id))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The results of `initialize`, and later settings of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The negotiated revision.
    pub revision: Revision,
    /// The client's description of itself, as JSON.
    pub client: Option<String>,
    /// The client's capabilities, as JSON; `None` if they are unknown.
    pub capabilities: Option<String>,
    /// The minimum severity of log notifications that the client wants; `None`: it has not asked for any.
    pub log_level: Option<LogLevel>,
    /// The principal that started the session, which alone may use it; `None` if callers are not authenticated.
    pub principal: Option<String>,
    /// When the session was created.
    pub created: SystemTime,
    /// When the session expires.
    pub expires: SystemTime,
}

impl Session {
    /// Returns the revision of the response: the one that the message names, or if it names none, the session's.
    #[must_use]
    pub(crate) fn effective_revision(session: Option<&Self>, named: Option<Revision>) -> Revision {
        let negotiated = session.map(|session| session.revision);
        named.or(negotiated).unwrap_or(Revision::DEFAULT)
    }

    /// Reports whether this principal may use the session.
    #[must_use]
    pub fn belongs_to(&self, principal: Option<&str>) -> bool {
        self.principal.as_deref() == principal
    }
}

/// The result of looking up a session's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup {
    /// A session that is alive.
    Alive(Session),
    /// A session that was ended and must not be used any more.
    Ended,
    /// No session: this store never knew it, or it has expired.
    Unknown,
}

/// A store of sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session. Repeating the call has no further effect, even if the session was ended in between.
    async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError>;

    /// Looks up a session's id. An expired session is unknown, even if it was not deleted yet.
    async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError>;

    /// Stores the minimum severity of log notifications that the client of a session wants. Returns `false`, and stores
    /// nothing, if the session is unknown or was ended.
    async fn set_log_level(&self, id: SessionId, level: LogLevel) -> Result<bool, StoreError>;

    /// Extends a session until `expires`. Has no effect on an unknown or ended session.
    async fn extend(&self, id: SessionId, expires: SystemTime) -> Result<(), StoreError>;

    /// Ends a session, even an unknown one, and records until `remember` that it was ended. If the session belongs to
    /// another principal, returns `false` and does not end it.
    async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
        remember: SystemTime,
    ) -> Result<bool, StoreError>;
}

/// The reason why a store failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
