//! The lookup of sessions, and the treatment of unknown ones: `MCP_SESSION_MODE`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcp_protocol::LogLevel;

use crate::{
    config::SessionMode,
    process::log::RateLimit,
    store::{
        session::{
            Session, SessionId, SessionLookup, SessionStore, StoreError, memory::MemorySessionStore,
        },
        timeouts::{self, EXTEND_TIMEOUT},
    },
};

/// The longest life of a session. Adding it to a time cannot overflow.
/// Source: ours.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The time that an ended session is remembered after the expiry of everything stored for it. Source: ours. A call
/// that was active may still have written something for it.
const TOMBSTONE_GRACE: Duration = Duration::from_secs(3600);

/// The sessions of this server.
///
/// | mode | a legacy message | reads of the shared store |
/// |---|---|---|
/// | lenient | is served, unless it names a session that is known here to have ended, or to be somebody else's | none |
/// | strict | is served in a session that is alive | one |
/// | off | is served without a session | none |
pub(crate) struct Sessions {
    mode: SessionMode,
    ttl: Duration,
    /// The sessions that this process knows.
    local: MemorySessionStore,
    /// The sessions that all environments know.
    shared: Option<Arc<dyn SessionStore>>,
}

impl Sessions {
    pub(crate) fn new(
        mode: SessionMode,
        ttl: Duration,
        shared: Option<Arc<dyn SessionStore>>,
    ) -> Self {
        Self {
            mode,
            ttl: ttl.min(MAX_TTL),
            local: MemorySessionStore::default(),
            shared,
        }
    }

    pub(crate) fn mode(&self) -> SessionMode {
        self.mode
    }

    /// Returns the expiry of a session that is used now.
    pub(crate) fn new_expiry(&self) -> SystemTime {
        SystemTime::now() + self.ttl
    }

    pub(crate) async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError> {
        if let Some(shared) = &self.shared {
            shared.create(id, session.clone()).await?;
        }
        self.local.create(id, session).await
    }

    /// Looks up an id, in the stores that `MCP_SESSION_MODE` requires.
    pub(crate) async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError> {
        match self.mode {
            SessionMode::Lenient => self.local.find(id).await,
            SessionMode::Strict => self.find_consistent(id).await,
            SessionMode::Off => Ok(SessionLookup::Unknown),
        }
    }

    /// Looks up an id where all environments know of it. The result is known in this process from then on.
    pub(crate) async fn find_consistent(&self, id: SessionId) -> Result<SessionLookup, StoreError> {
        let found = match &self.shared {
            Some(shared) => shared.find(id).await?,
            None => self.local.find(id).await?,
        };
        match &found {
            SessionLookup::Alive(session)
                if self.shared.is_some() && self.mode == SessionMode::Lenient =>
            {
                self.local.create(id, session.clone()).await?;
            }
            SessionLookup::Ended if self.shared.is_some() => self
                .local
                .tombstone(id, self.new_expiry() + TOMBSTONE_GRACE),
            SessionLookup::Alive(_) | SessionLookup::Ended | SessionLookup::Unknown => {}
        }
        Ok(found)
    }

    /// Stores a level; for an unknown session only in this process. Returns `false` if the session has ended.
    pub(crate) async fn set_log_level(
        &self,
        id: SessionId,
        level: LogLevel,
        unknown: Option<Session>,
    ) -> Result<bool, StoreError> {
        match (unknown, &self.shared) {
            (Some(session), _) => self.local.create(id, session).await?,
            (None, Some(shared)) => {
                // The session may also have expired there, or never have existed. It is then served as an unknown one.
                let is_kept = shared.set_log_level(id, level).await?;
                if !is_kept && self.find_consistent(id).await? == SessionLookup::Ended {
                    return Ok(false);
                }
            }
            (None, None) => {}
        }
        self.local.set_log_level(id, level).await?;
        Ok(true)
    }

    /// Ends a session. Returns `false` if it belongs to another principal.
    pub(crate) async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
    ) -> Result<bool, StoreError> {
        let remember = self.new_expiry() + TOMBSTONE_GRACE;
        if let Some(shared) = &self.shared
            && !shared.end(id, principal, remember).await?
        {
            return Ok(false);
        }
        self.local.end(id, principal, remember).await
    }

    /// Extends the life of a session that is used. The new expiry is stored once in a tenth of its life. If that fails,
    /// the session is served anyway: it is not over yet, and later requests try again. So no request waits long
    /// for it, or fails for it.
    pub(crate) async fn touch(&self, id: SessionId, session: &Session) {
        static LOG_RATE: RateLimit = RateLimit::new();
        let left = session.expires.duration_since(SystemTime::now());
        let is_due = left.unwrap_or_default() < self.ttl / 10 * 9;
        if is_due
            && let Err(error) = timeouts::with_timeout(EXTEND_TIMEOUT, self.extend(id)).await
            && LOG_RATE.is_due()
        {
            tracing::warn!(%error, "the expiry of a session cannot be extended; it is served until it expires");
        }
    }

    async fn extend(&self, id: SessionId) -> Result<(), StoreError> {
        let expires = self.new_expiry();
        self.local.extend(id, expires).await?;
        match &self.shared {
            Some(shared) => shared.extend(id, expires).await,
            None => Ok(()),
        }
    }
}
