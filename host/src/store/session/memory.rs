//! Sessions in the memory of this process, for a laptop and for functions whose tools need no state.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use mcp_protocol::LogLevel;

use crate::store::session::{Session, SessionId, SessionLookup, SessionStore, StoreError};

/// The maximum number of sessions. If there are more, those that expire first are removed. Their clients lose the
/// results of `initialize`. Under `MCP_SESSION_MODE=strict` without a table they lose the session itself, and start a
/// new one.
/// Source: ours. With known clients, a session has about 400 bytes, so all of them have some 4 MB.
const MAX_SESSIONS: usize = 10_000;

/// A store of sessions in memory.
#[derive(Debug, Default)]
pub struct MemorySessionStore {
    entries: Mutex<HashMap<SessionId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    found: SessionLookup,
    expires: SystemTime,
}

impl MemorySessionStore {
    fn entries(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records until `remember` that a session was ended, whichever principal it belonged to.
    pub(super) fn tombstone(&self, id: SessionId, remember: SystemTime) {
        let (found, expires) = (SessionLookup::Ended, remember);
        self.put(id, Entry { found, expires });
    }

    fn put(&self, id: SessionId, entry: Entry) {
        let mut entries = self.entries();
        if entries.len() >= MAX_SESSIONS && !entries.contains_key(&id) {
            make_room(&mut entries);
        }
        entries.insert(id, entry);
    }
}

/// Removes expired entries. If more than nine tenths of the maximum remain, also removes the entries that expire first.
fn make_room(entries: &mut HashMap<SessionId, Entry>) {
    let now = SystemTime::now();
    entries.retain(|_, entry| entry.expires > now);
    let keep = MAX_SESSIONS - MAX_SESSIONS / 10;
    if entries.len() > keep {
        let mut expiries: Vec<_> = entries.values().map(|entry| entry.expires).collect();
        let surplus = entries.len() - keep;
        let (_, &mut limit, _) = expiries.select_nth_unstable(surplus - 1);
        entries.retain(|_, entry| entry.expires > limit);
    }
}

#[async_trait]
impl SessionStore for MemorySessionStore {
    async fn create(&self, id: SessionId, session: Session) -> Result<(), StoreError> {
        // If the session was ended, this is a late repetition of an earlier attempt, and must not revive it.
        if self.find(id).await? != SessionLookup::Ended {
            let expires = session.expires;
            let found = SessionLookup::Alive(session);
            self.put(id, Entry { found, expires });
        }
        Ok(())
    }

    async fn set_log_level(&self, id: SessionId, level: LogLevel) -> Result<bool, StoreError> {
        let mut entries = self.entries();
        let Some(SessionLookup::Alive(session)) =
            entries.get_mut(&id).map(|entry| &mut entry.found)
        else {
            return Ok(false);
        };
        session.log_level = Some(level);
        Ok(true)
    }

    async fn extend(&self, id: SessionId, expires: SystemTime) -> Result<(), StoreError> {
        if let Some(Entry {
            found: SessionLookup::Alive(session),
            expires: end,
        }) = self.entries().get_mut(&id)
        {
            session.expires = expires;
            *end = expires;
        }
        Ok(())
    }

    async fn find(&self, id: SessionId) -> Result<SessionLookup, StoreError> {
        let entries = self.entries();
        let entry = entries
            .get(&id)
            .filter(|entry| entry.expires > SystemTime::now());
        Ok(entry.map_or(SessionLookup::Unknown, |entry| entry.found.clone()))
    }

    async fn end(
        &self,
        id: SessionId,
        principal: Option<&str>,
        remember: SystemTime,
    ) -> Result<bool, StoreError> {
        match self.find(id).await? {
            SessionLookup::Alive(session) if !session.belongs_to(principal) => return Ok(false),
            SessionLookup::Alive(_) | SessionLookup::Ended | SessionLookup::Unknown => {}
        }
        self.tombstone(id, remember);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mcp_protocol::Revision;

    use super::*;

    fn session(expires: SystemTime) -> Session {
        Session {
            revision: Revision::LATEST_LEGACY,
            client: None,
            capabilities: None,
            log_level: None,
            principal: None,
            created: SystemTime::now(),
            expires,
        }
    }

    fn later(seconds: u64) -> SystemTime {
        SystemTime::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_session_lives_until_it_is_ended_or_expires() {
        let store = MemorySessionStore::default();
        let (alive, expired, ended) = (
            SessionId::random(),
            SessionId::random(),
            SessionId::random(),
        );
        let session = session(later(60));
        store.create(alive, session.clone()).await.unwrap();
        store
            .create(
                expired,
                Session {
                    expires: SystemTime::now(),
                    ..session.clone()
                },
            )
            .await
            .unwrap();
        store.create(ended, session.clone()).await.unwrap();
        store.end(ended, None, later(60)).await.unwrap();
        assert_eq!(
            store.find(alive).await.unwrap(),
            SessionLookup::Alive(session)
        );
        assert_eq!(store.find(expired).await.unwrap(), SessionLookup::Unknown);
        assert_eq!(store.find(ended).await.unwrap(), SessionLookup::Ended);
        assert_eq!(
            store.find(SessionId::random()).await.unwrap(),
            SessionLookup::Unknown
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_number_of_sessions_is_bounded_and_the_youngest_stay() {
        let store = MemorySessionStore::default();
        let mut last = SessionId::random();
        for age in 0..(MAX_SESSIONS as u64 + 10) {
            last = SessionId::random();
            store.create(last, session(later(60 + age))).await.unwrap();
        }
        assert!(store.entries().len() <= MAX_SESSIONS);
        assert!(matches!(
            store.find(last).await.unwrap(),
            SessionLookup::Alive(_)
        ));
    }

    #[test]
    fn only_ids_that_a_host_issues_are_parsed() {
        for (text, parsed) in [
            (SessionId::random().to_string().as_str(), true),
            ("", false),
            ("1", false),
            ("00000000-0000-0000-0000-000000000000", false),
            ("c232ab00-9414-11ec-b3c8-9f6bdeced846", false),
            ("../../etc/passwd", false),
        ] {
            assert_eq!(SessionId::parse(text).is_some(), parsed, "id: {text:?}");
        }
    }
}
