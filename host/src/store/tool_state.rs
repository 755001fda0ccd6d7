//! The state that tools store between calls: JSON values, each of which belongs to a session or to a handle. Each has a
//! version, by which a writer notices a conflict.

pub mod memory;
mod transaction;

use std::time::SystemTime;

use async_trait::async_trait;

use crate::store::session::StoreError;
pub(crate) use transaction::{
    CallState, PutOutcome, SessionRef, StateLimits, StateScope, StoreFault, Stores,
};

/// The number of writes whose ids are stored in a state.
/// Source: ours. If the response to a write is lost, the write is repeated within a tenth of a second. It is then
/// recognized, unless at least this many other writes came after it.
const MAX_WRITES: usize = 64;

/// A stored state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolState {
    /// The value as JSON; `None` if it was deleted.
    pub value: Option<String>,
    /// The version. It increases with every write.
    pub version: u64,
    /// The plugin and the principal that alone may use the state.
    pub owner: Owner,
    /// When the state expires.
    pub expires: SystemTime,
    /// Whether the expiry is fixed. If not, each use extends it.
    pub is_fixed: bool,
    /// The ids of the latest writes. The last one is the write of this version.
    pub writes: Vec<String>,
}

/// The plugin and the principal that alone may use a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The plugin's crate. All its tools share the state, and a new build of the crate can still use it.
    pub plugin: String,
    /// The principal of the caller; `None` if callers are not authenticated.
    pub principal: Option<String>,
}

/// What a writer expects to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A state with this version.
    Version(u64),
    /// A state with this version and without a value, or no state, because it may have been deleted already. Version 0:
    /// no state.
    VersionOrNothing(u64),
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The state was written.
    Done,
    /// What was stored was not what the writer expected, so nothing was written.
    Conflict,
}

/// A store of states.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Reads the state under a key, even if it has expired.
    async fn read(&self, key: &str) -> Result<Option<ToolState>, StoreError>;

    /// Writes a state if what is stored is as expected. Repeating the write has no further effect.
    async fn write(
        &self,
        key: &str,
        state: &ToolState,
        expected: Expected,
    ) -> Result<WriteOutcome, StoreError>;

    /// Extends the state under a key until `expires`, if there is one.
    async fn extend(&self, key: &str, expires: SystemTime) -> Result<(), StoreError>;
}

impl ToolState {
    /// Returns the state that follows `previous`, with the next version, or with the first version if there is no
    /// previous state.
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

    /// Returns the value; `None` if the state has expired or its value was deleted.
    #[must_use]
    pub fn value_at(&self, now: SystemTime) -> Option<&str> {
        (self.expires > now)
            .then_some(self.value.as_deref())
            .flatten()
    }

    /// Returns the id of the write that wrote this version.
    pub(crate) fn last_write(&self) -> String {
        self.writes.last().cloned().unwrap_or_default()
    }

    /// Returns what the writer of the next version expects to be stored.
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

/// Returns an id that differs from all other ids in a state.
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
