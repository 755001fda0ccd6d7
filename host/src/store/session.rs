//! Handshake-era sessions: what `initialize` agreed on, under an id that the client sends with every later request.
//!
//! A session is an id and few facts, not a connection: requests of one session may reach different environments. So an
//! unknown id is no reason to refuse a request (clients are known never to recover from that): it is served, and only a
//! session that was ended by DELETE stays gone.

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
    /// A new id.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id in a header; `None` when no host can have given it out. Another spelling of the same number is another id:
    /// the values of headers are compared as they are.
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

/// What `initialize` agreed on, and what the client has asked for since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The negotiated revision.
    pub revision: Revision,
    /// What the client said of itself, as JSON.
    pub client: Option<String>,
    /// What the client can do, as JSON; `None`: not known.
    pub capabilities: Option<String>,
    /// The least important level of messages that the client wants; `None`: it has not asked for any.
    pub log_level: Option<LogLevel>,
    /// Who began it, and alone may go on with it; `None`: nobody asked.
    pub principal: Option<String>,
    /// When it began.
    pub created: SystemTime,
    /// When the session ends by itself.
    pub expires: SystemTime,
}

impl Session {
    /// The revision to answer in: what the message says itself comes first, then what its session agreed on.
    #[must_use]
    pub(crate) fn effective_revision(session: Option<&Self>, named: Option<Revision>) -> Revision {
        let negotiated = session.map(|session| session.revision);
        named.or(negotiated).unwrap_or(Revision::DEFAULT)
    }

    /// May this principal go on with it?
    #[must_use]
    pub fn belongs_to(&self, principal: Option<&str>) -> bool {
        self.principal.as_deref() == principal
    }
}

/// What a store knows of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionLookup {
    /// A session that is alive.
    Alive(Session),
    /// A session that was ended, and must not come back.
    Ended,
    /// Nothing: it was never here, or has expired.
    Unknown,
}

/// Where sessions are kept.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keep a new session. Doing it twice does it once, also when the session was ended in between.
    async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError>;

    /// What is known of an id. A session past its expiry is unknown, whether it was deleted or not.
    async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError>;

    /// Keep the level of messages that the client of a session wants. `false`: the session is unknown or was ended, and
    /// nothing is kept.
    async fn set_log_level(&self, id: SessionId, level: LogLevel) -> Result<bool, StoreError>;

    /// Let a session live until `expires`. One that is unknown or was ended stays so.
    async fn extend(&self, id: SessionId, expires: SystemTime) -> Result<(), StoreError>;

    /// End a session, whether it is known or not; that it was ended is remembered until `remember`. `false`: it is
    /// another principal's, and goes on.
    async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
        remember: SystemTime,
    ) -> Result<bool, StoreError>;
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);
