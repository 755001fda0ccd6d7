//! Looks up sessions, and decides by `MCP_SESSION_MODE` how unknown ones are treated.

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

/// The maximum lifetime of a session. It is short enough that adding it to the current time cannot overflow.
/// Source: ours.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// How long the end of a session is recorded after everything stored for the session has expired. Source: ours. A call
/// that was running at that time may still have written something for the session.
const TOMBSTONE_GRACE: Duration = Duration::from_secs(3600);

/// The sessions of this server.
///
/// | mode | how a legacy message is handled | reads of the shared store |
/// |---|---|---|
/// | lenient | it is served, unless this process knows that its session was ended or belongs to another principal | none |
/// | strict | it is served only if its session is alive | one |
/// | off | it is served without a session | none |
pub(crate) struct Sessions {
    mode: SessionMode,
    ttl: Duration,
    /// The sessions that this process knows.
    local: MemorySessionStore,
    /// The store of sessions that all execution environments share; `None` if there is no such store.
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

    /// Returns the expiry of a session that is used at this moment.
    pub(crate) fn new_expiry(&self) -> SystemTime {
        SystemTime::now() + self.ttl
    }

    pub(crate) async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError> {
        if let Some(shared) = &self.shared {
            shared.create(id, session.clone()).await?;
        }
        self.local.create(id, session).await
    }

    /// Looks up a session's id in the store that `MCP_SESSION_MODE` requires.
    pub(crate) async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError> {
        match self.mode {
            SessionMode::Lenient => self.local.find(id).await,
            SessionMode::Strict => self.find_consistent(id).await,
            SessionMode::Off => Ok(SessionLookup::Unknown),
        }
    }

    /// Looks up a session's id in the store that all execution environments share, if there is one. From then on, this
    /// process knows the result too.
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

    /// Stores the minimum severity of log notifications. A session that was unknown is stored as `unknown`, only in
    /// this process. Returns `false` if the session was ended.
    pub(crate) async fn set_log_level(
        &self,
        id: SessionId,
        level: LogLevel,
        unknown: Option<Session>,
    ) -> Result<bool, StoreError> {
        match (unknown, &self.shared) {
            (Some(session), _) => self.local.create(id, session).await?,
            (None, Some(shared)) => {
                // If the shared store did not store the level, the session may have been ended. It may also have
                // expired or never existed; then it is served as an unknown session.
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

    /// Extends a session that is being used. To save writes, the new expiry is stored only after a tenth of the
    /// lifetime has passed. If storing fails, the request is served anyway: the session has not expired yet, and later
    /// requests try again. So no request waits long or fails because of this.
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
