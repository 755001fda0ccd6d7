//! The state of tools in the memory of this process, for a laptop.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;

use crate::store::{
    session::StoreError,
    tool_state::{Expected, StateStore, ToolState, WriteOutcome},
};

/// The maximum size of all states together. Unit: bytes. If they are larger, those that expire first are removed.
/// Source: ours. A tool that never deletes its states must not use up the machine's memory.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// A store of states in memory.
#[derive(Debug, Default)]
pub struct MemoryStateStore {
    states: Mutex<States>,
}

#[derive(Debug, Default)]
struct States {
    states: HashMap<String, ToolState>,
    /// The size of all states together. Unit: bytes.
    bytes: usize,
}

impl MemoryStateStore {
    fn lock(&self) -> MutexGuard<'_, States> {
        // A panic while this lock is held cannot leave the data inconsistent.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl States {
    fn put(&mut self, key: &str, state: &ToolState) {
        self.remove(key);
        self.bytes += size(state);
        self.states.insert(key.to_owned(), state.clone());
        if self.bytes > MAX_BYTES {
            self.make_room(key);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(state) = self.states.remove(key) {
            self.bytes -= size(&state);
        }
    }

    /// Removes the states that expire first, until a tenth of the maximum size is free. The state under the key `but`
    /// is kept, because it was just written.
    fn make_room(&mut self, but: &str) {
        let others = self.states.iter().filter(|(key, _)| *key != but);
        let mut by_end: Vec<_> = others
            .map(|(key, state)| (state.expires, key.clone()))
            .collect();
        by_end.sort_unstable();
        for (_, key) in by_end {
            if self.bytes <= MAX_BYTES - MAX_BYTES / 10 {
                return;
            }
            self.remove(&key);
        }
    }
}

/// Returns the size of a state with its metadata. Unit: bytes.
fn size(state: &ToolState) -> usize {
    state.value.as_ref().map_or(0, String::len) + 1024
}

#[async_trait]
impl StateStore for MemoryStateStore {
    async fn read(&self, key: &str) -> Result<Option<ToolState>, StoreError> {
        Ok(self.lock().states.get(key).cloned())
    }

    async fn write(
        &self,
        key: &str,
        state: &ToolState,
        expected: Expected,
    ) -> Result<WriteOutcome, StoreError> {
        let mut states = self.lock();
        let found = states.states.get(key);
        let as_expected = match (found, expected) {
            (None, Expected::VersionOrNothing(_)) => true,
            (None, Expected::Version(_)) => false,
            (Some(found), expected) => found.version == expected.version(),
        };
        if !as_expected {
            let again = found.is_some_and(|found| found.writes.contains(&state.last_write()));
            return Ok(if again {
                WriteOutcome::Done
            } else {
                WriteOutcome::Conflict
            });
        }
        states.put(key, state);
        Ok(WriteOutcome::Done)
    }

    async fn extend(&self, key: &str, expires: SystemTime) -> Result<(), StoreError> {
        if let Some(state) = self.lock().states.get_mut(key) {
            state.expires = expires;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::store::tool_state::Owner;

    #[tokio::test]
    async fn the_memory_that_states_take_is_bounded_and_the_latest_stay() {
        let store = MemoryStateStore::default();
        let value = "x".repeat(300 * 1024);
        let mut last = String::new();
        for number in 0..1000 {
            let expires = SystemTime::now() + Duration::from_secs(60 + number);
            let state = ToolState::next(None, Owner::default(), Some(value.clone()), expires);
            last = number.to_string();
            let written = store.write(&last, &state, Expected::VersionOrNothing(0));
            assert_eq!(written.await.expect("no error"), WriteOutcome::Done);
        }
        assert!(store.read(&last).await.expect("no error").is_some());
        assert!(store.read("0").await.expect("no error").is_none());
        let states = store.lock();
        assert!(states.bytes <= MAX_BYTES, "{}", states.bytes);
        assert_eq!(
            states.bytes,
            states.states.values().map(size).sum::<usize>()
        );
        assert!(states.states.len() > 500, "{}", states.states.len());
    }
}
