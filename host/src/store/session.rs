//! Handshake-era sessions: the results of `initialize`, under an id that the client sends with every later request.
//!
//! A session is an id and few facts, not a connection: requests of one session may reach different environments. So an
//! unknown id is no reason to refuse a request. (Known clients never recover from that.) The request is served, and
//! only a session that was ended by DELETE stays gone.

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
    /// Returns a new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the id in a header. Returns `None` if no host can have issued it. Another spelling of the same number is
    /// another id: values of headers are compared as they are.
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

/// The results of `initialize`, and the client's later settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The negotiated revision.
    pub revision: Revision,
    /// The client's description of itself, as JSON.
    pub client: Option<String>,
    /// The client's capabilities, as JSON; `None`: unknown.
    pub capabilities: Option<String>,
    /// The least important level of messages that the client wants; `None`: it has not asked for any.
    pub log_level: Option<LogLevel>,
    /// The principal that began the session and alone may use it; `None` without authentication.
    pub principal: Option<String>,
    /// The time of the session's creation.
    pub created: SystemTime,
    /// The time when the session ends by itself.
    pub expires: SystemTime,
}

impl Session {
    /// Returns the revision to answer in: the one that the message names, else the session's.
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

/// The result of looking up an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup {
    /// A session that is alive.
    Alive(Session),
    /// A session that was ended and must not come back.
    Ended,
    /// Nothing: the session was never here, or has expired.
    Unknown,
}

/// A store of sessions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session. A repeated call has no further effect, also if the session was ended in between.
    async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError>;

    /// Looks up an id. A session past its expiry is unknown, whether it was deleted or not.
    async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError>;

    /// Stores the level of messages that the client of a session wants. Returns `false`, and stores nothing, if the
    /// session is unknown or was ended.
    async fn set_log_level(&self, id: SessionId, level: LogLevel) -> Result<bool, StoreError>;

    /// Extends a session's life until `expires`. An unknown or ended session stays as it is.
    async fn extend(&self, id: SessionId, expires: SystemTime) -> Result<(), StoreError>;

    /// Ends a session, known or not, and remembers that until `remember`. Returns `false` if the session belongs to
    /// another principal; it is not ended then.
    async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
        remember: SystemTime,
    ) -> Result<bool, StoreError>;
}

/// The reason why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
