//! What tools keep between calls: one JSON value each, of a session or under a handle, with a version by which
//! writers find out that others were faster.

pub mod memory;
mod transaction;

use std::time::SystemTime;

use async_trait::async_trait;

use crate::store::session::StoreError;
pub(crate) use transaction::{
    CallState, PutOutcome, SessionRef, StateLimits, StateScope, StoreFault, Stores,
};

/// How many writes a state remembers.
/// Source: ours. A write whose answer was lost is recognized as long as fewer others came after it, and it is tried again
/// within a tenth of a second.
const MAX_WRITES: usize = 64;

/// A state, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolState {
    /// JSON; `None`: it was deleted.
    pub value: Option<String>,
    /// Grows with every write.
    pub version: u64,
    /// Who may read and write it.
    pub owner: Owner,
    /// When it ends by itself.
    pub expires: SystemTime,
    /// Does it end then however often it is used? Else it lives on with each use.
    pub is_fixed: bool,
    /// The ids of the latest writes, this version's own as the last.
    pub writes: Vec<String>,
}

/// Who may read and write a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The plugin's crate: its tools share what they keep, also when it is built anew.
    pub plugin: String,
    /// Who called; `None`: nobody asked.
    pub principal: Option<String>,
}

/// What a writer believes to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This version.
    Version(u64),
    /// This version without a value, which may be gone by now; version 0: nothing was there.
    VersionOrNothing(u64),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It was done.
    Done,
    /// Something else was there than its writer believed: it was not done.
    Conflict,
}

/// Where states are kept.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The state under a key, also one that has expired.
    async fn read(&self, key: &str) -> Result<Option<ToolState>, StoreError>;

    /// Write a state if what is there is what its writer expects. Doing the same write twice does it once.
    async fn write(
        &self,
        key: &str,
        state: &ToolState,
        expected: Expected,
    ) -> Result<WriteOutcome, StoreError>;

    /// Let a state that is there live until `expires`.
    async fn extend(&self, key: &str, expires: SystemTime) -> Result<(), StoreError>;
}

impl ToolState {
    /// What is written after this, or where nothing is.
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

    /// The value, unless it has expired.
    #[must_use]
    pub fn value_at(&self, now: SystemTime) -> Option<&str> {
        (self.expires > now)
            .then_some(self.value.as_deref())
            .flatten()
    }

    /// The id of the write that made this version.
    pub(crate) fn last_write(&self) -> String {
        self.writes.last().cloned().unwrap_or_default()
    }

    /// What the writer of the next version believes to be there.
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
    /// The version.
    #[must_use]
    pub fn version(self) -> u64 {
        match self {
            Self::Version(version) | Self::VersionOrNothing(version) => version,
        }
    }
}

/// Different from all others that a state remembers.
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
