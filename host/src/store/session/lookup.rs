//! Where sessions are looked up, and what an unknown one means: `SESSION_MODE`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcp_protocol::LogLevel;

use crate::{
    config::SessionMode,
    process::log::OnceAMinute,
    store::{
        session::{Found, Session, SessionId, SessionStore, StoreError, memory::MemoryStore},
        timeouts::{self, EXTENSION},
    },
};

/// The longest life of a session: nothing outlives it, and adding it to a time cannot overflow.
/// Source: ours.
pub(crate) const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// How much longer than what it could have kept a session is remembered that was ended. Source: ours. A call that was under
/// way may still have written something for it.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// The sessions of this server.
///
/// | mode | a legacy message | reads of the shared store |
/// |---|---|---|
/// | heal | is served, unless it names a session that is known here to have ended, or to be somebody else's | none |
/// | strict | is served in a session that is alive | one |
/// | off | is served without a session | none |
pub(crate) struct Sessions {
    mode: SessionMode,
    ttl: Duration,
    /// What this process knows.
    here: MemoryStore,
    /// What all know.
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
            ttl: ttl.min(A_CENTURY),
            here: MemoryStore::default(),
            shared,
        }
    }

    pub(crate) fn mode(&self) -> SessionMode {
        self.mode
    }

    /// When a session that is used now ends by itself.
    pub(crate) fn end_of_new(&self) -> SystemTime {
        SystemTime::now() + self.ttl
    }

    pub(crate) async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError> {
        if let Some(shared) = &self.shared {
            shared.create(id, session.clone()).await?;
        }
        self.here.create(id, session).await
    }

    /// What is known of an id, as far as `SESSION_MODE` asks.
    pub(crate) async fn find(&self, id: SessionId) -> Result<Found, StoreError> {
        match self.mode {
            SessionMode::Heal => self.here.find(id).await,
            SessionMode::Strict => self.find_truth(id).await,
            SessionMode::Off => Ok(Found::Unknown),
        }
    }

    /// The truth about an id, for whoever needs more than to be served. It is known here from then on.
    pub(crate) async fn find_truth(&self, id: SessionId) -> Result<Found, StoreError> {
        let found = match &self.shared {
            Some(shared) => shared.find(id).await?,
            None => self.here.find(id).await?,
        };
        match &found {
            Found::Alive(session) if self.shared.is_some() && self.mode == SessionMode::Heal => {
                self.here.create(id, session.clone()).await?;
            }
            Found::Ended if self.shared.is_some() => {
                self.here.bury(id, self.end_of_new() + AN_HOUR)
            }
            Found::Alive(_) | Found::Ended | Found::Unknown => {}
        }
        Ok(found)
    }

    /// Keep a level, here for a session that nobody knows. `false`: the session has ended.
    pub(crate) async fn set_log_level(
        &self,
        id: SessionId,
        level: LogLevel,
        unknown: Option<Session>,
    ) -> Result<bool, StoreError> {
        match (unknown, &self.shared) {
            (Some(session), _) => self.here.create(id, session).await?,
            (None, Some(shared)) => {
                // It may also have expired there, or never have been: then it is served as any that nobody knows.
                let is_kept = shared.set_log_level(id, level).await?;
                if !is_kept && self.find_truth(id).await? == Found::Ended {
                    return Ok(false);
                }
            }
            (None, None) => {}
        }
        self.here.set_log_level(id, level).await?;
        Ok(true)
    }

    /// `false`: it is another principal's.
    pub(crate) async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
    ) -> Result<bool, StoreError> {
        let remember = self.end_of_new() + AN_HOUR;
        if let Some(shared) = &self.shared
            && !shared.end(id, principal, remember).await?
        {
            return Ok(false);
        }
        self.here.end(id, principal, remember).await
    }

    /// A session that is used lives on: once in a tenth of its life that is written down. If it cannot be, the session is
    /// served all the same, as it is not over yet; before it is, there are more tries. So no request waits long for it, or
    /// fails for it.
    pub(crate) async fn use_now(&self, id: SessionId, session: &Session) {
        static TOLD: OnceAMinute = OnceAMinute::new();
        let left = session.expires.duration_since(SystemTime::now());
        let is_due = left.unwrap_or_default() < self.ttl / 10 * 9;
        if is_due
            && let Err(error) = timeouts::within(EXTENSION, self.extend(id)).await
            && TOLD.is_due()
        {
            tracing::warn!(%error, "the life of a session cannot be extended; it is served as long as it lives");
        }
    }

    async fn extend(&self, id: SessionId) -> Result<(), StoreError> {
        let expires = self.end_of_new();
        self.here.extend(id, expires).await?;
        match &self.shared {
            Some(shared) => shared.extend(id, expires).await,
            None => Ok(()),
        }
    }
}
