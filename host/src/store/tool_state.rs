//! The state of tools between calls: JSON values, one of a session or one under a handle. Each has a version, so that a
//! writer notices a conflict.

pub mod memory;
mod transaction;

use std::time::SystemTime;

use async_trait::async_trait;

use crate::store::session::StoreError;
pub(crate) use transaction::{
    CallState, PutOutcome, SessionRef, StateLimits, StateScope, StoreFault, Stores,
};

/// The number of writes that a state remembers.
/// Source: ours. A write with a lost answer is recognized as long as fewer others came after it, and it is repeated
/// within a tenth of a second.
const MAX_WRITES: usize = 64;

/// A stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolState {
    /// The value as JSON; `None`: it was deleted.
    pub value: Option<String>,
    /// A number that grows with every write.
    pub version: u64,
    /// The only user of the state.
    pub owner: Owner,
    /// The time when the state ends by itself.
    pub expires: SystemTime,
    /// Whether the expiry is fixed. Otherwise each use extends it.
    pub is_fixed: bool,
    /// The ids of the latest writes, this version's own as the last.
    pub writes: Vec<String>,
}

/// The only user of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The plugin's crate. Its tools share their state, also after a new build.
    pub plugin: String,
    /// The caller; `None` without authentication.
    pub principal: Option<String>,
}

/// The state that a writer expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This version.
    Version(u64),
    /// This version without a value, which may be gone by now; version 0: no state.
    VersionOrNothing(u64),
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The state was written.
    Done,
    /// The state was not the expected one, and was not written.
    Conflict,
}

/// A store of states.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Reads the state under a key, also one that has expired.
    async fn read(&self, key: &str) -> Result<Option<ToolState>, StoreError>;

    /// Writes a state if the present one is as expected. A repeated write has no further effect.
    async fn write(
        &self,
        key: &str,
        state: &ToolState,
        expected: Expected,
    ) -> Result<WriteOutcome, StoreError>;

    /// Extends the life of a present state until `expires`.
    async fn extend(&self, key: &str, expires: SystemTime) -> Result<(), StoreError>;
}

impl ToolState {
    /// Returns the version after `previous`, or the first one.
    #[must_use]
    pub fn next(
        previous: Option<&Self>,
        owner: Owner,
        value: Option<String>,
        expires: SystemTime,
    ) -> Self {
        let mut writes = previous.map_or_else(Vec::new, |previous| previous.writes.clone());
        if writes.len() >= MAX_WRITES {
            writes.drain(..=writes.len() - MAX_WRITES);
        }
        writes.push(write_id());
        Self {
            value,
            version: previous.map_or(0, |previous| previous.version) + 1,
            owner,
            expires,
            is_fixed: previous.is_some_and(|previous| previous.is_fixed),
            writes,
        }
    }

    /// Returns the value, unless it has expired.
    #[must_use]
    pub fn value_at(&self, now: SystemTime) -> Option<&str> {
        (self.expires > now)
            .then_some(self.value.as_deref())
            .flatten()
    }

    /// Returns the id of the write of this version.
    pub(crate) fn last_write(&self) -> String {
        self.writes.last().cloned().unwrap_or_default()
    }

    /// Returns the state that the writer of the next version expects to find.
    #[must_use]
    pub fn expected(previous: Option<&Self>, now: SystemTime) -> Expected {
        let version = previous.map_or(0, |previous| previous.version);
        match previous.and_then(|previous| previous.value_at(now)) {
            Some(_) => Expected::Version(version),
            None => Expected::VersionOrNothing(version),
        }
    }
}

impl Expected {
    /// Returns the expected version.
    #[must_use]
    pub fn version(self) -> u64 {
        match self {
            Self::Version(version) | Self::VersionOrNothing(version) => version,
        }
    }
}

/// Returns an id that differs from all others that a state remembers.
fn write_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    id[..12].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_remembers_its_latest_writes_and_no_more() {
        let owner = || Owner {
            plugin: "p".to_owned(),
            principal: None,
        };
        let mut state = ToolState::next(None, owner(), None, SystemTime::now());
        let mut ids = vec![state.last_write()];
        for version in 2..=200 {
            state = ToolState::next(Some(&state), owner(), None, SystemTime::now());
            assert_eq!(state.version, version);
            ids.push(state.last_write());
        }
        assert_eq!(state.writes, ids[ids.len() - MAX_WRITES..]);
    }
}
